from __future__ import annotations

import http.client
import socket
import ssl
import sys
from collections.abc import Iterator
from contextlib import closing

import pytest
from raw_client import dial, read_all, read_exactly

from chatsdk.testing import ChatServer, ProxyServer, RefusingPort, UnansweredPort


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as server:
        yield server


@pytest.fixture
def proxy() -> Iterator[ProxyServer]:
    with ProxyServer() as proxy:
        yield proxy


def forward(url: str, *more: bytes, body: bytes = b"{}") -> bytes:
    head = b"POST %b/chat?x=1 HTTP/1.1\r\nHost: y\r\nContent-Length: %d\r\n" % (
        url.encode(),
        len(body),
    )
    return head + b"".join(line + b"\r\n" for line in more) + b"\r\n" + body


def connect(server: ChatServer | RefusingPort) -> bytes:
    return b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: y\r\n\r\n" % server.port


def test_forward(server: ChatServer, proxy: ProxyServer) -> None:
    """A request goes on in origin form, without what is the proxy's; its answer comes back."""
    server.reply(body="ok")
    with dial(proxy) as sock:
        sock.sendall(
            forward(server.url, b"Proxy-Authorization: Basic x", b"X-A: b", b"Connection: close")
        )
        assert read_all(sock).endswith(b"\r\n\r\nok")
    (asked,) = proxy.requests
    assert asked.target == f"{server.url}/chat?x=1"
    assert asked.headers["proxy-authorization"] == "Basic x"
    (request,) = server.requests
    assert (request.target, request.body) == ("/chat?x=1", b"{}")
    assert request.headers["x-a"] == "b"
    assert "proxy-authorization" not in request.headers


def test_forward_is_prompt(server: ChatServer, proxy: ProxyServer) -> None:
    """Each piece of a stream passes the proxy before the next is sent."""
    script = server.stream(framing="close")
    with dial(proxy) as sock:
        sock.sendall(forward(server.url))
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
        read_exactly(sock, head)
        for number in range(3):
            piece = b"data: %d\n\n" % number
            script.push(piece)
            read_exactly(sock, piece)
        script.finish()
        assert read_all(sock) == b""


def test_forward_keeps_connections_alive(server: ChatServer, proxy: ProxyServer) -> None:
    """Requests of one client to one backend share one connection on each side."""
    server.reply(body="one")
    server.reply(body="two")
    connection = http.client.HTTPConnection(proxy.host, proxy.port, timeout=10)
    with closing(connection), ChatServer() as other:
        other.reply(body="other")
        bodies = []
        for url in (server.url, server.url, other.url):
            connection.request("POST", f"{url}/x", b"{}")
            bodies.append(connection.getresponse().read())
    assert bodies == [b"one", b"two", b"other"]
    assert [request.connection for request in proxy.requests] == [1, 1, 1]
    assert [request.connection for request in server.requests] == [1, 1]


def test_forwarded_client_that_leaves_is_seen(server: ChatServer, proxy: ProxyServer) -> None:
    """When the client leaves the proxy, the backend sees it."""
    script = server.stream()
    with dial(proxy) as sock:
        sock.sendall(forward(server.url))
        script.wait_for_request()
    assert script.wait_for_disconnect() > 0
    proxy.wait_until_no_connections()


def test_forwarded_cut(server: ChatServer, proxy: ProxyServer) -> None:
    """An answer that breaks off does so for the client of the proxy too."""
    server.cut_after(3, "abcdef", inside_chunk=True)
    with dial(proxy) as sock:
        sock.sendall(forward(server.url))
        assert read_all(sock).endswith(b"\r\n\r\n6\r\nabc")


def test_tunnel(server: ChatServer, proxy: ProxyServer) -> None:
    """CONNECT opens a tunnel in which every byte passes as it is."""
    script = server.stream()
    with dial(proxy) as sock:
        sock.sendall(connect(server))
        read_exactly(sock, b"HTTP/1.1 200 Connection established\r\n\r\n")
        sock.sendall(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
        assert script.wait_for_request().body == b"{}"
        script.push(b"x")
        script.cut()
        assert read_all(sock).endswith(b"1\r\nx\r\n")
    assert [request.method for request in proxy.requests] == ["CONNECT"]


def test_large_bodies_pass_both_ways(server: ChatServer, proxy: ProxyServer) -> None:
    """Bodies larger than every buffer pass the tunnel unchanged."""
    body = bytes(range(256)) * 20_000
    server.stream(lambda request: [request.body], framing="close")
    with dial(proxy) as sock:
        sock.sendall(connect(server))
        read_exactly(sock, b"HTTP/1.1 200 Connection established\r\n\r\n")
        sock.sendall(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        assert read_all(sock).endswith(b"\r\n\r\n" + body)


@pytest.mark.parametrize("encrypted", [False, True])
def test_tunnel_carries_tls(encrypted) -> None:
    """TLS runs through the tunnel, also where the way to the proxy is encrypted itself."""
    pytest.importorskip("trustme")
    with ChatServer(tls=True) as server, ProxyServer(tls=encrypted) as proxy:
        server.reply(body="ok" * 100_000)
        outer = dial(proxy)
        if encrypted:
            context = ssl.create_default_context(cafile=proxy.ca_pem)
            outer = context.wrap_socket(outer, server_hostname="localhost")
        with outer:
            outer.sendall(connect(server))
            read_exactly(outer, b"HTTP/1.1 200 Connection established\r\n\r\n")
            context = ssl.create_default_context(cafile=server.ca_pem)
            answer = through(outer, context, b"GET / HTTP/1.0\r\n\r\n")
    assert answer.endswith(b"ok")
    assert len(answer) > 200_000


def through(outer: socket.socket, context: ssl.SSLContext, request: bytes) -> bytes:
    """Speak TLS over a socket that may speak TLS itself, until the end."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    answer = b""
    asked = False
    while True:
        try:
            if not asked:
                tls.do_handshake()
                tls.write(request)
                asked = True
            outer.sendall(outgoing.read())
            piece = tls.read(65_536)
            if not piece:
                return answer
            answer += piece
        except ssl.SSLWantReadError:
            outer.sendall(outgoing.read())
            data = outer.recv(65_536)
            if data:
                incoming.write(data)
            else:
                incoming.write_eof()
        except ssl.SSLZeroReturnError:
            return answer


def test_backend_that_cannot_be_reached(proxy: ProxyServer) -> None:
    """A backend that refuses is a 502, forwarded or through a tunnel."""
    with RefusingPort() as nobody:
        for request in (connect(nobody), forward(nobody.url), forward("http://x:port")):
            with dial(proxy) as sock:
                sock.sendall(request)
                assert read_all(sock).startswith(b"HTTP/1.1 502 ")


def test_proxy_that_refuses_or_is_silent(server: ChatServer, proxy: ProxyServer) -> None:
    """A proxy can answer in the backend's place: refuse, or be silent."""
    proxy.reply(407, headers={"Proxy-Authenticate": "Basic"}, method="CONNECT")
    with dial(proxy) as sock:
        sock.sendall(connect(server))
        assert sock.recv(1000).startswith(b"HTTP/1.1 407 ")
    script = proxy.silent()
    with dial(proxy) as sock:
        sock.sendall(forward(server.url))
        script.wait_for_request()
    script.wait_for_disconnect()
    assert server.requests == []


def test_not_for_a_proxy(proxy: ProxyServer) -> None:
    """A request that is not for a proxy gets an error."""
    with dial(proxy) as sock:
        sock.sendall(b"POST /chat HTTP/1.1\r\nHost: y\r\nConnection: close\r\n\r\n")
        assert read_all(sock).startswith(b"HTTP/1.1 400 ")


def test_closing_a_proxy_ends_what_passes(server: ChatServer) -> None:
    """close() ends forwarding and tunnels, also where a backend does not read."""
    with ProxyServer() as proxy:
        script = server.stream()
        blocked = server.break_connection("silent")
        with dial(proxy) as stuck, dial(proxy) as streaming:
            stuck.sendall(connect(server))
            read_exactly(stuck, b"HTTP/1.1 200 Connection established\r\n\r\n")
            blocked.wait_for_connection()
            stuck.settimeout(0.2)
            with pytest.raises(TimeoutError):
                stuck.sendall(b"x" * 50_000_000)
            streaming.sendall(forward(server.url))
            script.wait_for_request()
            proxy.close()
        assert proxy.open_connections == 0
    script.wait_for_disconnect()


def test_refusing_port() -> None:
    """A refusing port refuses, and is free again after close()."""
    port = RefusingPort()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((port.host, port.port), timeout=10)
    assert port.url == f"http://127.0.0.1:{port.port}"
    port.close()
    port.close()
    with ChatServer(port=port.port) as server:
        assert server.port == port.port


@pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux drops what a full queue cannot take"
)
def test_unanswered_port() -> None:
    """On an unanswered port connecting neither succeeds nor fails."""
    with UnansweredPort() as port, pytest.raises(TimeoutError):
        socket.create_connection((port.host, port.port), timeout=0.2)
