"""`WireReader`: reads the raw bytes of one response: head, chunks and compression."""

from __future__ import annotations

import re
import zlib
from typing import NamedTuple

__all__ = ["Chunk", "Piece", "WireReader"]

_STATUS_LINE = re.compile(rb"HTTP/(\d\.\d) (\d{3})[^\n]*")
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_SIZE_LINE = re.compile(rb"([0-9a-fA-F]{1,15})[ \t]*(?:;[^\r\n]*)?\r?\n")

# Largest head, and largest size line, in bytes.
HEAD_BYTES = 1024 * 1024
SIZE_LINE_BYTES = 4096

# Largest decompressed piece, in bytes.
PIECE_BYTES = 8 * 1024 * 1024

# The end of a flushed block (RFC 1951, section 3.2.4).
FLUSHED = b"\x00\x00\xff\xff"

WINDOWS = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


class Chunk(NamedTuple):
    """The size line of a chunk: its size in bytes, and the digits as received."""

    size: int
    digits: str


class Piece(NamedTuple):
    """A part of the body within one read.

    Attributes:
        at: the time of the read, in seconds.
        read: the number of the read, from 0; `chunk` is that of the chunk, or -1.
        data: the decompressed bytes.
        ends: whether it is the last piece of its chunk.
    """

    at: float
    read: int
    chunk: int
    data: bytes
    ends: bool


class WireReader:
    """Takes the bytes of each read of the socket, in their order.

    Attributes:
        headers: the fields, names spelt as received.
        reads: the time and the compressed bytes of each read with a part of the body.
        flushes: the number of flushes of the compressor.
        whole: whether the framing proves that the body is complete.
        broken: the fault of the chunks or of the compression.
    """

    def __init__(self) -> None:
        self.version: str | None = None
        self.status: int | None = None
        self.headers: list[tuple[str, str]] = []
        self.head_at: float | None = None
        self.framing = "close"
        self.coding: str | None = None
        self.gzip_flags = 0
        self.flushes = 0
        self.reads: list[tuple[float, int]] = []
        self.chunks: list[Chunk] = []
        self.whole = False
        self.broken: str | None = None
        self.not_http = False
        self._head = b""
        self._rest = b""
        self._left: int | None = None
        self._after_chunk = False
        self._decoder: zlib._Decompress | None = None
        self._tail = b""
        self._seen = 0
        self._at = 0.0
        self._taken = 0

    @property
    def fields(self) -> dict[str, str]:
        """The fields, names in lower case, values of repeated ones joined by a comma."""
        found: dict[str, str] = {}
        for name, value in self.headers:
            key = name.lower()
            found[key] = f"{found[key]}, {value}" if key in found else value
        return found

    @property
    def undecodable(self) -> str | None:
        """The content coding, if it is one that cannot be decoded here."""
        return self.coding if self._decoder is None else None

    def feed(self, data: bytes, at: float) -> list[Piece]:
        """Take the bytes of one read; return the pieces of the body in them."""
        if self.head_at is None:
            self._head += data
            data = self._take_head(at)
            if self.head_at is None:
                return []
        if self.whole or self.broken:
            return []
        self._at = at
        self._taken = 0
        found = self._take_chunks(data) if self.framing == "chunked" else self._take_plain(data)
        if self._taken:
            self.reads.append((at, self._taken))
        return found

    def _take_head(self, at: float) -> bytes:
        while True:
            end = _END_OF_HEAD.search(self._head)
            if not self._head.startswith(b"HTTP/"[: len(self._head)]):
                self.not_http = True
                return b""
            if end is None:
                return b""
            first, *lines = re.split(rb"\r?\n", self._head[: end.start()])
            rest = self._head[end.end() :]
            status_line = _STATUS_LINE.match(first)
            if status_line is None:
                self.not_http = True
                return b""
            status = int(status_line[2])
            if 100 <= status < 200 and status != 101:
                self._head = rest
                continue
            break
        self.version, self.status = status_line[1].decode(), status
        for line in lines:
            name, colon, value = line.decode("latin-1").partition(":")
            if colon:
                self.headers.append((name.strip(), value.strip()))
        self.head_at = at
        fields = self.fields
        length = fields.get("content-length", "")
        if "chunked" in fields.get("transfer-encoding", "").lower():
            self.framing = "chunked"
        elif length.isdigit():
            self.framing, self._left = "length", int(length)
            self.whole = self._left == 0
        if status in (204, 205, 304):
            self.whole = True
        coding = fields.get("content-encoding", "").strip().lower()
        self.coding = None if coding in ("", "identity") else coding
        if coding in WINDOWS:
            self._decoder = zlib.decompressobj(WINDOWS[coding])
        return rest

    def _take_plain(self, data: bytes) -> list[Piece]:
        if self._left is not None:
            data = data[: self._left]
            self._left -= len(data)
            self.whole = self._left == 0
        return [self._piece(data, -1, ends=False)] if data else []

    def _take_chunks(self, data: bytes) -> list[Piece]:
        rest = self._rest + data
        found: list[Piece] = []
        # Each iteration consumes a size line or a piece of a chunk, or is the last one.
        while rest:
            if self._left is None:
                if self._after_chunk:
                    if rest[:2] != b"\r\n"[: len(rest)]:
                        self.broken = "a chunk does not end with CRLF"
                        return found
                    if len(rest) < 2:
                        break
                    rest = rest[2:]
                    self._after_chunk = False
                    continue
                line = _SIZE_LINE.match(rest)
                if line is None:
                    if b"\n" in rest or len(rest) > SIZE_LINE_BYTES:
                        shown = rest.partition(b"\n")[0][:20]
                        self.broken = f"the size of a chunk is written as {shown!r}"
                        return found
                    break
                rest = rest[line.end() :]
                size = int(line[1], 16)
                if size == 0:
                    self.whole = True
                    break
                self.chunks.append(Chunk(size, line[1].decode()))
                self._left = size
                continue
            taken, rest = rest[: self._left], rest[self._left :]
            self._left -= len(taken)
            ends = self._left == 0
            found.append(self._piece(taken, len(self.chunks) - 1, ends=ends))
            if ends:
                self._left, self._after_chunk = None, True
        self._rest = rest
        return found

    def _piece(self, data: bytes, chunk: int, *, ends: bool) -> Piece:
        self._taken += len(data)
        read = len(self.reads)
        if self.coding is None:
            return Piece(self._at, read, chunk, data, ends)
        if self._seen < 4 <= self._seen + len(data) and self.coding.endswith("gzip"):
            self.gzip_flags = (self._tail + data)[3]
        self._seen += len(data)
        tail = self._tail + data
        self.flushes += tail.count(FLUSHED)
        self._tail = tail[-3:]
        plain = b""
        if self._decoder is not None:
            try:
                plain = self._decoder.decompress(data, PIECE_BYTES)
            except zlib.error as error:
                self.broken = f"the compressed body cannot be read: {error}"
        return Piece(self._at, read, chunk, plain, ends)
