"""A `ChatService` or a `Gateway` as a WSGI application, for any server."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import parse_qsl

from chatsdk.web.http_messages import WebRequest, WebResponse

__all__ = ["Responder", "application", "request_of", "status_line"]


class Responder(Protocol):
    """Answers requests: a `ChatService` or a `Gateway`."""

    def respond(self, request: WebRequest) -> WebResponse:
        """Answer one request."""


def application(responder: Responder) -> Callable[[dict[str, Any], Any], Iterable[bytes]]:
    """Return a WSGI application that answers with a `ChatService` or a `Gateway`."""

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        response = responder.respond(request_of(environ))
        body = response.body
        headers = list(response.headers)
        if isinstance(body, bytes):
            if response.status != HTTPStatus.NO_CONTENT:
                headers.append(("Content-Length", str(len(body))))
            start_response(status_line(response.status), headers)
            return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]
        try:
            start_response(status_line(response.status), headers)
        except BaseException:
            body.close()
            raise
        return body

    return app


def status_line(status: int) -> str:
    """Return the status in WSGI's form, such as ``200 OK``."""
    return f"{status} {HTTPStatus(status).phrase}"


def request_of(
    environ: Mapping[str, Any],
    *,
    native: Any = None,
    mount: str | None = None,
    path: str | None = None,
) -> WebRequest:
    """Return the request of a WSGI environ.

    Args:
        environ: as the server made it.
        native: the argument for `authorize`; by default the environ itself.
        mount, path: if a framework has already routed the request.
    """
    headers = {
        name[5:].replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_") and isinstance(value, str)
    }
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            headers[name.replace("_", "-").lower()] = environ[name]
    query: dict[str, str] = {}
    for name, value in parse_qsl(environ.get("QUERY_STRING", ""), max_num_fields=None):
        query.setdefault(name, value)
    if path is None:
        # WSGI carries the bytes of a path as Latin-1.
        path = environ.get("PATH_INFO", "").encode("latin-1", "replace").decode("utf-8", "replace")
    return WebRequest(
        environ.get("REQUEST_METHOD", "GET").upper(),
        environ.get("SCRIPT_NAME", "").rstrip("/") if mount is None else mount,
        path,
        query,
        headers,
        lambda limit: read_body(environ, limit),
        environ if native is None else native,
        environ.get("REMOTE_ADDR"),
    )


def read_body(environ: Mapping[str, Any], limit: int) -> bytes:
    """Read at most `limit` bytes of the request's body."""
    stream = environ["wsgi.input"]
    length = environ.get("CONTENT_LENGTH") or ""
    if length.isascii() and length.isdigit():
        limit = min(limit, int(length))
    elif not environ.get("wsgi.input_terminated"):
        # The server does not end the stream at the end of the body: reading on would block.
        return b""
    pieces: list[bytes] = []
    while limit > 0:
        piece = stream.read(limit)
        if not piece:
            break
        pieces.append(piece)
        limit -= len(piece)
    return b"".join(pieces)
