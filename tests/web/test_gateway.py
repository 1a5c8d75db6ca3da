"""`Gateway`: the makers' own SDKs talk to backends of other makers."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from browser import WAIT_SECONDS, Page, chunks, read_until, serving, text_of, user

from chatsdk import ChatClient
from chatsdk.parts import Usage
from chatsdk.testing import ChatServer, RefusingPort
from chatsdk.web import Gateway

CALL = {"id": "call-1", "name": "weather", "arguments": '{"city": "Oslo"}'}
TOOL = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}},
}


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as server:
        yield server


@contextmanager
def gateway(
    server: ChatServer, dialect: str, backend: str = "openai", **options: Any
) -> Iterator[str]:
    """A gateway that speaks `dialect`, to a backend that speaks another one; gives its address."""
    own = {name: options.pop(name) for name in ("defaults",) if name in options}
    with ChatClient(server.url, dialect=backend, **own) as client:
        with serving(Gateway(client, dialect=dialect, **options)) as url:
            yield url


# With the SDKs ------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["anthropic", "ollama", "dify", "openai"])
def test_openai_sdk(server, backend) -> None:
    """OpenAI's SDK streams and waits, whatever the backend speaks."""
    openai = pytest.importorskip("openai")
    usage = Usage(input=3, output=2, total=5)
    for _ in range(2):
        server.answer(backend, ["Hello", " there"], usage=usage)
    with gateway(server, "openai", backend, defaults={"user": "u"}) as url:
        with openai.OpenAI(base_url=f"{url}/v1", api_key="any") as sdk:
            asked: dict[str, Any] = {
                "model": "any",
                "messages": [{"role": "user", "content": "Hi"}],
            }
            pieces = [
                chunk.choices[0].delta.content or ""
                for chunk in sdk.chat.completions.create(stream=True, **asked)
                if chunk.choices
            ]
            whole = sdk.chat.completions.create(**asked)
    assert "".join(pieces) == "Hello there"
    assert len(pieces) > 2
    assert whole.choices[0].message.content == "Hello there"
    assert whole.choices[0].finish_reason == "stop"
    assert whole.usage.completion_tokens == 2


def test_openai_sdk_with_tools(server) -> None:
    """Declared tools reach the backend, calls the SDK, and results the backend again."""
    openai = pytest.importorskip("openai")
    server.answer("anthropic", "", tool_calls=[CALL])
    server.answer("anthropic", "It rains.")
    with gateway(server, "openai", "anthropic") as url:
        with openai.OpenAI(base_url=f"{url}/v1", api_key="any") as sdk:
            messages: list[Any] = [{"role": "user", "content": "Weather?"}]
            asked = {"model": "m", "tools": [TOOL]}
            first = sdk.chat.completions.create(messages=messages, **asked).choices[0]
            assert first.finish_reason == "tool_calls"
            (call,) = first.message.tool_calls
            messages += [
                first.message.model_dump(exclude_none=True),
                {"role": "tool", "tool_call_id": call.id, "content": "rain"},
            ]
            second = sdk.chat.completions.create(messages=messages, **asked)
    assert second.choices[0].message.content == "It rains."
    one, two = server.requests
    assert one.json["tools"][0]["input_schema"]["type"] == "object"
    assert one.json["model"] == "m"
    assert two.json["messages"][-1]["content"][0]["tool_use_id"] == call.id


def test_anthropic_sdk(server) -> None:
    """Anthropic's SDK streams and waits, with a backend that speaks OpenAI's."""
    anthropic = pytest.importorskip("anthropic")
    for _ in range(2):
        server.answer("openai", "Hello there", reasoning="Hm.", usage=Usage(input=3, output=2))
    with gateway(server, "anthropic") as url:
        with anthropic.Anthropic(base_url=url, api_key="any") as sdk:
            asked: dict[str, Any] = {
                "model": "m",
                "max_tokens": 10,
                "system": "Be brief.",
                "stop_sequences": ["x"],
                "messages": [{"role": "user", "content": "Hi"}],
            }
            with sdk.messages.stream(**asked) as stream:
                assert stream.get_final_text() == "Hello there"
            whole = sdk.messages.create(**asked)
    assert [block.type for block in whole.content] == ["thinking", "text"]
    assert (whole.stop_reason, whole.usage.output_tokens) == ("end_turn", 2)
    body = server.requests[0].json
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert (body["max_tokens"], body["stop"]) == (10, ["x"])


def test_ollama_sdk(server) -> None:
    """Ollama's client streams, waits and lists models."""
    ollama = pytest.importorskip("ollama")
    for _ in range(2):
        server.answer("openai", ["Hello", " there"])
    with gateway(server, "ollama", models=["small"]) as url:
        sdk = ollama.Client(host=url)
        asked: dict[str, Any] = {
            "model": "small",
            "messages": [{"role": "user", "content": "Hi"}],
            "options": {"temperature": 0.5, "num_predict": 9},
        }
        pieces = [part.message.content for part in sdk.chat(stream=True, **asked)]
        assert "".join(pieces) == "Hello there"
        assert sdk.chat(**asked).message.content == "Hello there"
        assert [model.model for model in sdk.list().models] == ["small"]
        sdk._client.close()
    body = server.requests[0].json
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("small", 0.5, 9)


def test_use_chat(server) -> None:
    """`useChat` posts to /api/chat and gets a UI message stream."""
    server.answer("openai", "Hello there")
    with gateway(server, "vercel") as url, Page(url) as page:
        response = page.ask("POST", "/api/chat", user("Hi"))
        assert text_of(response.read()) == "Hello there"


# Models ------------------------------------------------------------------------------------


def test_models(server) -> None:
    """The names that callers may ask for are listed, and mean the backend's own."""
    server.answer("openai", "Hello")
    with gateway(server, "openai", models={"fast": "small-1"}) as url, Page(url) as page:
        listed = json.loads(page.ask("GET", "/v1/models").read())
        assert [model["id"] for model in listed["data"]] == ["fast"]
        body = {"model": "fast", "messages": [{"role": "user", "content": "Hi"}]}
        page.ask("POST", "/v1/chat/completions", body).read()
        assert server.requests[0].json["model"] == "small-1"
        refused = page.ask("POST", "/v1/chat/completions", {**body, "model": "other"})
        assert (refused.status, b"fast" in refused.read()) == (404, True)


def test_the_client_has_a_model(server) -> None:
    """A default model of the client answers under any name."""
    server.answer("openai", "Hello")
    with gateway(server, "openai", defaults={"model": "mine"}) as url, Page(url) as page:
        body = {"model": "gpt-x", "messages": [{"role": "user", "content": "Hi"}]}
        page.ask("POST", "/v1/chat/completions", body).read()
    assert server.requests[0].json["model"] == "mine"


# Access --------------------------------------------------------------------------------------

HI = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": "Basic right"}, 401),
        ({"Authorization": "Bearer right"}, 200),
        ({"x_api_key": "right"}, 200),
        ({"Authorization": "Bearer right", "Host": "elsewhere.example"}, 200),
    ],
)
def test_token(server, headers, status) -> None:
    """With a token, callers have to send it, in either of two fields."""
    server.answer("openai", "Hello")
    with gateway(server, "openai", token="right") as url, Page(url) as page:
        response = page.ask("POST", "/v1/chat/completions", HI, **headers)
        body = response.read()
    assert response.status == status
    assert b"right" not in body
    assert len(server.requests) == (status == 200)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "evil.example"}, 403),
        ({"X_Forwarded_For": "203.0.113.9"}, 403),
        ({"Host": "localhost:1234"}, 200),
        ({"Host": "[::1]:80"}, 200),
    ],
)
def test_without_a_token(server, headers, status) -> None:
    """Without a token, only this machine is served, and no page of another site."""
    server.answer("openai", "Hello")
    with gateway(server, "openai") as url, Page(url) as page:
        response = page.ask("POST", "/v1/chat/completions", HI, **headers)
        response.read()
    assert response.status == status


# Failures --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/v1/chat/completions", None, 405),
        ("POST", "/v1/models", {}, 405),
        ("POST", "/elsewhere", {}, 404),
        ("POST", "/v1/chat/completions", {}, 400),
        ("POST", "/v1/chat/completions", {"messages": "Hi"}, 400),
        ("POST", "/v1/chat/completions", HI | {"x": "y" * 2000}, 413),
    ],
)
def test_refused(server, method, path, body, status) -> None:
    """A request that cannot be is refused in the dialect's own shape."""
    with gateway(server, "openai", max_body=1000) as url, Page(url) as page:
        response = page.ask(method, path, body)
        error = json.loads(response.read())["error"]
    assert response.status == status
    assert {"message", "type"} <= set(error)


@pytest.mark.parametrize("backend", ["dify", "ragflow"])
def test_tools_that_the_backend_cannot_take(server, backend) -> None:
    """Tools are never left out in silence."""
    with gateway(server, "openai", backend, defaults={"user": "u"}) as url, Page(url) as page:
        response = page.ask("POST", "/v1/chat/completions", HI | {"tools": [TOOL]})
        message = json.loads(response.read())["error"]["message"]
    assert response.status == 400
    assert "tools" in message
    assert server.requests == []


SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
FORMAT = {"type": "json_schema", "json_schema": {"name": "city", "schema": SCHEMA}}

# The same schema, as clients of each dialect ask for it.
ASKED = {
    "openai": ("/v1/chat/completions", {"response_format": FORMAT}),
    "anthropic": (
        "/v1/messages",
        {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}, "max_tokens": 9},
    ),
    "ollama": ("/api/chat", {"format": SCHEMA}),
}


@pytest.mark.parametrize("front", ASKED)
@pytest.mark.parametrize("backend", ["openai", "anthropic", "ollama", "deepseek"])
def test_a_schema_reaches_the_backend(server, front, backend) -> None:
    """It asks in its own way, whichever way the caller has."""
    pytest.importorskip("jiter")
    server.answer(backend, ['{"city": ', '"Oslo"}'])
    path, own = ASKED[front]
    with gateway(server, front, backend) as url, Page(url) as page:
        response = page.ask("POST", path, HI | own | {"stream": False})
        body = response.read()
    assert response.status == 200, body
    assert b"Oslo" in body
    (request,) = server.requests
    assert json.dumps(SCHEMA["properties"]).strip("{}") in json.dumps(request.json) or (
        backend == "deepseek" and "JSON schema" in json.dumps(request.json)
    )


@pytest.mark.parametrize("backend", ["dify", "ragflow"])
def test_a_schema_that_the_backend_cannot_take(server, backend) -> None:
    """It is not left out in silence, nor asked for in words."""
    with gateway(server, "openai", backend, defaults={"user": "u"}) as url, Page(url) as page:
        response = page.ask("POST", "/v1/chat/completions", HI | {"response_format": FORMAT})
        message = json.loads(response.read())["error"]["message"]
    assert response.status == 400
    assert "schema" in message
    assert server.requests == []


@pytest.mark.parametrize(
    "form", [{"type": "json_schema"}, FORMAT | {"json_schema": {"schema": {"type": "array"}}}]
)
def test_a_schema_that_is_none(server, form) -> None:
    """One without a schema, or of an array, is the caller's fault."""
    with gateway(server, "openai", "anthropic") as url, Page(url) as page:
        response = page.ask("POST", "/v1/chat/completions", HI | {"response_format": form})
        assert response.status == 400, response.read()
    assert server.requests == []


@pytest.mark.parametrize("name", ["output", "repair", "cancel", "conversation_id", "max_rounds"])
def test_options_of_a_client_are_no_fields(server, name) -> None:
    """A caller cannot set what only the program of the gateway may."""
    with gateway(server, "openai", "openai") as url, Page(url) as page:
        response = page.ask("POST", "/v1/chat/completions", HI | {name: "x"})
        assert name in json.loads(response.read())["error"]["message"]
    assert response.status == 400
    assert server.requests == []


@pytest.mark.parametrize(("theirs", "ours"), [(400, 400), (422, 422), (401, 502), (500, 502)])
def test_the_backend_refuses(server, theirs, ours) -> None:
    """The caller's faults are passed on, without keys and addresses; the rest is a 502."""
    words = "max_tokens is too large for sk-abcdef123456 at https://10.0.0.1/v1 (10.0.0.1:80)"
    server.reply(theirs, json={"error": {"message": words}})
    with gateway(server, "openai") as url, Page(url) as page:
        response = page.ask("POST", "/v1/chat/completions", HI)
        body = response.read()
    assert response.status == ours
    assert (b"max_tokens is too large" in body) == (ours == theirs)
    assert b"abcdef" not in body
    assert b"10.0.0.1" not in body


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Incorrect API key provided: AbCdEf123456.", "Incorrect API ..."),
        ("bad token Zq8-hush-77 here", "bad ... here"),
        ("password=hunter22 in postgres://me:pw@db/x", "... in ..."),
        ("use Bearer abc.def.ghi", "use ..."),
        ("gsk_abc123def456 and app-9aB8cD7eF6 and AIzaSyA1234567890abcdefg", "... and ... and ..."),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx.sig_1 expired", "... expired"),
        ("127.0.0.1 and vllm.internal:8000 and ollama:11434", "... and ... and ..."),
        ("[::1]:9000 and fe80::1ff:fe23:4567:890a", "... and ..."),
        # Left as it is, because a caller needs it.
        ("model claude-3-5-sonnet-20241022 not found", None),
        ("messages.0.content: field required (12:30:45)", None),
        ("The key parameter and max_tokens: 4097 > 4096 tokens", None),
        ("token limit exceeded: 5000 tokens", None),
    ],
)
def test_what_a_message_must_not_show(server, said, shown) -> None:
    """Keys and addresses in a backend's message are replaced; the words around them stay."""
    server.reply(400, json={"error": {"message": said}})
    with gateway(server, "openai") as url, Page(url) as page:
        body = page.ask("POST", "/v1/chat/completions", HI).read()
    assert json.loads(body)["error"]["message"] == (said if shown is None else shown)


def test_the_name_of_another_backend(server) -> None:
    """With several backends, the name of the one that refused is replaced."""
    server.reply(400, json={"error": {"message": "no model on localhost"}})
    with RefusingPort() as port, ChatClient(port.url, dialect="openai") as first:
        with ChatClient(server.url.replace("127.0.0.1", "localhost"), dialect="openai") as second:
            client = ChatClient.fallback(first, second)
            with serving(Gateway(client, dialect="openai")) as url, Page(url) as page:
                body = page.ask("POST", "/v1/chat/completions", HI).read()
    assert json.loads(body)["error"]["message"] == "no model on ..."


@pytest.mark.parametrize("piece", ["a-", "a.", "a.b-", "key-", "app-", "a:", "token ", "[:"])
def test_a_long_message_takes_no_long_time(server, piece) -> None:
    """A message of 60 kB is searched in one pass, whatever it is made of."""
    server.reply(400, json={"error": {"message": piece * (60_000 // len(piece)) + "!"}})
    with gateway(server, "openai") as url, Page(url) as page:
        began = time.process_time()
        assert page.ask("POST", "/v1/chat/completions", HI).status == 400
    # Seconds of CPU; a pattern that begins again at each word takes a minute.
    assert time.process_time() - began < 8


def test_unreachable() -> None:
    """A backend that cannot be reached is a 502 in the dialect's shape."""
    with RefusingPort() as port, ChatClient(port.url, dialect="openai") as client:
        with serving(Gateway(client, dialect="anthropic")) as url, Page(url) as page:
            response = page.ask("POST", "/v1/messages", HI | {"max_tokens": 1})
            error = json.loads(response.read())
    assert (response.status, error["type"]) == (502, "error")


def test_broken_in_mid_answer(server) -> None:
    """An answer that breaks off ends with the dialect's error; without a stream it is a 502."""
    for _ in range(2):
        script = server.answer("openai")
        script.say("Half")
        script.cut()
    with gateway(server, "openai") as url, Page(url) as page:
        body = page.ask("POST", "/v1/chat/completions", HI | {"stream": True}).read()
        assert b"The answer was interrupted" in body
        assert "error" in chunks(body)[-1]
        assert page.ask("POST", "/v1/chat/completions", HI).status == 502


def test_caller_leaves(server) -> None:
    """When the caller leaves a stream, the connection to the backend is closed."""
    script = server.answer("openai")
    script.say("One")
    with gateway(server, "openai", heartbeat=0.05) as url, Page(url) as page:
        response = page.ask("POST", "/v1/chat/completions", HI | {"stream": True})
        read_until(response, b"One")
        page.leave(response)
        script.wait_for_disconnect(WAIT_SECONDS)
