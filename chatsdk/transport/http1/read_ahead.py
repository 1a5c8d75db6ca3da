"""What a response is read through: a socket's file, and bytes that were received ahead of use."""

from __future__ import annotations

import io
import socket
from typing import Any

__all__ = ["Ahead", "LARGE_READ", "SMALL_READ"]

# Bytes asked of the socket: SMALL while the body trickles, for Python sets a buffer of that size
# aside while it waits, and a thousand streams may wait; LARGE once a read has filled SMALL.
SMALL_READ = 8192
LARGE_READ = 65536


class Ahead:
    """A file over a socket, and before it the bytes that were received but not used yet."""

    __slots__ = ("_drained", "_file", "_sock", "ask", "at", "data", "uniform")

    def __init__(self, file: io.BufferedReader, sock: socket.socket | None) -> None:
        self._file = file
        # The socket's own `recv` costs a third of the file's, so it is what is called as long as
        # the file is known to hold nothing back.
        self._sock: Any = sock
        self._drained = False
        # Unused are the bytes from `at` on.
        self.data = b""
        self.at = 0
        # Bytes to ask for next.
        self.ask = SMALL_READ
        # False once a chunk has shown that they cannot be taken all together.
        self.uniform = True

    @property
    def file(self) -> io.BufferedReader:
        """For reading past the bytes in hand: it may buffer some of its own."""
        self._drained = False
        return self._file

    def recv(self, most: int) -> bytes:
        """Make at most one ``recv``, of at most `most` bytes, past what is in hand."""
        if self._drained:
            data: bytes = self._sock.recv(most)
        else:
            data = self._file.read1(most)
            self._drained = self._sock is not None and len(data) < most
        self.ask = SMALL_READ if len(data) < SMALL_READ else LARGE_READ
        return data

    def receive(self, most: int) -> int:
        """`recv`, and keep in hand what comes. Gives the number of its bytes, 0 at the end."""
        # What is in use already must not be kept while waiting.
        rest = self.data = self.data[self.at :]
        self.at = 0
        if self._drained:
            # As `recv` does it, for an event that comes alone has no use for one more call.
            data: bytes = self._sock.recv(most)
            self.ask = SMALL_READ if len(data) < SMALL_READ else LARGE_READ
        else:
            data = self.recv(most)
        self.data = rest + data if rest else data
        return len(data)

    def take(self, most: int) -> bytes:
        start = self.at
        self.at = min(start + most, len(self.data))
        return self.data[start : self.at]

    def read(self, amount: int | None = -1) -> bytes:
        if amount is None or amount < 0:
            return self.take(len(self.data)) + self.file.read()
        data = self.take(amount)
        return data + self.file.read(amount - len(data)) if len(data) < amount else data

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        data = self.take(len(view))
        view[: len(data)] = data
        return len(data) + (self.file.readinto(view[len(data) :]) if len(data) < len(view) else 0)

    def readline(self, limit: int = -1) -> bytes:
        end = self.data.find(b"\n", self.at) + 1 or len(self.data)
        line = self.take(end - self.at if limit < 0 else min(end - self.at, limit))
        if line.endswith(b"\n"):
            return line
        return line + self.file.readline(limit if limit < 0 else limit - len(line))

    def peek(self, amount: int = 0) -> bytes:
        return self.data[self.at :] or self.file.peek()

    def flush(self) -> None:
        self._file.flush()

    def fileno(self) -> int:
        return self._file.fileno()

    def close(self) -> None:
        self._file.close()
