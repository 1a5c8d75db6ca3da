"""Newline-delimited JSON: turns bytes into events, one per line, and back.

Source: the NDJSON specification 1.0 (https://github.com/ndjson/ndjson-spec). Each line is one JSON
text in UTF-8 that ends with LF. A CR before the LF is not part of it, and empty lines are ignored.
Lines are not parsed here, except an unterminated last one.
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

# Longest line in bytes: the same as for an event of an event stream.
MAX_EVENT_BYTES = 16 * 1024 * 1024

BOM = b"\xef\xbb\xbf"


def parse(
    chunks: Iterable[bytes], *, max_event_bytes: int = MAX_EVENT_BYTES
) -> Iterator[ServerSentEvent]:
    """Read the lines of a stream that arrives in chunks of bytes of any size.

    Each line is an event of the type ``"message"`` whose data is the line's text. It is yielded as
    soon as its LF has arrived, before the next chunk is requested. The last line needs no LF: it is
    yielded at the end of the chunks if it is complete JSON. Use a `LineParser` to detect one that
    is not.

    Args:
        chunks: bytes of UTF-8; invalid bytes become U+FFFD.
        max_event_bytes: maximum number of bytes in one line, without its end.

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
    """A push version of `parse`, for callers that receive the chunks.

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
        # The incomplete line; it never holds an LF, so no byte is searched twice.
        self._open = bytearray()
        self._first = True
        self._feeding = False
        # Errors outside of events: always empty, because every line is an event.
        self.errors: list[str] = []

    @property
    def pending(self) -> bool:
        """Whether a line is incomplete; white space does not count."""
        return bool(self._open.strip())

    def feed(self, chunk: bytes) -> Iterator[ServerSentEvent]:
        """Yield the lines that ``chunk`` completes.

        This is a generator: exhaust it before the next call.

        Raises:
            LimitExceeded: a line is longer than ``max_event_bytes``; earlier lines have been
                yielded, and the parser cannot be used any more.
            TypeError: ``chunk`` is not bytes.
            RuntimeError: the events of the last call were not exhausted, or it raised.
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
        """Yield the last line if it lacks only its LF; a line still `pending` was truncated."""
        line = self._open.strip()
        # Not numbers and words: a complete 12 looks the same as the start of 123.
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
    """Encode one line that `parse` reads back unchanged.

    Args:
        data: JSON text on one line. An unpaired half of a surrogate pair becomes U+FFFD.

    Raises:
        ValueError: ``data`` contains a LF or is empty.
        TypeError: ``data`` is not a str.
    """
    if not isinstance(data, str):
        raise TypeError(f"data must be str, not {type(data).__name__}: write it as JSON before")
    if "\n" in data or not data.strip():
        raise ValueError("data must be one line of JSON: write it without an indent")
    try:
        return f"{data}\n".encode()
    except UnicodeEncodeError:
        return f"{data}\n".encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
