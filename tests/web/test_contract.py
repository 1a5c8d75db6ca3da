"""Promises of `chatsdk.web` that a site relies on: statuses, errors, limits, what is imported."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from browser import WAIT_SECONDS, Page, chunks, serving, text_of, user

from chatsdk import (
    BackendError,
    BusyError,
    ChatClient,
    ChatError,
    ChatTimeout,
    ConnectError,
    HTTPStatusError,
    LimitExceeded,
    Limits,
    NotAStreamError,
    ProtocolError,
    StreamInterrupted,
)
from chatsdk.testing import ChatServer, RefusingPort
from chatsdk.web import ChatService, relay, wsgi
from chatsdk.web.error_responses import error_response

SECRET = "sk-Qx7Rt5Zp9Wm3Kd8"


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as server:
        yield server


@pytest.fixture
def client(server: ChatServer) -> Iterator[ChatClient]:
    with ChatClient(server.url, dialect="openai") as client:
        yield client


# Errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ConnectError(SECRET), 502),
        (NotAStreamError(SECRET, status=200, body=SECRET.encode()), 502),
        (ProtocolError(SECRET), 502),
        (StreamInterrupted(SECRET), 502),
        (BackendError(SECRET, message=SECRET), 502),
        (LimitExceeded(SECRET, limit="answer_bytes"), 502),
        (ChatTimeout(SECRET, phase="first_event"), 504),
        (BusyError(SECRET), 409),
        *((HTTPStatusError(SECRET, status=status), 502) for status in (400, 401, 403, 404, 500)),
        (HTTPStatusError(SECRET, status=429), 429),
        (HTTPStatusError(SECRET, status=503), 503),
    ],
    ids=lambda value: getattr(value, "status", None) or type(value).__name__,
)
def test_status_of_an_error(error: ChatError, status: int) -> None:
    """Each error has its status, and a message of chatsdk in JSON."""
    found = error_response(error)
    assert found.status == status
    (shown,) = json.loads(found.body).values()
    assert set(shown) == {"type", "message"}
    assert shown["type"] == type(error).__name__
    assert SECRET.encode() not in found.body


@pytest.mark.parametrize("dialect", ["openai", "vercel", "anthropic", "ollama"])
def test_error_of_the_backend_in_mid_answer(server, client, dialect: str) -> None:
    """The backend's own words are not passed on, the text before them is."""
    text = b'data: {"choices":[{"index":0,"delta":{"content":"Half"}}]}\n\n'
    failure = f'data: {{"error": {{"message": "no such model for {SECRET}"}}}}\n\n'
    server.stream([text + failure.encode()])
    body = b"".join(relay(client.ask("Hi"), dialect=dialect))
    assert b"Half" in body
    assert b"The model could not complete the answer" in body
    assert SECRET.encode() not in body


@pytest.mark.parametrize(
    ("native", "dialect", "reason"),
    [
        ("length", "vercel", b'"finishReason": "length"'),
        ("length", "anthropic", b'"stop_reason": "max_tokens"'),
        ("content_filter", "vercel", b'"finishReason": "content-filter"'),
        ("tool_calls", "anthropic", b'"stop_reason": "tool_use"'),
        ("made_up", "openai", b'"finish_reason": "stop"'),
    ],
)
def test_reason_in_the_words_of_the_browser(server, client, native, dialect, reason) -> None:
    """The end has a reason of the browser's dialect, whatever the backend calls it."""
    choice = {"index": 0, "delta": {"content": "Hi"}, "finish_reason": native}
    frame = b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"
    server.stream([frame + b"data: [DONE]\n\n"])
    assert reason in b"".join(relay(client.ask("Hi"), dialect=dialect))


# Relay ----------------------------------------------------------------------------------------


def test_function_is_called_at_once(client) -> None:
    """A function that returns the stream is called before anything is iterated."""
    with pytest.raises(LookupError, match="not today"):
        relay(refuse)


def refuse() -> Any:
    raise LookupError("not today")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"dialect": "opnai"}, "did you mean 'openai'"),
        ({"dialect": "genkit"}, "genkit"),
        ({"heartbeat": 0}, "heartbeat is a positive number"),
        ({"heartbeat": -1.0}, "heartbeat is a positive number"),
        ({"heartbeat": float("nan")}, "heartbeat is a positive number"),
    ],
)
def test_wrong_options(options, said) -> None:
    """They are refused before the function is called, so nothing is asked of the backend."""
    with pytest.raises(ValueError, match=said):
        relay(lambda: pytest.fail("it was called"), **options)


def test_dropped_in_mid_answer(server, client) -> None:
    """A relay that a server drops after an exception closes the connection, without a `close`."""
    script = server.answer("openai")
    script.say("One")
    body = relay(client.ask("Hi"))
    assert b"One" in next(body)
    del body
    gc.collect()
    script.wait_for_disconnect(WAIT_SECONDS)


def test_exception_in_the_middle(server, client) -> None:
    """A worker that is ended in the middle of an answer closes the connection."""
    script = server.answer("openai")
    script.say("One")

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        with relay(client.ask("Hi")) as body:
            for _ in body:
                raise SystemExit(1)
        yield b""

    with pytest.raises(SystemExit):
        list(app({}, None))
    script.wait_for_disconnect(WAIT_SECONDS)


# ChatService ----------------------------------------------------------------------------------


@pytest.mark.parametrize("journal", [True, False])
def test_limit_of_an_answer(server, journal: bool) -> None:
    """An answer that is longer than `Limits(answer_bytes)` ends with an error, and is kept so."""
    frame = b'data: {"choices":[{"index":0,"delta":{"content":"' + b"x" * 4000 + b'"}}]}\n\n'
    server.stream(lambda _: [frame] * 1000, repeat=True)
    options = {} if journal else {"journal": None}
    with ChatClient(server.url, dialect="openai", limits=Limits(answer_bytes=100_000)) as client:
        service = ChatService(client, **options)
        with serving(wsgi.application(service)) as url, Page(url) as page:
            body = page.ask(body=user("Hi")).read()
            last = chunks(body)[-1]
            assert (last["type"], last["errorText"]) == ("error", "The answer was too long.")
            # The size is checked after each MiB.
            assert len(text_of(body)) < 3 * 1024 * 1024
            if journal:
                assert chunks(page.ask("GET", "/chat-1/stream").read())[-1] == last


def test_redis_that_is_away(server, client) -> None:
    """Without its journal a service answers 5xx, in JSON and without an address."""
    pytest.importorskip("redis")
    from chatsdk.web import RedisJournal

    with RefusingPort() as port:
        journal = RedisJournal(f"redis://:{SECRET}@127.0.0.1:{port.port}/0")
        service = ChatService(client, journal=journal)
        with serving(wsgi.application(service)) as url, Page(url) as page:
            for method, path, body in (
                ("POST", "", user("Hi")),
                ("GET", "/chat-1/stream", None),
                ("POST", "/chat-1/stop", None),
            ):
                response = page.ask(method, path, body)
                shown = response.read()
                assert 500 <= response.status < 600
                assert set(json.loads(shown)["error"]) == {"type", "message"}
                assert SECRET.encode() not in shown
                assert b"127.0.0.1" not in shown
        journal.close()
    assert not server.requests


# Imports --------------------------------------------------------------------------------------

BLOCK = """\
import sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Block())
"""

FRAMEWORKS = {"flask", "django", "starlette", "redis"}


@pytest.mark.parametrize(
    ("statement", "needs"),
    [
        ("from chatsdk.web import relay, Relay, ChatService, Gateway, Journal, MemoryJournal", ""),
        ("from chatsdk.web import wsgi", ""),
        ("from chatsdk.web import flask", "flask"),
        ("from chatsdk.web import django", "django"),
        ("from chatsdk.web import starlette", "starlette"),
        ("from chatsdk.web import RedisJournal", "redis"),
    ],
)
def test_each_needs_only_its_own_framework(statement: str, needs: str) -> None:
    """A module imports no other framework than its own."""
    if needs:
        pytest.importorskip(needs)
    blocked = sorted(FRAMEWORKS - {needs})
    program = BLOCK.replace("BLOCKED", repr(blocked)) + statement
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
