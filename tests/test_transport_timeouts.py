"""Timeouts: each phase has its own, and the total holds against everything."""

from __future__ import annotations

import threading
import time

import pytest

from chatsdk import ChatClient, ChatTimeout, HTTPStatusError, Retry, Timeout
from chatsdk.testing import ChatServer, ProxyServer, UnansweredPort

CHUNK = b'data: {"choices":[{"delta":{"content":"Hi"}}]}\n\n'
DONE = b"data: [DONE]\n\n"
ONCE = Retry(attempts=1)

# A machine that is busy may be late by this many seconds; a timeout that does not hold is later.
GRACE = 8.0


@pytest.fixture
def server():
    with ChatServer() as server:
        yield server


def phase_of(url, timeout, **options):
    """Which phase takes too long, and the error itself."""
    began = time.monotonic()
    with ChatClient(url, dialect="openai", retry=ONCE, timeout=timeout, **options) as client:
        with pytest.raises(ChatTimeout) as caught:
            client.send({}).result()
    assert time.monotonic() - began < GRACE
    assert caught.value.answer is not None
    return caught.value.phase, caught.value


def test_connecting_has_its_own_limit():
    """A port that does not answer is given up after `connect` seconds."""
    with UnansweredPort() as port:
        assert phase_of(port.url, Timeout(connect=0.2))[0] == "connect"


def test_a_tls_handshake_counts_as_connecting():
    """A handshake that never ends is given up after `connect` seconds."""
    with ChatServer(tls=True) as server:
        server.break_connection("half-handshake")
        assert phase_of(server.url, Timeout(connect=0.2), verify=False)[0] == "connect"


def test_a_proxy_that_does_not_answer_counts_as_connecting():
    """Neither the way to the proxy nor its silence takes longer than `connect`."""
    with UnansweredPort() as port:
        proxies = {"http": port.url, "https": port.url}
        for url in ("http://backend.test/", "https://backend.test/"):
            assert phase_of(url, Timeout(connect=0.2), proxies=proxies)[0] == "connect"
    with ProxyServer() as proxy:
        proxy.silent(method="CONNECT")
        proxies = {"https": proxy.url}
        assert phase_of("https://x.test/", Timeout(connect=0.2), proxies=proxies)[0] == "connect"


@pytest.mark.parametrize("what", ["silence", "head only", "comments", "dripping head", "continue"])
def test_the_first_event_has_its_own_limit(server, what):
    """Silence, comments, dripping headers and floods of 100 Continue are no event."""
    if what == "silence":
        server.silent()
    elif what == "head only":
        server.stream()
    elif what == "comments":
        server.flood("comments", size=10_000, interval=0.05)
    elif what == "dripping head":
        server.drip(part="head", interval=0.05)
    else:
        server.flood("continue", size=10_000, interval=0.05)
    assert phase_of(server.url, Timeout(first_event=0.3))[0] == "first_event"


def test_silence_after_the_first_event_is_idle(server):
    """The partial answer comes with the error."""
    server.stream().push(CHUNK)
    phase, error = phase_of(server.url, Timeout(idle=0.2))
    assert (phase, error.answer.text) == ("idle", "Hi")


def test_a_long_first_wait_does_not_count_as_idle(server):
    """Until the first event only `first_event` counts."""
    script = server.stream()
    client = ChatClient(server.url, dialect="openai", timeout=Timeout(idle=0.05))
    with client:
        stream = client.send({})
        pushing = threading.Timer(0.4, lambda: (script.push(CHUNK + DONE), script.finish()))
        pushing.start()
        assert stream.result().text == "Hi"
        pushing.join()


def test_a_comment_is_a_sign_of_life(server):
    """Comments keep a silent backend from being given up as idle."""
    comments = [b": still here\n\n"] * 12
    script = server.stream()
    script.push(CHUNK)
    with ChatClient(server.url, dialect="openai", timeout=Timeout(idle=0.5)) as client:
        stream = client.send({})
        next(stream)
        ticking = threading.Event()
        began = time.monotonic()

        def tick():
            for comment in comments:
                ticking.wait(0.1)
                script.push(comment)
            script.push(DONE)
            script.finish()

        ticker = threading.Thread(target=tick)
        ticker.start()
        stream.result()
        ticker.join()
    assert time.monotonic() - began > 0.5
    assert stream.outcome.end == "marker"


@pytest.mark.parametrize(
    "what",
    ["silence", "dripping head", "dripping body", "continue", "pings", "error body", "handshake"],
)
def test_the_total_holds_against_everything(what):
    """Whatever keeps coming, after `total` seconds it is over."""
    with ChatServer(tls=what == "handshake") as server:
        if what == "silence":
            server.silent()
        elif what == "dripping head":
            server.drip(part="head", interval=0.05)
        elif what == "dripping body":
            server.drip(CHUNK * 50, interval=0.02)
        elif what == "continue":
            server.flood("continue", size=100_000, interval=0.02)
        elif what == "pings":
            server.flood("comments", size=100_000, interval=0.02)
        elif what == "error body":
            server.error_body(100_000, interval=0.02)
        else:
            server.break_connection("half-handshake")
        phase, _ = phase_of(server.url, Timeout(total=0.4), verify=False)
    assert phase == "total"


def test_the_total_leaves_the_partial_answer(server):
    """What had come before the deadline is on the error."""
    server.stream().push(CHUNK)
    phase, error = phase_of(server.url, Timeout(total=0.3))
    assert (phase, error.answer.text) == ("total", "Hi")


def test_a_dripping_error_body_is_given_up_and_the_status_kept(server):
    """Without a total, the status of a dripping error comes with what had come of its body."""
    server.error_body(100_000, interval=0.05)
    began = time.monotonic()
    with ChatClient(server.url, retry=ONCE) as client, pytest.raises(HTTPStatusError) as caught:
        client.send({})
    assert caught.value.status == 500
    assert time.monotonic() - began < 20


def test_a_plain_number_limits_each_wait(server):
    """`timeout=0.2` gives up on the first event and on silence."""
    server.silent()
    assert phase_of(server.url, 0.2)[0] == "first_event"
    server.stream().push(CHUNK)
    assert phase_of(server.url, 0.2)[0] == "idle"


def test_none_waits(server):
    """With no limit at all the answer may take its time."""
    script = server.stream()
    with ChatClient(server.url, dialect="openai", timeout=None) as client:
        stream = client.send({})
        script.push(CHUNK + DONE)
        script.finish()
        assert stream.result().text == "Hi"


def test_one_helper_thread_watches_all_streams(server):
    """Thirty streams with deadlines have one thread for them, which ends with the last one."""
    scripts = [server.stream() for _ in range(30)]
    with ChatClient(server.url, dialect="openai", timeout=Timeout(total=60)) as client:
        streams = [client.send({}) for _ in scripts]
        watchers = [t for t in threading.enumerate() if t.name == "chatsdk-deadlines"]
        assert len(watchers) == 1
        assert watchers[0].daemon
        for stream in streams:
            stream.close()
    watchers[0].join(GRACE)
    assert not watchers[0].is_alive()


def test_the_next_request_is_sound_after_a_timeout(server):
    """A timeout closes its own connection and nothing else."""
    with ChatClient(server.url, dialect="openai", retry=ONCE, timeout=0.2) as client:
        server.silent()
        with pytest.raises(ChatTimeout):
            client.send({})
        server.stream([CHUNK, DONE])
        assert client.send({}).result().text == "Hi"
