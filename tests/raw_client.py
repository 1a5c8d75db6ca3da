"""A client that shows every byte of an answer, for the tests of the test server."""

from __future__ import annotations

import socket

from chatsdk.testing import ChatServer

__all__ = ["POST", "ask", "dial", "hear", "read_all", "read_exactly"]

POST = b"POST /chat?key=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"


def dial(server: ChatServer) -> socket.socket:
    return socket.create_connection((server.host, server.port), timeout=10)


def ask(server: ChatServer, request: bytes = POST) -> bytes:
    """Send one request, and give everything that comes until the server hangs up."""
    with dial(server) as sock:
        sock.sendall(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
        return read_all(sock)


def read_all(sock: socket.socket) -> bytes:
    data = bytearray()
    while piece := sock.recv(65_536):
        data += piece
    return bytes(data)


def read_exactly(sock: socket.socket, wanted: bytes) -> None:
    data = b""
    while len(data) < len(wanted):
        piece = sock.recv(len(wanted) - len(data))
        assert piece, f"the server hung up after {data!r}"
        data += piece
    assert data == wanted


def hear(sock: socket.socket, seconds: float = 0.1) -> bytes:
    """Give what comes until the server has been silent for some seconds; it must not hang up."""
    sock.settimeout(seconds)
    data = b""
    while True:
        try:
            piece = sock.recv(65_536)
        except TimeoutError:
            return data
        assert piece, f"the server hung up after {data!r}"
        data += piece
