"""The response that hands out all chunks that have arrived in one piece.

``http.client`` gives one chunk a call, which is dear where each chunk is one short event. Here
`CoalescingResponse.read1` takes what is framed as usual from the bytes in hand, all at once, and
leaves everything else to the one exact reader, which ``read`` and its kind use too.
"""

from __future__ import annotations

import re
import socket
from http.client import HTTPException, IncompleteRead, LineTooLong
from typing import Any, cast

from chatsdk.transport.http1.head import MAX_LINE_BYTES, BoundedHeadResponse
from chatsdk.transport.http1.read_ahead import LARGE_READ, SMALL_READ, Ahead, opened

__all__ = ["BadChunk", "CoalescingResponse"]

# Bytes of the longest size line that is read quickly: more digits than any chunk needs.
SIZE_LINE_BYTES = 16

# Chunks that are taken all together rather than one after the other, if at least so many seem to
# be there. Fewer are quicker one by one.
MANY_CHUNKS = 4

LAST_CHUNK = b"0\r\n\r\n"

# RFC 9112, section 7.1, and white space behind the digits, with which some servers fill the line
# up. `int` reads signs, underscores and `0x` too, of which the next reader may think otherwise.
_SIZE_LINE = re.compile(rb"([0-9a-fA-F]+)[ \t]*(?:;.*)?\r?\n", re.DOTALL)

# Digits of the largest size that is believed: a chunk of 2**60 bytes never ends.
MAX_SIZE_DIGITS = 15

# The size lines seen, for most come again and again: a look here costs less than `int`.
_sizes: dict[bytes, int] = {}
KNOWN_SIZES = 4096


class BadChunk(HTTPException):
    """A chunk that is not framed as a chunk is."""


class CoalescingResponse(BoundedHeadResponse):
    """``http.client.HTTPResponse`` with a `read1` that gives everything that is there.

    It is named as ``response_class`` by a connection. All other ways of reading may be mixed with
    `read1`, and give what they give in ``http.client``. Beside what `BoundedHeadResponse` says, it
    differs from that in this:

    - a chunk that is not followed by CRLF, and one whose size is not written in hexadecimal digits
      alone, raise `BadChunk`;
    - a size line that the connection ends in raises ``http.client.IncompleteRead``;
    - `peek` and `readline` raise where the chunks are cut or broken, as the others do;
    - after the last chunk it is closed, that is, its connection can be used again, as soon as
      `read1` has the end in hand, without one more call.
    """

    # Whether bytes were left over when the body had ended, or had been given up: the connection
    # is then out of step and should not carry another request.
    surplus = False

    _method: str | None

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = opened(self.fp, sock)

    def read1(self, n: int = -1) -> bytes:
        """Give what is there of the body, `n` bytes at most, or else what the next ``recv`` brings.

        Empty at the end. A second ``recv`` is made only where the first brought nothing but
        framing.
        """
        ahead: Ahead | None = self.fp
        if ahead is None or self._method == "HEAD":
            return b""
        if n < 0:
            n = LARGE_READ
        if not self.chunked:
            return self._read1_plain(ahead, n)
        # Each turn gives bytes, ends the body, or takes something off the wire: the bytes in hand
        # hold a piece of a chunk, or a whole line that the exact reader takes, or are added to.
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
                # No further than this chunk, so that its bytes can be handed out uncopied.
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

    def _read1_plain(self, ahead: Ahead, n: int) -> bytes:
        """`read1` for a body without chunks: of known length, or up to the end."""
        length = self.length
        data = ahead.recv(n if n < ahead.ask else ahead.ask) if n and length != 0 else b""
        if length is not None:
            if len(data) > length:
                # Left where it is, it would be taken for the start of the next response.
                data = data[:length]
                self.surplus = True
            self.length = length - len(data)
        # Not every version of http.client sees the end of a known length here.
        if self.length == 0 or (n and not data):
            self._close_conn()
        return data

    def _take_chunks(self, ahead: Ahead, most: int) -> bytes:
        """Up to `most` bytes of the chunks in hand, as far as they are framed as usual."""
        data = ahead.data
        at = ahead.at
        left = self.chunk_left
        stop = len(data)
        if left is None and at == 0:
            # One chunk that came alone, as an event usually does.
            start = data.find(b"\n", 0, SIZE_LINE_BYTES) + 1
            size = _sizes.get(data[:start])
            if size and start + size + 2 == stop <= most and data.endswith(b"\r\n"):
                ahead.data = b""
                return data[start:-2]
        together = ahead.uniform
        if stop - at > most:
            # Framing takes room too, so this is never less strict than `most`.
            stop = at + most
            together = False
        pieces: list[bytes] = []
        piece = b""
        if left == 0 and data[at : at + 2] == b"\r\n":
            at += 2
            left = None
        # Each turn moves `at` past a size line or a piece of a chunk, or is the last. Taking whole
        # chunks together is tried once, because `together` is then false.
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
                # To the line feed, as http.client reads it.
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
            # Whoever pauses between two reads should not keep a large one in memory.
            data = data[at:]
            at = 0
        ahead.data = data
        ahead.at = at
        if ended:
            self._close_conn()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _is_cut(self, ahead: Ahead) -> bool:
        """Whether more bytes are needed to see what is next."""
        rest = ahead.data[ahead.at : ahead.at + SIZE_LINE_BYTES]
        if self.chunk_left is None:
            return len(rest) < SIZE_LINE_BYTES and b"\n" not in rest
        return len(rest) < (1 if self.chunk_left else len(b"\r\n"))

    # The exact reader, under the names by which http.client's own methods call it.

    def _get_chunk_left(self) -> int | None:
        left = self.chunk_left
        if left:
            return left
        if left is not None:
            if self._safe_read(2) != b"\r\n":
                self._close_conn()
                raise BadChunk("a chunk is not followed by CRLF")
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
            raise BadChunk(f"not a chunk size: {shown}")
        if left:
            self.chunk_left = left
            return left
        self._skip_lines("trailer")
        self._close_conn()
        return None

    def _peek_chunked(self, n: int) -> bytes:
        # `readline` looks here first. The base class shows it a broken body as an ended one.
        left = self._get_chunk_left()
        return b"" if left is None else cast(bytes, self.fp.peek()[:left])

    def _safe_read(self, amt: int) -> bytes:
        try:
            return cast(bytes, super()._safe_read(amt))  # type: ignore[misc]
        except (OverflowError, MemoryError):
            # The size, from the wire, of a body that nobody sends.
            raise IncompleteRead(b"", amt) from None

    def _close_conn(self) -> None:
        ahead: Ahead | None = self.fp
        if ahead is not None and ahead.at < len(ahead.data):
            self.surplus = True
        super()._close_conn()  # type: ignore[misc]


def _size(line: bytes) -> int | None:
    """The size that a whole size line names, ``None`` if it is none."""
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
    """The chunks at the start of `data` that are whole, and the bytes that they take.

    None unless they are all framed as usual. Where no chunk holds a CRLF, size lines and chunks
    take turns between the CRLFs, and each line has to be the length of the chunk after it. All of
    them are looked at in C, for less than half of what a loop costs.
    """
    parts = data.split(b"\r\n")
    # What is behind the last CRLF is not whole.
    taken = len(data) - len(parts.pop())
    if len(parts) % 2:
        taken -= len(parts.pop()) + 2
    if parts[-2:] == [b"0", b""]:
        taken -= len(LAST_CHUNK)
        del parts[-2:]
    chunks = parts[1::2]
    sizes = b" ".join(map(b"%x".__mod__, map(len, chunks)))
    # An empty chunk is the last one, and it has trailers.
    if b"" in chunks or sizes != b" ".join(parts[::2]).lower():
        return None
    return chunks, taken
