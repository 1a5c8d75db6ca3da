"""Checks before reading whether a response is a stream: content type and first bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from chatsdk.dialects.content_type import is_json_object, shows_lines
from chatsdk.dialects.dialect import Dialect
from chatsdk.errors import BackendError, ChatError, NotAStreamError, ProtocolError
from chatsdk.frozen_values import distinct
from chatsdk.parts import Part
from chatsdk.transport.exchange import ASIDE_SECONDS, Exchange
from chatsdk.transport.foreign_exceptions import raised_by_handler

__all__ = [
    "FIELDS",
    "LOGIN_PAGE",
    "UNREADABLE",
    "Document",
    "ResponseInfo",
    "document_in",
    "may_be_events",
    "opened",
    "refused",
]

# Largest non-streamed JSON answer to accept, in bytes: about the text of a book.
DOCUMENT_BYTES = 1024 * 1024

LOGIN_PAGE = (
    "probably a login page or a proxy's error page, or the address of a website, not of its API"
)

HTML = ("text/html", "application/xhtml+xml")

# Field names of an event stream's first line (WHATWG HTML, "parsing an event stream").
FIELDS = (b"data", b"event", b"id", b"retry", b":")
LONGEST_FIELD = 6

# Bytes to inspect when the content type does not identify an event stream.
HEAD_BYTES = 4096

# Exceptions that a decoder may raise on a malformed payload; always translated.
UNREADABLE = (ValueError, TypeError, AttributeError, LookupError, RecursionError, ArithmeticError)


@distinct
class ResponseInfo(NamedTuple):
    """The HTTP response that carries an answer.

    Attributes:
        status: the HTTP status code.
        headers: the header fields, names in lower case, without cookies.
        content_type: the media type, in lower case.
        request_id: the backend's id of the request, or ``None``.
    """

    status: int
    headers: Mapping[str, str]
    content_type: str
    request_id: str | None

    def __repr__(self) -> str:
        return (
            f"ResponseInfo(status={self.status!r}, content_type={self.content_type!r}, "
            f"request_id={self.request_id!r})"
        )


class Document(NamedTuple):
    """An answer that arrived as one JSON document, although a stream was requested.

    Attributes:
        payload: the JSON text.
        parts: the parts that the dialect found in it.
    """

    payload: str
    parts: Sequence[Part]


def opened(exchange: Exchange, dialect: Dialect) -> tuple[Dialect, bytes, Document | None]:
    """Return the dialect, the bytes that were read to detect a stream, and a document or None.

    The dialect changes if the response itself identifies another (`Dialect.for_response`).

    Raises:
        NotAStreamError, BackendError: it is neither; the error describes the response.
        ChatError: reading failed.
    """
    content_type = exchange.content_type
    empty = exchange.headers.get("content-length") == "0"
    # A transfer coding overrides the length (RFC 9112, section 6.3).
    if exchange.status in (204, 205) or (empty and "transfer-encoding" not in exchange.headers):
        raise _no_stream(exchange, "an empty body", "check the address and the request")
    exchange.check_head()
    dialect = dialect.for_response(content_type, exchange.headers, b"")
    framing = dialect.framing(content_type)
    if content_type == "text/event-stream" or (framing != "sse" and content_type not in HTML):
        return dialect, b"", None
    # Frameworks label a stream text/html or application/json unless configured otherwise.
    head = _head(exchange, LONGEST_FIELD if framing == "sse" else 1)
    if dialect.name == "auto" and _bare(head).startswith(b"{"):
        head = _with_first_line(exchange, head)
    dialect = dialect.for_response(content_type, exchange.headers, head)
    framing = dialect.framing(content_type)
    bare = _bare(head)
    if _looks_like_events(head) if framing == "sse" else bare and not bare.startswith(b"<"):
        return dialect, head, None
    if content_type in HTML:
        body = head + exchange.read_body(seconds=ASIDE_SECONDS)
        raise _no_stream(exchange, "a web page", LOGIN_PAGE, body)
    return dialect, b"", _document(exchange, dialect, head)


def refused(exchange: Exchange, dialect: Dialect, body: bytes) -> ChatError | None:
    """Return the backend's error in a body with a success status, if there is one."""
    try:
        failure = dialect.error(exchange.status, exchange.headers, body)
    except Exception as error:
        if raised_by_handler(error):
            raise
        return None
    if failure is None:
        return None
    return BackendError(
        f"the backend refused: {failure.message}",
        message=failure.message,
        code=failure.code,
        request_id=exchange.request_id,
    )


def document_in(dialect: Dialect, text: str) -> Document | None:
    """Return the answer in the text of one JSON document, ``None`` if there is none."""
    try:
        payload = json.loads(text)
    except (ValueError, RecursionError):
        return None
    parts = _parts(dialect, payload)
    return None if parts is None else Document(text, parts)


def _document(exchange: Exchange, dialect: Dialect, head: bytes) -> Document:
    body = head + exchange.read_body(DOCUMENT_BYTES)
    error = refused(exchange, dialect, body)
    if error is not None:
        raise error
    try:
        text = body.decode("utf-8-sig")
        payload = json.loads(text)
    except (ValueError, RecursionError):
        text, payload = "", None
    parts = _parts(dialect, payload) if payload is not None else None
    if parts is not None:
        return Document(text, parts)
    if payload is None and exchange.content_type == "text/plain" and body.strip():
        remedy = "if it is the answer, use dialect='text'"
        raise _no_stream(exchange, "plain text", remedy, body)
    what = (
        "JSON without an answer in it"
        if payload is not None
        else "an empty body"
        if not body
        else "something that is neither a stream nor JSON"
    )
    raise _no_stream(exchange, what, "check that the request asks for streaming", body)


def _parts(dialect: Dialect, payload: object) -> Sequence[Part] | None:
    try:
        return dialect.document(payload)
    except UNREADABLE as error:
        if raised_by_handler(error):
            raise
        kind = type(error).__name__
    # Outside the handler: the message of the original may show the payload.
    raise ProtocolError(f"the JSON answer is not what the dialect {dialect.name!r} says ({kind})")


def _head(exchange: Exchange, enough: int) -> bytes:
    head = b""
    # Blank lines may come first, but not endlessly.
    while len(head) <= HEAD_BYTES:
        more = exchange.read()
        head += more
        if not more or len(_bare(head)) >= enough or b"\n" in _bare(head):
            break
    return head


def _with_first_line(exchange: Exchange, head: bytes) -> bytes:
    """Read on until the body is known to be one JSON document or lines of JSON."""
    while len(head) < DOCUMENT_BYTES and not shows_lines(head):
        line, end, _ = _bare(head).partition(b"\n")
        if end and not is_json_object(line):
            break
        more = exchange.read()
        if not more:
            break
        head += more
    return head


def _bare(head: bytes) -> bytes:
    return head.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")


def _looks_like_events(head: bytes) -> bool:
    bare = _bare(head)
    field, colon, _ = bare.partition(b":")
    return bare.startswith(b":") or (bool(colon) and field in FIELDS)


def may_be_events(body: bytes) -> bool:
    """Return whether a body is an event stream, judging by its first line."""
    field, _, _ = _bare(body).partition(b"\n")[0].partition(b":")
    return bool(body.strip()) and any(name.startswith(field) for name in FIELDS)


def _no_stream(exchange: Exchange, what: str, cure: str, body: bytes = b"") -> NotAStreamError:
    named = exchange.content_type or "no content type"
    return NotAStreamError(
        f"HTTP {exchange.status}, but {what} ({named}) instead of a stream: {cure}",
        status=exchange.status,
        content_type=exchange.content_type,
        body=body[: exchange.error_body],
        request_id=exchange.request_id,
    )
