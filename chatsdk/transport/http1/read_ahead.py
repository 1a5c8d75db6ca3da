"""`ReadAheadFile`: a socket's file with a buffer of received bytes."""

from __future__ import annotations

import _socket
import io
import os
import struct
from collections.abc import Callable
from typing import Any

from chatsdk.transport.clock import now
from chatsdk.transport.foreign_exceptions import Quietly

__all__ = ["LARGE_READ", "SMALL_READ", "ReadAheadFile", "opened", "receive_within"]

# Bytes to request from the socket. SMALL while little arrives, because Python allocates a buffer of
# that size for the wait, and hundreds of streams may be waiting. More after a full read.
SMALL_READ = 2048
MIDDLE_READ = 16384
LARGE_READ = 65536

# Shortest timeout of a wait, in seconds: 0 would disable it.
SHORTEST_WAIT = 0.001

# Layouts of a struct timeval: two longs, or 64 bits each if time_t is wider than a long. On
# Windows ``SO_RCVTIMEO`` has another type.
TIMEVALS = ("ll", "qq") if os.name == "posix" else ()


class ReadAheadFile:
    """A file over a socket that buffers bytes which were received but not used.

    Every read calls the socket's own `recv`, which costs a third of the file's. It also raises when
    ``SO_RCVTIMEO`` expires, while a buffered file would report the end of the body.

    Args:
        file: keeps the socket open until `close`.
        sock: the socket to receive from; ``None`` to read the file instead.
    """

    __slots__ = ("_file", "_recv", "ask", "at", "data", "uniform")

    def __init__(self, file: Any, sock: _socket.socket | None) -> None:
        self._file = file
        self._recv: Callable[[int], bytes] = file.read1 if sock is None else sock.recv
        # The bytes from `at` on are unused.
        self.data = b""
        self.at = 0
        # Bytes to request next.
        self.ask = SMALL_READ
        # False once a chunk has shown that the chunks cannot be taken together.
        self.uniform = True

    def recv(self, most: int) -> bytes:
        """Return buffered bytes, or else the result of one ``recv``: at most `most` bytes."""
        if self.at < len(self.data):
            return self.take(most)
        self.data = b""
        self.at = 0
        data = self._recv(most)
        size = len(data)
        self.ask = (
            SMALL_READ if size < SMALL_READ else MIDDLE_READ if size < MIDDLE_READ else LARGE_READ
        )
        return data

    def tell(self, tap: Callable[[bytes, float], object]) -> None:
        """Call `tap` with the bytes of each ``recv`` and their time."""
        recv = self._recv

        def told(most: int) -> bytes:
            data = recv(most)
            tap(data, now())
            return data

        self._recv = told

    def receive(self, most: int) -> int:
        """Call ``recv`` once and buffer its bytes. Returns their number, 0 at the end."""
        # Release the used bytes before the wait.
        rest = self.data = self.data[self.at :]
        self.at = 0
        data = self._recv(most)
        size = len(data)
        self.ask = (
            SMALL_READ if size < SMALL_READ else MIDDLE_READ if size < MIDDLE_READ else LARGE_READ
        )
        self.data = rest + data if rest else data
        return size

    def take(self, most: int) -> bytes:
        """Return at most `most` of the buffered bytes."""
        start = self.at
        self.at = min(start + most, len(self.data))
        return self.data[start : self.at]

    def read(self, amount: int | None = -1) -> bytes:
        """Return `amount` bytes, or everything up to the end; fewer only at the end."""
        everything = amount is None or amount < 0
        left = LARGE_READ if everything else amount or 0
        pieces = []
        while left and (data := self.recv(min(left, LARGE_READ))):
            pieces.append(data)
            if not everything:
                left -= len(data)
        return b"".join(pieces)

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer, or part of it at the end."""
        view = memoryview(buffer)
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def readline(self, limit: int = -1) -> bytes:
        """Return the bytes up to a line feed, the end or the limit."""
        pieces = []
        left = limit if limit >= 0 else None
        while left != 0:
            if self.at >= len(self.data) and not self.receive(SMALL_READ):
                break
            end = self.data.find(b"\n", self.at) + 1 or len(self.data)
            piece = self.take(end - self.at if left is None else min(end - self.at, left))
            pieces.append(piece)
            if left is not None:
                left -= len(piece)
            if piece.endswith(b"\n"):
                break
        return b"".join(pieces)

    def peek(self, amount: int = 0) -> bytes:
        """Return the buffered bytes, at least one unless the file has ended."""
        if self.at >= len(self.data):
            self.receive(SMALL_READ)
        return self.data[self.at :]

    def flush(self) -> None:
        self._file.flush()

    def fileno(self) -> int:
        number: int = self._file.fileno()
        return number

    def close(self) -> None:
        self._file.close()
        # Release the socket; reading the closed file raises.
        self._recv = self._file.read


def opened(file: io.BufferedReader, sock: object) -> ReadAheadFile:
    """Return the file of a response, given the one that http.client opened.

    A mock's socket need not have a `recv` that returns the same bytes as its file.
    """
    # The C class, because tools that replace `socket.socket` also replace `socket.SocketType`.
    if isinstance(sock, _socket.socket):
        # The file stays open, without its buffer of 8 KiB.
        return ReadAheadFile(file.detach(), sock)
    return ReadAheadFile(file, None)


def receive_within(sock: _socket.socket, seconds: float | None) -> bool:
    """Let the kernel end each wait of a blocking socket; ``None`` removes the limit.

    Returns whether the system supports it. An expired wait raises `BlockingIOError`.
    """
    whole, part = divmod(max(seconds, SHORTEST_WAIT) if seconds is not None else 0.0, 1)
    for layout in TIMEVALS:
        with Quietly():
            value = struct.pack(layout, int(whole), int(part * 1_000_000))
            sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_RCVTIMEO, value)
            return True
    return False
