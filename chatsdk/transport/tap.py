"""`Telling`: calls a tap with each response's head, raw bytes and end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chatsdk.errors import ChatTimeout
from chatsdk.transport.cancel import FINISHED
from chatsdk.transport.network_errors import Stopped

__all__ = ["ResponseHead", "Telling"]

HTTP_VERSIONS = {9: "0.9", 10: "1.0", 11: "1.1", 20: "2"}


class ResponseHead:
    """A request as it was sent, and the head of its response.

    It holds unredacted secrets: pass whatever is kept or shown through a
    `chatsdk.transport.report_redaction.Mask`.

    Attributes:
        method, url, request_headers, request_body: the request, as requests sent it.
        started: start of the request, in seconds of the monotonic clock.
        at: arrival of the response's head, on the same clock.
        status: the HTTP status code.
        headers: the header fields of the response in their order and spelling.
        http_version: for example ``"1.1"``, ``None`` if unknown.
        framing: ``"chunked"``, ``"length"`` or ``"close"``: what marks the end of the body.
        content_encoding: the compression of the body, or ``None``.
    """

    __slots__ = (
        "at",
        "content_encoding",
        "framing",
        "headers",
        "http_version",
        "method",
        "request_body",
        "request_headers",
        "started",
        "status",
        "url",
    )

    def __init__(self, response: Any, *, started: float, at: float) -> None:
        request = response.request
        raw = getattr(response, "raw", None)
        fields = getattr(raw, "headers", None) or response.headers
        self.method: str = request.method or "POST"
        self.url: str = request.url or ""
        self.request_headers: Mapping[str, str] = {
            name: _text(value) for name, value in (request.headers or {}).items()
        }
        body = request.body
        self.request_body: bytes = body.encode() if isinstance(body, str) else body or b""
        self.started = started
        self.at = at
        self.status: int = response.status_code
        self.headers: list[tuple[str, str]] = [
            (name, _text(value)) for name, value in fields.items()
        ]
        self.http_version = HTTP_VERSIONS.get(getattr(raw, "version", None) or 0)
        chunked = getattr(raw, "chunked", False) is True
        length = getattr(raw, "length_remaining", None) is not None
        self.framing = "chunked" if chunked else "length" if length else "close"
        self.content_encoding = _coding(response.headers.get("content-encoding"))

    def __repr__(self) -> str:
        return f"<ResponseHead {self.status}>"


class Telling:
    """The optional methods of a tap.

    Attributes:
        on_wire: ``on_wire(data: bytes, at: float)``, called with the bytes of each read of the
            socket, from the status line on, with chunk framing and compression.
        on_head: ``on_head(head: ResponseHead)``, called for each response, errors included.
        on_end: ``on_end(end: str)``, called once per response with ``"whole"``, ``"cut"``,
            ``"timeout"`` or ``"stopped"``.
    """

    __slots__ = ("on_end", "on_head", "on_wire")

    def __init__(self, tap: object) -> None:
        self.on_wire: Callable[[bytes, float], object] | None = _method(tap, "on_wire")
        self.on_head: Callable[[ResponseHead], object] | None = _method(tap, "on_head")
        self.on_end: Callable[[str], object] | None = _method(tap, "on_end")

    def tell_head(self, response: Any, started: float, at: float) -> None:
        """Call `on_head`, if there is one, for a requests response."""
        if self.on_head is not None:
            self.on_head(ResponseHead(response, started=started, at=at))


def end_by(error: BaseException) -> str:
    """Return the word for a body that ended with this error."""
    if isinstance(error, Stopped):
        return "stopped"
    if isinstance(error, ChatTimeout):
        return "whole" if error.phase == FINISHED else "timeout"
    return "cut"


def _method(tap: object, name: str) -> Any:
    found = getattr(tap, name, None)
    return found if callable(found) else None


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _coding(value: str | None) -> str | None:
    named = (value or "").strip().lower()
    return None if named in ("", "identity") else named
