"""The requests that are sent again, counted at the server."""

from __future__ import annotations

import contextlib
import email.utils
import json
import logging
import math
import socket
import subprocess
import sys
import time

import pytest
import requests
import urllib3
from provoking import CHUNK, HELLO, PATIENCE, opened_way

from chatsdk import (
    ChatClient,
    ChatError,
    ChatTimeout,
    ConnectError,
    HTTPStatusError,
    Retry,
    StreamInterrupted,
    Timeout,
)
from chatsdk.testing import Authority, ChatServer, RefusingPort
from chatsdk.testing.steps import Cut, Pause, SendRaw
from chatsdk.transport.retry import retry_after, wait_before

AGAIN = Retry(attempts=3, backoff=0)
KEYED = Retry(attempts=3, backoff=0, idempotency_key="key-1")


@pytest.fixture(scope="module")
def authority():
    authority = Authority()
    yield authority
    authority.close()


@pytest.fixture
def server():
    with ChatServer() as server:
        yield server


@pytest.fixture
def client(server):
    with ChatClient(server.url, dialect="openai", retry=AGAIN) as client:
        yield client


def answered(server, client, attempts: int, **options) -> None:
    """The next request succeeds, at this attempt."""
    server.stream(HELLO)
    stream = client.send({}, **options)
    assert stream.result().text == "Hello"
    assert stream.attempts == attempts


def refused(client, **options) -> ChatError:
    with pytest.raises(ChatError) as caught:
        client.send({}, **options).result()
    return caught.value


# --- what surely did not reach the backend -------------------------------------------------------


@contextlib.contextmanager
def at_the_first_retry(act):
    """Do something between the first attempt and the second."""
    handler = logging.Handler()
    done = []

    def emit(record) -> None:
        if not done:
            done.append(record)
            act()

    handler.emit = emit
    logger = logging.getLogger("chatsdk")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel("INFO")
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def test_refused(caplog):
    """A connection that was refused; meanwhile the server has come up."""
    with contextlib.ExitStack() as stack, RefusingPort() as port:

        def come_up() -> None:
            port.close()
            servers.append(stack.enter_context(ChatServer(port=port.port)))
            servers[0].stream(HELLO)

        servers: list[ChatServer] = []
        with ChatClient(port.url, dialect="openai", retry=AGAIN) as client:
            with at_the_first_retry(come_up):
                stream = client.send({})
            assert (stream.result().text, stream.attempts) == ("Hello", 2)
        assert len(servers[0].requests) == 1


def test_refused_for_good(caplog):
    """After the last attempt the error comes, and each retry was logged."""
    with RefusingPort() as port, caplog.at_level("INFO", "chatsdk"):
        with ChatClient(port.url, retry=AGAIN) as client:
            assert isinstance(refused(client), ConnectError)
        assert len(caplog.records) == 2
        caplog.clear()
        with ChatClient(port.url, retry=Retry(attempts=1)) as client:
            assert isinstance(refused(client), ConnectError)
        assert caplog.records == []


def test_an_unknown_name(server, monkeypatch):
    """A name that could not be resolved for a moment."""
    real, calls = socket.getaddrinfo, []

    def getaddrinfo(*args, **kwargs):
        calls.append(args)
        if len(calls) == 1:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return real(*args, **kwargs)

    with ChatClient(server.url, dialect="openai", retry=AGAIN) as client:
        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        answered(server, client, 2)
    assert len(server.requests) == 1


@pytest.mark.parametrize("name", ["tls", "tunnel"])
@pytest.mark.parametrize("how", ["close", "reset", "not-tls", "silent"])
def test_a_failed_handshake(name, how, authority):
    """TLS did not come about, or not in time."""
    with opened_way(name, authority) as way:
        with way.client(retry=AGAIN, timeout=Timeout(connect=0.5)) as client:
            way.server.break_connection(how)
            answered(way.server, client, 2)
        assert len(way.server.requests) == 1


def test_the_last_of_several_connect_timeouts(authority):
    """The error names its limit."""
    with opened_way("tls", authority) as way:
        with way.client(retry=Retry(attempts=2, backoff=0), timeout=Timeout(connect=0.1)) as client:
            way.server.break_connection("silent")
            way.server.break_connection("silent")
            error = refused(client)
        assert isinstance(error, ChatTimeout)
        assert error.phase == "connect"
        assert way.server.connections == 2


@pytest.mark.parametrize("status", [403, 407, 502, 503])
def test_a_proxy_that_refuses(authority, status):
    """A proxy that opens no tunnel has passed nothing on."""
    with opened_way("tunnel", authority) as way, way.client(retry=AGAIN) as client:
        way.proxy.reply(status, method="CONNECT")
        answered(way.server, client, 2)
        assert len(way.server.requests) == 1


def test_a_proxy_that_hangs_up(authority):
    """Nor has one that hangs up instead of opening a tunnel."""
    with opened_way("tunnel", authority) as way, way.client(retry=AGAIN) as client:
        way.proxy.drop(method="CONNECT")
        answered(way.server, client, 2)
        assert len(way.server.requests) == 1


# --- what the backend refused for now ------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Retry-After": "0"},
        {"Retry-After": "0.05"},
        {"retry-after-ms": "50"},
        {"retry-after-ms": "50", "Retry-After": "3600"},
        {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"},
        {"Retry-After": "soon"},
    ],
    ids=str,
)
def test_not_now(server, client, status, headers):
    """429 and 503 are sent again, at the time that the backend requests."""
    server.busy(status=status, headers=headers)
    begun = time.monotonic()
    answered(server, client, 2)
    if "0.05" in headers.values() or "50" in headers.values():
        assert time.monotonic() - begun >= 0.05
    assert len(server.requests) == 2
    assert server.connections == 1


def test_a_date_to_wait_for(server, client):
    """An HTTP date is when, in whole seconds."""
    when = time.time() + 1.2
    server.busy(headers={"Retry-After": email.utils.formatdate(when, usegmt=True)})
    answered(server, client, 2)
    assert time.time() >= int(when)


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "31"},
        {"retry-after-ms": "31000"},
        {"Retry-After": email.utils.formatdate(time.time() + 3600, usegmt=True)},
        {"Retry-After": "9" * 300},
    ],
    # Not the headers themselves: each worker would see another date.
    ids=["seconds", "milliseconds", "date", "digits"],
)
def test_too_long_a_wait(server, client, headers):
    """Beyond the cap the error comes at once, with the time to wait."""
    server.busy(headers=headers)
    begun = time.monotonic()
    error = refused(client)
    assert time.monotonic() - begun < PATIENCE
    assert isinstance(error, HTTPStatusError)
    assert error.retry_after > 30
    assert len(server.requests) == 1


def test_not_now_for_good(server, client):
    """After the last attempt it is the status that is raised."""
    server.busy(0, repeat=True)
    error = refused(client)
    assert isinstance(error, HTTPStatusError)
    assert (error.status, error.message) == (503, "busy, try again later")
    assert error.retry_after == 0
    assert len(server.requests) == 3


def test_a_server_that_goes_away(server):
    """Each attempt is judged by itself: the second one did not connect."""
    server.busy(0, headers={"Connection": "close"})
    retry = Retry(attempts=2, backoff=0)
    with ChatClient(server.url, retry=retry) as client, at_the_first_retry(server.close):
        assert isinstance(refused(client), ConnectError)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 409, 422, 500, 502, 504, 529])
def test_other_refusals(server, client, status):
    """Any other status is raised at once."""
    server.reply(status, headers={"Retry-After": "0"})
    error = refused(client)
    assert (error.status, error.retry_after) == (status, 0)
    assert len(server.requests) == 1


def test_statuses_of_ones_own(server):
    """A caller who knows the backend may name other statuses."""
    retry = Retry(attempts=2, backoff=0, statuses={529})
    with ChatClient(server.url, dialect="openai", retry=retry) as client:
        server.reply(529)
        answered(server, client, 2)
        server.reply(503)
        assert refused(client).status == 503


# --- what may have reached the backend -----------------------------------------------------------

UNANSWERED = {
    "hung up": lambda server: server.drop(),
    "reset": lambda server: server.drop(reset=True),
    "cut in the status line": lambda server: server.cut_head(9),
    "cut in the head": lambda server: server.cut_head(40),
    "nonsense": lambda server: server.raw(b"nonsense\r\n\r\n"),
    "an interim answer only": lambda server: server.raw(b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@pytest.mark.parametrize("what", UNANSWERED)
@pytest.mark.parametrize("reused", [False, True])
def test_written_and_not_answered(server, client, what, reused):
    """It may have been billed: never again, not even on a connection that was kept alive."""
    if reused:
        answered(server, client, 1)
    UNANSWERED[what](server)
    before = len(server.requests)
    assert not isinstance(refused(client), ConnectError)
    assert len(server.requests) == before + 1
    answered(server, client, 1)


def test_written_and_silent(server):
    """Nor after a timeout."""
    server.silent()
    with ChatClient(server.url, retry=AGAIN, timeout=0.2) as client:
        error = refused(client)
    assert error.phase == "first_event"
    assert len(server.requests) == 1


STARTED = {
    "cut": lambda server: server.cut_after(60, b"".join(HELLO)),
    "reset": lambda server: server.cut_after(60, b"".join(HELLO), how="reset"),
    "empty": lambda server: server.stream([]),
    "a page": lambda server: server.reply(body="<html>", content_type="text/html"),
    "a refusal": lambda server: server.reply(json={"code": 503, "message": "try again"}),
    "an error inside": lambda server: server.stream(
        [CHUNK % b"Hi", b'data: {"error": {"message": "overloaded", "code": 503}}\n\n']
    ),
    "no content": lambda server: server.reply(204, headers={"Retry-After": "0"}),
}


@pytest.mark.parametrize("what", STARTED)
@pytest.mark.parametrize("retry", [AGAIN, KEYED], ids=["plain", "keyed"])
def test_after_a_200(server, what, retry):
    """Once there was a success nothing is sent again, key or no key."""
    STARTED[what](server)
    with ChatClient(server.url, dialect="openai", retry=retry) as client:
        refused(client)
    assert len(server.requests) == 1


@pytest.mark.parametrize("name", ["plain", "tls", "forward", "tunnel"])
def test_a_stale_connection(name, authority):
    """A kept-alive connection that has ended meanwhile is replaced, and nothing is sent twice."""
    with opened_way(name, authority) as way, way.client(retry=Retry(attempts=1)) as client:
        for count in range(1, 4):
            answered(way.server, client, 1)
            assert len(way.server.requests) == count
            assert way.server.connections == count
            for place in (way.proxy, way.server):
                if place is not None:
                    place.drop_connections()
                    place.wait_until_no_connections()


REFUSED = {
    503: "Retry-After: 0",
    401: "WWW-Authenticate: Bearer",
    307: "Location: /again",
}


@pytest.mark.parametrize("status", REFUSED)
def test_a_server_that_refuses_and_hangs_up(server, status):
    """It gave no notice: the repetition is not written before that can be seen."""
    head = f"HTTP/1.1 {status} No\r\n{REFUSED[status]}\r\nContent-Length: 0\r\n\r\n"
    options = {"token": Tokens(), "follow_redirects": True, "retry": AGAIN}
    with ChatClient(server.url, dialect="openai", **options) as client:
        for _ in range(3):
            server.stream([SendRaw(head), Pause(0.004), Cut()], hold_head=True)
            server.stream(HELLO)
            assert client.send({}).result().text == "Hello"
    assert len(server.requests) == 6


# --- a token that has expired --------------------------------------------------------------------


class Tokens:
    """A token function that counts how often it was asked."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> str:
        self.count += 1
        return f"token-{self.count}"


@pytest.mark.parametrize("attempts", [1, 3])
def test_a_token_is_renewed_once(server, attempts):
    """After a 401 the function is asked once more; the second 401 is raised."""
    tokens = Tokens()
    retry = Retry(attempts=attempts, backoff=0)
    with ChatClient(server.url, dialect="openai", token=tokens, retry=retry) as client:
        server.reply(401)
        answered(server, client, 2)
        assert server.connections == 1
        server.reply(401, repeat=True)
        assert refused(client).status == 401
    sent = [request.headers["authorization"] for request in server.requests]
    assert sent == [f"Bearer token-{number}" for number in (1, 2, 3, 4)]


def test_a_renewed_token_leaves_the_retries(server):
    """A temporary refusal after that is still sent again."""
    tokens = Tokens()
    retry = Retry(attempts=2, backoff=0)
    with ChatClient(server.url, dialect="openai", token=tokens, retry=retry) as client:
        server.reply(401)
        server.busy(0)
        answered(server, client, 3)
    assert tokens.count == 2


def test_a_token_that_is_a_string(server):
    """It cannot be renewed."""
    server.reply(401, repeat=True)
    with ChatClient(server.url, dialect="openai", token="token", retry=AGAIN) as client:
        assert refused(client).status == 401
    assert len(server.requests) == 1


# --- an idempotency key --------------------------------------------------------------------------


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504])
def test_a_key_allows_more(server, status):
    """With a key the backend recognises a repetition, and gets the same one each time."""
    server.reply(status)
    server.reply(status)
    with ChatClient(server.url, dialect="openai", retry=KEYED) as client:
        answered(server, client, 3)
    keys = [request.headers["idempotency-key"] for request in server.requests]
    assert keys == ["key-1"] * 3


@pytest.mark.parametrize("what", ["hung up", "reset", "cut in the head"])
def test_a_key_allows_what_was_not_answered(server, what):
    """A connection that broke before any response."""
    UNANSWERED[what](server)
    with ChatClient(server.url, dialect="openai", retry=KEYED) as client:
        if what == "cut in the head":
            refused(client)
        else:
            answered(server, client, 2)
    assert {request.headers["idempotency-key"] for request in server.requests} == {"key-1"}


def test_a_key_of_one_send(server):
    """A key given to `send` or `ask` goes before that of `Retry`."""
    with ChatClient(server.url, dialect="openai", retry=KEYED) as client:
        answered(server, client, 1, idempotency_key="key-2")
        server.stream(HELLO)
        client.ask("Hi", idempotency_key="key-3").result()
        answered(server, client, 1)
    keys = [request.headers["idempotency-key"] for request in server.requests]
    assert keys == ["key-2", "key-3", "key-1"]
    assert "idempotency_key" not in server.requests[1].json


def test_a_key_from_a_function(server):
    """It is asked once a send: retries have the same key, the next request another."""
    keys = iter(["a", "b"])
    retry = Retry(attempts=2, backoff=0, idempotency_key=lambda: next(keys))
    with ChatClient(server.url, dialect="openai", retry=retry) as client:
        server.reply(500)
        answered(server, client, 2)
        answered(server, client, 1)
    assert [request.headers["idempotency-key"] for request in server.requests] == ["a", "a", "b"]


def test_no_key_is_sent_unasked(server, client):
    """By default there is no such header."""
    answered(server, client, 1)
    assert "idempotency-key" not in server.requests[0].headers


@pytest.mark.parametrize("key", ["", "a\nb", "a\0b", "“x”", 7, b"x", " x"])
def test_a_key_that_cannot_be_sent(server, client, key):
    """The complaint comes before anything is sent."""
    with pytest.raises((TypeError, ValueError), match="idempotency"):
        client.send({}, idempotency_key=key)
    retry = Retry(idempotency_key=lambda: key)
    with ChatClient(server.url, retry=retry) as other:
        with pytest.raises((TypeError, ValueError), match="idempotency"):
            other.send({})
    assert server.connections == 0


# --- how long, and how it shows ------------------------------------------------------------------


def test_the_waits_grow_and_are_jittered():
    """Each is between half of and the whole of twice the one before, up to the cap."""
    retry = Retry(attempts=10**6, backoff=0.5, max_wait=30)
    error = ConnectError("x")
    for attempt, longest in ((1, 0.5), (2, 1), (3, 2), (7, 30), (5000, 30)):
        waits = {wait_before(retry, error, attempt, keyed=False, written=False) for _ in range(200)}
        assert longest / 2 <= min(waits) <= max(waits) <= longest
        assert len(waits) > 100


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": " 7 "}, 7),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "nonsense", "retry-after": "7"}, 7),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:10 GMT"}, 9),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "Thu, 99 Foo 9999 99:99:99 GMT"}, None),
        ({"retry-after": "9" * 5000}, None),
        ({}, None),
    ],
    ids=str,
)
def test_how_long_the_backend_asks_to_wait(headers, seconds):
    """Seconds, milliseconds or a date; what cannot be read is no wait."""
    assert retry_after(headers, now=1.0) == seconds


def test_each_retry_is_logged_and_nothing_else(server, client, caplog):
    """One line at INFO under `chatsdk` names the failure and the time of the retry."""
    with caplog.at_level("INFO", "chatsdk"):
        answered(server, client, 1)
        assert caplog.records == []
        server.busy(0)
        answered(server, client, 2)
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("chatsdk", "INFO")
    assert record.getMessage() == "attempt 1 failed with HTTP 503; sending again in 0.0 s"


def test_nothing_is_printed_by_default(server):
    """A program that does not set up logging sees no word of it."""
    server.busy(0)
    server.stream(HELLO)
    code = f"""
from chatsdk import ChatClient
print(ChatClient({server.url!r}, dialect="openai").send({{}}).result().text)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert (done.stdout, done.stderr) == ("Hello\n", "")


@pytest.mark.parametrize(
    "wrong",
    [
        {"attempts": 0},
        {"attempts": 1.5},
        {"attempts": True},
        {"backoff": -1},
        {"backoff": "1"},
        {"max_wait": math.nan},
        {"statuses": 429},
        {"statuses": {200}},
        {"statuses": {"429"}},
        {"statuses": "429"},
        {"idempotency_key": ""},
        {"idempotency_key": 7},
    ],
    ids=str,
)
def test_a_retry_that_cannot_be(wrong):
    """The complaint comes when it is made, and names the option."""
    (name,) = wrong
    with pytest.raises((TypeError, ValueError), match=name):
        Retry(**wrong)


def test_a_stream_is_told_from_an_interruption():
    """`StreamInterrupted` before the head mentions that it was not sent again."""
    with ChatServer() as server, ChatClient(server.url, retry=AGAIN) as client:
        server.drop()
        error = refused(client)
    assert type(error) is StreamInterrupted
    assert "not sent again" in str(error)


# --- a session that sends again by itself --------------------------------------------------------


class OwnPool(urllib3.HTTPConnectionPool):
    """A custom class of pools."""


class OwnAdapter(requests.adapters.HTTPAdapter):
    """An adapter that brings its own pools."""

    def init_poolmanager(self, *args, **kwargs):
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": OwnPool}


@pytest.mark.parametrize("kind", [requests.adapters.HTTPAdapter, OwnAdapter])
@pytest.mark.parametrize("methods", [None, ["POST"]])
def test_an_adapter_does_not_send_again(server, kind, methods):
    """An adapter's max_retries do not repeat chatsdk's requests, but still others'."""
    again = urllib3.Retry(
        total=5, allowed_methods=methods, status_forcelist=[500], backoff_factor=0
    )
    with requests.Session() as http:
        http.mount("http://", kind(max_retries=again))
        with ChatClient(server.url, dialect="openai", http=http, retry=AGAIN) as client:
            server.drop()
            with pytest.raises(StreamInterrupted):
                client.send({})
            server.reply(500)
            with pytest.raises(HTTPStatusError):
                client.send({})
            assert len(server.requests) == 2
            server.busy(retry_after=0)
            answered(server, client, 2)
            server.reply(500)
            server.reply(200)
            assert http.post(server.url).status_code == 200
            assert len(server.requests) == 6


# --- the backend's own instructions ---------------------------------------------------------------


def refusals(server, client, status, body="", **headers):
    """The error of a refusal, and how many requests came."""
    server.reply(status, body=body, headers=headers)
    with pytest.raises(HTTPStatusError) as caught:
        client.send({})
    assert caught.value.status == status
    return caught.value, len(server.requests)


@pytest.mark.parametrize("status", [429, 503])
def test_a_backend_that_forbids_a_repetition(server, client, status):
    """``x-should-retry: false`` is heeded."""
    assert refusals(server, client, status, **{"x-should-retry": "false"})[1] == 1


def test_a_backend_that_wants_a_repetition_gets_none(server, client):
    """``x-should-retry: true`` does not widen what is sent again."""
    assert refusals(server, client, 500, **{"x-should-retry": "true"})[1] == 1


@pytest.mark.parametrize(
    "error",
    [
        {"code": "insufficient_quota", "message": "no"},
        {"type": "insufficient_quota", "message": "no"},
        {"message": "You exceeded your current quota, please check your plan."},
        {"message": "Insufficient Balance"},
        {
            "code": 429,
            "status": "RESOURCE_EXHAUSTED",
            "message": "no",
            "details": [{"violations": [{"quotaId": "GenerateRequestsPerDayPerProject"}]}],
        },
    ],
)
def test_a_quota_that_is_used_up_is_not_asked_again(server, client, error):
    """Seconds do not bring it back."""
    assert refusals(server, client, 429, json.dumps({"error": error}))[1] == 1


def test_google_says_in_the_body_how_long_to_wait(server):
    """``RetryInfo`` counts as Retry-After does; a header goes first."""
    details = [
        {"violations": [{"quotaId": "GenerateRequestsPerMinutePerProject"}]},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "0.02s"},
    ]
    message = "You exceeded your current quota, please check your plan."
    error = {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": message, "details": details}
    with ChatClient(server.url, dialect="openai", retry=Retry(attempts=2, max_wait=1)) as client:
        server.reply(429, body=json.dumps([{"error": error}]))
        answered(server, client, 2)
        details[1]["retryDelay"] = "40s"
        server.reply(429, body=json.dumps({"error": error}))
        with pytest.raises(HTTPStatusError) as caught:
            client.send({})
        assert caught.value.retry_after == 40
        server.reply(429, body=json.dumps({"error": error}), headers={"Retry-After": "50"})
        with pytest.raises(HTTPStatusError) as caught:
            client.send({})
        assert caught.value.retry_after == 50
