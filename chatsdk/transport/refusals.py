"""What a backend said with a status that is no success, as an error."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Protocol

from chatsdk.errors import HTTPStatusError
from chatsdk.parts import Failure
from chatsdk.transport.checks import shown_url
from chatsdk.transport.exchange import ASIDE_SECONDS, Exchange
from chatsdk.transport.redirects import REDIRECTS
from chatsdk.transport.retrying import retry_after
from chatsdk.transport.secrets import CUT

__all__ = ["refusal"]

REMEDIES = {
    401: "check the token",
    403: "the token is valid, but it is not allowed to do this",
    404: "check the URL's path",
    405: "the URL does not take a POST: check its path",
    407: "the proxy wants a user and a password: proxies={'https': 'http://user:password@host'}",
    429: "too many requests, or a quota is used up",
}

# How nginx, Apache and Go answer plain HTTP on a port that expects TLS.
PLAIN_TO_TLS = re.compile(
    rb"plain HTTP request was sent to HTTPS|plain HTTP to an SSL|HTTP request to an HTTPS server"
)

# Characters of what the backend says that stand in the error's text; `message` has all of it.
SHOWN_CHARS = 500


class Reader(Protocol):
    """What reads a refusal: a dialect."""

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> Failure | None: ...


def refusal(
    exchange: Exchange, reader: Reader, url: str, target: str | None, hindrance: str | None
) -> HTTPStatusError:
    """Read the body of a response that is no success, and close it.

    Args:
        exchange: the response.
        reader: knows where the backend's message stands.
        url: where the request was sent.
        target: the whole URL that it redirects to, or ``None``.
        hindrance: why it is not followed there.

    Raises:
        ChatTimeout: `chatsdk.Timeout.total` ran out.
        Stopped: the user ended it.
    """
    body = exchange.read_body(seconds=ASIDE_SECONDS)
    exchange.part()
    status = exchange.status
    said = _said(reader, exchange, body) if status >= 400 else None
    headers = dict(exchange.headers)
    if target is not None:
        headers["location"] = shown_url(target)
        remedy = f"it redirects to {headers['location']}, {hindrance}"
    elif status in REDIRECTS:
        remedy = "it redirects, but to no address that can be read"
    else:
        remedy = REMEDIES.get(status, "")
    if status == 400 and PLAIN_TO_TLS.search(body):
        from chatsdk.transport.peers import peer_of

        remedy = f"{peer_of(url)} expects TLS: write https:// instead of http://"
    message = said.message if said is not None else ""
    shown = message if len(message) <= SHOWN_CHARS else message[:SHOWN_CHARS] + CUT
    text = ": ".join(part for part in (f"HTTP {status}", shown) if part)
    return HTTPStatusError(
        f"{text} ({remedy})" if remedy else text,
        status=status,
        url=shown_url(url),
        headers=headers,
        body=body,
        message=message,
        code=said.code if said is not None else None,
        retry_after=retry_after(headers),
        request_id=exchange.request_id,
    )


def _said(reader: Reader, exchange: Exchange, body: bytes) -> Failure | None:
    try:
        return reader.error(exchange.status, exchange.headers, body)
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
        # A body that nobody thought of: the status says enough.
        return None
