"""Checks of a browser's request: origin, content type, size, JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import Any

from chatsdk.web.error_responses import refusal
from chatsdk.web.http_messages import WebRequest, WebResponse, of_refusal

__all__ = ["Refused", "allowed_origin", "cors_headers", "is_chat_id", "own_host", "read_json"]

# The id of a chat is used in a path, in a header and in keys.
_CHAT_ID = re.compile(r"[A-Za-z0-9_~:@-][A-Za-z0-9._~:@-]{0,127}")


class Refused(Exception):
    """The request is refused; `response` is the response to send."""

    def __init__(self, response: WebResponse, kind: str = "", message: str = "") -> None:
        super().__init__(response.status)
        self.response = response
        self.kind = kind
        self.message = message

    @classmethod
    def of(
        cls, status: int, kind: str, message: str, headers: list[tuple[str, str]] | None = None
    ) -> Refused:
        """Return the exception for a refusal with this message."""
        return cls(of_refusal(refusal(status, kind, message, headers)), kind, message)


def is_chat_id(value: str) -> bool:
    """Whether this can be the id of a chat: up to 128 letters, digits and ``._~:@-``.

    It does not begin with a dot, because ``..`` is a path.
    """
    return _CHAT_ID.fullmatch(value) is not None


def allowed_origin(request: WebRequest, origins: Collection[str]) -> str | None:
    """Return the foreign origin that the request comes from, if it is allowed.

    Returns:
        ``None`` for a request from the site's own page, or not from a page.

    Raises:
        Refused: another site's page sent it.
    """
    origin = request.headers.get("origin")
    if origin is None:
        return None
    if origin in origins:
        return origin
    if own_host(request, origin):
        return None
    raise Refused.of(403, "foreign_origin", "This page may not use the chat.")


def own_host(request: WebRequest, origin: str | None) -> bool:
    """Whether an origin is the site's own: TLS may end at a proxy, so only the host counts."""
    if origin is None:
        return True
    scheme, _, host = origin.partition("://")
    own = request.headers.get("host", "").lower()
    return scheme in ("http", "https") and bool(host) and _same_host(host.lower(), own)


def _same_host(one: str, other: str) -> bool:
    return _without_port(one) == _without_port(other)


def _without_port(host: str) -> str:
    for port in (":80", ":443"):
        if host.endswith(port):
            return host[: -len(port)]
    return host


def cors_headers(origin: str, *, preflight: bool = False) -> list[tuple[str, str]]:
    """Return the header fields that let a page of an allowed origin read the response."""
    headers = [
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Expose-Headers", "X-Chat-Id"),
    ]
    if preflight:
        headers += [
            ("Access-Control-Allow-Methods", "GET, POST"),
            ("Access-Control-Allow-Headers", "Content-Type, Accept, Authorization, Last-Event-ID"),
            ("Access-Control-Max-Age", "600"),
        ]
    return headers


def read_json(request: WebRequest, limit: int) -> Any:
    """Read the body of a POST.

    Raises:
        Refused: 415, 413 or 400.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        # Another site's form can be posted without a preflight; JSON cannot.
        raise Refused.of(415, "unsupported_media_type", "Send the request as application/json.")
    length = request.headers.get("content-length", "")
    too_long = Refused.of(413, "too_large", f"The request may have {limit} bytes at most.")
    if length.isascii() and length.isdigit() and int(length[:20]) > limit:
        raise too_long
    body = request.read(limit + 1)
    if len(body) > limit:
        raise too_long
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Refused.of(400, "not_json", "The request body is not JSON.") from None
