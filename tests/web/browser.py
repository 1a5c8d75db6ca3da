"""A browser's side of a chat, over a real socket: a request, and the frames of its answer."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from werkzeug.serving import make_server

WAIT_SECONDS = 30


def user(text: str, id: str = "chat-1") -> dict[str, Any]:
    """The body that `useChat` posts for one question."""
    message = {"id": "m1", "role": "user", "parts": [{"type": "text", "text": text}]}
    return {"id": id, "messages": [message], "trigger": "submit-message"}


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """Serve a WSGI application on a free port of the loopback; give its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(WAIT_SECONDS)
        server.server_close()


class Page:
    """One connection of a browser."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self.connection = http.client.HTTPConnection(
            parts.hostname, parts.port, timeout=WAIT_SECONDS
        )
        self.path = parts.path

    def __enter__(self) -> Page:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.connection.close()

    def ask(
        self, method: str = "POST", path: str = "", body: Any = None, **headers: str
    ) -> http.client.HTTPResponse:
        """Send a request; the names of header fields have `_` for `-`."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(body, dict):
            sent.setdefault("Content-Type", "application/json")
            body = json.dumps(body)
        self.connection.request(method, self.path + path, body, sent)
        return self.connection.getresponse()

    def send(self, body: dict[str, Any]) -> None:
        """Send a question, and do not wait for the response."""
        self.connection.request(
            "POST", self.path, json.dumps(body), {"Content-Type": "application/json"}
        )

    def leave(self, response: http.client.HTTPResponse) -> None:
        """Close the connection, as a browser does when its tab is closed."""
        response.close()
        self.connection.close()


def frames(body: bytes) -> list[tuple[str | None, str]]:
    """The id and data of each event of a body."""
    found = []
    for block in body.decode().split("\n\n"):
        id, data = None, None
        for line in block.split("\n"):
            name, _, value = line.partition(": ")
            if name == "id":
                id = value
            elif name == "data":
                data = value
        if data is not None:
            found.append((id, data))
    return found


def chunks(body: bytes) -> list[dict[str, Any]]:
    """The JSON of each event of a body, without the end marker."""
    return [json.loads(data) for _, data in frames(body) if data != "[DONE]"]


def text_of(body: bytes) -> str:
    """The text of an answer in Vercel's dialect."""
    return "".join(chunk["delta"] for chunk in chunks(body) if chunk["type"] == "text-delta")


def read_until(response: http.client.HTTPResponse, word: bytes) -> bytes:
    """Read lines until one holds the word."""
    seen = b""
    while word not in seen:
        line = response.readline()
        assert line, f"the body ended before {word!r}: {seen!r}"
        seen += line
    return seen
