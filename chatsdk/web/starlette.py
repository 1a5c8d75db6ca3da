"""Starlette and FastAPI: stream an answer from an endpoint, mount a `ChatService`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from chatsdk.dialects import Dialect
from chatsdk.errors import ChatError
from chatsdk.web import error_responses
from chatsdk.web.event_loop import frames, on_a_thread
from chatsdk.web.frames import Stream
from chatsdk.web.http_messages import FrameStream, WebRequest
from chatsdk.web.relay import HEARTBEAT_SECONDS, relay
from chatsdk.web.service import ChatService

AnyResponse = TypeVar("AnyResponse", bound=Response)

__all__ = ["error_response", "routes", "stream_response"]


def stream_response(
    stream: Stream | Callable[[], Stream],
    *,
    dialect: str | Dialect = "openai",
    heartbeat: float = HEARTBEAT_SECONDS,
) -> StreamingResponse:
    """Return the response that relays a stream to the browser; see `chatsdk.web.relay`.

    Call it in an endpoint declared with ``def``, because opening a stream blocks.
    """
    body = relay(stream, dialect=dialect, heartbeat=heartbeat)
    return _streaming(200, body.headers, body)


def error_response(error: ChatError) -> Response:
    """Return the response for an error that was raised before the answer began."""
    found = error_responses.error_response(error)
    return _with_headers(Response(found.body, found.status), found.headers)


def routes(service: ChatService, prefix: str = "") -> list[Route]:
    """Return the routes of a `ChatService`, below a prefix such as ``"/api/chat"``.

    ``Starlette(routes=[*routes(service, "/api/chat")])``, and in FastAPI
    ``app.router.routes.extend(routes(service, "/api/chat"))``. In a ``Mount`` they need no prefix,
    but Starlette then redirects from the path without a slash at its end.
    """

    async def answer(request: Request) -> Response:
        rest = request.path_params.get("rest", "")
        full = request.url.path.rstrip("/")
        mount = full[: len(full) - len(rest.rstrip("/"))].rstrip("/") if rest else full
        limit = service.max_body + 1
        pieces: list[bytes] = []
        size = 0
        async for piece in request.stream():
            pieces.append(piece)
            size += len(piece)
            if size >= limit:
                break
        body = b"".join(pieces)
        found = await on_a_thread(
            lambda: service.respond(
                WebRequest(
                    request.method,
                    mount,
                    f"/{rest}",
                    dict(request.query_params),
                    {name.lower(): value for name, value in request.headers.items()},
                    lambda count: body[:count],
                    request,
                )
            )
        )
        if isinstance(found.body, bytes):
            return _with_headers(Response(found.body, found.status), found.headers)
        return _streaming(found.status, found.headers, found.body)

    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    prefix = prefix.rstrip("/")
    paths = [prefix] if prefix else []
    paths += [f"{prefix}/", f"{prefix}/{{rest:path}}"]
    return [Route(path, answer, methods=methods) for path in paths]


class _Streaming(StreamingResponse):
    """Closes the stream however the response ends, and at once for HEAD.

    Below Starlette's `BaseHTTPMiddleware`, the frames are left alone in mid-answer if the browser
    leaves while it reads slowly.
    """

    def __init__(self, body: FrameStream, status: int) -> None:
        super().__init__(frames(body), status)
        self._source = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            if scope.get("method") == "HEAD":
                self._source.close()
            await super().__call__(scope, receive, send)
        finally:
            self._source.close()


def _streaming(status: int, headers: list[tuple[str, str]], body: FrameStream) -> StreamingResponse:
    return _with_headers(_Streaming(body, status), headers)


def _with_headers(response: AnyResponse, headers: list[tuple[str, str]]) -> AnyResponse:
    if "content-type" in response.headers:
        del response.headers["content-type"]
    for name, value in headers:
        response.headers.append(name, value)
    return response
