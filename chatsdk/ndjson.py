"""Newline-delimited JSON: bytes to events, one a line, and back.

The source is the NDJSON specification 1.0 (https://github.com/ndjson/ndjson-spec): each line is
one JSON text in UTF-8, LF ends it, a CR before the LF is no part of it, empty lines say nothing.
What a line means is left to whoever reads the events; only the last one is looked into.
"""

from __future__ import annotations

import json
from itertools import chain
from typing import TYPE_CHECKING

from chatsdk.errors import LimitExceeded
from chatsdk.sse import ServerSentEvent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["parse", "encode", "LineParser"]

# The longest line, in bytes: as much as an event of an event stream may have.
MAX_EVENT_BYTES = 16 * 1024 * 1024

BOM = b"\xef\xbb\xbf"


def parse(
    chunks: Iterable[bytes], *, max_event_bytes: int = MAX_EVENT_BYTES
) -> Iterator[ServerSentEvent]:
    """Read the lines of a stream that comes in chunks of bytes, cut anywhere.

    Each line is an event of the type ``"message"`` whose data is the line's text. It is yielded as
    soon as its LF is there, before the next chunk is asked for. The last line needs no LF: it is
    given out at the end of the chunks if it is whole JSON; use a `LineParser` to learn that there
    was one that is not.

    Args:
        chunks: bytes, UTF-8; what is invalid becomes U+FFFD.
        max_event_bytes: the most bytes in one line, its end not counted.

    Raises:
        LimitExceeded: a line is longer than ``max_event_bytes``.
        TypeError: ``chunks`` is not an iterable of bytes.
    """
    if isinstance(chunks, (bytes, bytearray, memoryview, str)):
        kind = type(chunks).__name__
        raise TypeError(f"chunks must be an iterable of bytes: wrap the {kind} in a list")
    return _parse(chunks, LineParser(max_event_bytes=max_event_bytes))


def _parse(chunks: Iterable[bytes], parser: LineParser) -> Iterator[ServerSentEvent]:
    yield from chain.from_iterable(map(parser.feed, chunks))
    yield from parser.finish()


class LineParser:
    """The same reader for whoever has the chunks pushed to them.

    Args:
        max_event_bytes: as in `parse`.
    """

    def __init__(self, *, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        if not isinstance(max_event_bytes, int) or isinstance(max_event_bytes, bool):
            kind = type(max_event_bytes).__name__
            raise TypeError(f"max_event_bytes must be an int, not {kind}")
        if max_event_bytes < 1:
            raise ValueError("max_event_bytes must be at least 1 byte")
        self._max_event_bytes = max_event_bytes
        # The line under way; it never holds an LF, so no byte is searched twice.
        self._open = bytearray()
        self._first = True
        self._feeding = False
        # Errors outside of events; there is no outside of lines.
        self.errors: list[str] = []

    @property
    def pending(self) -> bool:
        """Whether a line was begun and is not finished; white space does not count."""
        return bool(self._open.strip())

    def feed(self, chunk: bytes) -> Iterator[ServerSentEvent]:
        """Yield the lines that ``chunk`` completes.

        This is a generator: take all of it before the next call.

        Raises:
            LimitExceeded: a line is longer than ``max_event_bytes``; the lines before it have
                been yielded, and the parser is of no further use.
            TypeError: ``chunk`` is not bytes.
            RuntimeError: the events of the last call were not all taken, or it raised.
        """
        if not isinstance(chunk, bytes):
            raise TypeError(f"a chunk must be bytes, not {type(chunk).__name__}")
        if self._feeding:
            raise RuntimeError(
                "this parser stopped inside a chunk: take all events of each feed(), and use a new "
                "parser after an error"
            )
        self._feeding = True
        start = 0
        while (end := chunk.find(b"\n", start)) >= 0:
            line = chunk[start:end]
            if self._open:
                self._open += line
                line = bytes(self._open)
                self._open = bytearray()
            start = end + 1
            event = self._event(line)
            if event is not None:
                yield event
        if start < len(chunk):
            self._open += chunk[start:]
            self._check(self._open)
        self._feeding = False

    def finish(self) -> Iterator[ServerSentEvent]:
        """Yield the last line if it only lacks its LF; what is still `pending` then was cut."""
        line = self._open.strip()
        # Numbers and words are left out: nothing tells a whole 12 from the beginning of 123.
        if not line.removeprefix(BOM).startswith((b"{", b"[", b'"')):
            return
        try:
            json.loads(line)
        except (ValueError, RecursionError):
            return
        self._open = bytearray()
        event = self._event(bytes(line))
        if event is not None:
            yield event

    def _event(self, line: bytes) -> ServerSentEvent | None:
        line = line.removesuffix(b"\r")
        self._check(line)
        if self._first:
            self._first = False
            line = line.removeprefix(BOM)
        if not line or line.isspace():
            return None
        return ServerSentEvent(data=line.decode("utf-8", "replace"))

    def _check(self, line: bytes | bytearray) -> None:
        # A CR at the end may be half of a CRLF.
        if len(line) - line.endswith(b"\r") > self._max_event_bytes:
            raise LimitExceeded(
                f"a line of the stream is longer than max_event_bytes={self._max_event_bytes} "
                "(of a client, Limits(event_bytes=...))",
                limit="event_bytes",
            )


def encode(data: str) -> bytes:
    """Write one line that `parse` reads back as the same.

    Args:
        data: JSON text on one line. A lone half of a surrogate pair becomes U+FFFD.

    Raises:
        ValueError: ``data`` holds a LF or is empty.
        TypeError: ``data`` is not str.
    """
    if not isinstance(data, str):
        raise TypeError(f"data must be str, not {type(data).__name__}: write it as JSON before")
    if "\n" in data or not data.strip():
        raise ValueError("data must be one line of JSON: write it without an indent")
    try:
        return f"{data}\n".encode()
    except UnicodeEncodeError:
        return f"{data}\n".encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
