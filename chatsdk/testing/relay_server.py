"""`RelayServer`: forwards requests to a backend, and can break or record its stream."""

from __future__ import annotations

import http.client
import os
import time
import zlib
from collections import deque
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from urllib.parse import SplitResult, urlsplit

from chatsdk.recording import Recorder
from chatsdk.testing.break_stream import breaking
from chatsdk.testing.connection import Connection
from chatsdk.testing.request import RecordedRequest
from chatsdk.testing.response import Reply, Response
from chatsdk.testing.server import ChatServer
from chatsdk.testing.server_exchange import Exchange, Framing, Head
from chatsdk.testing.upstream import Upstream, end_to_end
from chatsdk.transport import shown_url

__all__ = ["RelayServer"]

WINDOWS = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


class RelayServer(ChatServer):
    """A server that forwards each request to `url`, and streams its response back.

    Method, path (appended to that of `url`), query, headers and body are forwarded; so are status,
    headers and the end of the response. A client that leaves closes the backend's stream; an
    unreachable backend is a 502.

    Args:
        url: the backend.
        broken: how to break the stream: ``gzip``, ``buffer``, ``group=5``, ``delay=0.2``,
            ``cut=1000`` or ``close``; ``None`` breaks nothing.
        record: a file for a recording of the latest response, with secrets masked.
        host, port: where to listen; port 0 takes a free one.

    Raises:
        ValueError: the URL is not http or https, or the way to break a stream is unknown.
        OSError: the port is taken, or the file cannot be written.
    """

    def __init__(
        self,
        url: str,
        broken: str | None = None,
        *,
        record: str | os.PathLike[str] | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        parts = checked_backend(url)
        breaking(broken)
        if record is not None:
            # Detect a file that cannot be written before sending anything.
            with open(record, "ab"):
                pass

        def pass_on(request: RecordedRequest) -> Response:
            return _Relay(parts, broken, record)

        super().__init__(pass_on, host=host, port=port)


class _Relay(Response):
    """Forwards one request."""

    def __init__(
        self, url: SplitResult, how: str | None, record: str | os.PathLike[str] | None
    ) -> None:
        super().__init__(Head())
        self._url = url
        self._how = how
        self._record = record

    def play(self, exchange: Exchange) -> None:
        request, connection = exchange.request, exchange.connection
        way = breaking(self._how)
        if not way.fits(request):
            way = breaking(None)
        try:
            upstream = Upstream(self._url, request, plain=way.plain or self._record is not None)
        except (OSError, http.client.HTTPException) as error:
            _refuse(connection, exchange, self._url, error)
            return
        try:
            upstream.begin()
            self._pass_back(upstream, connection, request, way, exchange)
        finally:
            upstream.close()

    def _pass_back(
        self,
        upstream: Upstream,
        connection: Connection,
        request: RecordedRequest,
        way: Any,
        asked: Exchange,
    ) -> None:
        first = next(pieces := _pieces(upstream, connection, way.seconds))
        if first[0] is None:
            _refuse(connection, asked, self._url, ConnectionError("it hung up without a response"))
            return
        response = upstream.response
        # With the backend's own head.
        exchange = Exchange(connection, request, _head(response, way))
        if not way.buffers:
            exchange.send_head()
        with _Notes(self._record, self._url, upstream, request) as notes:
            left = way.most
            for data, whole in pieces:
                notes.take(data, whole)
                for piece in way.finish() if data is None else way.feed(data):
                    if left is not None and len(piece) > left:
                        exchange.send(piece[:left])
                        exchange.cut()
                        break
                    if piece:
                        exchange.send(piece)
                        left = None if left is None else left - len(piece)
                if data is None and not exchange.ended:
                    exchange.send_head()
                    if whole:
                        exchange.finish()
                    else:
                        exchange.cut()
                if exchange.ended:
                    break
        asked.ended, asked.reusable = exchange.ended, exchange.reusable


class _Notes:
    """Records a response while it is sent back, if there is a file for it."""

    def __init__(self, path: Any, url: SplitResult, upstream: Upstream, request: Any) -> None:
        self._recorder: Recorder | None = None
        response = upstream.response
        coding = (response.getheader("content-encoding") or "").lower()
        self._decoder = zlib.decompressobj(WINDOWS[coding]) if coding in WINDOWS else None
        if path is not None:
            self._recorder = Recorder(path)
            head: Any = SimpleNamespace(
                method=request.method,
                url=f"{url.scheme}://{url.netloc}{upstream.target}",
                request_headers=dict(upstream.sent),
                request_body=request.body,
                started=upstream.started,
                status=response.status,
                headers=response.getheaders(),
            )
            self._recorder.on_head(head)

    def take(self, data: bytes | None, whole: bool) -> None:
        if self._recorder is None:
            return
        if data is None:
            self._recorder.on_end("whole" if whole else "cut")
        elif data:
            plain = data if self._decoder is None else self._decoder.decompress(data)
            if plain:
                self._recorder(plain, time.monotonic())

    def __enter__(self) -> _Notes:
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._recorder is not None:
            self._recorder.close("stopped")


def checked_backend(url: str) -> SplitResult:
    """Return the parts of a backend's URL, or raise ValueError."""
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        fine = None
    if not fine:
        raise ValueError("the backend is an address such as http://127.0.0.1:8000")
    return parts


def _pieces(
    upstream: Upstream, connection: Connection, seconds: float
) -> Iterator[tuple[bytes | None, bool]]:
    """The pieces of the body, each delayed by some seconds; the first represents the head."""
    late: deque[tuple[bytes | None, float, bool]] = deque()
    first = True
    while True:
        while (piece := upstream.next()) is not None:
            late.append(piece)
            # Make room for the thread: the delayed pieces are held here.
        now = time.monotonic()
        if late and (first or late[0][1] + seconds <= now):
            first = False
            data, _, whole = late.popleft()
            yield data, whole
            if data is None:
                return
            continue
        left = late[0][1] + seconds - now if late else None
        connection.wait(left, waker=upstream.waker)


def _head(response: http.client.HTTPResponse, way: Any) -> Head:
    fields = [
        (name, value)
        for name, value in end_to_end(response.getheaders())
        if not (way.resized and name.lower() == "content-length")
    ]
    length = response.getheader("content-length")
    framing: Framing = "chunked" if response.chunked else "close"
    if length is not None and not response.chunked:
        framing = "length"
    if way.resized:
        framing, length = "chunked", None
    if way.coding is not None:
        fields.append(("Content-Encoding", way.coding))
    if way.closes:
        framing = "close"
        fields = [pair for pair in fields if pair[0].lower() != "content-length"]
    if framing == "length" and not (length or "").isdigit():
        framing = "close"
    return Head(
        status=response.status,
        headers=fields,
        content_type=None,
        framing=framing,
        content_length=int(length) if framing == "length" and length else None,
    )


def _refuse(connection: Connection, exchange: Exchange, url: SplitResult, error: Exception) -> None:
    message = f"the backend {shown_url(url.geturl())} cannot be reached: {error}"
    reply = Reply(502, json={"error": {"message": message}})
    answer = Exchange(connection, exchange.request, reply.head)
    reply.play(answer)
    exchange.ended, exchange.reusable = answer.ended, answer.reusable
