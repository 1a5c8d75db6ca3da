"""Turns HTTP error responses and redirects into `HTTPStatusError`."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import urljoin, urlsplit

from chatsdk.errors import HTTPStatusError
from chatsdk.parts import Failure
from chatsdk.transport.checks import shown_url
from chatsdk.transport.connect_errors import peer_of
from chatsdk.transport.exchange import ASIDE_SECONDS, Exchange
from chatsdk.transport.foreign_exceptions import raised_by_handler
from chatsdk.transport.redaction import CUT
from chatsdk.transport.retry import asked_in, retry_after

__all__ = ["why_not_followed", "redirected", "http_status_error"]

REDIRECTS = (301, 302, 303, 307, 308)

# Redirects that keep the method; many clients follow the others with a GET, without the body.
KEEP_THE_METHOD = (307, 308)

# Redirects to follow for one request: more than a backend that has moved needs.
MAX_REDIRECTS = 5
DEFAULT_PORTS = {"http": 80, "https": 443}

NO_TOKEN = "no token was sent: give token=..."
OVERLOADED = "the backend is overloaded or down: try again later"
BEYOND_CLOUDFLARE = "Cloudflare could not reach the backend: try again later"

REMEDIES = {
    401: "check the token",
    403: "the token is valid, but it is not allowed to do this",
    404: "check the URL's path",
    405: "the URL does not take a POST: check its path",
    407: "the proxy requires a user and a password: proxies={'https': 'http://user:password@host'}",
    413: "the request is too large: shorten the conversation, or send smaller files",
    429: "too many requests, or a quota is used up",
    500: "the backend failed; try again later, or look into its log",
    502: "a proxy got no valid answer from the backend: try again later",
    503: OVERLOADED,
    504: "a proxy waited too long for the backend: try again later",
    **dict.fromkeys((520, 521, 522, 523, 525, 526, 527, 530), BEYOND_CLOUDFLARE),
    524: "the backend was silent for longer than Cloudflare allows: ask for less",
    529: OVERLOADED,
}

# A 403 with a web page, because backends answer in JSON.
FORBIDDEN_PAGE = "probably from a proxy or a firewall, which did not pass the request on"

# The patterns are strings, which `re` compiles for the first error: compiling all of them takes as
# long as loading four modules.

# The address of a login page, to which portals redirect requests without a session.
LOGIN = r"(?i)log-?in|sign-?in|\bsso\b|saml|oauth|authori[sz]e|cloudflareaccess"

# A charset in a content type; not one whose decoder takes long, such as punycode.
CHARSET = (
    r"(?i)charset\s*=\s*[\"']?"
    r"((?:iso-8859|latin|windows|cp\d|gb|big5|euc|shift|koi8|utf-16)[\w-]*)"
)

# A web page: content types, and how its body begins.
HTML = ("text/html", "application/xhtml+xml")
PAGE_STARTS = (b"<!doctype html", b"<html")

# The title of a web page.
TITLE = rb"(?i)<title[^>]*>([^<]{1,200})"

# Remedies that depend on the backend's message for a 400, 404, 413 or 422.
GIVE_A_MODEL = "give model=..."
CHECK_THE_MODEL = "check the model's name"
TOO_LONG = "the conversation is too long for this model"
_ABOUT_THE_REQUEST = (400, 404, 413, 422)
_SAID = (
    (TOO_LONG, r"(?i)context[ _-]?(length|window|size)|(prompt|input) is too long"),
    (GIVE_A_MODEL, r"(?i)(provide|missing|required?)\b.*\bmodel\b|\bmodel\b.*\brequired"),
    (
        CHECK_THE_MODEL,
        r"(?i)model[ _]not[ _]found|\bmodel\b.*\b(not exist|not found)|no such model",
    ),
)

# Responses of nginx, Apache, Go and Tomcat to plain HTTP on a port that expects TLS.
PLAIN_TO_TLS = (
    rb"plain HTTP request was sent to HTTPS|plain HTTP to an SSL|HTTP request to an HTTPS server"
    rb"|combination of host and port requires TLS"
)

# Characters of the backend's message shown in the error's text; `message` is complete.
SHOWN_CHARS = 500


class Reader(Protocol):
    """Parses error responses: a dialect."""

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> Failure | None: ...


def http_status_error(
    exchange: Exchange, reader: Reader, url: str, target: str | None, why_not_followed: str | None
) -> HTTPStatusError:
    """Read the body of a response without a success status, and close it.

    Args:
        exchange: the response.
        reader: finds the backend's message in the body.
        url: where the request was sent.
        target: the complete URL that the response redirects to, or ``None``.
        why_not_followed: why the redirect is not followed.

    Raises:
        ChatTimeout: `chatsdk.Timeout.total` expired.
        Stopped: the user cancelled the request.
    """
    body = exchange.read_body(seconds=ASIDE_SECONDS)
    exchange.finish_for_retry()
    status = exchange.status
    said = _said(reader, exchange, body) if status >= 400 else None
    headers = dict(exchange.headers)
    if target is not None:
        headers["location"] = shown_url(target)
        remedy = f"it redirects to {headers['location']}, {why_not_followed}"
    elif status in REDIRECTS:
        remedy = "it redirects to an address that cannot be read"
    else:
        remedy = _cure(status, said) or _page(status, exchange.content_type, body)
        remedy = remedy or REMEDIES.get(status, "")
    if status == 401 and exchange.anonymous:
        remedy = NO_TOKEN
    if status == 400 and re.search(PLAIN_TO_TLS, body):
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
        retry_after=asked_in(body) if (wait := retry_after(headers)) is None else wait,
        request_id=exchange.request_id,
    )


def _cure(status: int, said: Failure | None) -> str:
    """Return the remedy that the backend's message suggests, or an empty string."""
    if said is None or status not in _ABOUT_THE_REQUEST:
        return ""
    words = f"{said.code} {said.message[:SHOWN_CHARS]}"
    return next((cure for cure, pattern in _SAID if re.search(pattern, words)), "")


def _page(status: int, content_type: str, body: bytes) -> str:
    """Return the remedy for a web page, with its title, or an empty string."""
    if content_type not in HTML and not body[:SHOWN_CHARS].lstrip().lower().startswith(PAGE_STARTS):
        return ""
    # Imported late, because only pages need it.
    import html

    found = re.search(TITLE, body)
    title = html.unescape(found[1].decode("utf-8", "replace")).strip() if found else ""
    page = f"the web page {title!r}" if title else "a web page"
    remedy = FORBIDDEN_PAGE if status == 403 else REMEDIES.get(status, "")
    return f"{page}: {remedy}" if remedy else page


def _said(reader: Reader, exchange: Exchange, body: bytes) -> Failure | None:
    try:
        return reader.error(exchange.status, exchange.headers, _as_utf8(exchange, body))
    except Exception as error:
        if raised_by_handler(error):
            raise
        # Dialects cannot foresee every body, and the status code is enough.
        return None


def _as_utf8(exchange: Exchange, body: bytes) -> bytes:
    """Return the body in UTF-8, because its content type may name another charset."""
    found = re.search(CHARSET, exchange.headers.get("content-type", ""))
    if found is not None:
        with contextlib.suppress(LookupError, UnicodeError):
            return body.decode(found[1]).encode()
    return body


def redirected(status: int, location: str | None, url: str) -> str | None:
    """Return the complete URL that a response redirects to, ``None`` if it does not redirect."""
    if status not in REDIRECTS or not location:
        return None
    try:
        return urljoin(url, location)
    except ValueError:
        return None


def why_not_followed(
    status: int, url: str, target: str, *, allowed: bool, followed: int
) -> str | None:
    """Return why a redirect is not followed, with the remedy; ``None`` if it is followed.

    Args:
        status: status code of the redirect.
        url, target: URLs of the request and of the redirect.
        allowed: the caller passed ``follow_redirects=True``.
        followed: number of redirects of this request already followed.
    """
    to_login = re.search(LOGIN, shown_url(target)) and not re.search(LOGIN, shown_url(url))
    if status not in KEEP_THE_METHOD and to_login:
        return "probably a login page: check the token, or log in at the proxy before the backend"
    if not allowed:
        return "which is not followed: use that URL"
    if status not in KEEP_THE_METHOD:
        return "which is not followed, because it would turn the POST into a GET: use that URL"
    if not same_origin(url, target):
        return "which is not followed, because the token is not for another origin: use that URL"
    if followed >= MAX_REDIRECTS:
        return f"after {followed} other redirects: they seem to go in circles"
    return None


def same_origin(first: str, second: str) -> bool:
    """Whether two URLs have the same scheme, host and port (RFC 6454, section 5)."""
    origin = _origin(first)
    return origin is not None and origin == _origin(second)


def _origin(url: str) -> tuple[str, str | None, int | None] | None:
    try:
        parts = urlsplit(url)
        if parts.username is not None:
            # Credentials in a redirect's URL could be anyone's.
            return None
        return parts.scheme, parts.hostname, parts.port or DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
