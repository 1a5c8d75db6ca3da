"""`relay`: a stream passed on to a browser over a real socket."""

from __future__ import annotations

import gc
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from browser import WAIT_SECONDS, Page, chunks, frames, read_until, serving, text_of

from chatsdk import ChatClient, ChatError, ConnectError, HTTPStatusError, Usage
from chatsdk.testing import ChatServer, RefusingPort
from chatsdk.web import relay
from chatsdk.web.error_responses import error_response
from chatsdk.web.wsgi import status_line


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as server:
        yield server


@pytest.fixture
def client(server: ChatServer) -> Iterator[ChatClient]:
    with ChatClient(server.url, dialect="openai") as client:
        yield client


def view(client: ChatClient, **options: Any) -> Any:
    """A WSGI application that relays the answer to one prompt."""

    def app(environ: Any, start_response: Any) -> Any:
        try:
            body = relay(lambda: client.ask("Hi"), **options)
        except ChatError as error:
            found = error_response(error)
            start_response(status_line(found.status), found.headers)
            return [found.body]
        start_response("200 OK", body.headers)
        return body

    return app


@pytest.mark.parametrize("dialect", ["openai", "vercel", "anthropic", "agui"])
def test_frames_carry_ids(server, client, dialect) -> None:
    """Every frame has an `id:`, in the browser's dialect whatever the backend speaks."""
    server.answer("openai", "Hello there")
    with serving(view(client, dialect=dialect)) as url, Page(url) as page:
        body = page.ask(body={}).read()
    ids = [id for id, _ in frames(body)]
    assert ids == [str(number) for number in range(1, len(ids) + 1)]
    assert b"Hello" in body


def test_headers(server, client) -> None:
    """No proxy may buffer or transform the answer, and its length is not declared."""
    server.answer("openai", "Hello")
    with serving(view(client, dialect="vercel")) as url, Page(url) as page:
        response = page.ask(body={})
        response.read()
    assert response.headers["Content-Type"] == "text/event-stream"
    assert response.headers["Cache-Control"] == "no-cache, no-transform"
    assert response.headers["X-Accel-Buffering"] == "no"
    assert response.headers["x-vercel-ai-ui-message-stream"] == "v1"
    assert response.headers["Content-Length"] is None


def test_one_event_at_a_time(server, client) -> None:
    """Each piece is with the browser before the backend sends the next one."""
    script = server.answer("openai")
    with serving(view(client, dialect="vercel")) as url, Page(url) as page:
        script.say("One")
        response = page.ask(body={})
        read_until(response, b'"One"')
        script.say(" two")
        read_until(response, b'" two"')
        script.finish()
        assert response.read().endswith(b"data: [DONE]\n\n")


def test_heartbeat_while_the_model_is_silent(server, client) -> None:
    """A comment line goes out while nothing comes, and the answer goes on after it."""
    script = server.answer("openai")
    script.say("One")
    with serving(view(client, heartbeat=0.05)) as url, Page(url) as page:
        response = page.ask(body={})
        read_until(response, b"One")
        # The blank line is the end of the event; none follows the heartbeat.
        assert read_until(response, b": ping\n") == b"\n: ping\n"
        script.say(" two")
        script.finish()
        assert response.read().endswith(b"data: [DONE]\n\n")


def test_heartbeat_of_ollama(server, client) -> None:
    """In lines of JSON a heartbeat is a line of the dialect whose content is empty."""
    script = server.answer("openai")
    script.say("One")
    with serving(view(client, dialect="ollama", heartbeat=0.05)) as url, Page(url) as page:
        response = page.ask(body={})
        assert b'"content": ""' in read_until(response, b'"content": ""')
        script.finish()
        assert b'"done": true' in response.read()


def test_browser_leaves(server, client) -> None:
    """When the browser goes away, the connection to the backend is closed by the next heartbeat."""
    script = server.answer("openai")
    script.say("One")
    with serving(view(client, heartbeat=0.05)) as url, Page(url) as page:
        response = page.ask(body={})
        read_until(response, b"One")
        page.leave(response)
        script.wait_for_disconnect(WAIT_SECONDS)


def test_never_iterated(server, client) -> None:
    """A relay that is never iterated closes the connection when it is dropped."""
    script = server.answer("openai")
    script.say("One")
    body = relay(client.ask("Hi"))
    del body
    gc.collect()
    script.wait_for_disconnect(WAIT_SECONDS)


def test_closed_while_another_thread_waits(server, client) -> None:
    """Closing ends the iteration of another thread."""
    script = server.answer("openai")
    script.say("One")
    body = relay(client.ask("Hi"))
    assert b"One" in next(body)
    rest: list[bytes] = []
    reader = threading.Thread(target=lambda: rest.extend(body))
    reader.start()
    body.close()
    reader.join(WAIT_SECONDS)
    assert not reader.is_alive()
    script.wait_for_disconnect(WAIT_SECONDS)


def test_refused_before_the_first_byte(server, client) -> None:
    """A backend that refuses is a status with our own words, and none of the backend's."""
    server.reply(401, json={"error": {"message": "Incorrect API key sk-123"}})
    with serving(view(client)) as url, Page(url) as page:
        response = page.ask(body={})
        body = response.read()
    assert response.status == 502
    assert b"HTTPStatusError" in body
    assert b"sk-123" not in body


@pytest.mark.parametrize("status", [429, 503])
def test_busy(server, client, status) -> None:
    """A busy backend is a busy site, with the seconds to wait."""
    error = HTTPStatusError(status=status, retry_after=2.5)
    found = error_response(error)
    assert found.status == status
    assert ("Retry-After", "3") in found.headers


def test_unreachable() -> None:
    """A backend that cannot be reached is a 502 without its address."""
    with RefusingPort() as port, ChatClient(port.url, dialect="openai") as client:
        with pytest.raises(ConnectError):
            relay(lambda: client.ask("Hi"))
        with serving(view(client)) as url, Page(url) as page:
            response = page.ask(body={})
            body = response.read()
    assert response.status == 502
    assert b"127.0.0.1" not in body


@pytest.mark.parametrize("dialect", ["openai", "vercel", "anthropic", "ollama"])
def test_broken_in_mid_answer(server, client, dialect) -> None:
    """An answer that breaks off ends with the dialect's own error frame."""
    script = server.answer("openai")
    script.say("Half")
    script.cut()
    with serving(view(client, dialect=dialect)) as url, Page(url) as page:
        body = page.ask(body={}).read()
    assert b"Half" in body
    assert b"The answer was interrupted" in body
    assert b"Traceback" not in body


def test_what_the_backend_leaves_out_is_added(server, client) -> None:
    """Calls without ids get one each, the answer gets one too, and the end a reason."""
    call = {"index": 0, "function": {"name": "weather", "arguments": "{}"}}
    frame = {"choices": [{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None}]}
    server.stream([b"data: " + json.dumps(frame).encode() + b"\n\ndata: [DONE]\n\n"])
    with serving(view(client, dialect="vercel")) as url, Page(url) as page:
        found = chunks(page.ask(body={}).read())
    start, *_, finish = found
    (named,) = {chunk["toolCallId"] for chunk in found if "toolCallId" in chunk}
    assert named.startswith("call_")
    assert start["messageId"].startswith("msg_")
    assert finish == {"type": "finish", "finishReason": "tool-calls"}


def test_every_chunk_of_openai_has_a_choice(server, client) -> None:
    """Programs read `choices[0]` of each chunk; the counts come with the reason."""
    server.answer("openai", "Hello", usage=Usage(input=1, output=2, total=3))
    with serving(view(client)) as url, Page(url) as page:
        found = chunks(page.ask(body={}).read())
    assert all(chunk["choices"] for chunk in found)
    assert found[-1]["choices"][0]["finish_reason"] == "stop"
    assert found[-1]["usage"]["total_tokens"] == 3


def test_slow_browser_slows_the_backend(server, client) -> None:
    """The data waiting for a browser that does not read is bounded."""
    script = server.answer("openai")
    body = relay(client.ask("Hi"))
    for _ in range(400):
        script.say("x" * 4096)
    script.finish()
    pump = body.pump
    with pump._changed:
        pump._changed.wait_for(lambda: pump._size >= 64 * 1024, WAIT_SECONDS)
    assert pump._size < 96 * 1024
    whole = b"".join(body)
    assert whole.count(b"x" * 4096) == 400


def test_text_survives(server, client) -> None:
    """Chinese, emoji, line ends and NUL arrive as the backend sent them."""
    text = "\u4f60\u597d \U0001f468\u200d\U0001f469\u200d\U0001f467 a\r\nb\n\nc\x00d</script>"
    server.answer("openai", [text])
    with serving(view(client, dialect="vercel")) as url, Page(url) as page:
        assert text_of(page.ask(body={}).read()) == text


def of_an_object(client: ChatClient, **options: Any) -> Any:
    """A WSGI application that relays an answer with a schema."""
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}

    def app(environ: Any, start_response: Any) -> Any:
        body = relay(client.ask("Hi", output=schema), **options)
        start_response("200 OK", body.headers)
        return body

    return app


def test_the_object_is_a_data_part(server, client) -> None:
    """The page of the AI SDK has the object with the text, the last one complete."""
    pytest.importorskip("jiter")
    server.answer("openai", ['{"city": "O', "s" * 40, 'lo"}'])
    with serving(of_an_object(client, dialect="vercel")) as url, Page(url) as page:
        body = page.ask(body={}).read()
    data = [chunk for chunk in chunks(body) if chunk["type"] == "data-object"]
    assert {chunk["id"] for chunk in data} == {"object"}
    cities = [chunk["data"]["city"] for chunk in data]
    assert len(cities) > 1
    assert cities[-1] == "O" + "s" * 40 + "lo"
    assert all(cities[-1].startswith(city) for city in cities)


@pytest.mark.parametrize(
    ("dialect", "frame"),
    [
        ("agui", b'"STATE_SNAPSHOT", "snapshot": {"object": {"city": "Oslo"}}'),
        ("vercel_v1", b'2:[{"object": {"city": "Oslo"}}]'),
        # The text that `useObject` of the AI SDK reads.
        ("text", b'{"city": "Oslo"}'),
    ],
)
def test_the_object_in_other_dialects(server, client, dialect, frame) -> None:
    """AG-UI has it as state, version 1 of the AI SDK as data, plain text as its JSON."""
    pytest.importorskip("jiter")
    server.answer("openai", ['{"city": "Oslo"}'])
    with serving(of_an_object(client, dialect=dialect)) as url, Page(url) as page:
        body = page.ask(body={}).read()
    assert frame in body


def test_the_data_grow_with_the_text_alone(server, client) -> None:
    """However many events, the bytes of the object are a small multiple of the answer's."""
    pytest.importorskip("jiter")
    text = '{"city": "' + "x" * 8000 + '"}'
    server.answer("openai", [text[at : at + 4] for at in range(0, len(text), 4)])
    with serving(of_an_object(client, dialect="vercel")) as url, Page(url) as page:
        body = page.ask(body={}).read()
    sent = sum(len(json.dumps(chunk)) for chunk in chunks(body) if chunk["type"] == "data-object")
    assert sent < 12 * len(text)
