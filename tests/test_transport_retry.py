"""Retry: only what surely was not taken is sent again, and never for ever."""

from __future__ import annotations

import email.utils
import logging
import threading
import time

import pytest

from chatsdk import (
    Cancel,
    ChatClient,
    ChatError,
    ChatTimeout,
    ConnectError,
    HTTPStatusError,
    Retry,
    StreamInterrupted,
    Timeout,
)
from chatsdk.testing import ChatServer, ProxyServer, RefusingPort, UnansweredPort
from chatsdk.transport.retrying import retry_after

CHUNK = b'data: {"choices":[{"delta":{"content":"Hi"}}]}\n\n'
HELLO = [CHUNK, b"data: [DONE]\n\n"]
AT_ONCE = Retry(attempts=3, backoff=0)


@pytest.fixture
def server():
    with ChatServer() as server:
        yield server


def counted(caplog):
    return sum("sending again" in record.message for record in caplog.records)


@pytest.mark.parametrize("status", [429, 503])
def test_what_the_backend_refuses_for_now_is_sent_again(server, status, caplog):
    """After "not now" the request is repeated, counted and logged."""
    caplog.set_level(logging.INFO, logger="chatsdk")
    server.reply(status, json={"error": {"message": "busy"}})
    server.stream(HELLO)
    with ChatClient(server.url, dialect="openai", retry=AT_ONCE) as client:
        stream = client.send({"n": 1})
        assert stream.result().text == "Hi"
    assert (stream.attempts, len(server.requests), counted(caplog)) == (2, 2, 1)


def test_attempts_are_the_most_there_are(server):
    """After the last attempt the backend's refusal is raised."""
    server.reply(503, body="busy", repeat=True)
    with ChatClient(server.url, retry=AT_ONCE) as client, pytest.raises(HTTPStatusError):
        client.send({})
    assert len(server.requests) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 409, 422, 500, 502, 504, 529])
def test_other_refusals_are_final(server, status):
    """Whatever may have been taken, or will never be, is not sent again."""
    server.reply(status, body="no", repeat=True)
    with ChatClient(server.url, retry=AT_ONCE) as client, pytest.raises(HTTPStatusError):
        client.send({})
    assert len(server.requests) == 1


@pytest.mark.parametrize("reset", [False, True])
def test_a_request_that_got_no_answer_is_never_sent_again(server, reset):
    """It was written, so the backend may have taken it."""
    server.drop(reset=reset, repeat=True)
    with ChatClient(server.url, retry=AT_ONCE) as client:
        with pytest.raises(StreamInterrupted, match="not sent again"):
            client.send({})
    assert len(server.requests) == 1


def test_a_request_that_waits_too_long_is_never_sent_again(server):
    """Silence until the first event is no reason to repeat."""
    server.silent(repeat=True)
    timeout = Timeout(first_event=0.2)
    with ChatClient(server.url, retry=AT_ONCE, timeout=timeout) as client:
        with pytest.raises(ChatTimeout) as caught:
            client.send({})
    assert (caught.value.phase, len(server.requests)) == ("first_event", 1)


def test_an_answer_that_breaks_off_is_never_sent_again(server):
    """Once there was a 200, nothing is repeated."""
    server.stream([CHUNK], repeat=True)
    retry = Retry(attempts=3, backoff=0, idempotency_key="key-1")
    with ChatClient(server.url, dialect="openai", retry=retry) as client:
        with pytest.raises(StreamInterrupted):
            client.send({}).result()
    assert len(server.requests) == 1


def test_a_refused_connection_is_tried_again(caplog):
    """Nothing was sent, so it may be tried as often as allowed."""
    caplog.set_level(logging.INFO, logger="chatsdk")
    with RefusingPort() as port, ChatClient(port.url, retry=AT_ONCE) as client:
        with pytest.raises(ConnectError):
            client.send({})
    assert counted(caplog) == 2


def test_an_unknown_host_is_tried_again(caplog):
    """A name that is not found is no connection."""
    caplog.set_level(logging.INFO, logger="chatsdk")
    with ChatClient("http://no-such-host.invalid/", retry=AT_ONCE) as client:
        with pytest.raises(ConnectError, match="name"):
            client.send({})
    assert counted(caplog) == 2


def test_a_connection_that_takes_too_long_is_tried_again(caplog):
    """A connect timeout has sent nothing."""
    caplog.set_level(logging.INFO, logger="chatsdk")
    timeout = Timeout(connect=0.1)
    with UnansweredPort() as port, ChatClient(port.url, retry=AT_ONCE, timeout=timeout) as client:
        with pytest.raises(ChatTimeout) as caught:
            client.send({})
    assert (caught.value.phase, counted(caplog)) == ("connect", 2)


def test_a_certificate_that_is_not_trusted_is_tried_again(caplog):
    """A TLS handshake that fails has sent nothing."""
    caplog.set_level(logging.INFO, logger="chatsdk")
    with ChatServer(tls=True) as server, ChatClient(server.url, retry=AT_ONCE) as client:
        with pytest.raises(ConnectError, match="not trusted"):
            client.send({})
    assert counted(caplog) == 2
    assert server.requests == []


def test_a_proxy_that_refuses_the_tunnel_is_tried_again(caplog):
    """What the proxy did not let through has not reached the backend."""
    caplog.set_level(logging.INFO, logger="chatsdk")
    with ProxyServer() as proxy:
        proxy.reply(403, body="no", method="CONNECT", repeat=True)
        proxies = {"https": proxy.url}
        with ChatClient("https://backend.test/", retry=AT_ONCE, proxies=proxies) as client:
            with pytest.raises(ConnectError):
                client.send({})
    assert counted(caplog) == 2


@pytest.mark.parametrize("status", [500, 502, 504])
def test_an_idempotency_key_allows_more(server, status):
    """With a key, sent along each time, failures of the server are repeated too."""
    server.reply(status, body="oops")
    server.stream(HELLO)
    with ChatClient(server.url, dialect="openai", retry=AT_ONCE) as client:
        assert client.send({}, idempotency_key="key-1").result().text == "Hi"
    assert [request.headers["idempotency-key"] for request in server.requests] == ["key-1"] * 2


def test_with_a_key_a_request_without_an_answer_is_sent_again(server):
    """The backend can tell a repetition by the key."""
    server.drop()
    server.stream(HELLO)
    retry = Retry(attempts=2, backoff=0, idempotency_key="key-2")
    with ChatClient(server.url, dialect="openai", retry=retry) as client:
        assert client.send({}).result().text == "Hi"
    assert [request.headers["idempotency-key"] for request in server.requests] == ["key-2"] * 2


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 0 "}, 0.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({"retry-after": email.utils.formatdate(1_000_005, usegmt=True)}, 5.0),
        ({"retry-after": email.utils.formatdate(999_000, usegmt=True)}, 0.0),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "later"}, None),
        ({"retry-after": "Mon, 99 Foo 9999 99:99:99 GMT"}, None),
        ({}, None),
    ],
)
def test_retry_after_in_all_its_forms(headers, seconds):
    """Seconds, milliseconds and dates are read; nonsense is none."""
    assert retry_after(headers, now=1_000_000.0) == seconds


def test_the_wait_that_the_backend_asks_for_is_kept(server):
    """The repetition comes no sooner than `retry-after-ms` says."""
    server.reply(429, headers=[("retry-after-ms", "200")])
    server.stream(HELLO)
    with ChatClient(server.url, dialect="openai", retry=AT_ONCE) as client:
        client.send({}).result()
    first, second = server.requests
    assert second.at - first.at >= 0.2


def test_a_wait_beyond_the_cap_is_an_error_at_once(server):
    """The error says how long the backend wants; nobody sleeps for minutes."""
    server.reply(429, headers=[("Retry-After", "31")])
    began = time.monotonic()
    with ChatClient(server.url, retry=AT_ONCE) as client:
        with pytest.raises(HTTPStatusError) as caught:
            client.send({})
    assert caught.value.retry_after == 31.0
    assert time.monotonic() - began < 10
    assert len(server.requests) == 1


def test_stop_ends_a_wait(server):
    """A cancel during the wait for the next attempt ends `send` at once."""
    server.reply(429, headers=[("Retry-After", "25")])
    cancel = Cancel()
    setter = threading.Thread(target=lambda: (server.wait_for_request(), cancel.set()))
    began = time.monotonic()
    with ChatClient(server.url, retry=AT_ONCE) as client:
        setter.start()
        stream = client.send({}, cancel=cancel)
    setter.join()
    assert stream.outcome.reason == "stopped"
    assert time.monotonic() - began < 15
    assert len(server.requests) == 1


def test_the_total_time_holds_over_all_attempts(server):
    """Waits and repetitions count against `Timeout.total`."""
    server.reply(429, headers=[("Retry-After", "20")], repeat=True)
    began = time.monotonic()
    with ChatClient(server.url, retry=AT_ONCE, timeout=Timeout(total=0.3)) as client:
        with pytest.raises(ChatTimeout) as caught:
            client.send({})
    assert caught.value.phase == "total"
    assert time.monotonic() - began < 10


def test_a_token_that_stays_wrong_is_asked_for_once_more(server):
    """A callable is asked again after a 401, but only once."""
    server.reply(401, body="no", repeat=True)
    asked = []
    with ChatClient(server.url, token=lambda: asked.append(1) or "t-1234") as client:
        with pytest.raises(HTTPStatusError):
            client.send({})
    assert (len(asked), len(server.requests)) == (2, 2)


def test_one_attempt_is_never_repeated(server):
    """`Retry(attempts=1)` sends once."""
    server.reply(503, body="busy", repeat=True)
    with ChatClient(server.url, retry=Retry(attempts=1)) as client, pytest.raises(ChatError):
        client.send({})
    assert len(server.requests) == 1
