"""Responses of a test server: the base class with its facts, and complete replies."""

from __future__ import annotations

import abc
import json as json_module
from typing import Any

from chatsdk.testing.content_coding import content_encoder
from chatsdk.testing.request import RecordedRequest
from chatsdk.testing.server_exchange import Exchange, Head, HeaderLines
from chatsdk.testing.waitable import WAIT_SECONDS, Waitable

__all__ = ["Reply", "Response"]


class Response(Waitable, abc.ABC):
    """One way to answer; a subclass implements `play`.

    It is also the handle with which a test waits for facts. If it is played for several requests,
    each fact comes from the first that reached it.
    """

    def __init__(self, head: Head) -> None:
        super().__init__()
        self.head = head
        self._request: RecordedRequest | None = None

    @abc.abstractmethod
    def play(self, exchange: Exchange) -> None:
        """Answer. Let ConnectionEnded pass. If `exchange.ended` stays false, the server closes."""

    def wait_for_request(self, timeout: float = WAIT_SECONDS) -> RecordedRequest:
        """Wait until this response gets a request, and return that; else TimeoutError."""
        self._wait(lambda: self._request is not None, timeout, "no request arrived")
        assert self._request is not None
        return self._request

    def serve(self, exchange: Exchange) -> None:
        """Play for one request and record the facts; called by the server."""
        with self._facts:
            self._request = exchange.request
            self._facts.notify_all()
        try:
            self.play(exchange)
        finally:
            with self._facts:
                self._ended = True
                self._facts.notify_all()


class Reply(Response):
    """A complete response with a content-length: `body` (bytes or text) or `json`.

    The content type follows from which of them is given, unless `content_type` or a header sets it.
    `encoding` compresses the body: gzip, deflate, br or zstd.
    """

    def __init__(
        self,
        status: int = 200,
        *,
        body: bytes | str = b"",
        json: Any = None,
        headers: HeaderLines = (),
        content_type: str | None = None,
        encoding: str | None = None,
    ) -> None:
        if json is not None:
            if body:
                raise ValueError("a reply has either body= or json=, not both")
            body = json_module.dumps(json)
            content_type = content_type or "application/json"
        if isinstance(body, str):
            body = body.encode()
            content_type = content_type or "text/plain; charset=utf-8"
        if encoding is not None:
            encoder = content_encoder(encoding)
            body = encoder.encode(body) + encoder.end()
        # Encode here, so that the length is known; the head only names the coding.
        pairs = list(Head(headers=headers).headers)
        if encoding is not None:
            pairs.append(("Content-Encoding", encoding))
        head = Head(
            status=status,
            headers=pairs,
            content_type=content_type,
            framing="length",
            content_length=len(body),
        )
        super().__init__(head)
        self.body = body

    def play(self, exchange: Exchange) -> None:
        """Send head and body in one piece."""
        exchange.send(self.body)
        exchange.finish()
