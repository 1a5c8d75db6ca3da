from __future__ import annotations

import http.client
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import closing

import pytest
from raw_client import POST, ask, dial, read_all, read_exactly

from chatsdk.testing import (
    ChatServer,
    Cut,
    Drip,
    Hang,
    Pause,
    Send,
    SendHead,
    SendRaw,
    Wait,
)

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as server:
        yield server


@pytest.fixture
def sock(server: ChatServer) -> Iterator[socket.socket]:
    with dial(server) as sock:
        yield sock


def test_each_push_arrives_before_the_next(server: ChatServer, sock: socket.socket) -> None:
    """A piece reaches the client before the test sends the next one."""
    script = server.stream()
    sock.sendall(POST)
    read_exactly(sock, HEAD)
    script.push(b"data: 1\n\n")
    read_exactly(sock, b"9\r\ndata: 1\n\n\r\n")
    script.push("data: é\n\n")
    read_exactly(sock, "a\r\ndata: é\n\n\r\n".encode())
    script.push_raw(b"3\r\nabc\r\n")
    read_exactly(sock, b"3\r\nabc\r\n")
    script.finish()
    read_exactly(sock, b"0\r\n\r\n")
    script.wait_until_ended()


def test_pushes_before_the_request(server: ChatServer) -> None:
    """Steps may be queued before the request comes."""
    script = server.stream()
    script.push(b"early")
    script.finish()
    assert b"5\r\nearly\r\n" in ask(server)


def test_wait_until_sent(server: ChatServer, sock: socket.socket) -> None:
    """wait_until_sent raises while there is no request, and returns once the bytes are out."""
    script = server.stream()
    script.push(b"x")
    with pytest.raises(TimeoutError, match="not everything"):
        script.wait_until_sent(timeout=0)
    sock.sendall(POST)
    script.wait_until_sent()
    sock.setblocking(False)
    assert sock.recv(1000).endswith(b"1\r\nx\r\n")


def test_wait_until_sent_after_the_client_left(server: ChatServer) -> None:
    """wait_until_sent raises ConnectionError for what the client did not stay for."""
    script = server.stream()
    with dial(server) as sock:
        sock.sendall(POST)
        script.wait_for_request()
    script.wait_for_disconnect()
    script.push(b"late")
    with pytest.raises(ConnectionError, match="before everything"):
        script.wait_until_sent()


def test_disconnect_is_seen_at_once(server: ChatServer) -> None:
    """The time at which the client left is known even if the script sends nothing."""
    script = server.stream()
    with dial(server) as sock:
        sock.sendall(POST)
        script.wait_for_request()
        with pytest.raises(TimeoutError, match="still there"):
            script.wait_for_disconnect(timeout=0)
        left = time.monotonic()
        sock.shutdown(socket.SHUT_RDWR)
        assert script.wait_for_disconnect() >= left
    script.wait_until_ended()


def test_disconnect_after_the_end_is_seen(server: ChatServer) -> None:
    """A client that leaves after a whole answer is seen too."""
    script = server.stream([b"x"])
    with dial(server) as sock:
        sock.sendall(POST)
        script.wait_until_ended()
    assert script.wait_for_disconnect() > 0


def test_disconnect_while_blocked(server: ChatServer) -> None:
    """A client that leaves without reading what it was sent is seen too."""
    script = server.stream(b"x" * 65_536 for _ in range(10_000))
    with dial(server) as sock:
        sock.sendall(POST)
        script.wait_for_request()
        # No more than a FIN: there is nothing that would reset the blocked sender.
        sock.shutdown(socket.SHUT_WR)
        assert script.wait_for_disconnect() > 0


def test_cut_with_fin(server: ChatServer, sock: socket.socket) -> None:
    """A cut ends the connection in mid-body, after everything that was pushed before."""
    script = server.stream()
    sock.sendall(POST)
    script.push(b"x")
    script.cut()
    assert read_all(sock) == HEAD + b"1\r\nx\r\n"
    with pytest.raises(ConnectionError, match="the server ended"):
        script.wait_for_disconnect()


def test_cut_with_rst(server: ChatServer, sock: socket.socket) -> None:
    """A cut with reset is an RST for the client."""
    script = server.stream()
    sock.sendall(POST)
    read_exactly(sock, HEAD)
    script.cut(reset=True)
    with pytest.raises(ConnectionResetError):
        sock.recv(1)


def test_nothing_follows_the_end(server: ChatServer) -> None:
    """After finish or cut, and for a list of steps, pushing is an error."""
    script = server.stream()
    script.finish()
    with pytest.raises(RuntimeError, match="nothing can follow Finish"):
        script.push(b"x")
    with pytest.raises(RuntimeError, match="list of steps"):
        server.stream([b"x"]).push(b"y")


def test_close_delimited(server: ChatServer, sock: socket.socket) -> None:
    """A close-delimited body has no framing and ends with the connection."""
    server.stream([b"data: x\n\n"], framing="close")
    sock.sendall(POST)
    assert read_all(sock) == (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
        b"data: x\n\n"
    )


def test_content_length(server: ChatServer) -> None:
    """A body with a content-length comes in the pieces it was given in."""
    server.stream([b"ab", b"cd"], framing="length", content_length=4)
    connection = http.client.HTTPConnection(server.host, server.port, timeout=10)
    with closing(connection):
        connection.request("POST", "/", b"{}")
        response = connection.getresponse()
        assert response.getheader("content-length") == "4"
        assert response.read() == b"abcd"


def test_headers_and_status(server: ChatServer) -> None:
    """Headers are sent as given; one that is given is not added again; None leaves it out."""
    server.stream([], status=503, headers=[("content-type", "a/b"), ("X", "1"), ("X", "2")])
    head = ask(server).partition(b"\r\n\r\n")[0]
    assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: a/b\r\nX: 1\r\nX: 2")
    assert head.lower().count(b"content-type") == 1
    server.stream([], content_type=None)
    assert b"content-type" not in ask(server).lower()


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_encoded_pieces_can_be_decoded_at_once(
    server: ChatServer, sock: socket.socket, encoding: str
) -> None:
    """Each piece of a compressed stream decodes without the next."""
    script = server.stream(framing="close", encoding=encoding)
    sock.sendall(POST)
    script.push(b"data: 1\n\n")
    script.wait_until_sent()
    decoder = zlib.decompressobj(47)
    head, _, body = sock.recv(65_536).partition(b"\r\n\r\n")
    body = body or sock.recv(65_536)
    assert f"Content-Encoding: {encoding}".encode() in head
    assert decoder.decompress(body) == b"data: 1\n\n"
    script.finish()
    decoder.decompress(read_all(sock))
    assert decoder.eof


def test_held_head(server: ChatServer, sock: socket.socket) -> None:
    """With hold_head nothing comes until the head or a piece of the body is sent."""
    script = server.stream(hold_head=True)
    sock.sendall(POST)
    script.wait_for_request()
    sock.setblocking(False)
    with pytest.raises(BlockingIOError):
        sock.recv(1)
    sock.settimeout(10)
    script.send_head()
    read_exactly(sock, HEAD)


def test_steps_play_by_themselves(server: ChatServer, sock: socket.socket) -> None:
    """A list of steps is done in its order; a cut in it is the end."""
    go_on = threading.Event()
    script = server.stream(
        [SendHead(drip=0), Send(b"a"), Wait(go_on), Pause(0), Drip(b"bc"), SendRaw(b"!"), Cut()],
        hold_head=True,
    )
    sock.sendall(POST)
    read_exactly(sock, HEAD + b"1\r\na\r\n")
    with pytest.raises(TimeoutError):
        script.wait_until_sent(timeout=0)
    go_on.set()
    assert read_all(sock) == b"1\r\nb\r\n1\r\nc\r\n!"
    script.wait_until_sent()


def test_waiting_steps_see_the_client_go(server: ChatServer) -> None:
    """Hang, Pause and Wait end when the client goes."""
    for step in (Hang(), Pause(1000.0), Wait(threading.Event())):
        script = server.stream([step])
        with dial(server) as sock:
            sock.sendall(POST)
            script.wait_for_request()
        assert script.wait_for_disconnect() > 0


def test_steps_may_depend_on_the_request(server: ChatServer) -> None:
    """Steps may be a function of the request, and lazily made."""
    server.stream(lambda request: (part for part in [request.body, b"!"]), repeat=True)
    assert b"2\r\n{}\r\n1\r\n!\r\n0\r\n\r\n" in ask(server)
    assert b"2\r\n{}\r\n1\r\n!\r\n0\r\n\r\n" in ask(server)


def test_failing_steps_are_noted(server: ChatServer, sock: socket.socket) -> None:
    """A step that raises cuts the connection, and its error is kept."""
    server.stream(str(1 // divisor) for divisor in (1, 0))
    sock.sendall(POST)
    with pytest.raises(ConnectionResetError):
        read_all(sock)
    server.wait_until_no_connections()
    assert isinstance(server.errors[0], ZeroDivisionError)


def test_head_request_gets_no_body(server: ChatServer) -> None:
    """HEAD gets the head of a stream and no body."""
    server.stream([b"x"])
    head, _, body = ask(server, b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert body == b""
