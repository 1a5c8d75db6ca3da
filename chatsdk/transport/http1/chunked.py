"""An HTTP response that returns all received chunks in one call.

``http.client`` returns one chunk per call, which is expensive if each chunk is one short event.
`CoalescingResponse.read1` takes all regularly framed chunks from the buffered bytes at once. It
leaves everything else to the strict reader that ``read`` and the other methods use, too.
"""

from __future__ import annotations

import re
import socket
from http.client import HTTPException, IncompleteRead, LineTooLong
from typing import Any, cast

from chatsdk.transport.http1.head import MAX_LINE_BYTES, BoundedHeadResponse
from chatsdk.transport.http1.read_ahead import LARGE_READ, SMALL_READ, ReadAheadFile, opened

__all__ = ["BadChunk", "CoalescingResponse"]

# Bytes of the longest size line on the fast path: more digits than any chunk needs.
SIZE_LINE_BYTES = 16

# Smallest number of buffered chunks to take together; fewer are faster one by one.
MANY_CHUNKS = 4

LAST_CHUNK = b"0\r\n\r\n"

# RFC 9112, section 7.1, plus white space after the digits, with which some servers pad the line.
# `int` also reads signs, underscores and `0x`, which another reader may interpret differently.
_SIZE_LINE = re.compile(rb"([0-9a-fA-F]+)[ \t]*(?:;.*)?\r?\n", re.DOTALL)

# Digits of the largest accepted size: a chunk of 2**60 bytes never ends.
MAX_SIZE_DIGITS = 15

# Cache of parsed size lines: sizes repeat, and a dict lookup is cheaper than `int()`.
_sizes: dict[bytes, int] = {}
KNOWN_SIZES = 4096


# Added to the errors of malformed chunks.
_CURE = "; the backend or a proxy sends another framing than its Transfer-Encoding says"

# Characters of a malformed size line to show.
SHOWN_CHARS = 40


class BadChunk(HTTPException):
    """A chunk with malformed framing."""


class CoalescingResponse(BoundedHeadResponse):
    """``http.client.HTTPResponse`` with a `read1` that returns everything received.

    Connections name it as their ``response_class``. All other ways of reading may be mixed with
    `read1`, and return what they return in ``http.client``. It differs from `BoundedHeadResponse`
    in these points:

    - a chunk that is not followed by CRLF, or whose size is not written in hexadecimal digits
      alone, raises `BadChunk`;
    - a connection that ends inside a size line raises ``http.client.IncompleteRead``;
    - `peek` and `readline` raise on truncated or malformed chunks, as the other methods do;
    - it closes, which frees its connection, as soon as `read1` has received the last chunk,
      without another call.
    """

    # Whether bytes were left over after the body ended or was abandoned: the connection is then
    # out of step and must not carry another request.
    has_unread_bytes = False

    _method: str | None

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = opened(self.fp, sock)

    def read1(self, n: int = -1) -> bytes:
        """Return what was received of the body, or the result of one ``recv``; at most `n` bytes.

        Empty at the end. It calls ``recv`` again only if the first call brought only framing.
        """
        ahead: ReadAheadFile | None = self.fp
        if ahead is None or self._method == "HEAD":
            return b""
        if n < 0:
            n = LARGE_READ
        if not self.chunked:
            return self._read1_plain(ahead, n)
        # Each iteration returns bytes, ends the body or receives more: the buffer holds part of a
        # chunk, or a complete line for the strict reader, or is extended.
        while n:
            if ahead.at < len(ahead.data):
                data = self._take_chunks(ahead, n)
                if data:
                    return data
                if not self._is_cut(ahead):
                    if self._get_chunk_left() is None:
                        break
                    continue
            left = self.chunk_left
            if left and left > SMALL_READ:
                # Not beyond this chunk, so that its bytes can be returned without a copy.
                received = ahead.receive(min(left, LARGE_READ))
                ahead.ask = SMALL_READ
            else:
                received = ahead.receive(ahead.ask)
            if not received:
                if left:
                    raise IncompleteRead(b"")
                if self._get_chunk_left() is None:
                    break
        return b""

    def _read1_plain(self, ahead: ReadAheadFile, n: int) -> bytes:
        """`read1` for a body without chunks: of known length, or up to the end."""
        length = self.length
        data = ahead.recv(n if n < ahead.ask else ahead.ask) if n and length != 0 else b""
        if length is not None:
            if len(data) > length:
                # Left in the buffer, it would be read as the start of the next response.
                data = data[:length]
                self.has_unread_bytes = True
            self.length = length - len(data)
        # Some versions of http.client do not detect the end of a known length here.
        if self.length == 0 or (n and not data):
            self._close_conn()
        return data

    def _take_chunks(self, ahead: ReadAheadFile, most: int) -> bytes:
        """Up to `most` bytes of the buffered chunks, while they are framed regularly."""
        data = ahead.data
        at = ahead.at
        left = self.chunk_left
        stop = len(data)
        if left is None and at == 0:
            # One chunk that arrived alone, as an event usually does.
            start = data.find(b"\n", 0, SIZE_LINE_BYTES) + 1
            size = _sizes.get(data[:start])
            if size and start + size + 2 == stop <= most and data.endswith(b"\r\n"):
                ahead.data = b""
                return data[start:-2]
        together = ahead.uniform
        if stop - at > most:
            # Framing takes bytes, too, so this is at least as strict as `most`.
            stop = at + most
            together = False
        pieces: list[bytes] = []
        piece = b""
        if left == 0 and data[at : at + 2] == b"\r\n":
            at += 2
            left = None
        # Each iteration moves `at` past a size line or part of a chunk, or is the last. Taking
        # chunks together is tried once, because `together` is false afterwards.
        while at < stop and left != 0:
            if left is None:
                if together and piece and stop - at > MANY_CHUNKS * len(piece):
                    together = ahead.uniform = False
                    chunks = whole_chunks(data[at:])
                    if chunks is not None:
                        pieces += chunks[0]
                        at += chunks[1]
                        ahead.uniform = True
                        continue
                # Up to the line feed, as http.client reads it.
                start = data.find(b"\n", at, at + SIZE_LINE_BYTES) + 1
                if not start:
                    break
                line = data[at:start]
                size = _sizes.get(line) or _size(line)
                if not size:
                    break
                left = size
                at = start
            end = at + left
            if end > stop:
                if at < stop:
                    pieces.append(data[at:stop])
                    left = end - stop
                    at = stop
                break
            piece = data[at:end]
            pieces.append(piece)
            if data[end : end + 2] == b"\r\n":
                at = end + 2
                left = None
            else:
                at = end
                left = 0
        self.chunk_left = left
        ended = pieces and left is None and data[at : at + len(LAST_CHUNK)] == LAST_CHUNK
        if ended:
            at += len(LAST_CHUNK)
        if at >= len(data) - at < SMALL_READ:
            # A reader that pauses between two reads should not keep a large one in memory.
            data = data[at:]
            at = 0
        ahead.data = data
        ahead.at = at
        if ended:
            self._close_conn()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _is_cut(self, ahead: ReadAheadFile) -> bool:
        """Whether more bytes are needed to decide what comes next."""
        rest = ahead.data[ahead.at : ahead.at + SIZE_LINE_BYTES]
        if self.chunk_left is None:
            return len(rest) < SIZE_LINE_BYTES and b"\n" not in rest
        return len(rest) < (1 if self.chunk_left else len(b"\r\n"))

    # The strict reader, under the names by which http.client's own methods call it.

    def _get_chunk_left(self) -> int | None:
        left = self.chunk_left
        if left:
            return left
        if left is not None:
            if self._safe_read(2) != b"\r\n":
                self._close_conn()
                raise BadChunk(f"a chunk is not followed by CRLF{_CURE}")
            self.chunk_left = None
        line = self.fp.readline(MAX_LINE_BYTES + 1)
        if len(line) > MAX_LINE_BYTES:
            raise LineTooLong("chunk size")
        if not line.endswith(b"\n"):
            self._close_conn()
            raise IncompleteRead(b"")
        left = _size(line)
        if left is None:
            self._close_conn()
            shown = line.partition(b";")[0].rstrip().decode("latin-1")
            raise BadChunk(f"not a chunk size: {shown[:SHOWN_CHARS]!r}{_CURE}")
        if left:
            self.chunk_left = left
            return left
        self._skip_lines("trailer")
        self._close_conn()
        return None

    def _peek_chunked(self, n: int) -> bytes:
        # `readline` peeks first. In the base class it sees a broken body as an ended one.
        left = self._get_chunk_left()
        return b"" if left is None else cast(bytes, self.fp.peek()[:left])

    def _safe_read(self, amt: int) -> bytes:
        try:
            return cast(bytes, super()._safe_read(amt))  # type: ignore[misc]
        except (OverflowError, MemoryError):
            # The body is larger than memory, or its size cannot be represented.
            raise IncompleteRead(b"", amt) from None

    def _close_conn(self) -> None:
        ahead: ReadAheadFile | None = self.fp
        if ahead is not None and ahead.at < len(ahead.data):
            self.has_unread_bytes = True
        super()._close_conn()  # type: ignore[misc]


def _size(line: bytes) -> int | None:
    """The size in a complete size line, ``None`` if it is malformed."""
    found = _SIZE_LINE.fullmatch(line)
    if found is None:
        return None
    digits = found[1].lstrip(b"0")
    if len(digits) > MAX_SIZE_DIGITS:
        return None
    size = int(digits or b"0", 16)
    if len(line) <= SIZE_LINE_BYTES and len(_sizes) < KNOWN_SIZES:
        _sizes[line] = size
    return size


def whole_chunks(data: bytes) -> tuple[list[bytes], int] | None:
    """The complete chunks at the start of `data`, and the number of bytes they take.

    None unless all of them are framed regularly. If no chunk contains a CRLF, splitting at CRLF
    alternates size lines and chunks, and each line must be the length of the chunk after it. The
    comparison runs in C, at less than half of the cost of a loop.
    """
    parts = data.split(b"\r\n")
    # The bytes after the last CRLF are incomplete.
    taken = len(data) - len(parts.pop())
    if len(parts) % 2:
        taken -= len(parts.pop()) + 2
    if parts[-2:] == [b"0", b""]:
        taken -= len(LAST_CHUNK)
        del parts[-2:]
    chunks = parts[1::2]
    sizes = b" ".join(map(b"%x".__mod__, map(len, chunks)))
    # An empty chunk is the last chunk, and trailers follow it.
    if b"" in chunks or sizes != b" ".join(parts[::2]).lower():
        return None
    return chunks, taken
