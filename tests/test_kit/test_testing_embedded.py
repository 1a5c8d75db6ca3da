"""The embedded server: which paths it answers, with what, and how it is stopped."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping

import pytest
import requests
from raw_client import POST, ask, dial, hear, read_all

from chatsdk import Answer, AnswerStream, ChatClient, dialects, sse
from chatsdk.client.server_stop import stop_url
from chatsdk.dialects import StopRequest
from chatsdk.parts import Finish, Identity, Text, UsageUpdate
from chatsdk.testing import ChatServer, EmbeddedServer
from chatsdk.testing.embedded_replies import conversation_of, prompt_of, speak

HI = {"messages": [{"role": "user", "content": "Hi"}]}


def post(path: str, body: object) -> bytes:
    content = json.dumps(body).encode()
    return b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (
        path.encode(),
        len(content),
        content,
    )


def events_of(answer: bytes) -> list[sse.ServerSentEvent]:
    """Undo the chunks of a response and parse its events."""
    rest = answer.partition(b"\r\n\r\n")[2]
    body = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        body += rest[: int(size, 16)]
        rest = rest[int(size, 16) + 2 :]
    return list(sse.parse([body]))


def parts_of(answer: bytes, dialect: str = "openai") -> list[object]:
    decoder = dialects.get(dialect).decoder("text/event-stream")
    return [part for event in events_of(answer) for part in decoder.decode(event)]


@pytest.mark.parametrize(
    "body",
    [
        "Hi",
        {"question": "Hi"},
        {"query": "Hi", "inputs": {}},
        {"input": "Hi"},
        {"prompt": "Hi", "messages": []},
        {"message": "Hi", "stream": True},
        {"messages": [{"role": "user", "content": "Ho"}, {"role": "user", "content": " Hi "}]},
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "?"}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}, {"x": 1}]}]},
        {"messages": [{"role": "user", "parts": [{"type": "text", "text": "Hi"}]}]},
        {"contents": [{"parts": [{"text": "Hi"}]}, {"role": "model", "parts": []}]},
        {"input": [{"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}]},
        {"input": {"messages": [{"role": "user", "content": "Hi"}]}},
        {"input": {"messages": [{"type": "human", "content": "Hi"}]}},
        {"additional_messages": [{"role": "user", "content": "Hi"}]},
    ],
)
def test_prompt_is_found(body) -> None:
    """The newest text of the user is found in the body of every dialect."""
    assert prompt_of(body) == "Hi"


@pytest.mark.parametrize(
    "body", [None, 3, [], {}, {"messages": [1, {"role": "user", "content": None}]}, {"messages": 1}]
)
def test_no_prompt(body) -> None:
    """A body without a prompt is answered too, with a note about it."""
    assert prompt_of(body) == ""
    assert speak(body).startswith("You sent no prompt")


def test_nested_body() -> None:
    """A body that is nested without end is no prompt."""
    body: object = "Hi"
    for _ in range(1000):
        body = {"input": body}
    assert prompt_of(body) == ""
    body = "Hi"
    for _ in range(1000):
        body = [body]
    assert prompt_of({"messages": [{"role": "user", "content": body}]}) == ""


def test_speaker_says_what_it_is() -> None:
    """The speaker repeats the prompt, shortened, and explains that there is no model."""
    answer = speak({"question": "é" * 300})
    assert "“" + "é" * 200 + "…”" in answer
    assert "built-in server" in answer
    assert "no model" in answer
    assert "1 word and 300 characters" in answer
    assert answer == speak({"question": "é" * 300})


def test_conversation_is_found() -> None:
    """The conversation that a body names is found."""
    assert conversation_of({"session_id": "s1"}) == "s1"
    assert conversation_of({"conversation_id": ""}) is None
    assert conversation_of([]) is None


def test_embedded_server_answers() -> None:
    """A POST is answered in the dialect, word by word, with id, reason and usage."""
    with EmbeddedServer(pace=0) as server:
        for path in ("/", "/v1/chat/completions"):
            parts = parts_of(ask(server, post(path, HI)))
            texts = [part.text for part in parts if isinstance(part, Text)]
            assert "".join(texts) == speak(HI)
            assert len(texts) == len(speak(HI).split())
            assert Finish("stop", "stop") in parts
            usage = next(part for part in parts if isinstance(part, UsageUpdate))
            assert (usage.input, usage.output) == (1, len(texts))
        ids = [part.id for part in parts if isinstance(part, Identity)]
        assert ids == ["answer-2"]


def is_written(name: str) -> bool:
    try:
        dialects.get(name).encode(())
    except ValueError:
        return False
    return True


WRITTEN = [name for name in dialects.names() if is_written(name)]


@pytest.mark.parametrize("name", WRITTEN)
def test_embedded_server_speaks_every_dialect_that_is_written(name) -> None:
    """In each dialect that can be written a client reads the speaker's text, to a proven end."""
    with EmbeddedServer(name, pace=0) as server, ChatClient(server.url, dialect=name) as client:
        stream = client.send(HI)
        assert stream.result().text == speak(HI)
        assert stream.outcome.reason == "finished"
        assert stream.outcome.end != "unproven"


def test_dialects_that_are_written() -> None:
    """Among the dialects that can be written are the well-known ones."""
    assert {"openai", "anthropic", "ollama", "ragflow", "raw"} <= set(WRITTEN)


@pytest.mark.parametrize(
    ("dialect", "path"),
    [
        ("openai", "/v1/chat/completions"),
        ("openai", "/chat/completions"),
        ("openai", "/openai/deployments/tiny/chat/completions?api-version=1"),
        ("openai_responses", "/v1/responses"),
        ("gemini", "/v1beta/models/tiny:streamGenerateContent?alt=sse"),
        ("gemini", "/v1/models/tiny:streamGenerateContent?alt=sse"),
        ("ollama", "/proxy/api/chat"),
        ("ragflow", "/api/v1/chats/c1/completions"),
        ("ragflow_legacy", "/api/v1/chat/completions"),
        ("vercel", "/chat"),
        ("agui", "/any/thing"),
    ],
)
def test_where_a_dialect_is_answered(dialect, path) -> None:
    """A dialect is asked at its own paths, below any prefix; one without paths anywhere."""
    with EmbeddedServer(dialect, pace=0) as server:
        assert ask(server, post(path, HI)).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("dialect", "path"),
    [
        ("openai", "/v1/chat/completions/more"),
        ("openai", "/v1/messages"),
        ("anthropic", "/v1/chat/completions"),
        ("dify", "/v1/chat-messages/task-1/stop"),
        ("vercel", "/chat/"),
    ],
)
def test_elsewhere_is_nothing(dialect, path) -> None:
    """Another path is a 404 whose JSON lists the paths."""
    with EmbeddedServer(dialect, pace=0) as server:
        answer = ask(server, post(path, HI))
        assert not server.errors
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 404 ")
    error = json.loads(body)["error"]
    own = " ".join(dialects.get(dialect).about.endpoint.split()[:2])
    assert error["paths"][0] == own
    assert {"POST /", "POST /chat", "POST /sse"} <= set(error["paths"])
    assert f"POST {path}" in error["message"]
    assert own in error["message"]


@pytest.mark.parametrize(
    ("dialect", "line"),
    [
        ("vercel", b"x-vercel-ai-ui-message-stream: v1"),
        ("ragflow", b"Content-Type: text/event-stream; charset=utf-8"),
        ("dify", b"Content-Type: text/event-stream; charset=utf-8"),
        ("ollama", b"Content-Type: application/x-ndjson"),
    ],
)
def test_headers_of_a_dialect(dialect, line) -> None:
    """A response has the header fields that the backend's clients look for."""
    with EmbeddedServer(dialect, pace=0) as server, ChatServer() as plain:
        assert line + b"\r\n" in ask(server, post("/", HI))
        plain.answer(dialect, "Hi")
        assert line + b"\r\n" in ask(plain, post("/", HI))


# For each backend with an endpoint that stops an answer: where it is asked, and with what.
STOPPABLE = {
    "coze": ("/v3/chat", {"additional_messages": [{"role": "user", "content": "Hi"}]}),
    "fastgpt": ("/api/v2/chat/completions", HI | {"appId": "a", "chatId": "c1"}),
    "langgraph": ("/threads/t1/runs/stream", {"input": HI}),
    "dify": ("/v1/chat-messages", {"query": "Hi", "user": "u1"}),
    "openai_responses": ("/v1/responses", {"input": "Hi", "background": True}),
    "ragflow_agent": ("/api/v1/agents/chat/completions", {"query": "Hi"}),
}


def told(stream: AnswerStream) -> str | None:
    """Return the result of the stop, as soon as it is known."""
    deadline = threading.Event()
    for _ in range(2000):
        if stream.outcome.server_stop is not None:
            break
        deadline.wait(0.005)
    return stream.outcome.server_stop


@pytest.mark.parametrize("name", STOPPABLE)
def test_stopping_is_answered(name) -> None:
    """A client that stops receives the server's confirmation."""
    path, body = STOPPABLE[name]
    with EmbeddedServer(name, pace=60) as server:
        with ChatClient(server.url + path, dialect=name) as client:
            stream = client.send(body)
            assert next(answer for answer in stream if answer.delta).text == "You"
            stream.stop()
            assert list(stream) == []
            assert told(stream) == "stopped"
            assert stream.outcome.reason == "stopped"
        assert not server.errors


@pytest.mark.parametrize("name", STOPPABLE)
def test_a_stop_ends_the_answer(name) -> None:
    """Stopped by another client, the answer ends there, with the backend's own event."""
    path, body = STOPPABLE[name]
    dialect = dialects.get(name)
    with EmbeddedServer(name, pace=60) as server:
        with ChatClient(server.url + path, dialect=dialect) as client:
            stream = client.send(body)
            answer = next(answer for answer in stream if answer.delta)
            stop = dialect.stop_request(answer, body)
            assert stop is not None
            stop_path = stop_url(server.url + path, stop).removeprefix(server.url)
            assert ask(server, post(stop_path + "2", stop.body)).startswith(b"HTTP/1.1 404 ")
            assert ask(server, post(stop_path, stop.body)).startswith(b"HTTP/1.1 200 ")
            # Once more is harmless.
            assert ask(server, post(stop_path, stop.body)).startswith(b"HTTP/1.1 200 ")
            last = stream.result()
    assert last.text == "You"
    assert stream.outcome.reason == "finished"
    # A run of LangGraph's ends without a word.
    assert stream.outcome.end == ("finish_reason" if name == "langgraph" else "marker")
    # Dify has no words for why an answer ended, FastGPT's are OpenAI's.
    assert last.finish_reason == {"dify": None, "fastgpt": "stop"}.get(name, "cancelled")


class Butler(dialects.openai):
    """A custom backend that stops an answer by the id in its frames."""

    def stop_request(self, answer: Answer, request: Mapping[str, object]) -> StopRequest | None:
        return StopRequest(f"/jobs/{answer.id}", method="DELETE")


class Parlour(dialects.ollama):
    """Another one, with lines in place of events, and what stops it in the request."""

    def stop_request(self, answer: Answer, request: Mapping[str, object]) -> StopRequest | None:
        return StopRequest("/quiet", {"room": request.get("room")})


@pytest.mark.parametrize("dialect", [Butler(), Parlour()])
def test_a_dialect_of_ones_own_is_stopped(dialect) -> None:
    """The server needs to know no more of a way to stop than a client does."""
    with EmbeddedServer(dialect, pace=60) as server:
        with ChatClient(server.url, dialect=dialect) as client:
            stream = client.send(HI | {"room": 7})
            next(answer for answer in stream if answer.delta)
            stream.stop()
            assert list(stream) == []
            assert told(stream) == "stopped"


def test_only_the_answer_that_was_meant_stops() -> None:
    """Another user's request stops nothing."""
    with EmbeddedServer("dify", pace=0) as server:
        asked = {"query": "Hi", "user": "u1"}
        assert ask(server, post("/v1/chat-messages", asked)).startswith(b"HTTP/1.1 200 ")
        path = "/v1/chat-messages/task-1/stop"
        assert ask(server, post(path, {"user": "u2"})).startswith(b"HTTP/1.1 404 ")
        assert ask(server, post(path, {"user": "u1"})).endswith(b'{"result": "success"}')


def test_embedded_server_forgets_old_requests() -> None:
    """The embedded server remembers its newest hundred requests, as it may run for long."""
    with EmbeddedServer(pace=0) as server:
        for number in range(105):
            ask(server, post(f"/{number}", {}).replace(b"POST", b"GET"))
        assert len(server.requests) == 100
        assert server.wait_for_request().path == "/5"
        assert server.wait_for_request().path == "/6"


def test_answers_that_were_added_come_first() -> None:
    """A response that a test adds comes before the speaker's."""
    with EmbeddedServer(pace=0) as server:
        server.reply(503)
        assert ask(server, post("/", HI)).startswith(b"HTTP/1.1 503")
        assert ask(server, post("/", HI)).startswith(b"HTTP/1.1 200")


def test_what_cannot_be_answered() -> None:
    """A body that is not JSON is a 400, another method a 404, a read-only dialect a ValueError."""
    with EmbeddedServer(pace=0) as server:
        assert ask(server, POST.replace(b"{}", b"{]")).startswith(b"HTTP/1.1 400 ")
        assert ask(server, post("/", HI).replace(b"POST", b"GET")).startswith(b"HTTP/1.1 404 ")
        deep = b"[" * 200_000
        head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(deep)
        assert ask(server, head + deep).startswith(b"HTTP/1.1 400 ")
    with pytest.raises(ValueError, match="read only"):
        EmbeddedServer("auto")
    with pytest.raises(ValueError, match="read only"), ChatServer() as plain:
        plain.answer("auto", "x")


def test_sse_gives_ten_events() -> None:
    """POST /sse gives ten events with their numbers, and then ends."""
    with EmbeddedServer(interval=0) as server:
        answer = ask(server, post("/sse", {}))
    head = answer.partition(b"\r\n\r\n")[0]
    assert b"\r\nAccess-Control-Allow-Origin: *\r\n" in head
    assert b"\r\nContent-Type: text/event-stream\r\n" in head
    assert b"event: message\ndata: Hello, this is message number 1\nid: 1\n\n" in answer
    assert [(event.event, event.data, event.id) for event in events_of(answer)] == [
        ("message", f"Hello, this is message number {number}", str(number))
        for number in range(1, 11)
    ]


def test_sse_for_a_browser() -> None:
    """A preflight for /sse allows what it asks for; other methods are refused with a hint."""
    with EmbeddedServer(interval=0) as server:
        answer = ask(
            server,
            b"OPTIONS /sse HTTP/1.1\r\nHost: x\r\nOrigin: http://page.test\r\n"
            b"Access-Control-Request-Headers: authorization,content-type\r\n\r\n",
        )
        assert answer.startswith(b"HTTP/1.1 204 ")
        assert b"\r\nAccess-Control-Allow-Headers: authorization,content-type\r\n" in answer
        assert b"\r\nAccess-Control-Allow-Methods: POST, OPTIONS\r\n" in answer
        answer = ask(server, b"GET /sse HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 405 ")
        assert b"\r\nAllow: POST, OPTIONS\r\n" in answer
        assert ask(server, b"GET /other HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize(
    ("path", "options", "first"),
    [("/", {"pace": 60}, b'"You"'), ("/sse", {"interval": 60}, b"id: 1\n\n\r\n")],
)
def test_close_does_not_wait_for_the_pace(path, options, first) -> None:
    """An answer in the middle of its pace ends at once when the server closes."""
    with EmbeddedServer(**options) as server, dial(server) as sock:
        sock.sendall(post(path, HI))
        answer = hear(sock)
        assert first in answer
        assert answer.count(b"\r\n\r\n") == 1
        begin = time.monotonic()
        server.close()
        read_all(sock)
        assert time.monotonic() - begin < 5


def test_pace_ends_with_the_client() -> None:
    """An answer in the middle of its pace ends at once when the client goes."""
    with EmbeddedServer(pace=60) as server:
        with dial(server) as sock:
            sock.sendall(post("/", HI))
            assert b"200 OK" in sock.recv(15)
        server.wait_until_no_connections()
        assert server.open_connections == 0


@pytest.mark.parametrize("dialect", ["openai", "deepseek", "anthropic", "ollama"])
def test_without_streaming_the_answer_is_one_document(dialect):
    """`"stream": false` is answered with the backend's JSON document with the same content."""
    with EmbeddedServer(dialect, pace=0.0) as server:
        with ChatClient(server.url, dialect=dialect) as client:
            streamed = client.ask("Hello!").result()
            stream = client.ask("Hello!", stream=False)
            assert stream.response.content_type == "application/json"
            answer = stream.result()
    assert answer.text == streamed.text != ""
    assert answer.usage == streamed.usage
    assert answer.finish_reason == streamed.finish_reason == "stop"


@pytest.mark.parametrize(
    ("dialect", "path"),
    [("openai", "/v1/models"), ("anthropic", "/v1/models"), ("ollama", "/api/tags")],
)
def test_the_list_of_models(dialect, path):
    """The backend's list of models has the built-in server, for other clients' pickers."""
    with EmbeddedServer(dialect) as server:
        response = requests.get(server.url + path, timeout=10)
    assert response.status_code == 200
    assert "built-in" in response.text


@pytest.mark.parametrize("dialect", ["openai", "openai_responses", "anthropic", "ollama", "dify"])
def test_an_object_is_answered_with_a_sample(dialect) -> None:
    """Asked for an object in any way, the server sends one that fits, the same each time."""
    pytest.importorskip("jiter")
    schema = {
        "type": "object",
        "properties": {
            "title": {"type": "string"},
            "parts": {"type": "array", "items": {"$ref": "#/$defs/part"}},
            "when": {"type": "string", "format": "date"},
        },
        "required": ["title", "parts"],
        "$defs": {
            "part": {
                "type": "object",
                "properties": {
                    "size": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
                    "kind": {"enum": ["big", "small"]},
                },
            }
        },
    }
    defaults = {"user": "u"} if dialect == "dify" else {"model": "m"}
    with EmbeddedServer(dialect, pace=0) as server:
        with ChatClient(server.url, dialect=dialect, defaults=defaults) as client:
            values = [client.ask("?", output=schema).result().value for _ in range(2)]
    part = {"size": 1, "kind": "big"}
    assert values[0] == values[1]
    assert values[0] == {"title": "built-in title", "parts": [part, part], "when": "2026-01-31"}
