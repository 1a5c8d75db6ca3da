"""Splits event stream bytes into blocks, in chunks of any size.

`chatsdk.sse.blocks` interprets complete blocks.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from chatsdk.errors import LimitExceeded
from chatsdk.sse.blocks import BlockReader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from chatsdk.sse.fields import ServerSentEvent

__all__ = ["parse", "EventParser"]

# Longest event in bytes. One cumulative snapshot of a very long answer with its citations is under
# 2 MiB, and a stream without blank lines must not fill the memory.
MAX_EVENT_BYTES = 16 * 1024 * 1024

# Bytes to process per step, which bounds the memory besides the events for a chunk of any size.
PIECE_BYTES = 64 * 1024

# Bytes of a first line from which on lines are searched one by one. Python splits, and searches for
# two bytes, byte by byte, but it searches for one byte with the processor's widest instructions.
LONG_LINE_BYTES = 1024

BOM = b"\xef\xbb\xbf"
LF = 0x0A
CR = 0x0D
COLON = 0x3A


def parse(
    chunks: Iterable[bytes | bytearray | memoryview],
    *,
    max_event_bytes: int = MAX_EVENT_BYTES,
    dataless: bool = False,
) -> Iterator[ServerSentEvent]:
    """Read the events of a stream that arrives in chunks of bytes of any size.

    Each event is yielded as soon as its blank line has arrived, before the next chunk is requested.
    A block that the end of the stream truncates is discarded, as the standard requires; use an
    `EventParser` to detect it.

    Args:
        chunks: UTF-8 as bytes, or as objects with a buffer (``bytearray``, ``memoryview``);
            invalid bytes become U+FFFD.
        max_event_bytes: maximum number of bytes in the lines of one event, without line ends and
            comments, and in one comment line.
        dataless: also yield blocks that name an event and have no data line, with ``data=""``.
            The standard ignores them, but LangServe ends its streams with one.

    Raises:
        LimitExceeded: an event or a line is longer than ``max_event_bytes``.
        TypeError: ``chunks`` is not an iterable of bytes.
    """
    if isinstance(chunks, (bytes, bytearray, memoryview, str)):
        raise TypeError(f"chunks must be an iterable of bytes: wrap the {_kind(chunks)} in a list")
    parser = EventParser(max_event_bytes=max_event_bytes, dataless=dataless)
    return chain.from_iterable(map(parser.feed, chunks))


class EventParser:
    """A push version of `parse`, for callers that receive the chunks.

    Args:
        max_event_bytes: as in `parse`.
        dataless: as in `parse`.

    Attributes:
        errors: the first error outside of events, if any. It is the value of a field ``error:``, or
            a block that is the JSON of an error. The standard ignores both; some servers report
            failures that way.
    """

    def __init__(self, *, max_event_bytes: int = MAX_EVENT_BYTES, dataless: bool = False) -> None:
        if isinstance(max_event_bytes, bool) or not isinstance(max_event_bytes, int):
            raise TypeError(f"max_event_bytes must be an int, not {_kind(max_event_bytes)}")
        if max_event_bytes < 1:
            raise ValueError("max_event_bytes must be at least 1 byte")
        self._max_event_bytes = max_event_bytes
        # At most the longest event, so that a block or a comment line inside one chunk need not be
        # measured.
        self._piece_bytes = min(PIECE_BYTES, max_event_bytes)
        self._blocks = BlockReader(dataless=dataless)
        self.errors = self._blocks.errors
        # The start of the stream while it may be a byte order mark, then None.
        self._head: bytes | None = b""
        self._after_cr = False
        # The incomplete block, with LF as its only line end and without comments; its last line
        # may be incomplete.
        self._open = bytearray()
        self._open_bytes = 0
        # Length of the incomplete comment line, whose text is not kept.
        self._comment_bytes = 0
        self._feeding = False

    @property
    def pending(self) -> bool:
        """Whether a line or a block is incomplete; comments do not count."""
        return bool(self._open or self._head)

    def feed(self, chunk: bytes | bytearray | memoryview) -> Iterator[ServerSentEvent]:
        """Yield the events that ``chunk`` completes.

        This is a generator: exhaust it before the next call.

        Raises:
            LimitExceeded: an event or a line is longer than ``max_event_bytes``; earlier events
                have been yielded, and the parser cannot be used any more.
            TypeError: ``chunk`` is neither bytes nor a buffer of bytes.
            RuntimeError: the events of the last call were not exhausted, or it raised.
        """
        if not isinstance(chunk, bytes):
            chunk = _as_bytes(chunk)
        if self._feeding:
            raise RuntimeError(
                "this parser stopped inside a chunk: take all events of each feed(), and use a new "
                "parser after an error"
            )
        self._feeding = True
        for piece in (chunk,) if len(chunk) <= self._piece_bytes else self._pieces(chunk):
            if CR in piece or self._after_cr or self._head is not None:
                piece = self._normalise(piece)
            if self._open or self._comment_bytes:
                piece = self._resume(piece)
                if not piece:
                    continue
            first = piece.find(b"\n")
            # The end of the last blank line; 1 if there is none.
            end = piece.rfind(b"\n\n") + 2 if first >= 0 else 1
            if end > 1:
                # Split after a LF, which is never inside a UTF-8 sequence.
                whole, piece = (piece[:end], piece[end:]) if end < len(piece) else (piece, b"")
                if first >= LONG_LINE_BYTES:
                    yield from self._blocks.read_each(_long_blocks(whole))
                else:
                    yield from self._blocks.read(whole.decode("utf-8", "replace"))
            if piece:
                self._keep(piece)
        self._feeding = False

    def finish(self) -> Iterator[ServerSentEvent]:
        """Yield nothing: the standard discards what the end of the stream truncates."""
        return iter(())

    def _pieces(self, chunk: bytes) -> Iterator[bytes]:
        for start in range(0, len(chunk), self._piece_bytes):
            yield chunk[start : start + self._piece_bytes]

    def _normalise(self, piece: bytes) -> bytes:
        """Remove the byte order mark, and make LF the only line end."""
        if self._head is not None:
            piece = self._head + piece
            if len(piece) < len(BOM) and BOM.startswith(piece):
                self._head = piece
                return b""
            self._head = None
            piece = piece.removeprefix(BOM)
        if self._after_cr and piece:
            # CR has already ended its line; this LF belongs to it.
            piece = piece.removeprefix(b"\n")
            self._after_cr = False
        if CR in piece:
            self._after_cr = piece.endswith(b"\r")
            piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return piece

    def _resume(self, piece: bytes) -> bytes:
        """Continue the incomplete block; return complete blocks and the rest, or nothing."""
        if not piece:
            return piece
        if self._comment_bytes:
            end = piece.find(b"\n")
            self._comment_bytes += len(piece) if end < 0 else end
            self._check(self._comment_bytes)
            if end < 0:
                return b""
            self._comment_bytes = 0
            piece = piece[end + 1 :]
        if not self._open or not piece:
            return piece
        end = 0
        if self._open[-1] != LF or piece[0] != LF:
            end = _blank_line(piece) + 1
            self._keep(piece[:end] if end else piece)
            if not end:
                return b""
        piece = b"".join((self._open, piece[end:]))
        self._open = bytearray()
        self._open_bytes = 0
        return piece

    def _keep(self, piece: bytes) -> None:
        """Add lines without a blank one to the incomplete block; the last may be incomplete."""
        at_line_start = not self._open or self._open[-1] == LF
        if not self._open:
            piece = piece.removeprefix(b"\n")
        first = piece.find(b"\n")
        several = 0 <= first < len(piece) - 1
        if (at_line_start and piece[:1] == b":") or (several and b"\n:" in piece):
            piece = self._without_comments(piece, at_line_start)
            several = True
        self._open_bytes += len(piece) - (piece.count(b"\n") if several else first >= 0)
        self._check(self._open_bytes)
        self._open += piece

    def _without_comments(self, piece: bytes, at_line_start: bool) -> bytes:
        kept = []
        for line in piece.splitlines(keepends=True):
            if at_line_start and line[0] == COLON:
                if not line.endswith(b"\n"):
                    self._comment_bytes = len(line)
            else:
                kept.append(line)
            at_line_start = True
        return b"".join(kept)

    def _check(self, length: int) -> None:
        if length > self._max_event_bytes:
            raise LimitExceeded(
                f"an event of the stream is longer than max_event_bytes={self._max_event_bytes} "
                "(of a client, Limits(event_bytes=...))",
                limit="event_bytes",
            )


def _long_blocks(whole: bytes) -> Iterator[str]:
    """Split complete blocks of long lines, ignoring a blank line left over at the end."""
    start = 0
    while (end := _blank_line(whole, start)) >= 0:
        yield whole[start:end].decode("utf-8", "replace")
        start = end + len(b"\n\n")


def _blank_line(piece: bytes, start: int = 0) -> int:
    """As ``piece.find(b"\\n\\n", start)``, which is thirty times slower in long lines."""
    end = piece.find(b"\n", start)
    while end >= 0 and piece[end + 1 : end + 2] != b"\n":
        end = piece.find(b"\n", end + 1)
    return end


def _as_bytes(chunk: object) -> bytes:
    try:
        # A copy, because a bytearray may change before the next chunk arrives.
        return memoryview(chunk).tobytes()  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise TypeError(f"a chunk must be bytes, not {_kind(chunk)}") from None


def _kind(value: object) -> str:
    return type(value).__name__
