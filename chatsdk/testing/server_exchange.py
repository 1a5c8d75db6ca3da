"""A request and its response on the wire: head, framing, content coding, end."""

from __future__ import annotations

import http
from collections.abc import Iterable, Mapping
from typing import Literal

import attrs

from chatsdk.testing.connection import Connection
from chatsdk.testing.content_coding import Encoder, content_encoder
from chatsdk.testing.request import Headers, RecordedRequest

__all__ = ["Exchange", "Framing", "Head", "HeaderLines", "header_pairs"]

Framing = Literal["chunked", "length", "close"]

HeaderLines = Mapping[str, str] | Iterable[tuple[str, str]]


def header_pairs(headers: HeaderLines) -> tuple[tuple[str, str], ...]:
    """Return header lines as pairs, from a mapping or from pairs."""
    return tuple(headers.items() if isinstance(headers, Mapping) else headers)


@attrs.frozen(kw_only=True)
class Head:
    """The head of a response, and the framing of its body.

    `framing` is "chunked", "length" (with `content_length` in bytes of the encoded body) or "close"
    (the end of the connection ends the body). `encoding` is a value of `Content-Encoding` that is
    applied to the body. `headers` are sent unchanged, even if they are wrong; a header among them
    is not added again. `content_type` None adds none.
    """

    status: int = 200
    content_type: str | None = "text/event-stream"
    headers: tuple[tuple[str, str], ...] = attrs.field(
        default=(), converter=header_pairs, repr=False
    )
    framing: Framing = "chunked"
    content_length: int | None = None
    encoding: str | None = None

    def __attrs_post_init__(self) -> None:
        if self.framing not in ("chunked", "length", "close"):
            raise ValueError('framing is "chunked", "length" or "close"')
        if self.framing == "length" and self.content_length is None:
            raise ValueError('framing="length" needs content_length=, in bytes')

    @property
    def has_body(self) -> bool:
        """Whether the status allows a body (RFC 9110, section 6.4.1)."""
        return self.status >= 200 and self.status not in (204, 304)

    def framing_for(self, request: RecordedRequest) -> Framing:
        """Return the framing; never chunked for an HTTP/1.0 client."""
        if request.version == "HTTP/1.0" and self.framing == "chunked":
            return "close"
        return self.framing

    def to_bytes(self, request: RecordedRequest) -> bytes:
        """Return the head as sent on the wire, with its blank line."""
        lines = list(self.headers)
        given = Headers(lines)
        framing = self.framing_for(request)

        def add(name: str, value: str | None) -> None:
            if value is not None and name not in given:
                lines.append((name, value))

        if self.has_body:
            add("Content-Type", self.content_type)
            add("Content-Encoding", self.encoding)
            if framing == "chunked":
                add("Transfer-Encoding", "chunked")
            elif framing == "length":
                add("Content-Length", str(self.content_length))
        if framing == "close" or not request.keeps_alive:
            add("Connection", "close")
        try:
            phrase = http.HTTPStatus(self.status).phrase
        except ValueError:
            phrase = ""
        text = f"HTTP/1.1 {self.status} {phrase}\r\n"
        text += "".join(f"{name}: {value}\r\n" for name, value in lines)
        return (text + "\r\n").encode("latin-1")


class Exchange:
    """A request that is being answered, as seen by a `Response` and its steps.

    Every method may raise ConnectionEnded, and a response must let that pass. `ended` is true once
    the body is complete or the connection cut; `reusable` is whether another request may follow.
    """

    def __init__(self, connection: Connection, request: RecordedRequest, head: Head) -> None:
        self.connection = connection
        self.request = request
        self.head = head
        self.ended = False
        self.reusable = False
        self._framing = head.framing_for(request)
        self._encoder: Encoder | None = None
        if head.encoding is not None:
            self._encoder = content_encoder(head.encoding)
        self._head_sent = False
        self._silent = request.method == "HEAD" or not head.has_body

    def take_head(self) -> bytes:
        """Return the head's bytes for a caller that sends them itself; b"" if they were sent."""
        if self._head_sent:
            return b""
        self._head_sent = True
        return self.head.to_bytes(self.request)

    def send_head(self) -> None:
        """Send status line and headers, once."""
        self.connection.send(self.take_head())

    def frame(self, data: bytes) -> bytes:
        """Return a piece of the body as sent on the wire: encoded, then framed."""
        if self._encoder is not None:
            data = self._encoder.encode(data)
        return self._framed(data)

    def send(self, data: bytes) -> None:
        """Send a piece of the body, in one packet with the head if that has not been sent.

        An empty piece sends nothing, because an empty chunk would be the end.
        """
        self.connection.send(self.take_head() + (self.frame(data) if data else b""))

    def send_raw(self, data: bytes) -> None:
        """Send bytes unchanged and unframed; does not send the head first."""
        self.connection.send(data)

    def finish(self) -> None:
        """End the body properly."""
        last = b"" if self._encoder is None else self._framed(self._encoder.end())
        if self._framing == "chunked" and not self._silent:
            last += b"0\r\n\r\n"
        self.connection.send(self.take_head() + last)
        self.ended = True
        closing = "close" in Headers(self.head.headers).get("connection", "").lower()
        self.reusable = self._framing != "close" and self.request.keeps_alive and not closing
        if not self.reusable:
            self.connection.close()

    def cut(self, *, reset: bool = False, close_notify: bool = False) -> None:
        """End the connection immediately, with an RST if `reset`, else with a FIN."""
        self.ended = True
        self.connection.close(reset=reset, close_notify=close_notify)

    def _framed(self, data: bytes) -> bytes:
        if self._silent or not data:
            return b""
        if self._framing == "chunked":
            return b"%x\r\n%b\r\n" % (len(data), data)
        return data
