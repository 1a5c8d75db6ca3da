"""An HTTP proxy for tests: it forwards `http:` requests and tunnels CONNECT."""

from __future__ import annotations

import selectors
import socket
import ssl
from urllib.parse import urlsplit

from chatsdk.testing.connection import Connection, ConnectionEnded
from chatsdk.testing.request import RecordedRequest
from chatsdk.testing.response import Reply, Response
from chatsdk.testing.server import ChatServer
from chatsdk.testing.server_exchange import Exchange, Head
from chatsdk.testing.tls import Authority

__all__ = ["ProxyServer"]

# Seconds for a backend on this machine to accept a connection.
CONNECT_SECONDS = 3.0

# Header fields that a proxy does not forward; the body is sent on with a content-length.
NOT_FORWARDED = {
    "connection",
    "proxy-connection",
    "proxy-authorization",
    "transfer-encoding",
    "content-length",
    "expect",
}


BAD_GATEWAY = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class ProxyServer(ChatServer):
    """A proxy that passes every byte on immediately.

        with ChatServer() as server, ProxyServer() as proxy:
            ...  # a client with proxies={"http": proxy.url, "https": proxy.url}
            assert proxy.requests[0].method == "CONNECT"

    Responses added as with `ChatServer` replace the backend, so that a proxy can refuse
    (`proxy.reply(407, method="CONNECT")`), be silent or close the connection. An unreachable
    backend is a 502. `requests` holds the requests to the proxy itself; it does not inspect the
    contents of a tunnel.

    Args:
        host, port, tls: as with `ChatServer`; with `tls`, the connection to the proxy is encrypted.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: bool | Authority | ssl.SSLContext = False,
    ) -> None:
        # The backend connection of each client connection, and which backend it is. Each entry is
        # used only by the thread of that client's connection.
        self._backends: dict[Connection, tuple[str, Connection]] = {}
        super().__init__(self._respond, host=host, port=port, tls=tls)

    def close(self) -> None:
        """End every connection and every thread; twice is harmless."""
        for _, backend in list(self._backends.values()):
            # Its thread may be waiting for a backend that does not read.
            backend.abort()
        super().close()

    def _respond(self, request: RecordedRequest) -> Response:
        if request.method == "CONNECT":
            return _Passage(self, request.target, tunnel=True)
        url = urlsplit(request.target)
        if url.scheme != "http" or not url.netloc:
            return Reply(400, body="this is a proxy: ask it for an http: URL, or to CONNECT")
        return _Passage(self, url.netloc, tunnel=False)

    def _answer_requests(self, connection: Connection) -> None:
        try:
            super()._answer_requests(connection)
        finally:
            self.leave_backend(connection)

    def reach_backend(self, client: Connection, address: str) -> Connection:
        """Return the connection to the backend at `address`, `host:port`; OSError if unreachable.

        A client's requests to one backend share one connection.
        """
        known, backend = self._backends.get(client, ("", None))
        if backend is None or known != address:
            self.leave_backend(client)
            parts = urlsplit(f"//{address}")
            try:
                where = parts.hostname or "", parts.port or 80
            except ValueError as exc:
                raise OSError("the address has no numeric port") from exc
            sock = socket.create_connection(where, timeout=CONNECT_SECONDS)
            backend = Connection(sock, number=client.number)
            self._backends[client] = address, backend
        return backend

    def leave_backend(self, client: Connection) -> None:
        """End the connection to the backend, if there is one."""
        _, backend = self._backends.pop(client, ("", None))
        if backend is not None:
            backend.close()


class _Passage(Response):
    """Passes bytes both ways, until either side ends its connection."""

    def __init__(self, proxy: ProxyServer, address: str, *, tunnel: bool) -> None:
        super().__init__(Head(content_type=None))
        self._proxy = proxy
        self._address = address
        self._tunnel = tunnel

    def play(self, exchange: Exchange) -> None:
        """Pass bytes on until a side leaves, or the client sends another request."""
        client = exchange.connection
        try:
            backend = self._proxy.reach_backend(client, self._address)
        except OSError:
            exchange.connection.send(BAD_GATEWAY)
            return exchange.cut()
        if self._tunnel:
            client.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            _send(backend, _forwarded(exchange.request))
        with selectors.DefaultSelector() as selector:
            selector.register(client, selectors.EVENT_READ)
            selector.register(backend, selectors.EVENT_READ)
            # Read before waiting: under TLS, bytes may be buffered that no socket reports.
            while True:
                if self._tunnel:
                    _send(backend, client.read_available())
                elif client.has_input():
                    break
                client.send(_receive(backend))
                selector.select()
        exchange.ended = exchange.reusable = True
        return None


def _send(backend: Connection, data: bytes) -> None:
    try:
        backend.send(data)
    except ConnectionEnded as end:
        raise ConnectionEnded("the backend ended the connection", by_client=False) from end


def _receive(backend: Connection) -> bytes:
    try:
        return backend.read_available()
    except ConnectionEnded as end:
        raise ConnectionEnded("the backend ended the connection", by_client=False) from end


def _forwarded(request: RecordedRequest) -> bytes:
    """Return a client's request as it is forwarded to the backend."""
    url = urlsplit(request.target)
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    lines = [f"{request.method} {target} {request.version}"]
    lines += [
        f"{name}: {value}"
        for name, value in request.headers.pairs
        if name.lower() not in NOT_FORWARDED
    ]
    if request.body or request.method == "POST":
        lines.append(f"Content-Length: {len(request.body)}")
    if not request.keeps_alive:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + request.body
