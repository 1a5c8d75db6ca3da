"""Statuses and messages with which an error is reported to a browser."""

from __future__ import annotations

import json
import math
from typing import Any, NamedTuple

from chatsdk.errors import (
    BackendError,
    BusyError,
    ChatError,
    ChatTimeout,
    ConnectError,
    HTTPStatusError,
    LimitExceeded,
    NotAStreamError,
    ProtocolError,
    StreamInterrupted,
)
from chatsdk.parts import Failure

__all__ = ["ErrorResponse", "error_response", "failure_of", "json_body", "refusal"]

# Fixed messages, because the backend's may contain a key, a URL or a name.
_MESSAGES: tuple[tuple[type[ChatError], str], ...] = (
    (BusyError, "An answer is already under way in this chat."),
    (ChatTimeout, "The model took too long to answer. Please try again."),
    (ConnectError, "The model cannot be reached at the moment. Please try again later."),
    (StreamInterrupted, "The answer was interrupted. Please try again."),
    (BackendError, "The model could not complete the answer. Please try again."),
    (NotAStreamError, "The model's service did not send an answer. Please try again later."),
    (ProtocolError, "The model's service sent an answer that cannot be read."),
    (LimitExceeded, "The answer was too long."),
    (HTTPStatusError, "The model's service refused the request. Please try again later."),
)
_BUSY = {
    429: "The model is busy. Please try again in a moment.",
    503: "The model is not available at the moment. Please try again later.",
}
_INTERNAL = "Something went wrong on this site. Please try again later."


class ErrorResponse(NamedTuple):
    """A response that reports an error.

    Attributes:
        status: the HTTP status code.
        headers: pairs of name and value.
        body: a JSON document, ``{"error": {"type": ..., "message": ...}}``.
    """

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def json_body(value: Any) -> bytes:
    """Encode a JSON document."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def refusal(
    status: int, kind: str, message: str, headers: list[tuple[str, str]] | None = None
) -> ErrorResponse:
    """Return the response that refuses a request."""
    return ErrorResponse(
        status,
        [
            ("Content-Type", "application/json"),
            ("Cache-Control", "no-store"),
            *(headers or ()),
        ],
        json_body({"error": {"type": kind, "message": message}}),
    )


def error_response(error: ChatError) -> ErrorResponse:
    """Return the response for an error before the first byte of an answer.

    Statuses: 409 for `BusyError`, 504 for `ChatTimeout`, the backend's own 429 and 503 with its
    ``Retry-After``, and 502 for every other error. A 401 of the backend is a 502 too, because the
    browser did nothing wrong.
    """
    headers: list[tuple[str, str]] = []
    status = 502
    if isinstance(error, BusyError):
        status = 409
    elif isinstance(error, ChatTimeout):
        status = 504
    elif isinstance(error, HTTPStatusError) and error.status in _BUSY:
        status = error.status
        if error.retry_after is not None:
            headers.append(("Retry-After", str(max(0, math.ceil(error.retry_after)))))
    return refusal(status, type(error).__name__, message_of(error), headers)


def message_of(error: BaseException) -> str:
    """Return the message for a visitor, by the type of the error."""
    if isinstance(error, HTTPStatusError) and error.status in _BUSY:
        return _BUSY[error.status]
    for kind, message in _MESSAGES:
        if isinstance(error, kind):
            return message
    return _INTERNAL


def failure_of(error: BaseException) -> Failure:
    """Return the part that reports an error within an answer."""
    return Failure(message_of(error), type(error).__name__)
