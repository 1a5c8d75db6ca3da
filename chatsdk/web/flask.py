"""Flask: stream an answer from a view, report errors, mount a `ChatService`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import flask
from werkzeug.exceptions import RequestEntityTooLarge

from chatsdk.dialects import Dialect
from chatsdk.errors import ChatError
from chatsdk.web import error_responses
from chatsdk.web.frames import Stream
from chatsdk.web.relay import HEARTBEAT_SECONDS, relay
from chatsdk.web.service import ChatService
from chatsdk.web.wsgi import read_body, request_of

__all__ = ["blueprint", "error_response", "stream_response"]


def stream_response(
    stream: Stream | Callable[[], Stream],
    *,
    dialect: str | Dialect = "openai",
    heartbeat: float = HEARTBEAT_SECONDS,
) -> flask.Response:
    """Return the response that relays a stream to the browser; see `chatsdk.web.relay`."""
    body = relay(stream, dialect=dialect, heartbeat=heartbeat)
    return _response(200, body.headers, body)


def error_response(error: ChatError) -> flask.Response:
    """Return the response for an error that was raised before the answer began.

    Also an error handler: ``app.register_error_handler(ChatError, flask.error_response)``.
    """
    found = error_responses.error_response(error)
    return _response(found.status, found.headers, found.body)


def blueprint(service: ChatService, name: str = "chatsdk") -> flask.Blueprint:
    """Return a blueprint with the routes of a `ChatService`.

    ``app.register_blueprint(blueprint(service), url_prefix="/api/chat")``
    """
    routes = flask.Blueprint(name, __name__)

    def answer(rest: str = "", **_: Any) -> flask.Response:
        # The other arguments are variables of the site's own `url_prefix`.
        request = flask.request
        full = request.script_root + request.path
        mount = full.rstrip("/")[: len(full.rstrip("/")) - len(rest.rstrip("/"))].rstrip("/")
        asked = request_of(request.environ, native=request, mount=mount, path=f"/{rest}")
        found = service.respond(attrs.evolve(asked, read=_read))
        return _response(found.status, found.headers, found.body)

    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    for rule, endpoint in (("/", "root"), ("/<path:rest>", "chat")):
        routes.add_url_rule(
            rule,
            endpoint,
            answer,
            methods=methods,
            strict_slashes=False,
            provide_automatic_options=False,
        )
    return routes


def _read(limit: int) -> bytes:
    """Read at most `limit` bytes of the request's body, even if the site has read it before."""
    request = flask.request
    if request.content_length is None:
        return read_body(request.environ, limit) or request.get_data()[:limit]
    try:
        # Flask keeps a body that it has read; WSGI's stream would be at its end.
        return request.get_data()[:limit]
    except RequestEntityTooLarge:
        # By the site's MAX_CONTENT_LENGTH. One byte too many is refused as such.
        return bytes(limit)


def _response(status: int, headers: list[tuple[str, str]], body: Any) -> flask.Response:
    response = flask.Response(body, status=status)
    # Flask sets a content type, and would add these fields after it.
    response.headers.clear()
    for name, value in headers:
        response.headers.add(name, value)
    return response
