"""The errors of chatsdk, all of them a `ChatError`.

Wrong arguments are ``TypeError`` and ``ValueError``, raised before anything is sent. Everything
that fails afterwards is a `ChatError`, with the partial answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chatsdk.answer import Answer
from chatsdk.answer.step import EMPTY

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "BackendError",
    "BusyError",
    "ChatError",
    "ChatTimeout",
    "ConnectError",
    "HTTPStatusError",
    "LimitExceeded",
    "NotAStreamError",
    "OutputError",
    "ProtocolError",
    "StreamInterrupted",
]


class ChatError(Exception):
    """Base of all errors of chatsdk.

    Attributes:
        answer: the partial `chatsdk.Answer`, empty before the first event.
        request_id: the backend's id of the request (``x-request-id`` and its relatives), or
            ``None``; quote it when you ask the backend's operators.
    """

    def __init__(
        self, message: str = "", *, answer: Answer | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(message)
        self.answer = EMPTY if answer is None else answer
        self.request_id = request_id

    def __setstate__(self, state: dict[str, Any] | None) -> None:
        super().__setstate__(state)
        if self.answer is None:
            # An error pickled by 0.1.0.
            self.answer = EMPTY


class BusyError(ChatError):
    """A turn is in flight; stop it or wait for it before the next `send`."""


class ConnectError(ChatError):
    """Could not connect: unknown name, refused connection, proxy or TLS. Nothing was sent."""


class ChatTimeout(ChatError):
    """The backend was silent for too long.

    Attributes:
        phase: the limit of `chatsdk.Timeout` that expired: ``"connect"``, ``"first_event"``,
            ``"idle"``, ``"total"`` or ``"progress"``.
    """

    def __init__(self, message: str = "", *, phase: str | None = None, **context: Any) -> None:
        super().__init__(message, **context)
        self.phase = phase


class HTTPStatusError(ChatError):
    """The backend answered with an HTTP status that is not a success.

    Attributes:
        status: the HTTP status code.
        url: the URL that answered, without user, password and query.
        headers: the response's header fields, names in lower case, without cookies.
        body: the start of the response's body, at most `Limits.error_body` bytes.
        message: the backend's own message, ``""`` if there is none.
        code: the backend's own code or error type, or ``None``.
        retry_after: seconds the backend asks to wait, or ``None``.
    """

    def __init__(
        self,
        text: str = "",
        *,
        status: int = 0,
        url: str = "",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        message: str = "",
        code: str | int | None = None,
        retry_after: float | None = None,
        **context: Any,
    ) -> None:
        super().__init__(text, **context)
        self.status = status
        self.url = url
        self.headers = dict(headers or {})
        self.body = body
        self.message = message
        self.code = code
        self.retry_after = retry_after


class NotAStreamError(ChatError):
    """A success status, but not a stream: a login page, an empty body, JSON without an answer.

    Attributes:
        status: the HTTP status code.
        content_type: the media type of the response, ``""`` without one.
        body: the start of the body, at most `Limits.error_body` bytes.
    """

    def __init__(
        self,
        text: str = "",
        *,
        status: int = 0,
        content_type: str = "",
        body: bytes = b"",
        **context: Any,
    ) -> None:
        super().__init__(text, **context)
        self.status = status
        self.content_type = content_type
        self.body = body


class BackendError(ChatError):
    """The backend refused, in a JSON body with status 200 or inside the stream.

    Attributes:
        message: the backend's own message.
        code: its code or error type, or ``None``.
    """

    def __init__(
        self,
        text: str = "",
        *,
        message: str | None = None,
        code: str | int | None = None,
        **context: Any,
    ) -> None:
        super().__init__(text, **context)
        self.message = text if message is None else message
        self.code = code


class StreamInterrupted(ChatError):
    """The stream broke off before its end; `answer` holds the partial answer."""


class ProtocolError(ChatError):
    """The bytes or the JSON do not fit the content type or the dialect."""


class OutputError(ChatError):
    """The answer is complete, but does not fit the type given as ``output=``.

    Attributes:
        path: the place in the answer, such as ``"steps[2].minutes"``; ``""`` for all of it.
        expected: a description of valid values.
        came: the value received, as JSON, shortened; ``"nothing"`` if it is missing.
        text: the text of the answer.
    """

    def __init__(
        self,
        message: str = "",
        *,
        path: str = "",
        expected: str = "",
        came: str = "",
        text: str = "",
        **context: Any,
    ) -> None:
        super().__init__(message, **context)
        self.path = path
        self.expected = expected
        self.came = came
        self.text = text


class LimitExceeded(ChatError):
    """The backend sent more than `chatsdk.Limits` allows, or asked for tools too many times.

    Attributes:
        limit: the name of the field of `chatsdk.Limits` that was exceeded, or ``"max_rounds"``.
    """

    def __init__(self, message: str = "", *, limit: str | None = None, **context: Any) -> None:
        super().__init__(message, **context)
        self.limit = limit
