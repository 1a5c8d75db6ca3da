"""What a test server does with a request: the facts every response tells, and whole replies."""

from __future__ import annotations

import abc
import json as json_module
from typing import Any

from chatsdk.testing.encoding import content_encoder
from chatsdk.testing.exchange import Exchange, Head, HeaderLines
from chatsdk.testing.facts import WAIT_SECONDS, Facts
from chatsdk.testing.request import RecordedRequest

__all__ = ["Reply", "Response"]


class Response(Facts, abc.ABC):
    """One way to answer; a subclass writes `play`.

    It is also the handle by which a test waits for what became of it. A response that is played
    for several requests tells about whichever came to the fact first.
    """

    def __init__(self, head: Head) -> None:
        super().__init__()
        self.head = head
        self._request: RecordedRequest | None = None

    @abc.abstractmethod
    def play(self, exchange: Exchange) -> None:
        """Answer. Let ConnectionEnded pass; leave `exchange.ended` false to hang up at once."""

    def wait_for_request(self, timeout: float = WAIT_SECONDS) -> RecordedRequest:
        """Wait until a request has come for this response, and give it; else TimeoutError."""
        self._wait(lambda: self._request is not None, timeout, "no request came")
        assert self._request is not None
        return self._request

    def serve(self, exchange: Exchange) -> None:
        """Play for one request and note the facts; the server calls this."""
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
    """A whole response with a content-length: `body` (bytes or text) or `json`.

    The content type follows from which of them is given, unless `content_type` or a header says
    otherwise. `encoding` compresses the body: gzip, deflate, br or zstd.
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
        # The coding is done here, so that its length is known; the head only names it.
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
