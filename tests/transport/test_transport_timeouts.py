"""`Timeout` holds in every phase, against a server that does nothing and one that never ends."""

from __future__ import annotations

import contextlib
import itertools
import math
import socket
import ssl
import threading
import time

import pytest
from provoking import CHUNK, HELLO, PATIENCE, Reader, opened_way

from chatsdk import (
    Answer,
    ChatClient,
    ChatTimeout,
    HTTPStatusError,
    Retry,
    StreamInterrupted,
    Timeout,
)
from chatsdk.testing import Authority, ChatServer, UnansweredPort
from chatsdk.transport import deadlines
from chatsdk.transport.cancel import IDLE, CancelScope
from chatsdk.transport.http1 import read_ahead

# The limit that is to hold, in seconds, and how much later it may be noticed on a busy machine.
LIMIT = 0.2
LATE = 1.5

EVENT = CHUNK % b"Hi"
WAYS = ("plain", "tls", "forward", "tunnel")


@pytest.fixture(scope="module")
def authority():
    authority = Authority()
    yield authority
    authority.close()


@pytest.fixture(params=WAYS)
def way(request, authority):
    with opened_way(request.param, authority) as way:
        yield way


@pytest.fixture
def plain(authority):
    with opened_way("plain", authority) as way:
        yield way


@contextlib.contextmanager
def timed_out(phase: str, text: str = ""):
    """Expect a ChatTimeout of this phase, on time, with the text that had come."""
    begun = time.monotonic()
    with pytest.raises(ChatTimeout) as caught:
        yield caught
    assert LIMIT * 0.9 < time.monotonic() - begun < LIMIT + LATE
    error = caught.value
    assert error.phase == phase
    assert f" {LIMIT:g} s (Timeout.{phase})" in str(error)
    assert error.answer == Answer(text)


def hold():
    """Yields nothing, until the test is over."""
    threading.Event().wait(LIMIT + LATE)
    yield from ()


def sound(way, client) -> None:
    way.server.stream(HELLO)
    assert client.send({}).result().text == "Hello"


# --- connect -------------------------------------------------------------------------------------


def test_nobody_accepts(way):
    """Neither the server nor the proxy takes the connection."""
    with UnansweredPort() as port:
        url = way.server.url.replace(str(way.server.port), str(port.port))
        nowhere = {"http": port.url, "https": port.url}
        proxies = {} if way.proxy is None else {"proxies": nowhere}
        with way.client(url, timeout=Timeout(connect=LIMIT), **proxies) as client:
            with timed_out("connect"):
                client.send({})


@pytest.mark.parametrize("how", ["silent", "half-handshake"])
@pytest.mark.parametrize("name", ["tls", "tunnel"])
def test_a_handshake_without_end(name, how, authority):
    """The TLS handshake belongs to connecting."""
    with opened_way(name, authority) as way:
        with way.client(timeout=Timeout(connect=LIMIT)) as client:
            broken = way.server.break_connection(how)
            with timed_out("connect"):
                client.send({})
            broken.wait_for_disconnect()
        with way.client(timeout=Timeout(connect=PATIENCE)) as client:
            sound(way, client)


@pytest.mark.parametrize("answer", ["silence", "a drip"])
def test_a_proxy_without_end(authority, answer):
    """So does a proxy's answer to CONNECT, also a byte at a time."""
    with opened_way("tunnel", authority) as way:
        with way.client(timeout=Timeout(connect=LIMIT)) as client:
            if answer == "silence":
                way.proxy.silent(method="CONNECT")
            else:
                way.proxy.drip(interval=LIMIT / 10, part="head", method="CONNECT")
            with timed_out("connect"):
                client.send({})


def test_sending_is_not_connecting():
    """A body that takes longer to send than a connection to be made is no reason to give up."""
    never = threading.Event()

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            # Longer than the limit, and what is sent does not fit in the buffers meanwhile.
            never.wait(LIMIT * 2)
            received = 0
            while received < size:
                received += len(connection.recv(1_000_000))
            connection.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + b"".join(HELLO)
            )

    size = 20_000_000
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        with ChatClient(url, dialect="openai", timeout=Timeout(connect=LIMIT)) as client:
            assert client.send({"image": "x" * size}).result().text == "Hello"
        thread.join(PATIENCE)


# --- first_event ---------------------------------------------------------------------------------

EVENTLESS = {
    "silence": lambda server: server.silent(),
    "a dripping head": lambda server: server.drip(interval=LIMIT / 10, part="head"),
    "endless continues": lambda server: server.flood("continue", 10**9, interval=LIMIT / 10),
    "a head and silence": lambda server: server.silent(head=True),
    "endless comments": lambda server: server.stream(_comments),
    "half an event": lambda server: server.silent(head=True, body=b"data: x\n"),
    "a dripping document": lambda server: server.stream(_spaces, content_type="application/json"),
    "no content type": lambda server: server.stream(_spaces, content_type=None),
}


def _comments(_request):
    while True:
        yield b": still there\n\n"


def _spaces(_request):
    pause = threading.Event()
    yield b"{"
    while not pause.wait(LIMIT / 10):
        yield b" "


@pytest.mark.parametrize("what", EVENTLESS)
def test_no_first_event(way, what):
    """Nothing but an event ends the wait for the first one; comments do not."""
    script = EVENTLESS[what](way.server)
    with way.client(timeout=Timeout(first_event=LIMIT)) as client:
        with timed_out("first_event"):
            list(client.send({}))
        script.wait_for_disconnect()
    with way.client(timeout=PATIENCE) as client:
        sound(way, client)


def test_the_first_event_ends_it(plain):
    """Afterwards only silence and the total count."""
    script = plain.server.stream()
    script.push(EVENT)
    with plain.client(timeout=Timeout(first_event=LIMIT)) as client:
        stream = client.send({})
        next(stream)
        threading.Event().wait(LIMIT * 1.5)
        script.push(EVENT)
        assert next(stream).text == "HiHi"
        stream.close()


def test_an_error_page_that_drips(way):
    """A status is known, so that it is what is raised, with the start of the body."""
    way.server.error_body(10_000, status=502, interval=LIMIT / 20)
    with way.client(timeout=Timeout(first_event=LIMIT)) as client:
        with pytest.raises(HTTPStatusError) as caught:
            client.send({})
    assert caught.value.status == 502
    assert 0 < len(caught.value.body) < 10_000


# --- idle ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("framing", ["chunked", "close"])
@pytest.mark.parametrize("encoding", [None, "gzip"])
def test_silence_in_the_stream(way, framing, encoding):
    """The scope is silent for too long; the text is kept."""
    script = way.server.stream(framing=framing, encoding=encoding)
    script.push(EVENT)
    with way.client(timeout=Timeout(idle=LIMIT)) as client:
        stream = client.send({})
        next(stream)
        with timed_out("idle", "Hi"):
            next(stream)
        assert (stream.outcome.reason, stream.answer.text) == ("error", "Hi")
        script.wait_for_disconnect()
        sound(way, client)


@pytest.mark.parametrize("life", [b": ping\n", b"d", b"\n"])
def test_whatever_comes_is_life(plain, life):
    """A comment, or a byte, restarts the silence."""
    script = plain.server.stream()
    script.push(EVENT)
    with plain.client(timeout=Timeout(idle=LIMIT * 2)) as client:
        reader = Reader(client)
        reader.wait_until_read()
        pause = threading.Event()
        for _ in range(5):
            pause.wait(LIMIT)
            script.push(life)
        assert not reader.stream.outcome
        script.cut()
        reader.join()
        assert isinstance(reader.error, StreamInterrupted)


def test_a_slow_consumer_is_no_silence(plain):
    """The user may take any time with an answer."""
    plain.server.stream(HELLO)
    with plain.client(timeout=Timeout(idle=LIMIT)) as client:
        pause = threading.Event()
        texts = []
        for answer in client.send({}):
            pause.wait(LIMIT * 1.5 if not texts else 0)
            texts.append(answer.text)
        assert texts[-1] == "Hello"


def test_a_slow_consumer_of_a_slow_backend_is_no_silence(way):
    """Nor is it while the rest of the answer is still to come: only waiting for it counts."""
    script = way.server.stream()
    script.push(EVENT)
    with way.client(timeout=Timeout(idle=LIMIT)) as client:
        stream = client.send({})
        for _ in range(3):
            next(stream)
            threading.Event().wait(LIMIT * 1.5)
            script.push(EVENT)
        assert next(stream).text == "Hi" * 4
        stream.close()


def test_a_kept_alive_connection_has_its_own_silence(plain):
    """The second request waits for its first event as long as the first did."""
    with plain.client(timeout=Timeout(idle=LIMIT / 4, first_event=LIMIT)) as client:
        sound(plain, client)
        plain.server.silent(head=True)
        with timed_out("first_event"):
            list(client.send({}))
        assert plain.server.connections == 1


def test_reading_on_time_costs_no_poll(way):
    """Between events a plain socket has no timeout of Python's, which polls at each read."""
    script = way.server.stream()
    with way.client(timeout=Timeout(idle=PATIENCE)) as client:
        stream = client.send({})
        for _ in range(2):
            script.push(EVENT)
            next(stream)
        sock = stream._source.exchange.scope.sock
        # ssl goes on reading when the kernel ends a wait, so it needs the other one.
        assert sock.gettimeout() == (PATIENCE if isinstance(sock, ssl.SSLSocket) else None)
        stream.close()


def no_thread(self, start=threading.Thread.start):
    """Takes the place of ``Thread.start`` in a system without a thread for the deadlines."""
    if self.name == "chatsdk-deadlines":
        raise RuntimeError("can't start new thread")
    start(self)


HELPERS = {
    "no thread": lambda patch: patch.setattr(threading.Thread, "start", no_thread),
    "a dead thread": lambda patch: patch.setattr(deadlines.Watcher, "_run", lambda _: None),
    "no limit in the kernel": lambda patch: patch.setattr(read_ahead, "TIMEVALS", ()),
}


@pytest.fixture(params=HELPERS)
def helpless(request, monkeypatch):
    """A process in which the helper thread does not run, or the kernel keeps no limit."""
    monkeypatch.setattr(deadlines, "_watcher", deadlines.Watcher())
    HELPERS[request.param](monkeypatch)


@pytest.mark.parametrize("framing", ["chunked", "close", "length"])
def test_silence_without_the_helper(way, framing, helpless):
    """The socket itself ends a silence, however the end of the body is framed."""
    length = {"headers": {"Content-Length": "100000"}} if framing == "length" else {}
    script = way.server.stream(framing="close" if length else framing, **length)
    script.push(EVENT)
    with way.client(timeout=Timeout(connect=None, first_event=None, idle=LIMIT)) as client:
        stream = client.send({})
        next(stream)
        with timed_out("idle", "Hi"):
            next(stream)
        script.wait_for_disconnect()


@pytest.mark.parametrize("head", [False, True])
def test_no_first_event_without_the_helper(way, head, helpless):
    """So it does before and after the response's head."""
    way.server.silent(head=head)
    with way.client(timeout=Timeout(first_event=LIMIT)) as client:
        with timed_out("first_event"):
            list(client.send({}))


@pytest.mark.parametrize("what", ["silence", "comments", "events"])
def test_the_total_without_the_helper(way, what, helpless):
    """The reader checks the clock when bytes arrive, and lets no wait take longer."""
    drip = {"comments": [b": ping\n"], "events": [EVENT]}.get(what, [])
    way.server.stream(lambda _: itertools.chain([EVENT], itertools.cycle(drip), hold()))
    with way.client(timeout=Timeout(total=LIMIT)) as client:
        begun = time.monotonic()
        with pytest.raises(ChatTimeout) as caught:
            list(client.send({}))
        assert LIMIT * 0.9 < time.monotonic() - begun < LIMIT + LATE
        assert caught.value.phase == "total"


def test_the_helper_outlives_an_exception(plain, monkeypatch, caplog):
    """An exception of the helper is logged, and the other streams keep their deadlines."""
    expire = CancelScope.expire

    def fail_once(self, phase, when):
        monkeypatch.setattr(CancelScope, "expire", expire)
        raise ZeroDivisionError

    monkeypatch.setattr(CancelScope, "expire", fail_once)
    scope = CancelScope()
    deadlines.watch(scope, "total", 0.0)
    plain.server.drip(interval=LIMIT / 10, part="head")
    with plain.client(timeout=Timeout(total=LIMIT)) as client, timed_out("total"):
        client.send({})
    assert "ZeroDivisionError" in caplog.text


def test_a_fork_that_python_did_not_make(plain, monkeypatch):
    """A child of a C program has no helper, though its module has it as running."""
    with plain.client(timeout=PATIENCE) as client:
        sound(plain, client)
    known = deadlines._watcher
    monkeypatch.setattr(deadlines, "_made_in", (0, *deadlines._made_in[1:]))
    plain.server.drip(interval=LIMIT / 10, part="head")
    with plain.client(timeout=Timeout(total=LIMIT)) as client, timed_out("total"):
        client.send({})
    assert deadlines._watcher is not known


def test_a_wait_is_asked_about_once_a_silence():
    """The helper comes back when a wait that is under way would be too long, and not before."""
    scope = CancelScope()
    scope.limits[IDLE] = 10.0
    now = time.monotonic()
    # Not waiting: no wait can be too long before that many seconds have passed.
    assert now + 10 <= scope.expire(IDLE, now) <= time.monotonic() + 10
    scope.waiting = now - 3
    assert scope.expire(IDLE, now) == now + 7
    assert scope.reason is None
    scope.waiting = now - 10
    assert scope.expire(IDLE, now) is None
    assert scope.reason == IDLE


def test_what_waits_in_the_socket_is_no_silence():
    """A reader that cannot run, for another thread is busy, is given time for what has come."""
    scope = CancelScope()
    scope.limits[IDLE] = 10.0
    ours, theirs = socket.socketpair()
    with ours, theirs:
        scope.attach(ours)
        theirs.sendall(EVENT)
        scope.waiting = time.monotonic() - 10
        again = scope.expire(IDLE, time.monotonic())
        assert again is not None
        assert time.monotonic() < again < time.monotonic() + 1
        assert scope.reason is None
        assert ours.recv(len(EVENT)) == EVENT
        assert scope.expire(IDLE, time.monotonic()) is None
        assert scope.reason == IDLE
        scope.detach()


def test_a_look_that_comes_late_decides_nothing():
    """After a suspension the reader, who may have data by now, runs before its wait is ended."""
    scope = CancelScope()
    scope.limits[IDLE] = 10.0
    scope.waiting = time.monotonic() - 3600
    agreed = time.monotonic() - 3590
    again = scope.expire(IDLE, agreed)
    assert again is not None
    assert time.monotonic() < again < time.monotonic() + 1
    assert scope.reason is None
    # Still the same wait: it is not put off for ever, however late.
    assert scope.expire(IDLE, agreed) is None
    assert scope.reason == IDLE


def test_a_wait_without_limit_is_not_asked_about():
    """Once the limit is lifted, nothing comes of what the helper still has on its list."""
    scope = CancelScope()
    scope.waiting = time.monotonic() - 10
    assert scope.expire(IDLE, time.monotonic()) is None
    assert not scope.holds(IDLE, time.monotonic())
    assert scope.reason is None


# --- total ---------------------------------------------------------------------------------------

ENDLESS = {
    **EVENTLESS,
    "an event a moment": lambda server: server.stream(_events),
    "a byte a moment": lambda server: server.drip(EVENT * 100, interval=LIMIT / 10),
    "pings": lambda server: server.flood("comments", 10**9, interval=LIMIT / 10),
    "a flood": lambda server: server.stream(_flood),
    "a dripping error": lambda server: server.error_body(10**6, interval=LIMIT / 10),
    "a dripping page": lambda server: server.stream(_spaces, content_type="text/html"),
}


def _events(_request):
    pause = threading.Event()
    while not pause.wait(LIMIT / 10):
        yield EVENT


def _flood(_request):
    while True:
        yield EVENT * 100


@pytest.mark.parametrize("what", ENDLESS)
def test_the_total_holds_against_everything(way, what):
    """For any data of the server, at any speed."""
    script = ENDLESS[what](way.server)
    with way.client(timeout=Timeout(total=LIMIT)) as client:
        begun = time.monotonic()
        with pytest.raises(ChatTimeout) as caught:
            list(client.send({}))
        assert LIMIT * 0.9 < time.monotonic() - begun < LIMIT + LATE
        assert caught.value.phase == "total"
        assert caught.value.answer is not None
        script.wait_for_disconnect()


@pytest.mark.parametrize("name", ["tls", "tunnel"])
def test_the_total_holds_before_the_request(name, authority):
    """In the TLS handshake, and while a proxy is silent."""
    with opened_way(name, authority) as way:
        with way.client(timeout=Timeout(connect=None, total=LIMIT)) as client:
            way.server.break_connection("silent")
            with timed_out("total"):
                client.send({})
            if way.proxy is not None:
                way.proxy.silent(method="CONNECT")
                with timed_out("total"):
                    client.send({})


def test_the_total_holds_while_connecting():
    """The connection is not accepted."""
    with UnansweredPort() as port:
        timeout = Timeout(connect=None, total=LIMIT)
        with ChatClient(port.url, timeout=timeout) as client, timed_out("total"):
            client.send({})


def test_the_total_ends_a_wait_for_a_retry(plain):
    """The next attempt would come too late."""
    plain.server.busy(20)
    with plain.client(retry=Retry(), timeout=Timeout(total=LIMIT)) as client:
        with timed_out("total"):
            client.send({})
    assert len(plain.server.requests) == 1


def test_the_total_counts_the_time_of_the_user(plain):
    """It is a deadline: who takes too long over an answer gets no more of it."""
    plain.server.stream(HELLO)
    with plain.client(timeout=Timeout(total=LIMIT)) as client:
        stream = client.send({})
        assert next(stream).text == "Hel"
        threading.Event().wait(LIMIT * 1.5)
        with pytest.raises(ChatTimeout) as caught:
            list(stream)
    assert (caught.value.phase, caught.value.answer.text) == ("total", "Hel")


def test_a_finished_answer_has_no_deadline(plain):
    """After the end nothing runs out any more, and the connection can be used."""
    with plain.client(timeout=Timeout(total=LIMIT)) as client:
        sound(plain, client)
        threading.Event().wait(LIMIT * 1.5)
        sound(plain, client)
        assert plain.server.connections == 1


# --- from one attempt to the next ----------------------------------------------------------------


def test_each_attempt_has_its_own_first_event(plain):
    """The wait that the backend asked for is not silence of the backend's."""
    plain.server.busy(headers={"retry-after-ms": str(int(LIMIT * 2500))})
    plain.server.stream(HELLO)
    with plain.client(retry=Retry(), timeout=Timeout(first_event=LIMIT * 2)) as client:
        stream = client.send({})
        assert stream.result().text == "Hello"
        assert stream.attempts == 2


def test_a_redirect_has_its_own_connect(plain):
    """The limit for connecting ends when the second request is written, too."""
    plain.server.redirect("/new", path="/v1/chat/completions")
    script = plain.server.stream(path="/new", hold_head=True)
    timer = threading.Timer(LIMIT * 2, lambda: [script.push(piece) for piece in HELLO])
    with plain.client(follow_redirects=True, timeout=Timeout(connect=LIMIT)) as client:
        timer.start()
        assert client.send({}).result().text == "Hello"
    timer.join()


# --- values --------------------------------------------------------------------------------------


def test_a_plain_number():
    """n seconds: connect at most 10, first_event and idle n, no total. None: no limit at all."""
    assert Timeout.of(3) == Timeout(connect=3, first_event=3, idle=3, total=None)
    assert Timeout.of(60.5) == Timeout(connect=10, first_event=60.5, idle=60.5)
    assert Timeout.of(None) == Timeout(None, None, None, None, None)
    given = Timeout(idle=1)
    assert Timeout.of(given) is given
    assert Timeout() == Timeout(connect=10, first_event=300, idle=120, total=None, progress=600)
    assert Timeout.of(900).progress == 900


@pytest.mark.parametrize("number", [LIMIT, Timeout.of(LIMIT)])
def test_a_plain_number_is_taken_by_the_client(plain, number):
    """`timeout=0.2` limits the silence before the first event and after it."""
    plain.server.silent()
    script = plain.server.silent(head=True, body=EVENT)
    with plain.client(timeout=number) as client:
        with timed_out("first_event"):
            client.send({})
        stream = client.send({})
        next(stream)
        with timed_out("idle", "Hi"):
            next(stream)
    script.wait_for_disconnect()


@pytest.mark.parametrize("wrong", ["1", True, [1], 0, -1, math.nan, math.inf, (1, 2)])
def test_what_is_no_time(wrong):
    """The complaint comes before anything is sent."""
    with pytest.raises((TypeError, ValueError), match="seconds"):
        ChatClient("http://127.0.0.1:1/", timeout=wrong)
    for phase in ("connect", "first_event", "idle", "total"):
        with pytest.raises((TypeError, ValueError), match=phase):
            Timeout(**{phase: wrong})


def test_no_thread_for_the_deadlines(plain, monkeypatch, caplog):
    """The request continues, the log names the weaker limits, and the next one tries again."""
    monkeypatch.setattr(deadlines, "_watcher", deadlines.Watcher())
    with plain.client(timeout=PATIENCE) as client:
        with monkeypatch.context() as patch, caplog.at_level("DEBUG", logger="chatsdk"):
            patch.setattr(threading.Thread, "start", no_thread)
            sound(plain, client)
        assert "Timeout.connect cannot end" in caplog.text
        sound(plain, client)
    plain.server.drip(interval=LIMIT / 10, part="head")
    with plain.client(timeout=Timeout(total=LIMIT)) as client, timed_out("total"):
        client.send({})


def test_a_server_that_answers_in_time(way):
    """Limits that are not reached change nothing."""
    with way.client(timeout=Timeout(PATIENCE, PATIENCE, PATIENCE, PATIENCE)) as client:
        for _ in range(3):
            sound(way, client)
        assert way.server.connections == 1


def test_many_deadlines_at_once():
    """Each of many streams ends at its own time."""
    with ChatServer() as server:
        server.silent(repeat=True)
        ended: dict[float, float] = {}

        def run(limit: float) -> None:
            begun = time.monotonic()
            with ChatClient(server.url, timeout=Timeout(total=limit)) as client:
                with pytest.raises(ChatTimeout):
                    client.send({})
            ended[limit] = time.monotonic() - begun

        limits = [LIMIT * (1 + number / 8) for number in range(16)]
        threads = [threading.Thread(target=run, args=(limit,)) for limit in limits[::-1]]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        assert sorted(ended) == limits
        for limit, took in ended.items():
            assert limit * 0.9 < took < limit + LATE
