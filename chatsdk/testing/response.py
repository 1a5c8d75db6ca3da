"""What a test server does with a request: the facts every response tells, and whole replies."""

from __future__ import annotations

import abc
import json as json_module
import threading
import time
from collections.abc import Callable
from typing import Any

from chatsdk.testing.connection import ConnectionEnded
from chatsdk.testing.encoding import content_encoder
from chatsdk.testing.exchange import Exchange, Head, HeaderLines
from chatsdk.testing.request import RecordedRequest

__all__ = ["Reply", "Response", "WAIT_SECONDS"]

# Seconds that a wait for a fact lasts at most. On loopback a fact takes milliseconds; this is
# what a test costs that fails, on a machine that is busy with others.
WAIT_SECONDS = 10.0


class Response(abc.ABC):
    """One way to answer; a subclass writes `play`.

    It is also the handle by which a test waits for what became of it. A response that is played
    for several requests tells about whichever came to the fact first.
    """

    def __init__(self, head: Head) -> None:
        self.head = head
        # Guards everything below and in subclasses; notified at each change. Never held while
        # reading or writing.
        self._facts = threading.Condition()
        self._request: RecordedRequest | None = None
        self._ended = False
        self._disconnected_at: float | None = None
        self._end_message: str | None = None

    @abc.abstractmethod
    def play(self, exchange: Exchange) -> None:
        """Answer. Let ConnectionEnded pass; leave `exchange.ended` false to hang up at once."""

    def wait_for_request(self, timeout: float = WAIT_SECONDS) -> RecordedRequest:
        """Wait until a request has come for this response, and give it; else TimeoutError."""
        self._wait(lambda: self._request is not None, timeout, "no request came")
        assert self._request is not None
        return self._request

    def wait_until_ended(self, timeout: float = WAIT_SECONDS) -> None:
        """Wait until nothing more will be sent, for whatever reason; else TimeoutError."""
        self._wait(lambda: self._ended, timeout, "the response is not at its end")

    def wait_for_disconnect(self, timeout: float = WAIT_SECONDS) -> float:
        """Wait until the client has ended the connection; give the moment it was seen.

        The moment is a `time.monotonic()` in seconds. A client that only closes its sending side
        counts as gone. Raises TimeoutError if the client stays, and ConnectionError if the
        server ended the connection itself.
        """

        def known() -> bool:
            return self._disconnected_at is not None or self._end_message is not None

        self._wait(known, timeout, "the client is still there")
        if self._disconnected_at is None:
            raise ConnectionError(self._end_message)
        return self._disconnected_at

    def _wait(self, fact: Callable[[], bool], timeout: float, failure: str) -> None:
        with self._facts:
            if not self._facts.wait_for(fact, timeout):
                raise TimeoutError(f"{failure} within {timeout} s")

    # Told by the server ---------------------------------------------------------------------

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

    def connection_ended(self, end: ConnectionEnded) -> None:
        """Note how the connection of this response went; the server calls this."""
        with self._facts:
            if end.by_client and self._disconnected_at is None:
                self._disconnected_at = time.monotonic()
            elif not end.by_client:
                self._end_message = str(end)
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
