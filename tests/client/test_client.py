"""`ChatClient` and `AnswerStream`: the contract, on a real socket."""

from __future__ import annotations

import copy
import gc
import inspect
import json
import math
import pickle
import threading
import time
import weakref
from collections.abc import Generator

import pytest
import requests
import responses

from chatsdk import (
    Answer,
    BackendError,
    Cancel,
    ChatClient,
    ChatError,
    ChatTimeout,
    ConnectError,
    HTTPStatusError,
    LimitExceeded,
    Limits,
    NotAStreamError,
    Outcome,
    ProtocolError,
    Retry,
    StreamInterrupted,
    dialects,
)
from chatsdk.client import AnswerStream
from chatsdk.testing import ChatServer

CHUNK = b'data: {"choices":[{"delta":{"content":"%s"}}]}\n\n'
STOP = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'
DONE = b"data: [DONE]\n\n"
HELLO = [CHUNK % b"Hel", CHUNK % b"lo", STOP, DONE]
# Seconds to wait for a thread of a test.
PATIENCE = 10.0


@pytest.fixture
def server():
    with ChatServer() as server:
        yield server


@pytest.fixture
def client(server):
    with ChatClient(server.url, dialect="openai", retry=Retry(attempts=1)) as client:
        yield client


def test_an_answer_streams(server, client):
    """Iterating gives an answer for each event, and ends at the end marker."""
    server.stream(HELLO)
    stream = client.send({"model": "m"})
    assert [answer.delta for answer in stream] == ["Hel", "lo", ""]
    assert stream.answer.text == "Hello"
    assert stream.outcome == Outcome("finished", end="marker", answer=stream.answer)
    assert server.requests[0].json == {"model": "m"}


def test_the_request_asks_for_a_stream_that_no_proxy_holds_back(server, client):
    """Accept, Accept-Encoding and Cache-Control are those that let a stream through."""
    server.stream(HELLO)
    client.send({}).result()
    headers = server.requests[0].headers
    assert headers["accept"] == "text/event-stream"
    assert headers["accept-encoding"] == "identity"
    assert headers["cache-control"] == "no-store"
    assert headers["content-type"] == "application/json"


def test_result_drains_and_returns_the_final_answer(server, client):
    """`result()` reads to the end; asked again, it gives the same."""
    server.stream(HELLO)
    stream = client.send({})
    assert stream.result() == Answer("Hello", finish_reason="stop", native_finish_reason="stop")
    assert stream.result() is stream.answer


def test_deltas_are_the_strings_that_add_text(server, client):
    """`deltas()` leaves out the steps that add nothing."""
    server.stream(HELLO)
    assert list(client.send({}).deltas()) == ["Hel", "lo"]


def test_a_stream_is_a_generator(server, client):
    """It passes where a generator is wanted: next, send, throw and close are there."""
    server.stream(HELLO)
    stream = client.send({})
    assert isinstance(stream, Generator)
    assert not inspect.isgenerator(stream)
    assert stream.send(None).delta == "Hel"
    with pytest.raises(KeyError):
        stream.throw(KeyError("mine"))
    assert list(stream) == []
    assert stream.outcome.reason == "stopped"


def test_a_context_manager_closes_the_stream(server, client):
    """Leaving the block ends the connection, and what was read stays."""
    script = server.stream()
    script.push(HELLO[0])
    with client.send({}) as stream:
        assert next(stream).delta == "Hel"
    script.wait_for_disconnect()
    assert (stream.outcome.reason, stream.answer.text) == ("stopped", "Hel")
    stream.close()
    assert list(stream) == []


def test_a_stream_that_was_never_started_is_closed_too(server, client):
    """A dropped stream ends its connection though nothing was read from it."""
    script = server.stream()
    script.push(HELLO[0])
    stream = client.send({})
    del stream
    script.wait_for_disconnect()


def test_a_dropped_stream_is_collected_at_once(server, client):
    """No reference cycle keeps a stream that was left half-way."""
    script = server.stream()
    script.push(HELLO[0])
    gc.disable()
    try:
        stream = client.send({})
        next(stream)
        gone = weakref.ref(stream)
        del stream
        assert gone() is None
        script.wait_for_disconnect()
    finally:
        gc.enable()


def test_stop_from_another_thread_ends_the_reader(server, client):
    """The reader ends without an error and keeps the text."""
    script = server.stream()
    script.push(HELLO[0])
    stream = client.send({})
    texts = [next(stream).delta]
    reading = threading.Thread(target=lambda: texts.extend(a.delta for a in stream))
    reading.start()
    stream.stop()
    assert stream.outcome.reason == "stopped"
    reading.join(5)
    assert not reading.is_alive()
    assert (texts, stream.answer.text) == (["Hel"], "Hel")
    script.wait_for_disconnect()


def test_stop_ends_what_was_received_but_not_read(server, client):
    """After `stop` no further answer comes, not even one that is there already."""
    server.stream([b"".join(HELLO)])
    stream = client.send({})
    next(stream)
    stream.stop()
    assert list(stream) == []
    assert stream.result().text == "Hel"


def test_stop_after_the_end_changes_nothing(server, client):
    """An answer that has finished stays finished."""
    server.stream(HELLO)
    stream = client.send({})
    stream.result()
    stream.stop()
    assert stream.outcome.reason == "finished"


def test_a_cancel_set_beforehand_sends_nothing(server, client):
    """The request never begins, and the stream has ended as stopped."""
    cancel = Cancel()
    cancel.set()
    stream = client.send({}, cancel=cancel)
    assert list(stream) == []
    assert (stream.outcome.reason, stream.response) == ("stopped", None)
    assert stream.answer == Answer()
    assert server.requests == []


def test_a_cancel_ends_a_send_that_waits_for_headers(server, client):
    """`send` returns an ended stream when another thread sets the cancel."""
    server.silent()
    cancel = Cancel()
    setter = threading.Thread(target=lambda: (server.wait_for_request(), cancel.set()))
    setter.start()
    stream = client.send({}, cancel=cancel)
    setter.join()
    assert stream.outcome.reason == "stopped"


def test_the_response_is_there_before_the_first_event(server, client):
    """Status, headers and request id can be read as soon as `send` returns."""
    server.stream(HELLO, headers=[("X-Request-Id", "req-7"), ("Set-Cookie", "s=1")])
    stream = client.send({})
    assert (stream.response.status, stream.response.request_id) == (200, "req-7")
    assert "set-cookie" not in stream.response.headers
    assert (stream.attempts, stream.body) == (1, {})
    stream.close()


def test_auto_tells_what_it_decided(server):
    """With `auto`, `stream.dialect` is None before the first text and the dialect afterwards."""
    server.stream(HELLO)
    with ChatClient(server.url) as client:
        stream = client.send({})
        assert stream.dialect is None
        next(stream)
        assert stream.dialect.name == "openai"
        assert stream.result().text == "Hello"


def test_ask_writes_the_body(server):
    """The dialect writes the body; defaults fill in, options go before them."""
    server.stream(HELLO)
    server.stream(HELLO)
    with ChatClient(
        server.url, dialect="openai", defaults={"model": "m", "temperature": 0}
    ) as client:
        client.ask("Hi").result()
        client.ask([{"role": "user", "content": "Hi"}], temperature=1).result()
    first, second = (request.json for request in server.requests)
    assert first["messages"] == second["messages"] == [{"role": "user", "content": "Hi"}]
    assert (first["model"], first["temperature"], first["stream"]) == ("m", 0, True)
    assert second["temperature"] == 1


def test_ask_without_a_dialect_shows_the_likely_address(server):
    """`auto` cannot write; if the URL shows no dialect, the error shows what to pass."""
    with (
        ChatClient(server.url) as client,
        pytest.raises(ValueError, match=r"did you mean .*dialect="),
    ):
        client.ask("Hi")
    assert server.requests == []


def test_ask_takes_the_dialect_of_an_unmistakable_url(server):
    """A path that only one backend has is enough."""
    server.stream(HELLO)
    with ChatClient(server.url + "/v1/chat/completions") as client:
        assert client.ask("Hi").result().text == "Hello"
    assert server.requests[0].json["messages"]


def test_the_token_goes_where_the_dialect_wants_it(server):
    """OpenAI's dialect sends a bearer token; a header of one's own goes before it."""
    server.stream(HELLO)
    server.stream(HELLO)
    with ChatClient(server.url, dialect="openai", token="t-123") as client:
        client.send({}).result()
    with ChatClient(
        server.url, dialect="openai", token="t-123", headers={"authorization": "Custom x"}
    ) as client:
        client.send({}).result()
    sent = [request.headers["authorization"] for request in server.requests]
    assert sent == ["Bearer t-123", "Custom x"]


def test_a_callable_token_is_asked_once_more_after_a_401(server):
    """A token that has just expired is renewed once, and the request is sent again."""
    server.reply(status=401, json={"error": {"message": "expired"}})
    server.stream(HELLO)
    tokens = iter(["old-token", "new-token"])
    with ChatClient(server.url, dialect="openai", token=lambda: next(tokens)) as client:
        stream = client.send({})
        assert stream.result().text == "Hello"
    assert stream.attempts == 2
    assert [request.headers["authorization"] for request in server.requests] == [
        "Bearer old-token",
        "Bearer new-token",
    ]


@pytest.mark.parametrize(
    ("reply", "error", "said"),
    [
        (
            {"status": 401, "json": {"error": {"message": "no key", "code": "k"}}},
            HTTPStatusError,
            "no key",
        ),
        ({"status": 404, "body": "nothing here"}, HTTPStatusError, "check the URL's path"),
        (
            {"status": 404, "json": {"error": {"message": "The model `x` does not exist"}}},
            HTTPStatusError,
            "check the model's name",
        ),
        ({"status": 500, "body": ""}, HTTPStatusError, "HTTP 500"),
        ({"status": 302, "headers": [("Location", "/login?t=secret")]}, HTTPStatusError, "/login,"),
        ({"body": "<html>Log in</html>", "content_type": "text/html"}, NotAStreamError, "web page"),
        ({"json": {"code": 102, "message": "no question"}}, BackendError, "no question"),
        ({"json": {"hello": 1}}, NotAStreamError, "JSON without an answer"),
        ({"body": "", "content_type": "application/json"}, NotAStreamError, "empty"),
        ({"body": "", "content_type": "text/event-stream"}, NotAStreamError, "empty"),
        ({"status": 204}, NotAStreamError, "empty"),
    ],
)
def test_what_is_no_stream_is_raised_by_send(server, client, reply, error, said):
    """Refusals and wrong answers are raised before a view has begun its own answer."""
    server.reply(**reply)
    with pytest.raises(error, match=said) as caught:
        client.send({})
    assert caught.value.answer == Answer()
    assert "secret" not in str(caught.value)


def test_a_status_error_has_all_that_was_said(server, client):
    """Status, code, message, body, headers and retry-after are on the error."""
    server.reply(
        status=429,
        json={"error": {"message": "slow down", "code": "rate"}},
        headers=[("Retry-After", "7"), ("X-Request-Id", "r1")],
    )
    with pytest.raises(HTTPStatusError) as caught:
        client.send({})
    error = caught.value
    assert (error.status, error.code, error.message) == (429, "rate", "slow down")
    assert (error.retry_after, error.request_id) == (7.0, "r1")
    assert json.loads(error.body)["error"]["code"] == "rate"
    assert error.headers["retry-after"] == "7"


def test_a_document_instead_of_a_stream_is_an_answer(server, client):
    """A whole completion as JSON is taken as an answer of one step."""
    message = {"role": "assistant", "content": "Hello"}
    server.reply(json={"choices": [{"message": message, "finish_reason": "stop"}]})
    stream = client.send({})
    assert [answer.text for answer in stream] == ["Hello"]
    assert stream.outcome.end == "marker"


def test_a_stream_without_content_type_is_recognised(server, client):
    """Some servers send no content type, or plain text: the first bytes decide."""
    server.stream(HELLO, content_type=None)
    server.stream(HELLO, content_type="text/plain")
    assert client.send({}).result().text == "Hello"
    assert client.send({}).result().text == "Hello"


def test_a_refusal_that_calls_itself_a_stream_is_read(server, client):
    """JSON under the content type of a stream is the backend's refusal."""
    server.stream([b'{"error": {"message": "overloaded"}}'])
    with pytest.raises(BackendError, match="overloaded"):
        client.send({}).result()


def test_an_error_inside_the_stream_keeps_the_text(server, client):
    """The backend's own error is raised with code, message and the partial answer."""
    server.stream([HELLO[0], b'data: {"error": {"message": "gone", "code": "x1"}}\n\n'])
    stream = client.send({})
    with pytest.raises(BackendError, match="gone") as caught:
        list(stream)
    assert (caught.value.code, caught.value.message) == ("x1", "gone")
    assert caught.value.answer.text == stream.answer.text == "Hel"
    assert stream.outcome == Outcome("error", error=caught.value, answer=stream.answer)
    with pytest.raises(BackendError):
        stream.result()


@pytest.mark.parametrize("frame", [b"7", b"[1]", b'"x"', b"{nope", b"{" * 100_000])
def test_a_frame_of_the_wrong_kind_is_a_protocol_error(server, client, frame):
    """Data that cannot be an event of the dialect is reported, with the partial text."""
    server.stream([HELLO[0], b"data: " + frame + b"\n\n"])
    with pytest.raises(ProtocolError) as caught:
        client.send({}).result()
    assert caught.value.answer.text == "Hel"


@pytest.mark.parametrize("dialect", ["openai", "auto"])
@pytest.mark.parametrize("place", range(5))
def test_an_event_null_between_the_others_is_passed_over(server, dialect, place):
    """Some gateways send ``data: null`` where they have nothing to send; the answer is complete."""
    server.stream([*HELLO[:place], b"data: null\n\n", b"data:  null \n\n", *HELLO[place:]])
    with ChatClient(server.url, dialect=dialect) as client:
        stream = client.send({})
        assert stream.result().text == "Hello"
        assert stream.outcome.end == "marker"


@pytest.mark.parametrize("before", [[], HELLO[:1]])
def test_events_of_null_do_not_make_an_answer_complete(server, client, before):
    """They neither are an answer nor end one."""
    server.stream([*before, b"data: null\n\n"])
    with pytest.raises(StreamInterrupted if before else ChatError) as caught:
        client.send({}).result()
    assert caught.value.answer.text == ("Hel" if before else "")


def test_an_end_without_marker_is_an_interruption(server, client):
    """A clean HTTP end is no proof where the dialect promises more."""
    server.stream(HELLO[:2])
    with pytest.raises(StreamInterrupted, match=r"\[DONE\]") as caught:
        client.send({}).result()
    assert caught.value.answer.text == "Hello"


def test_a_finish_reason_and_a_clean_end_are_enough(server, client):
    """Look-alikes without [DONE] finish, and the outcome names the proof."""
    server.stream(HELLO[:3])
    stream = client.send({})
    stream.result()
    assert stream.outcome.end == "finish_reason"


def test_a_raw_stream_ends_with_its_framing(server):
    """Without any marker a clean HTTP end counts; the connection's end alone is unproven."""
    server.stream([b"data: x\n\n"])
    server.stream([b"data: x\n\n"], framing="close")
    with ChatClient(server.url, dialect="raw") as client:
        chunked, closed = client.send({}), client.send({})
        assert chunked.result().text == closed.result().text == "x"
    assert (chunked.outcome.end, closed.outcome.end) == ("framing", "unproven")


def test_a_raw_stream_cut_inside_an_event_is_an_interruption(server):
    """The unfinished last event is dropped, and that is never silent."""
    server.stream([b"data: x\n\ndata: y\n"])
    with ChatClient(server.url, dialect="raw") as client:
        with pytest.raises(StreamInterrupted, match="blank line") as caught:
            client.send({}).result()
    assert caught.value.answer.text == "x"


def test_a_connection_is_used_again(server, client):
    """A body read to its end leaves a connection for the next send."""
    for _ in range(3):
        server.stream(HELLO)
        client.send({}).result()
    assert server.connections == 1


def test_an_answer_that_is_too_large_is_ended(server):
    """The error names the limit and keeps the partial text."""
    server.stream([CHUNK % (b"x" * 60_000)] * 40)
    limits = Limits(answer_bytes=100_000)
    with ChatClient(server.url, dialect="openai", limits=limits) as client:
        with pytest.raises(LimitExceeded) as caught:
            client.send({}).result()
    assert caught.value.limit == "answer_bytes"
    assert len(caught.value.answer.text) >= 60_000


def test_an_event_that_is_too_large_is_ended(server):
    """One endless line is given up at the limit."""
    server.stream([HELLO[0], b"data: " + b"x" * 300_000])
    limits = Limits(event_bytes=100_000)
    with ChatClient(server.url, dialect="openai", limits=limits) as client:
        with pytest.raises(LimitExceeded) as caught:
            client.send({}).result()
    assert (caught.value.limit, caught.value.answer.text) == ("event_bytes", "Hel")


def test_a_refused_connection_is_raised_by_send():
    """Without a connection nothing was sent, and the error mentions it."""
    with ChatServer() as server:
        url = server.url
    with ChatClient(url, retry=Retry(attempts=1)) as client:
        with pytest.raises(ConnectError, match="refused") as caught:
            client.send({})
    assert caught.value.answer == Answer()


def test_a_tap_sees_every_read_before_it_is_parsed(server):
    """A tap can record: it gets all bytes, each read with its time."""
    seen = []
    server.stream(HELLO)
    with ChatClient(
        server.url, dialect="openai", tap=lambda data, at: seen.append((data, at))
    ) as client:
        client.send({}).result()
    assert b"".join(data for data, _ in seen) == b"".join(HELLO)
    assert [at for _, at in seen] == sorted(at for _, at in seen)


def test_a_closed_client_says_so(server):
    """After `close` nothing can be sent, and streams under way have ended."""
    script = server.stream()
    script.push(HELLO[0])
    client = ChatClient(server.url, dialect="openai")
    stream = client.send({})
    next(stream)
    client.close()
    client.close()
    assert list(stream) == []
    assert stream.outcome.reason == "stopped"
    with pytest.raises(ValueError, match="closed"):
        client.send({})


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("localhost:8000/chat", "http://"),
        ("ftp://e.x/", "http://"),
        ("http://", "no host"),
        ("http://e.x:port/", "port"),
        ("http://e.x:99999/", "port"),
        ("http://e x/", "space"),
        ("http://e.x/\r\nHost: y", "control"),
        ("http://a..b/", "not a valid name"),
        ("", "http://"),
    ],
)
def test_a_url_that_is_none_is_refused(url, said):
    """The complaint comes at once, and shows what an address looks like."""
    with pytest.raises(ValueError, match=said):
        ChatClient(url)
    with pytest.raises(TypeError, match="string"):
        ChatClient(None)


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"token": "a\nb"}, ValueError, "line break"),
        ({"token": "a\0b"}, ValueError, "NUL"),
        ({"token": "“quoted”"}, ValueError, "Latin-1"),
        ({"token": ""}, ValueError, "empty"),
        ({"token": 7}, TypeError, "string"),
        ({"dialect": "klingon"}, ValueError, "openai"),
        ({"dialect": 7}, TypeError, "name or a Dialect"),
        ({"timeout": -1}, ValueError, "more than 0"),
        ({"timeout": "1"}, TypeError, "seconds"),
        ({"retry": 3}, TypeError, "Retry"),
        ({"limits": 3}, TypeError, "Limits"),
        ({"headers": {"X-A": "b\r\nX-B: c"}}, ValueError, "X-A"),
        ({"headers": {"X A": "b"}}, ValueError, "header name"),
        ({"headers": {"X-A": 7}}, TypeError, "strings"),
    ],
)
def test_arguments_that_cannot_work_are_refused(options, error, said):
    """Nothing is sent, the remedy is named, and no value of a header or token is shown."""
    with pytest.raises(error, match=said) as caught:
        ChatClient("http://127.0.0.1:1/", **options)
    assert "quoted" not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "error", "said"),
    [
        ("Hi", TypeError, r"ask\(\)"),
        (b"{}", TypeError, r"ask\(\)"),
        ({"x": {1, 2}}, TypeError, "set"),
        ({"x": math.nan}, ValueError, "NaN"),
        ({("a",): 1}, TypeError, "keys"),
    ],
)
def test_a_body_that_is_no_json_is_refused(server, client, body, error, said):
    """Nothing is sent, and the message names the obstacle."""
    with pytest.raises(error, match=said):
        client.send(body)
    cyclic: dict = {}
    cyclic["self"] = cyclic
    with pytest.raises(ValueError, match="cycles"):
        client.send(cyclic)
    assert server.requests == []


def test_a_password_in_the_url_becomes_basic_authorization(server):
    """User and password are sent as a header and shown nowhere."""
    server.stream(HELLO)
    url = server.url.replace("http://", "http://me:pass%20word@") + "/chat?key=secret"
    with ChatClient(url, dialect="openai") as client:
        client.send({}).result()
        assert "pass" not in repr(client)
        assert "secret" not in repr(client)
    assert server.requests[0].headers["authorization"] == "Basic bWU6cGFzcyB3b3Jk"
    assert server.requests[0].query == {"key": "secret"}


def test_a_dialect_of_ones_own_can_be_registered(server):
    """A subclass with an `About` is all that a new backend takes."""

    class Shout(dialects.Dialect):
        about = dialects.About(
            name="shout", backend="a test", version="1", page="", endpoint="POST /", clean_end=True
        )

        def decoder(self, content_type=""):
            return dialects.get("raw").decoder(content_type)

    dialects.register(Shout)
    try:
        server.stream([b"data: HEY\n\n"])
        with ChatClient(server.url, dialect="shout") as client:
            assert client.send({}).result().text == "HEY"
    finally:
        dialects.unregister("shout")


def test_a_dialect_shows_its_options():
    """The repr of a dialect is how to get it."""
    assert repr(dialects.get("openai", text="snapshot")) == "openai(text='snapshot')"


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (requests.exceptions.ReadTimeout("slow"), ChatTimeout),
        (requests.exceptions.ChunkedEncodingError("cut"), StreamInterrupted),
        (ConnectionResetError(104, "reset"), StreamInterrupted),
        (requests.ConnectionError("refused"), ConnectError),
    ],
)
def test_what_a_mock_raises_is_never_sent_again(raised, kind):
    """If none of our connections was used, nothing proves that the backend was not reached."""
    with responses.RequestsMock() as mock:
        mock.post("http://backend.test/", body=raised)
        with ChatClient("http://backend.test/", retry=Retry(attempts=3, backoff=0)) as client:
            with pytest.raises(kind):
                client.send({})
        assert len(mock.calls) == 1


@pytest.mark.parametrize(
    "head",
    [
        b"H",
        b"HTTP/1.1 200",
        b"HTTP/1.1 429 Too",
        b"HTTP/1.1 503 Busy\r\nRetry-After: 0\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-A: ",
    ],
)
def test_a_head_that_is_cut_is_an_interruption(server, head):
    """A response that ends inside its headers is neither a refusal nor an empty stream."""
    server.raw(head, repeat=True)
    with ChatClient(server.url, retry=Retry(attempts=3, backoff=0)) as client:
        with pytest.raises(StreamInterrupted):
            client.send({})
    assert len(server.requests) == 1


@pytest.mark.parametrize("framing", ["chunked", "close"])
def test_comments_alone_are_no_answer(server, framing):
    """If `auto` has found no dialect, the end of the body is not the end of an answer."""
    server.stream([b": ping\n\n"], framing=framing)
    with ChatClient(server.url) as client, pytest.raises(StreamInterrupted, match="comments"):
        client.send({}).result()


@pytest.mark.parametrize("read", [next, AnswerStream.result, lambda stream: list(stream.deltas())])
def test_two_readers(server, client, read):
    """A second reader gets an error, and the first one continues."""
    script = server.stream()
    script.push(HELLO[0])
    stream = client.send({})
    first = next(stream)
    texts = [first.text]
    started = threading.Event()

    def run():
        started.set()
        texts.extend(answer.text for answer in stream)

    thread = threading.Thread(target=run)
    thread.start()
    assert started.wait(PATIENCE)
    deadline = time.monotonic() + PATIENCE
    while not stream._steps.gi_running:
        assert time.monotonic() < deadline
    with pytest.raises(RuntimeError, match="already being read"):
        read(stream)
    for piece in HELLO[1:]:
        script.push(piece)
    script.finish()
    thread.join(PATIENCE)
    assert texts == ["Hel", "Hello", "Hello"]
    assert stream.outcome.reason == "finished"


def test_a_value_error_in_a_dialect_is_no_second_reader(server, client, monkeypatch):
    """Exceptions of the reading itself are not mistaken for that."""
    server.stream(HELLO)
    stream = client.send({})

    def fail(*_):
        raise ValueError("mine")

    monkeypatch.setattr(stream._source.parser, "feed", fail)
    monkeypatch.setattr(stream._source, "take", fail)
    with pytest.raises(ValueError, match="mine"):
        next(stream)


@pytest.mark.parametrize("keep", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_stream_is_not_kept(server, client, keep):
    """A stream can be neither pickled nor copied; the error names what can."""
    server.stream(HELLO)
    stream = client.send({})
    with pytest.raises(TypeError, match="`answer`, or its `result"):
        keep(stream)
    assert keep(stream.result()) is not None
