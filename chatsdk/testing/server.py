"""A chat backend for tests: a real HTTP/1.1 server whose every byte a test controls."""

from __future__ import annotations

import logging
import ssl
import threading
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar

from chatsdk.testing.broken_connections import BreakKind, BrokenConnection
from chatsdk.testing.connection import Connection, ConnectionEnded
from chatsdk.testing.faults import Faults
from chatsdk.testing.listener import Listener
from chatsdk.testing.request import RecordedRequest, read_request
from chatsdk.testing.response import Reply, Response
from chatsdk.testing.server_exchange import Exchange
from chatsdk.testing.waitable import WAIT_SECONDS

__all__ = ["ChatServer", "Handler"]
from chatsdk.testing.tls import Authority

if TYPE_CHECKING:
    from typing_extensions import Self

logger = logging.getLogger("chatsdk.testing")

BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

# Seconds for a client to read a refusal, before the rest of its request resets the connection.
DRAIN_SECONDS = 1.0

Handler = Callable[[RecordedRequest], Response]


class ChatServer(Faults):
    """An HTTP/1.1 server on a free port, with a thread for each connection.

        with ChatServer() as server:
            server.reply(401, json={"error": {"message": "who are you?"}})
            ...
            assert server.requests[0].json == {"question": "Hi"}

    It listens from construction until `close`. A request gets the first unused response that was
    added for its method and path; repeating responses come after those that are used once. Without
    one, the `handler` answers: a function that takes the request and returns a `Response`, called
    on the connection's thread. Without a handler, the answer is a 500 that explains this. `reply`,
    `stream`, `answer` and the faults of `Faults` add a response, from any thread; they return the
    handle to wait for facts.

    Args:
        handler: answers requests without an added response.
        host, port: where to listen; port 0 takes a free one.
        tls: True creates a certificate, whose authority is in the file `ca_pem` (needs the extra
            `testing`). It may also be an `Authority` that several servers share, or a context.

    Raises OSError if the port is taken.
    """

    # How many requests and errors to remember, the latest ones; None for all, as tests need.
    kept: ClassVar[int | None] = None

    def __init__(
        self,
        handler: Handler | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: bool | Authority | ssl.SSLContext = False,
    ) -> None:
        super().__init__()
        self._handler = handler
        # Guards all the changing attributes below; notified at each request. Never held while
        # answering.
        self._changed = threading.Condition()
        self._requests: deque[RecordedRequest] = deque(maxlen=self.kept)
        self._counted = 0
        self._waited_for = 0
        self._errors: deque[Exception] = deque(maxlen=self.kept)
        self._broken: deque[BrokenConnection] = deque()
        self._authority = tls if isinstance(tls, Authority) else None
        self._own_authority = Authority() if tls is True else None
        self._context = tls if isinstance(tls, ssl.SSLContext) else None
        authority = self._authority or self._own_authority
        if authority is not None:
            self._context = authority.server_context(host, "localhost")
        self._listener = Listener(self._serve, host=host, port=port, name="chatsdk-testing")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.url}>"

    def close(self) -> None:
        """Stop listening, end every connection and every thread; twice is harmless."""
        self._listener.close()
        if self._own_authority is not None:
            self._own_authority.close()

    @property
    def host(self) -> str:
        """The address it listens on."""
        return self._listener.host

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._listener.port

    @property
    def url(self) -> str:
        """Scheme, host and port of the server, without a path."""
        scheme = "http" if self._context is None else "https"
        return f"{scheme}://{self.host}:{self.port}"

    @property
    def ca_pem(self) -> str:
        """The file with the certificate that a client must trust, for its `verify=`.

        It exists until the server closes. Raises ValueError for a server without TLS, and for one
        that was given a context.
        """
        authority = self._authority or self._own_authority
        if authority is None:
            raise ValueError("this server has no authority: ChatServer(tls=True) has one")
        return authority.path

    # Received -----------------------------------------------------------------------------

    @property
    def requests(self) -> list[RecordedRequest]:
        """Every request that was read completely, in that order."""
        with self._changed:
            return list(self._requests)

    @property
    def errors(self) -> list[Exception]:
        """Errors on the server's side: bytes that are not a request, handlers that raised."""
        with self._changed:
            return list(self._errors)

    @property
    def connections(self) -> int:
        """How many connections have been accepted."""
        return self._listener.accepted

    @property
    def open_connections(self) -> int:
        """How many connections are open now."""
        return len(self._listener.open)

    def wait_for_request(self, timeout: float = WAIT_SECONDS) -> RecordedRequest:
        """Wait for the next request that this method has not returned yet; else TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(self._has_news, timeout):
                raise TimeoutError(f"no request arrived within {timeout} s")
            forgotten = self._counted - len(self._requests)
            place = max(self._waited_for, forgotten)
            self._waited_for = place + 1
            return self._requests[place - forgotten]

    def _has_news(self) -> bool:
        return self._counted > self._waited_for

    def wait_for_connections(self, count: int = 1, timeout: float = WAIT_SECONDS) -> None:
        """Wait until `count` connections have been accepted in all; else TimeoutError."""
        self._listener.wait_for_accepted(count, timeout)

    def wait_until_no_connections(self, timeout: float = WAIT_SECONDS) -> None:
        """Wait until every connection has ended, by either side; else TimeoutError."""
        self._listener.wait_until_none_open(timeout)

    def drop_connections(self) -> None:
        """End every open connection now, idle ones too; the server continues to listen."""
        for connection in self._listener.open:
            connection.abort()

    def break_connection(self, how: BreakKind) -> BrokenConnection:
        """Break the next connection before its first request; see `BrokenConnection`."""
        broken = BrokenConnection(how)
        with self._changed:
            self._broken.append(broken)
        return broken

    # Answering ----------------------------------------------------------------------------

    def _serve(self, connection: Connection) -> None:
        with self._changed:
            broken = self._broken.popleft() if self._broken else None
        try:
            if broken is not None:
                broken.serve(connection, self._context)
            if self._context is not None:
                connection.start_tls(self._context)
        except ssl.SSLError as exc:
            self._note(exc, ours=False)
        else:
            self._answer_requests(connection)

    def _answer_requests(self, connection: Connection) -> None:
        response: Response | None = None
        try:
            while True:
                request = self._read(connection)
                response = self._choose(request)
                exchange = Exchange(connection, request, response.head)
                self._play(response, exchange)
                if not exchange.reusable:
                    raise ConnectionEnded("the server ended the connection", by_client=False)
        except ConnectionEnded as end:
            if response is not None:
                response.connection_ended(end)

    def _read(self, connection: Connection) -> RecordedRequest:
        try:
            request = read_request(connection)
        except ValueError as exc:
            self._note(exc, ours=False)
            connection.send(BAD_REQUEST)
            connection.end_output()
            connection.wait(DRAIN_SECONDS)
            raise ConnectionEnded("the request was malformed", by_client=False) from exc
        with self._changed:
            self._requests.append(request)
            self._counted += 1
            self._changed.notify_all()
        return request

    def _choose(self, request: RecordedRequest) -> Response:
        response = self.take(request)
        if response is not None:
            return response
        if self._handler is None:
            return _refusal(f"no response was added for {request.method} {request.path}")
        try:
            answer = self._handler(request)
            if not isinstance(answer, Response):
                raise TypeError(f"the handler gave {type(answer).__name__}, not a Response")
        except Exception as exc:
            self._note(exc)
            return _refusal(f"the handler raised {type(exc).__name__}")
        return answer

    def _play(self, response: Response, exchange: Exchange) -> None:
        try:
            response.serve(exchange)
        except ConnectionEnded:
            raise
        except Exception as exc:
            # A step or a user's own response failed; the client sees a cut connection.
            self._note(exc)
            exchange.cut(reset=True)

    def _note(self, error: Exception, *, ours: bool = True) -> None:
        # The traceback of a client's error shows only this server.
        logger.warning("while answering: %r", error, exc_info=error if ours else None)
        with self._changed:
            self._errors.append(error)


def _refusal(message: str) -> Reply:
    return Reply(500, json={"error": {"message": f"chatsdk.testing: {message}"}})
