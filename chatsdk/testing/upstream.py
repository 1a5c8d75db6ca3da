"""`Upstream`: forwards a request to a backend; reads the body on a thread."""

from __future__ import annotations

import contextlib
import http.client
import queue
import socket
import ssl
import threading
import time
from collections.abc import Iterable
from urllib.parse import SplitResult

from chatsdk.testing.request import RecordedRequest
from chatsdk.testing.waker import Waker

__all__ = ["Piece", "Upstream", "end_to_end"]

# Header fields of one connection (RFC 9110, section 7.6.1), and those that http.client adds.
HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}
OWN = {"host", "content-length", "expect"}

# Maximum pieces of a body to hold for a client that does not read.
AHEAD_PIECES = 64

READ_BYTES = 65_536

# Seconds to wait for a connection.
CONNECT_SECONDS = 10.0

# A piece of the body, its arrival time, False. At the end: ``None``, the time, and whether the body
# is complete.
Piece = tuple[bytes | None, float, bool]


class Upstream:
    """A response of a backend.

    Args:
        url: the backend.
        request: the client's request.
        plain: request a body without content coding.

    Raises:
        OSError, http.client.HTTPException: the backend is unreachable, or does not speak HTTP.
    """

    def __init__(self, url: SplitResult, request: RecordedRequest, *, plain: bool) -> None:
        self.started = time.monotonic()
        self.target = target_of(url, request)
        self.sent = [
            (name, value)
            for name, value in end_to_end(request.headers.pairs)
            if name.lower() not in OWN and not (plain and name.lower() == "accept-encoding")
        ]
        if plain:
            self.sent.append(("Accept-Encoding", "identity"))
        host = url.hostname or ""
        if url.scheme == "https":
            context = ssl.create_default_context()
            self._connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                host, url.port, timeout=CONNECT_SECONDS, context=context
            )
        else:
            self._connection = http.client.HTTPConnection(host, url.port, timeout=CONNECT_SECONDS)
        self._pieces: queue.Queue[Piece] = queue.Queue(AHEAD_PIECES)
        self._closed = False
        self.waker = Waker()
        self._thread: threading.Thread | None = None
        try:
            self._send(request)
        except BaseException:
            self._connection.close()
            self.waker.close()
            raise

    def _send(self, request: RecordedRequest) -> None:
        connection = self._connection
        connection.connect()
        self._socket: socket.socket = connection.sock
        self._socket.settimeout(None)
        connection.putrequest(request.method, self.target, skip_accept_encoding=True)
        for name, value in self.sent:
            connection.putheader(name, value)
        if request.body or request.method in ("POST", "PUT", "PATCH"):
            connection.putheader("Content-Length", str(len(request.body)))
        connection.endheaders(request.body or None)

    def begin(self) -> None:
        """Read the head, and then the body on a thread, which sets `waker` for each piece."""
        self._thread = threading.Thread(target=self._read, name="chatsdk-relay", daemon=True)
        self._thread.start()

    def next(self) -> Piece | None:
        """Return the next piece; ``None`` if none has arrived."""
        self.waker.clear()
        try:
            return self._pieces.get_nowait()
        except queue.Empty:
            return None

    def close(self) -> None:
        """Close the connection to the backend, even if it is still sending."""
        self._closed = True
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
        # The thread may be waiting for room in the queue.
        while self._thread is not None and self._thread.is_alive():
            with contextlib.suppress(queue.Empty):
                self._pieces.get_nowait()
            self._thread.join(0.01)
        self._connection.close()
        self.waker.close()

    def _read(self) -> None:
        whole = False
        try:
            self.response = response = self._connection.getresponse()
            self._put(b"", whole=False)
            while not self._closed and (data := response.read1(READ_BYTES)):
                self._put(data, whole=False)
            # Not every version of http.client raises if a body of known length is truncated.
            whole = not response.length
        except (OSError, http.client.HTTPException, ValueError, AttributeError):
            # A truncated body; AttributeError: it was closed by then.
            whole = False
        self._put(None, whole=whole)

    def _put(self, data: bytes | None, *, whole: bool) -> None:
        if not self._closed:
            self._pieces.put((data, time.monotonic(), whole))
            with contextlib.suppress(OSError, ValueError):
                self.waker.set()


def end_to_end(fields: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the header fields that a proxy passes on (RFC 9110, section 7.6.1)."""
    fields = list(fields)
    named = {
        option.strip().lower()
        for name, value in fields
        if name.lower() == "connection"
        for option in value.split(",")
    }
    return [(name, value) for name, value in fields if name.lower() not in HOP_BY_HOP | named]


def target_of(url: SplitResult, request: RecordedRequest) -> str:
    """Return the request's target, appended to the path of `url`."""
    path, _, query = request.target.partition("?")
    whole = url.path.rstrip("/") + path if path.startswith("/") else url.path or "/"
    if path == "/" and url.path.strip("/"):
        whole = url.path
    fields = "&".join(part for part in (url.query, query) if part)
    return f"{whole}?{fields}" if fields else whole
