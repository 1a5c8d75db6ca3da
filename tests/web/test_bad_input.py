"""Hostile browsers, and backends that send unexpected data."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import flask
import pytest
from browser import Page, read_until, serving, text_of, user

from chatsdk import ChatClient
from chatsdk.testing import ChatServer
from chatsdk.web import ChatService, relay
from chatsdk.web import flask as chatsdk_flask
from chatsdk.web.http_messages import WebRequest, WebResponse

# Dialects of browsers, one of each family.
DIALECTS = ["openai", "vercel", "anthropic", "ollama", "agui"]


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as server:
        yield server


@contextmanager
def site(server: ChatServer, **options: Any) -> Iterator[str]:
    with ChatClient(server.url, dialect="openai") as client:
        app = flask.Flask("site")
        service = ChatService(client, **options)
        app.register_blueprint(chatsdk_flask.blueprint(service), url_prefix="/api/chat")
        with serving(app) as url:
            yield f"{url}/api/chat"


def respond(
    method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
) -> WebResponse:
    """Ask a service without a server in between, which might refuse first."""
    data = json.dumps(body).encode()
    with ChatClient("http://127.0.0.1:1/v1/chat/completions") as client:
        service = ChatService(client, max_body=64 << 20)
        sent = {"content-type": "application/json", **(headers or {})}
        return service.respond(
            WebRequest(method, "/api/chat", path, {}, sent, lambda n: data[:n], None)
        )


@pytest.mark.parametrize(
    "id",
    [
        "..",
        ".",
        "../x",
        "a/b",
        "a\\b",
        "a%2fb",
        "a\r\nSet-Cookie: x=1",
        "a\x00b",
        "a b",
        "\u202ea",
        "\ud800",
        "é",
        "*",
        "chat:1*",
        "x" * 129,
        "x" * (10 << 20),
    ],
    ids=lambda id: ascii(id[:20]),
)
def test_ids_of_chats(id) -> None:
    """An id with tricks is refused in a body and in a path, and is in no header."""
    for response in (
        respond("POST", "/", user("Hi", id)),
        respond("GET", f"/{id}/stream"),
        respond("POST", f"/{id}/stop"),
    ):
        assert response.status in (400, 404)
        assert all(id not in value for _, value in response.headers)
        assert isinstance(response.body, bytes)
        assert id[:100].encode("utf-8", "surrogatepass") not in response.body or len(id) < 3


@pytest.mark.parametrize("id", ["x" * (10 << 20), "-", "a-9" * 50, "٣-٣", "a-" + "9" * 100_000])
def test_last_event_ids(server, id) -> None:
    """A made-up `Last-Event-ID` is neither slow nor an error."""
    assert respond("GET", "/chat-1/stream", headers={"last-event-id": id}).status == 204


def test_one_frame_of_eight_megabytes(server) -> None:
    """It arrives as it is, and nothing is written twice."""
    text = "0123456789abcdef" * (8 << 16)
    server.answer("openai", text, pieces=1)
    with site(server) as url, Page(url) as page:
        assert text_of(page.ask(body=user("Hi")).read()) == text


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_a_model_may_say(server, dialect) -> None:
    """NUL, lone surrogates and line separators arrive as JSON that every reader takes."""
    said = "a\\u0000b\\ud800c\\u2028d\\r\\ne\\u007f\\ufeff"
    chunk = '{"choices": [{"index": 0, "delta": {"content": "%s"}, "finish_reason": %s}]}'
    frames = [chunk % (said, "null"), chunk % ("", '"stop"'), "[DONE]"]
    body = "".join(f"data: {frame}\n\n" for frame in frames)
    server.reply(200, body=body, content_type="text/event-stream")
    with ChatClient(server.url, dialect="openai") as client:
        written = b"".join(relay(client.ask("Hi"), dialect=dialect))
    written.decode("utf-8")
    found = []
    for line in written.splitlines():
        data = line.partition(b"data: ")[2] or line
        if data.startswith(b"{"):
            value = json.loads(data)
            json.dumps(value, ensure_ascii=False).encode("utf-8")
            found.append(json.dumps(value))
    assert any("a\\u0000b" in one for one in found)


def test_a_backend_that_wants_to_write_headers(server) -> None:
    """No data of the backend becomes a header field or a field of a frame."""
    evil = "x\r\nSet-Cookie: a=b\n\nid: 99\ndata: pwned"
    server.answer("openai", "Hello", id=evil, model=evil, headers={"X-Chat-Id": "theirs"})
    with site(server) as url, Page(url) as page:
        response = page.ask(body=user("Hi"))
        body = response.read()
    assert response.headers["Set-Cookie"] is None
    assert response.headers["X-Chat-Id"] == "chat-1"
    assert b"\nSet-Cookie" not in body
    assert b"\ndata: pwned" not in body
    assert text_of(body) == "Hello"


def connect(url: str) -> socket.socket:
    parts = urlsplit(url)
    assert parts.hostname is not None
    return socket.create_connection((parts.hostname, parts.port or 80), 30)


def test_a_body_that_never_ends(server) -> None:
    """A browser that sends its body slowly takes no turn, and others are served."""
    server.answer("openai", "Hello")
    with site(server, max_turns=1) as url, connect(url) as slow, Page(url) as page:
        slow.sendall(
            b"POST /api/chat HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b'Content-Length: 1000\r\n\r\n{"id":'
        )
        assert text_of(page.ask(body=user("Hi")).read()) == "Hello"


def test_a_follower_that_never_reads(server) -> None:
    """It holds up neither the turn nor another follower."""
    text = "0123456789abcdef" * (1 << 17)
    script = server.answer("openai")
    script.say("begin ")
    with site(server) as url, Page(url) as page, connect(url) as idle, Page(url) as other:
        response = page.ask(body=user("Hi"))
        seen = read_until(response, b"begin")
        idle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        idle.sendall(b"GET /api/chat/chat-1/stream HTTP/1.1\r\nHost: x\r\n\r\n")
        assert idle.recv(10)
        for place in range(0, len(text), 1 << 14):
            script.say(text[place : place + (1 << 14)])
        script.finish()
        assert text_of(seen + response.read()) == f"begin {text}"
        assert text_of(other.ask("GET", "/chat-1/stream").read()) == f"begin {text}"


def test_a_form_of_another_site(server) -> None:
    """A form cannot post to a chat, whatever it calls its content."""
    with site(server) as url, Page(url) as page:
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
            response = page.ask("POST", "", json.dumps(user("Hi")), Content_Type=kind)
            assert (response.status, server.requests) == (415, [])
            response.read()
        response = page.ask("POST", "", user("Hi"), Origin="https://example.com")
        assert (response.status, server.requests) == (403, [])
        assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"7", b'{"messages": 7}', b"{" * 100_000, b"\xff\xfe{}", b"NaN"]
)
def test_what_is_no_request(server, body) -> None:
    """It is a 400, in JSON."""
    with site(server) as url, Page(url) as page:
        response = page.ask("POST", "", body, Content_Type="application/json")
        assert (response.status, server.requests) == (400, [])
        assert set(json.loads(response.read())["error"]) == {"type", "message"}
