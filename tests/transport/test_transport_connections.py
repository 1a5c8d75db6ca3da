"""Connections: kept, replaced, shared by threads, and never shared with another process."""

from __future__ import annotations

import errno
import os
import socket
import sys
import threading
import time
import warnings

import pytest
import requests

from chatsdk import (
    Cancel,
    ChatClient,
    ConnectError,
    HTTPStatusError,
    Retry,
    StreamInterrupted,
    Timeout,
)
from chatsdk.testing import ChatServer, ProxyServer, UnansweredPort
from chatsdk.transport.clock import since_boot
from chatsdk.transport.http1 import addresses, connection

CHUNK = b'data: {"choices":[{"delta":{"content":"%s"}}]}\n\n'
DONE = b"data: [DONE]\n\n"
HELLO = [CHUNK % b"Hi", DONE]


@pytest.fixture
def server():
    with ChatServer() as server:
        yield server


@pytest.mark.parametrize("tls", [False, True])
def test_a_connection_is_kept_for_the_next_send(tls):
    """Ten answers take one connection, and over TLS one handshake."""
    with ChatServer(tls=tls) as server:
        verify = server.ca_pem if tls else None
        with ChatClient(server.url, dialect="openai", verify=verify) as client:
            for _ in range(10):
                server.stream(HELLO)
                assert client.send({}).result().text == "Hi"
        assert server.connections == 1


def test_a_connection_is_kept_after_a_refusal(server):
    """The body of an error is read to its end, so the connection serves on."""
    with ChatClient(server.url, dialect="openai", retry=Retry(attempts=1)) as client:
        for _ in range(3):
            server.reply(400, json={"error": {"message": "no"}})
            with pytest.raises(HTTPStatusError):
                client.send({})
        server.stream(HELLO)
        client.send({}).result()
    assert server.connections == 1


def test_an_end_marker_ends_the_answer_though_the_body_goes_on(server):
    """A server that never ends its body after [DONE] does not hold the answer up."""
    script = server.stream()
    script.push(b"".join(HELLO))
    with ChatClient(server.url, dialect="openai") as client:
        stream = client.send({})
        assert stream.result().text == "Hi"
        assert stream.outcome.end == "marker"
        script.wait_for_disconnect()


def test_a_stale_connection_is_replaced(server):
    """A connection that the server closed meanwhile costs neither an error nor a second POST."""
    with ChatClient(server.url, dialect="openai", retry=Retry(attempts=1)) as client:
        server.stream(HELLO)
        client.send({}).result()
        server.drop_connections()
        server.wait_until_no_connections()
        server.stream(HELLO)
        assert client.send({}).result().text == "Hi"
    assert (len(server.requests), server.connections) == (2, 2)


@pytest.mark.parametrize("told", ["timeout=1", "max=100, Timeout=1", 'timeout="0"'])
def test_the_server_says_how_long_a_connection_is_kept(server, told):
    """A connection that the server may be about to close is not used again."""
    with ChatClient(server.url, dialect="openai") as client:
        for _ in range(2):
            server.stream(HELLO, headers={"Keep-Alive": told})
            assert client.send({}).result().text == "Hi"
    assert server.connections == 2


@pytest.mark.parametrize("told", ["timeout=600, max=100", "timeout=soon", "300", ""])
def test_a_server_that_keeps_connections_for_long_gets_the_next_request_on_the_same(server, told):
    """A long or unreadable Keep-Alive changes nothing."""
    with ChatClient(server.url, dialect="openai") as client:
        for _ in range(2):
            server.stream(HELLO, headers={"Keep-Alive": told})
            assert client.send({}).result().text == "Hi"
    assert server.connections == 1


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("own", [True, False])
def test_a_connection_that_was_idle_for_long_is_replaced(monkeypatch, tls, own):
    """A connection that may be dropped, or is about to be closed, carries no question."""
    monkeypatch.setattr(connection, "REUSE_TLS_SECONDS" if tls else "REUSE_SECONDS", 0.0)
    with ChatServer(tls=tls) as server, requests.Session() as http:
        verify = server.ca_pem if tls else None
        given = None if own else http
        with ChatClient(server.url, dialect="openai", verify=verify, http=given) as client:
            for _ in range(3):
                server.stream(HELLO)
                assert client.send({}).result().text == "Hi"
        assert server.connections == 3


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="a clock of Linux")
def test_the_clock_of_idle_connections_runs_while_the_computer_sleeps():
    """If Linux stops the monotonic clock, this one continues."""
    assert abs(since_boot() - time.clock_gettime(time.CLOCK_BOOTTIME)) < 10


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("own", [True, False])
def test_a_silent_connection_is_probed(tls, own):
    """Routers forget a silent connection, and a dead peer sends nothing."""
    with ChatServer(tls=tls) as server, requests.Session() as http:
        server.stream(HELLO)
        verify = server.ca_pem if tls else None
        given = None if own else http
        with ChatClient(server.url, dialect="openai", verify=verify, http=given) as client:
            stream = client.send({})
            sock = stream._source.exchange.scope.sock
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            if sys.platform == "linux":
                # The shortest limit on silence of a router is about a minute.
                assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) < 60
            stream.result()


def test_the_options_of_an_adapter_go_before_the_probes(server):
    """A caller who switches the probes off has them off."""

    class Unprobed(requests.adapters.HTTPAdapter):
        def init_poolmanager(self, *args, **kwargs):
            kwargs["socket_options"] = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 0)]
            super().init_poolmanager(*args, **kwargs)

    server.stream(HELLO)
    with requests.Session() as http:
        http.mount("http://", Unprobed())
        with ChatClient(server.url, dialect="openai", http=http) as client:
            stream = client.send({})
            sock = stream._source.exchange.scope.sock
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 0
            stream.result()


def test_socket_options_may_name_their_protocol(server):
    """urllib3-future, which niquests installs in place of urllib3, has options for UDP, too."""

    class Future(requests.adapters.HTTPAdapter):
        def init_poolmanager(self, *args, **kwargs):
            kwargs["socket_options"] = [
                (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1, "tcp"),
                (socket.IPPROTO_UDP, 103, 1, "udp"),
            ]
            super().init_poolmanager(*args, **kwargs)

    server.stream(HELLO)
    with requests.Session() as http:
        http.mount("http://", Future())
        with ChatClient(server.url, dialect="openai", http=http) as client:
            assert client.send({}).result().text == "Hi"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse when a queue is full")
@pytest.mark.parametrize(("connect", "most"), [(30.0, 0.05), (None, 0.05), (3.0, 60.0)])
def test_an_address_that_does_not_answer_leaves_time_for_the_next(
    server, monkeypatch, connect, most
):
    """A host whose IPv6 is broken is reached by IPv4, before the time to connect is over."""
    monkeypatch.setattr(addresses, "NEXT_ADDRESS_SECONDS", most)
    server.stream(HELLO)
    with UnansweredPort() as silent:
        way = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        found = [(*way, (it.host, it.port)) for it in (silent, server)]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: found)
        timeout = Timeout(connect=connect, total=60)
        with ChatClient(server.url, dialect="openai", timeout=timeout) as client:
            assert client.send({}).result().text == "Hi"


def slow_address(server, monkeypatch, other):
    """The ports that are tried, each with its time; the second one raises `other`."""
    connect = socket.socket.connect
    tried = []

    def slow(sock, address):
        tried.append((address[1], sock.gettimeout()))
        if address[1] == 1:
            raise other
        if len(tried) == 1:
            raise TimeoutError("timed out")
        connect(sock, address)

    monkeypatch.setattr(socket.socket, "connect", slow)
    way = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
    found = [(*way, (server.host, port)) for port in (server.port, 1)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: found)
    return tried


def test_a_slow_address_is_tried_again_if_the_next_is_not_reachable(server, monkeypatch):
    """A host on a slow network is reached by IPv4, although there is no way to its IPv6."""
    server.stream(HELLO)
    tried = slow_address(server, monkeypatch, OSError(errno.ENETUNREACH, "no way"))
    with ChatClient(server.url, dialect="openai", timeout=Timeout(connect=30.0)) as client:
        assert client.send({}).result().text == "Hi"
    assert tried == [(server.port, 3.0), (1, 30.0), (server.port, 30.0)]


def test_a_slow_address_is_not_tried_again_if_the_next_refuses(server, monkeypatch):
    """The host was reached, and nothing listens there."""
    tried = slow_address(server, monkeypatch, ConnectionRefusedError("refused"))
    with ChatClient(server.url, dialect="openai", retry=Retry(attempts=1)) as client:
        with pytest.raises(ConnectError, match="refused"):
            client.send({})
    assert [port for port, _ in tried] == [server.port, 1]


def test_a_connection_that_breaks_after_the_request_is_no_reason_to_send_again(server):
    """The server may have received it: one POST, and an error that mentions it."""
    with ChatClient(server.url, dialect="openai", retry=Retry(attempts=5)) as client:
        server.stream(HELLO)
        client.send({}).result()
        server.drop()
        with pytest.raises(StreamInterrupted, match="not sent again"):
            client.send({})
    assert len(server.requests) == 2


def test_fifty_threads_on_one_client_get_their_own_answers(server):
    """Answers are not mixed, nothing is lost, and no pool complains."""
    count = 50
    server.stream(lambda request: [CHUNK % str(request.json["n"]).encode(), DONE], repeat=True)
    found: dict[int, str] = {}
    start = threading.Barrier(count)

    def ask(client, number):
        start.wait(30)
        for _ in range(3):
            found[number] = client.send({"n": number}).result().text

    with warnings.catch_warnings(), ChatClient(server.url, dialect="openai") as client:
        warnings.simplefilter("error")
        threads = [threading.Thread(target=ask, args=(client, n)) for n in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert found == {number: str(number) for number in range(count)}


def in_child(work):
    """Run `work` in a forked child, and return whether it returned True."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            code = 0 if work() else 2
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")


@needs_fork
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("own", [True, False])
def test_a_child_opens_connections_of_its_own(server, own):
    """After a fork parent and child do not read one connection."""
    server.stream(lambda request: [CHUNK % request.json["who"].encode(), DONE], repeat=True)
    http = None if own else requests.Session()
    with ChatClient(server.url, dialect="openai", http=http) as client:
        assert client.send({"who": "parent"}).result().text == "parent"
        assert in_child(lambda: client.send({"who": "child"}).result().text == "child")
        assert client.send({"who": "parent"}).result().text == "parent"
    assert server.requests[0].connection == server.requests[2].connection
    assert server.requests[1].connection != server.requests[0].connection
    if http is not None:
        http.close()


@needs_fork
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("way", ["stop", "close", "drop", "cancel", "client"])
def test_a_child_does_not_disturb_the_stream_of_its_parent(server, way):
    """The parent reads on, whatever the child does with an open stream."""
    script = server.stream()
    script.push(CHUNK % b"one")
    cancel = Cancel()
    client = ChatClient(server.url, dialect="openai")
    stream = client.send({}, cancel=cancel)
    next(stream)
    held = [stream]

    def meddle():
        if way == "stop":
            held[0].stop()
        elif way == "close":
            held[0].close()
        elif way == "cancel":
            cancel.set()
        elif way == "client":
            client.close()
        else:
            held.clear()
        return True

    assert in_child(meddle)
    script.push(CHUNK % b"two")
    script.push(DONE)
    script.finish()
    assert stream.result().text == "onetwo"
    client.close()


def test_a_session_of_ones_own_is_used_and_left_open(server):
    """Its headers and its authentication are sent; the client does not close it."""
    server.stream(HELLO)
    with requests.Session() as http:
        http.headers["X-Mine"] = "yes"
        http.auth = ("me", "password")
        with ChatClient(server.url, dialect="openai", http=http) as client:
            assert client.send({}).result().text == "Hi"
        server.reply(body="still there")
        assert http.get(server.url, timeout=10).text == "still there"
    headers = server.requests[0].headers
    assert (headers["x-mine"], headers["authorization"]) == ("yes", "Basic bWU6cGFzc3dvcmQ=")


def test_a_token_goes_before_the_authentication_of_a_session(server):
    """Both given, the token is what is sent."""
    server.stream(HELLO)
    with requests.Session() as http:
        http.auth = ("me", "password")
        with ChatClient(server.url, dialect="openai", http=http, token="t-1234") as client:
            client.send({}).result()
    assert server.requests[0].headers["authorization"] == "Bearer t-1234"


def test_a_stream_in_a_session_of_ones_own_can_be_stopped(server):
    """`Cancel` reaches the connections of a caller's session, also while headers are awaited."""
    server.silent()
    cancel = Cancel()
    waiter = threading.Thread(target=lambda: (server.wait_for_request(), cancel.set()))
    with requests.Session() as http, ChatClient(server.url, http=http) as client:
        waiter.start()
        stream = client.send({}, cancel=cancel)
        assert stream.outcome.reason == "stopped"
    waiter.join(10)


@pytest.mark.parametrize("tls", [False, True])
def test_an_answer_streams_through_a_proxy(tls):
    """Forwarded plainly, or tunnelled where the backend speaks TLS; each event on time."""
    with ChatServer(tls=tls) as server, ProxyServer() as proxy:
        script = server.stream()
        verify = server.ca_pem if tls else None
        proxies = {"http": proxy.url, "https": proxy.url}
        with ChatClient(server.url, dialect="openai", proxies=proxies, verify=verify) as client:
            stream = client.send({})
            script.push(HELLO[0])
            assert next(stream).delta == "Hi"
            script.push(DONE)
            script.finish()
            assert stream.result().text == "Hi"
    assert len(server.requests) == 1
