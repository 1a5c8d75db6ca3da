"""A request and its response, without a framework."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

import attrs

from chatsdk.web.error_responses import ErrorResponse
from chatsdk.web.pump import Pump

__all__ = ["FrameStream", "WebRequest", "WebResponse", "of_refusal"]


@attrs.frozen(eq=False)
class WebRequest:
    """A request, independent of the framework.

    Not a tuple: crash reporters write a tuple's items, and the headers contain cookies.

    Attributes:
        method: in capitals.
        mount: the path at which the service is mounted, without a slash at its end.
        path: the rest of the path, such as ``/`` or ``/<id>/stream``.
        query: the first value of each parameter.
        headers: by their names in lower case.
        read: returns at most the given number of bytes of the body.
        native: the framework's own request.
        remote: the caller's address, or ``None``.
    """

    method: str
    mount: str
    path: str
    query: Mapping[str, str] = attrs.field(repr=False)
    headers: Mapping[str, str] = attrs.field(repr=False)
    read: Callable[[int], bytes] = attrs.field(repr=False)
    native: Any = attrs.field(repr=False)
    remote: str | None = None


class FrameStream(Protocol):
    """The frames of a streamed response, for servers with threads and for event loops."""

    @property
    def heartbeat(self) -> float:
        """Seconds of silence after which a heartbeat is sent."""

    @property
    def heartbeat_frame(self) -> bytes:
        """The line that is sent as a heartbeat."""

    @property
    def pump(self) -> Pump:
        """The frames, produced on a separate thread; started, and used instead of iterating."""

    def __iter__(self) -> Iterator[bytes]: ...

    def __next__(self) -> bytes: ...

    def close(self) -> None:
        """End it. Calling it twice is harmless."""


class WebResponse(NamedTuple):
    """A response for a framework to send.

    Attributes:
        status: the HTTP status code.
        headers: pairs of name and value.
        body: the complete body, or the frames of a stream.
    """

    status: int
    headers: list[tuple[str, str]]
    body: bytes | FrameStream = b""


def of_refusal(response: ErrorResponse) -> WebResponse:
    """Return an error as a response."""
    return WebResponse(response.status, list(response.headers), response.body)
