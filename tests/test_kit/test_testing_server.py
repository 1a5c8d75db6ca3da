from __future__ import annotations

import http.client
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from raw_client import POST, ask, dial, read_all, read_exactly

from chatsdk.testing import ChatServer, RecordedRequest, Reply, listener


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as server:
        yield server


def test_reply_is_a_whole_response(server: ChatServer) -> None:
    """A reply is its status, its headers and its body with a content-length."""
    server.reply(401, json={"message": "no"}, headers={"X-Request-Id": "r1"})
    assert ask(server) == (
        b"HTTP/1.1 401 Unauthorized\r\nX-Request-Id: r1\r\nContent-Type: application/json\r\n"
        b'Content-Length: 17\r\nConnection: close\r\n\r\n{"message": "no"}'
    )


def test_request_is_recorded(server: ChatServer) -> None:
    """A request is recorded with its method, path, query, headers, body and connection."""
    server.reply()
    begin = time.monotonic()
    ask(server, POST.replace(b"Host: x", b"Host: x\r\nX-Two: a\r\nx-two: b"))
    (request,) = server.requests
    assert (request.method, request.path, request.query) == ("POST", "/chat", {"key": "1"})
    assert request.headers["X-TWO"] == "a, b"
    assert request.headers.get_all("x-two") == ["a", "b"]
    assert request.body == b"{}"
    assert request.json == {}
    assert request.connection == 1
    assert request.peer[0] == "127.0.0.1"
    assert begin <= request.at <= time.monotonic()


def test_request_repr_keeps_secrets() -> None:
    """The repr of a request shows neither its query nor its headers nor its body."""
    with ChatServer() as server:
        server.reply()
        ask(server, POST.replace(b"key=1", b"key=secret").replace(b"Host: x", b"Cookie: secret"))
        assert "secret" not in repr(server.requests[0])
        assert "secret" not in repr(server.requests[0].headers)


def test_chunked_request_body(server: ChatServer) -> None:
    """A request may come in chunks, with extensions and trailers."""
    server.reply()
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    ask(server, head + b"3;a=b\r\nabc\r\n1\r\nd\r\n0\r\nX-Trailer: t\r\n\r\n")
    assert server.requests[0].body == b"abcd"


def test_wait_for_request_goes_on(server: ChatServer) -> None:
    """wait_for_request gives each request once, in order, and raises when none comes."""
    server.reply(repeat=True)
    for path in (b"/one", b"/two"):
        ask(server, POST.replace(b"/chat?key=1", path))
    assert server.wait_for_request().path == "/one"
    assert server.wait_for_request().path == "/two"
    with pytest.raises(TimeoutError, match="no request arrived"):
        server.wait_for_request(timeout=0)


def test_connection_is_kept_alive(server: ChatServer) -> None:
    """Requests follow each other on one connection, as the record shows."""
    server.reply(json=1)
    server.stream([b"data: x\n\n"])
    server.reply(json=3)
    connection = http.client.HTTPConnection(server.host, server.port, timeout=10)
    with closing(connection):
        bodies = []
        for _ in range(3):
            connection.request("POST", "/", b"{}")
            bodies.append(connection.getresponse().read())
    assert bodies == [b"1", b"data: x\n\n", b"3"]
    assert [request.connection for request in server.requests] == [1, 1, 1]
    assert server.connections == 1


def test_old_client_gets_no_chunks(server: ChatServer) -> None:
    """To a client of HTTP/1.0 a chunked stream is sent close-delimited."""
    server.stream([b"data: x\n\n"])
    with dial(server) as sock:
        sock.sendall(b"POST / HTTP/1.0\r\nContent-Length: 0\r\n\r\n")
        assert read_all(sock).endswith(b"Connection: close\r\n\r\ndata: x\n\n")


def test_paths_and_order(server: ChatServer) -> None:
    """The first fitting response that is left is taken; those that repeat come last."""
    server.reply(body="every", repeat=True)
    server.reply(body="chat", path="/chat")
    server.reply(body="get", method="GET")
    server.reply(body="first")
    asked = [POST, POST, POST, POST.replace(b"POST", b"GET")]
    assert [ask(server, one).rpartition(b"\r\n\r\n")[2] for one in asked] == [
        b"chat",
        b"first",
        b"every",
        b"get",
    ]


def test_handler_answers_the_rest() -> None:
    """A handler gets every request for which no response was added."""

    def handler(request: RecordedRequest) -> Reply:
        return Reply(body=request.path.upper())

    with ChatServer(handler=handler) as server:
        server.reply(body="scripted")
        assert ask(server).endswith(b"scripted")
        assert ask(server).endswith(b"/CHAT")


def test_failing_handler_is_noted() -> None:
    """A handler that raises is a 500 for the client and a recorded error for the test."""

    def handler(request: RecordedRequest) -> Reply:
        raise KeyError("model")

    with ChatServer(handler=handler) as server:
        assert ask(server).startswith(b"HTTP/1.1 500 ")
        assert isinstance(server.errors[0], KeyError)


def test_handler_that_gives_nothing_is_noted() -> None:
    """A handler that forgets its response is a 500 and an error too."""
    with ChatServer(handler=lambda request: None) as server:  # type: ignore[arg-type, return-value]
        assert ask(server).startswith(b"HTTP/1.1 500 ")
        assert isinstance(server.errors[0], TypeError)


def test_nothing_added_is_said(server: ChatServer) -> None:
    """A request without an answer is a 500 that names method and path."""
    answer = ask(server)
    assert answer.startswith(b"HTTP/1.1 500 ")
    body = json.loads(answer.rpartition(b"\r\n\r\n")[2])
    assert body["error"]["message"].endswith("no response was added for POST /chat")


@pytest.mark.parametrize(
    "bad",
    [
        b"nonsense\r\n\r\n",
        b"POST / HTTP/2.0\r\n\r\n",
        b"POST / HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"x" * 70_000,
    ],
)
def test_malformed_request_is_refused(server: ChatServer, bad: bytes) -> None:
    """A malformed request gets a 400, and the server continues."""
    with dial(server) as sock:
        sock.sendall(bad)
        assert sock.recv(12) == b"HTTP/1.1 400"
    assert isinstance(server.errors[0], ValueError)
    server.reply(204)
    assert ask(server).startswith(b"HTTP/1.1 204 ")


def test_expectation_is_met(server: ChatServer) -> None:
    """A client that expects 100 Continue gets it before it sends its body."""
    server.reply(body="ok")
    with dial(server) as sock:
        sock.sendall(POST[:-2].replace(b"Host: x", b"Host: x\r\nExpect: 100-continue"))
        read_exactly(sock, b"HTTP/1.1 100 Continue\r\n\r\n")
        sock.sendall(b"{}")
        assert sock.recv(15) == b"HTTP/1.1 200 OK"


def test_close_ends_everything() -> None:
    """close() ends idle, streaming and half-read connections, and every thread, at once."""
    before = set(threading.enumerate())
    server = ChatServer()
    script = server.stream(path="/stream")
    socks = [dial(server) for _ in range(3)]
    socks[1].sendall(POST.replace(b"/chat", b"/stream"))
    socks[2].sendall(POST[:-10])
    script.wait_for_request()
    server.wait_for_connections(3)
    server.close()
    server.close()
    # A thread of an earlier test may have ended.
    assert set(threading.enumerate()) <= before
    for sock in socks:
        with sock:
            read_all(sock)
    with pytest.raises(ConnectionRefusedError):
        dial(server)
    with pytest.raises(ConnectionError, match="server"):
        script.wait_for_disconnect()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_close_does_not_depend_on_forked_children() -> None:
    """A forked child that holds the descriptors keeps neither port nor connection open."""
    read_end, write_end = os.pipe()
    with ChatServer() as server, dial(server) as sock, dial(server) as ending:
        server.wait_for_connections(2)
        child = os.fork()
        if child == 0:
            os.close(write_end)
            os.read(read_end, 1)
            os._exit(0)
        try:
            server.reply(headers={"Connection": "close"})
            ending.sendall(POST)
            read_all(ending)
            server.close()
            assert read_all(sock) == b""
            with pytest.raises(ConnectionRefusedError):
                dial(server)
        finally:
            os.close(write_end)
            os.close(read_end)
            os.waitpid(child, 0)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts descriptors as on Linux")
def test_nothing_is_left_over() -> None:
    """After fifty servers, each in the middle of something, no descriptor or thread is left."""
    threads = set(threading.enumerate())
    descriptors = set(os.listdir("/proc/self/fd"))
    for _ in range(50):
        with ChatServer() as server, dial(server) as sock:
            script = server.stream()
            script.push(b"x")
            sock.sendall(POST)
            script.wait_until_sent()
    # A thread of an earlier test may have ended, and its descriptors with it.
    assert set(threading.enumerate()) <= threads
    assert set(os.listdir("/proc/self/fd")) <= descriptors


def test_close_wakes_a_blocked_sender() -> None:
    """close() ends a response that is not read."""
    with ChatServer() as server:
        script = server.stream(b"x" * 65_536 for _ in range(10_000))
        with dial(server) as sock:
            sock.sendall(POST)
            script.wait_for_request()
            server.close()
        script.wait_until_ended(timeout=0)


def test_drop_connections(server: ChatServer) -> None:
    """drop_connections() ends what is open; the server goes on listening."""
    with dial(server) as sock:
        server.wait_for_connections(1)
        server.drop_connections()
        assert read_all(sock) == b""
    server.wait_until_no_connections()
    assert server.open_connections == 0
    server.reply(body="ok")
    assert ask(server).endswith(b"ok")


def test_many_clients_at_once(server: ChatServer) -> None:
    """Forty clients at once get their own answers."""
    server.stream(lambda request: [request.body], repeat=True)
    answers: dict[int, bytes] = {}

    def client(number: int) -> None:
        body = b"%05d" % number
        request = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n" + body
        answers[number] = ask(server, request)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(answers) == 40
    assert all(b"%05d" % number in answer for number, answer in answers.items())


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_encoded_reply(server: ChatServer, encoding: str) -> None:
    """An encoded reply names its coding and carries the length of the encoded body."""
    import zlib

    server.reply(body="x" * 1000, encoding=encoding)
    head, _, body = ask(server).partition(b"\r\n\r\n")
    assert f"Content-Encoding: {encoding}".encode() in head
    assert f"Content-Length: {len(body)}".encode() in head
    assert zlib.decompress(body, 47) == b"x" * 1000


def test_wrong_arguments() -> None:
    """Arguments that contradict each other are refused at once."""
    with ChatServer() as server:
        with pytest.raises(ValueError, match="not both"):
            server.reply(body="x", json={})
        with pytest.raises(ValueError, match="content_length"):
            server.stream(framing="length")
        with pytest.raises(ValueError, match="framing is"):
            server.stream(framing="http2")  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="needs its steps"):
            server.stream(repeat=True)
        with pytest.raises(ValueError, match="no content coding"):
            server.reply(encoding="lzma")


@pytest.mark.parametrize("package", ["brotli", "zstandard"])
def test_missing_package_is_named(server: ChatServer, monkeypatch, package) -> None:
    """A content coding whose package is missing names the package to install."""
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=f"pip install {package}"):
        server.reply(body="x", encoding={"brotli": "br", "zstandard": "zstd"}[package])


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_other_systems(monkeypatch, platform) -> None:
    """Without Linux's eventfd, and without poll, waiting works the same."""
    monkeypatch.setattr(sys, "platform", platform)
    with ChatServer() as server, dial(server) as sock:
        script = server.stream(framing="close", path="/chat")
        sock.sendall(POST)
        for number in range(3):
            script.push(b"%d" % number)
            script.wait_until_sent()
        sock.shutdown(socket.SHUT_RDWR)
        script.wait_for_disconnect()
        flood = server.stream((b"x" * 65_536 for _ in range(10_000)), path="/flood")
        with dial(server) as reader:
            reader.sendall(POST.replace(b"/chat", b"/flood"))
            flood.wait_for_request()
            server.close()
        flood.wait_until_ended(timeout=0)


def test_handler_that_does_not_end_is_named(monkeypatch) -> None:
    """close() does not wait for ever for a handler, and names the one that is still running."""
    monkeypatch.setattr(listener, "CLOSE_SECONDS", 0.05)
    go_on = threading.Event()

    def handler(request: RecordedRequest) -> Reply:
        go_on.wait(20)
        return Reply()

    server = ChatServer(handler=handler)
    with dial(server) as sock:
        sock.sendall(POST)
        server.wait_for_request()
        with pytest.warns(ResourceWarning, match="still in its handler"):
            server.close()
        go_on.set()
        server.wait_until_no_connections()


def test_handler_may_close_its_server() -> None:
    """A handler that closes its own server does not wait for itself."""

    def handler(request: RecordedRequest) -> Reply:
        server.close()
        return Reply()

    server = ChatServer(handler=handler)
    with dial(server) as sock:
        sock.sendall(POST)
        read_all(sock)
    server.wait_until_no_connections()
    assert server.errors == []


def test_malformed_request_is_logged_in_one_line(server, caplog) -> None:
    """A client's error has no traceback in the log: it would show only this server."""
    with socket.create_connection((server.host, server.port), timeout=10) as client:
        client.sendall(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 400")
    (record,) = [record for record in caplog.records if "while answering" in record.getMessage()]
    assert record.exc_info is None
