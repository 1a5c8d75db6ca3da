"""Sockets whose every `recv` is written beforehand, for tests of what reads them."""

from __future__ import annotations

import http.client
import io
import socket
from collections.abc import Iterable
from typing import Any

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


class Blocked(TimeoutError):
    """Raised by a `recv` for which there is nothing: a real one would wait."""


class _Script:
    def __init__(self, pieces: Iterable[bytes], *, ends: bool) -> None:
        self._pieces = [piece for piece in pieces if piece]
        self._ends = ends
        # The size of each recv.
        self.asked: list[int] = []

    def next(self, most: int) -> bytes:
        self.asked.append(most)
        if not self._pieces:
            if self._ends:
                return b""
            raise Blocked
        piece = self._pieces[0]
        if len(piece) > most:
            self._pieces[0] = piece[most:]
        else:
            del self._pieces[0]
        return piece[:most]


class FileSocket:
    """Has a `makefile` and nothing else to read with. Gives a piece a recv, then the end."""

    def __init__(self, pieces: Iterable[bytes], *, ends: bool = True) -> None:
        self._script = _Script(pieces, ends=ends)

    @property
    def asked(self) -> list[int]:
        return self._script.asked

    def recv_into(self, buffer: Any) -> int:
        data = self._script.next(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(socket.SocketIO(self, "r"))  # type: ignore[arg-type]

    def _decref_socketios(self) -> None:
        pass

    def close(self) -> None:
        pass


class WholeSocket(socket.socket):
    """The same as a real socket object, so that its `recv` is called too."""

    def __init__(self, pieces: Iterable[bytes], *, ends: bool = True) -> None:
        super().__init__()
        self._script = _Script(pieces, ends=ends)

    @property
    def asked(self) -> list[int]:
        return self._script.asked

    def recv_into(self, buffer: Any, *args: Any) -> int:
        data = self._script.next(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def recv(self, most: int, flags: int = 0) -> bytes:
        return self._script.next(most)


SOCKETS = (FileSocket, WholeSocket)


def read_all(response: Any, most: int = 65536) -> tuple[list[bytes], type[Exception] | None]:
    """Return the pieces from `read1` up to the end, and the class of the error after it."""
    pieces = []
    try:
        while piece := response.read1(most):
            pieces.append(piece)
    except (http.client.HTTPException, OSError) as error:
        return pieces, type(error)
    return pieces, None


def chunk(data: bytes) -> bytes:
    """`data` as one chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)
