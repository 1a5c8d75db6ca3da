"""`stop()` ends a request from any thread, whatever it is waiting for, on every way to a server."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest
from provoking import CHUNK, HELLO, Reader, opened_way, wait_until

from chatsdk import Cancel, ChatClient, Retry, Timeout
from chatsdk.testing import Authority, ChatServer, UnansweredPort

# Seconds. Measured it is about 1 ms (docs/reliability.md); a busy machine gets more.
SOON = 1.0
# The caller of stop() waits for nothing at all.
AT_ONCE = 0.25

WAYS = ("plain", "tls", "forward", "tunnel")
EVENT = CHUNK % b"Hi"


@pytest.fixture(scope="module")
def authority():
    authority = Authority()
    yield authority
    authority.close()


@pytest.fixture(params=WAYS)
def way(request, authority):
    with opened_way(request.param, authority) as way:
        yield way


def stopped_soon(reader: Reader, stop=None) -> None:
    caller, ended = reader.stopped(stop)
    assert caller < AT_ONCE
    assert ended < SOON
    assert reader.error is None
    assert reader.stream is not None
    assert reader.stream.outcome.reason == "stopped"


def sound(way, client: ChatClient) -> None:
    """The next request on the client is answered."""
    way.server.stream(HELLO)
    assert client.send({}).result().text == "Hello"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse when a queue is full")
@pytest.mark.parametrize("timeout", [Timeout(), Timeout(connect=None)])
def test_while_connecting(way, timeout):
    """The connection is not accepted, neither by the server nor by the proxy."""
    with UnansweredPort() as port:
        nowhere = {"http": port.url, "https": port.url}
        url = way.server.url.replace(str(way.server.port), str(port.port))
        proxies = {} if way.proxy is None else {"proxies": nowhere}
        with way.client(url, timeout=timeout, **proxies) as client:
            before = attempts_to_connect(port.port)
            reader = Reader(client)
            wait_until(lambda: attempts_to_connect(port.port) > before, "the attempt to connect")
            stopped_soon(reader)


def attempts_to_connect(port: int) -> int:
    """How many sockets are in the state SYN_SENT (02) for this port, see proc(5)."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text("ascii").splitlines()]
    return sum(row[2].endswith(f":{port:04X}") and row[3] == "02" for row in rows[1:])


@pytest.mark.parametrize("how", ["silent", "half-handshake"])
@pytest.mark.parametrize("name", ["tls", "tunnel"])
def test_in_the_handshake(name, how, authority):
    """The server takes the connection, and the TLS handshake never ends."""
    with opened_way(name, authority) as way, way.client() as client:
        broken = way.server.break_connection(how)
        reader = Reader(client)
        broken.wait_for_connection()
        if how == "half-handshake":
            broken.wait_until_halfway()
        stopped_soon(reader)
        broken.wait_for_disconnect()
        sound(way, client)


def test_while_the_proxy_is_silent(authority):
    """The proxy takes the connection, and does not answer CONNECT."""
    with opened_way("tunnel", authority) as way, way.client() as client:
        script = way.proxy.silent(method="CONNECT")
        reader = Reader(client)
        script.wait_for_request()
        stopped_soon(reader)
        script.wait_for_disconnect()
        sound(way, client)


def test_while_the_head_of_the_proxy_drips(authority):
    """The proxy answers CONNECT a byte at a time."""
    with opened_way("tunnel", authority) as way, way.client() as client:
        script = way.proxy.drip(interval=0.1, part="head", method="CONNECT")
        reader = Reader(client)
        script.wait_for_request()
        stopped_soon(reader)
        script.wait_for_disconnect()
        sound(way, client)


HEADLESS = {
    "silence": lambda server: server.silent(),
    "a dripping head": lambda server: server.drip(interval=0.05, part="head"),
    "endless continues": lambda server: server.flood("continue", 10**9, interval=0.1),
    "the body of an error": lambda server: server.error_body(10**6, interval=0.05),
    "a silent page": lambda server: server.stream(content_type="text/html"),
    "a silent document": lambda server: server.stream(content_type="application/json"),
    "no content type": lambda server: server.stream(content_type=None),
}


@pytest.mark.parametrize("what", HEADLESS)
def test_before_send_returns(way, what):
    """`send` is waiting for the head, or for the body of a response that is not a stream."""
    script = HEADLESS[what](way.server)
    with way.client() as client:
        reader = Reader(client)
        script.wait_for_request()
        stopped_soon(reader)
        script.wait_for_disconnect()
        sound(way, client)


STREAMS = {
    "silence": lambda server: server.silent(head=True, body=EVENT),
    "silence, gzip": lambda server: _pushed(server, encoding="gzip"),
    "silence, close-delimited": lambda server: _pushed(server, framing="close"),
    "a drip": lambda server: server.drip(EVENT + EVENT, interval=0.01),
    "pings": lambda server: server.stream(_pings),
    "a flood of events": lambda server: server.stream(_flood(EVENT * 500)),
    "a flood of comments": lambda server: server.stream(_flood(EVENT, b": ping\n" * 9000)),
}


def _pushed(server, **head):
    script = server.stream(**head)
    script.push(EVENT)
    return script


def _pings(_request):
    yield EVENT
    for _ in range(10**6):
        yield b": ping\n\n"


def _flood(first, then=None):
    def pieces(_request):
        yield first
        while True:
            yield then or first

    return pieces


@pytest.mark.parametrize("what", STREAMS)
def test_in_the_stream(way, what):
    """The reader waits for the next event, or cannot keep up with them."""
    script = STREAMS[what](way.server)
    with way.client() as client:
        reader = Reader(client)
        stream = reader.wait_until_sent()
        reader.wait_until_read()
        stopped_soon(reader, stream.stop)
        assert stream.answer.text.startswith("Hi")
        script.wait_for_disconnect()
        sound(way, client)


def test_before_the_first_event(way):
    """The head is there and nothing else."""
    script = way.server.silent(head=True)
    with way.client() as client:
        reader = Reader(client)
        stream = reader.wait_until_sent()
        stopped_soon(reader, stream.stop)
        script.wait_for_disconnect()
        sound(way, client)


@pytest.mark.parametrize("head", [False, True])
def test_on_a_connection_used_before(way, head):
    """The second request on a kept-alive connection, before and after its head."""
    with way.client() as client:
        sound(way, client)
        script = way.server.silent(head=head)
        reader = Reader(client)
        script.wait_for_request()
        if head:
            reader.wait_until_sent()
        assert way.server.connections == 1
        stopped_soon(reader)
        script.wait_for_disconnect()
        sound(way, client)


@pytest.mark.parametrize("before", ["a retry", "a redirect", "a renewed token"])
def test_after_an_attempt_before(way, before):
    """The stream of a second attempt is as easy to stop as that of a first."""
    if before == "a retry":
        way.server.busy(0)
    elif before == "a redirect":
        way.server.redirect("/")
    else:
        way.server.reply(401)
    script = way.server.silent(head=True, body=EVENT)
    retry = Retry(backoff=0)
    with way.client(retry=retry, follow_redirects=True, token=lambda: "token") as client:
        reader = Reader(client)
        stream = reader.wait_until_sent()
        reader.wait_until_read()
        stopped_soon(reader, stream.stop)
        script.wait_for_disconnect()
        sound(way, client)


def test_close_from_another_thread_is_stop(way):
    """`close()` does not wait for the reader either."""
    script = way.server.silent(head=True, body=EVENT)
    with way.client() as client:
        reader = Reader(client)
        stream = reader.wait_until_sent()
        reader.wait_until_read()
        stopped_soon(reader, stream.close)
        script.wait_for_disconnect()
        sound(way, client)


def test_closing_the_client_stops_its_streams(way):
    """Streams under way end as stopped, before and after their head."""
    silent = way.server.silent(path="/a")
    streaming = way.server.silent(path="/b", head=True, body=EVENT)
    client = way.client(way.server.url + "/a")
    reader = Reader(client)
    silent.wait_for_request()
    stopped_soon(reader, client.close)
    client = way.client(way.server.url + "/b")
    reader = Reader(client)
    reader.wait_until_read()
    stopped_soon(reader, client.close)
    streaming.wait_for_disconnect()


def test_a_retry_is_not_waited_for(way, caplog):
    """`stop()` ends the wait between two attempts; nothing is sent again."""
    way.server.busy(20)
    with caplog.at_level("INFO", "chatsdk"), way.client(retry=Retry(attempts=3)) as client:
        reader = Reader(client)
        wait_until(lambda: "sending again" in caplog.text, "the wait")
        stopped_soon(reader)
        assert len(way.server.requests) == 1
        sound(way, client)


def test_before_the_start(way):
    """With a switch that is set already nothing is sent, not even a connection is made."""
    cancel = Cancel()
    cancel.set()
    with way.client() as client:
        stream = client.send({}, cancel=cancel)
        assert list(stream) == []
        assert stream.outcome.reason == "stopped"
        assert stream.attempts == 0
    assert way.server.connections == 0
    if way.proxy is not None:
        assert way.proxy.connections == 0


def test_twice_and_after_the_end(way):
    """Any number of stops is harmless; one that comes too late changes nothing."""
    way.server.stream(HELLO)
    with way.client() as client:
        stream = client.send({})
        stream.result()
        stream.stop()
        stream.close()
        stream.stop()
        assert stream.outcome.reason == "finished"
        sound(way, client)
        assert way.server.connections == 1
        script = way.server.silent()
        reader = Reader(client)
        script.wait_for_request()
        stopped_soon(reader, lambda: [reader.cancel.set() for _ in range(3)])
        reader.stream.stop()


def test_many_stops_at_once():
    """Any number of threads may stop one stream while its reader is at work."""
    with ChatServer() as server, ChatClient(server.url, dialect="openai") as client:
        server.stream(_flood(EVENT * 500))
        reader = Reader(client)
        stream = reader.wait_until_sent()
        reader.wait_until_read()
        stops = [stream.stop, stream.close, reader.cancel.set] * 5
        threads = [threading.Thread(target=stop) for stop in stops]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        reader.join()
        assert reader.error is None
        assert stream.outcome.reason == "stopped"


def test_one_switch_for_several_requests():
    """A `Cancel` ends every request that it was given to."""
    with ChatServer() as server, ChatClient(server.url, dialect="openai") as client:
        cancel = Cancel()
        silent = [server.silent() for _ in range(3)]
        readers = [Reader(client, cancel=cancel) for _ in silent]
        for script in silent:
            script.wait_for_request()
        cancel.set()
        for reader in readers:
            reader.join()
            assert reader.stream.outcome.reason == "stopped"
