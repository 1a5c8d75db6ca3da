"""Django under WSGI and ASGI: stream an answer from a view, mount a `ChatService`."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import django
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.db import connections
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import URLPattern, re_path

from chatsdk.dialects import Dialect
from chatsdk.errors import ChatError
from chatsdk.web import error_responses
from chatsdk.web.event_loop import frames, on_a_thread
from chatsdk.web.frames import Stream
from chatsdk.web.http_messages import FrameStream, WebRequest, WebResponse
from chatsdk.web.relay import HEARTBEAT_SECONDS, relay
from chatsdk.web.service import ChatService

__all__ = ["error_response", "stream_response", "urls"]

# Whether Django itself ends a response whose browser has left.
LISTENS = django.VERSION >= (5, 0)


def stream_response(
    request: HttpRequest,
    stream: Stream | Callable[[], Stream],
    *,
    dialect: str | Dialect = "openai",
    heartbeat: float = HEARTBEAT_SECONDS,
) -> StreamingHttpResponse:
    """Return the response that relays a stream to the browser; see `chatsdk.web.relay`.

    Under ASGI it has an asynchronous iterator, because Django would read an ordinary one to its end
    before it sends the first byte.
    """
    body = relay(stream, dialect=dialect, heartbeat=heartbeat)
    return _streaming(request, 200, body.headers, body)


def error_response(error: ChatError) -> JsonResponse:
    """Return the response for an error that was raised before the answer began."""
    found = error_responses.error_response(error)
    response = JsonResponse({}, status=found.status)
    response.content = found.body
    return _with_headers(response, found.headers)


def urls(service: ChatService) -> list[URLPattern]:
    """Return the routes of a `ChatService`, for ``path("api/chat", include(urls(service)))``.

    The views are exempt from Django's CSRF token, which `useChat` cannot send: the service checks
    the content type and the origin instead. They never run in a transaction.
    """
    view: Any = _View(service)
    return [re_path(r"^/?(?P<rest>[^/]+/(?:stream|stop))/?$", view), re_path(r"^/?$", view)]


class _Everything:
    """Contains everything."""

    def __contains__(self, item: object) -> bool:
        return True


def _in_event_loop() -> bool:
    return asyncio._get_running_loop() is not None


class _View:
    """A view that is asynchronous under ASGI and ordinary under WSGI.

    Under ASGI, Django runs all ordinary views on one thread, where a backend that has not answered
    would block every other request. Under WSGI, an asynchronous view would need an event loop on
    the server's thread, which gevent's workers do not have. Django checks on each call whether a
    view is asynchronous, so the result may depend on the request.
    """

    csrf_exempt = True
    _non_atomic_requests = _Everything()

    def __init__(self, service: ChatService) -> None:
        self._service = service
        self.__name__ = "chatsdk"

    @property
    def _is_coroutine(self) -> object:
        # Checked by asgiref before Python 3.12.
        return asyncio.coroutines._is_coroutine if _in_event_loop() else None  # type: ignore[attr-defined]

    @property
    def _is_coroutine_mark(self) -> object:
        # Checked by `inspect` since Python 3.12.
        return inspect._is_coroutine_mark if _in_event_loop() else None  # type: ignore[attr-defined]

    def __call__(
        self, request: HttpRequest, *_: object, rest: str = "", **__: object
    ) -> HttpResponse | Coroutine[Any, Any, HttpResponse]:
        # The other arguments are variables of the site's own path to `urls`.
        if isinstance(request, ASGIRequest):
            return self._answer_async(request, rest)
        return _response(request, self._service.respond(_request(request, rest)))

    async def _answer_async(self, request: HttpRequest, rest: str) -> Any:
        def respond() -> WebResponse:
            try:
                return self._service.respond(_request(request, rest))
            finally:
                # This thread ends, and its connections to the database with it.
                connections.close_all()

        return _response(request, await on_a_thread(respond))


def _request(request: HttpRequest, rest: str) -> WebRequest:
    full = request.path.rstrip("/")
    mount = full[: len(full) - len(rest)].rstrip("/") if rest else full
    return WebRequest(
        request.method or "GET",
        mount,
        f"/{rest}",
        {name: str(request.GET[name]) for name in request.GET},
        {name.lower(): value for name, value in request.headers.items()},
        request.read,
        request,
    )


def _response(request: HttpRequest, found: WebResponse) -> Any:
    if isinstance(found.body, bytes):
        return _with_headers(HttpResponse(found.body, status=found.status), found.headers)
    return _streaming(request, found.status, found.headers, found.body)


class _Streaming(StreamingHttpResponse):  # type: ignore[misc]
    """A response that Django's `GZipMiddleware` leaves alone: it would hold events back."""

    def has_header(self, header: str) -> bool:
        # The middleware asks whether the content has been encoded already.
        return header.lower() == "content-encoding" or super().has_header(header)


def _streaming(
    request: HttpRequest, status: int, headers: list[tuple[str, str]], body: FrameStream
) -> StreamingHttpResponse:
    if request.method == "HEAD":
        # Some servers read the complete answer, and send nothing of it.
        body.close()
    content: Any = _frames(body) if isinstance(request, ASGIRequest) else body
    response = _Streaming(content, status=status)
    _with_headers(response, headers)
    return response


async def _frames(body: FrameStream) -> AsyncIterator[bytes]:
    receive = None if LISTENS else _receive()
    async with contextlib.aclosing(frames(body, receive and _left(receive))) as found:
        async for data in found:
            yield data


def _receive() -> Any:
    """Return the ASGI ``receive`` of the request that this task answers, if it can be found.

    Django before 5.0 neither notices a browser that leaves nor gives access to ``receive``.
    """
    frame: Any = sys._getframe(1)
    while frame is not None and frame.f_code is not ASGIHandler.handle.__code__:
        frame = frame.f_back
    return None if frame is None else frame.f_locals.get("receive")


async def _left(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _with_headers(response: Any, headers: list[tuple[str, str]]) -> Any:
    names = {name.lower() for name, _ in headers}
    if "content-type" not in names:
        del response.headers["Content-Type"]
    for name, value in headers:
        response.headers[name] = value
    return response
