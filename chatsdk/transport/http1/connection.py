"""Connections that can be ended from outside in every phase.

The wire of the request under way is handed over in a thread-local: everything between
``Session.send`` and the socket runs on the calling thread.
"""

from __future__ import annotations

import functools
import queue
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import allowed_gai_family
from urllib3.util.retry import Retry

from chatsdk.transport.cancel import Wire
from chatsdk.transport.deadlines import watch
from chatsdk.transport.foreign import foreign
from chatsdk.transport.http1.chunked import CoalescingResponse

__all__ = ["POOL_CLASSES", "carrying", "current_wire", "sending_once"]

# What requests tells urllib3 by default: nothing is sent again.
ONCE = Retry(0, read=False)


class _Current(threading.local):
    wire: Wire | None = None


_current = _Current()


def current_wire() -> Wire | None:
    """The wire of the request that this thread is sending, if any."""
    return _current.wire


@contextmanager
def carrying(wire: Wire) -> Iterator[None]:
    """Let the connections used in this block belong to `wire`."""
    # Restored rather than cleared: a signal handler may send a request inside another's.
    before, _current.wire = _current.wire, wire
    try:
        yield
    finally:
        _current.wire = before


class Ended(OSError):
    """The wire was ended before or while it was connected."""


def _new_response(connection: Any, *args: Any, **kwargs: Any) -> CoalescingResponse:
    response = CoalescingResponse(*args, **kwargs)
    if connection.wire is not None:
        response.max_header_lines = connection.wire.header_lines
    return response


class _Wired:
    """What both connection classes add to urllib3's."""

    # http.client calls this for every response, a proxy's to CONNECT included.
    response_class: Any = _new_response

    # The wire of the request that uses this connection.
    wire: Wire | None = None
    _connecting = False

    def _new_conn(self: Any) -> socket.socket:
        wire = self.wire
        if wire is None:
            plain: socket.socket = super()._new_conn()  # type: ignore[misc]
            return plain
        # As urllib3 does it, but for one thing: the wire knows each socket before it connects.
        try:
            found = socket.getaddrinfo(
                self._dns_host.strip("[]"), self.port, allowed_gai_family(), socket.SOCK_STREAM
            )
        except (socket.gaierror, UnicodeError) as error:
            cause = error if isinstance(error, socket.gaierror) else socket.gaierror(str(error))
            raise NameResolutionError(self.host, self, cause) from error
        failure: OSError = OSError("the name has no address")
        for family, kind, protocol, _, address in found:
            if wire.cause is not None:
                raise Ended("ended while connecting")
            try:
                sock = socket.socket(family, kind, protocol)
                self._reach(wire, sock, address)
            except OSError as error:
                if foreign(error) is not None:
                    # A time limit that a signal handler raised: no further address is tried.
                    raise
                failure = error
            else:
                # Through a proxy a failure may be the proxy's, so nothing is claimed there.
                wire.shaking = isinstance(self, HTTPSConnection) and not self.proxy
                sys.audit("http.client.connect", self, self.host, self.port)
                return sock
        if isinstance(failure, TimeoutError):
            raise ConnectTimeoutError(
                self, f"Connection to {self.host} timed out. (connect timeout={self.timeout})"
            ) from failure
        raise NewConnectionError(
            self, f"Failed to establish a new connection: {failure}"
        ) from failure

    def _reach(self: Any, wire: Wire, sock: socket.socket, address: Any) -> None:
        try:
            for option in self.socket_options or ():
                sock.setsockopt(*option)
            if self.timeout is None or isinstance(self.timeout, (int, float)):
                sock.settimeout(self.timeout)
            if self.source_address:
                sock.bind(self.source_address)
            wire.attach(sock)
            sock.connect(address)
        except BaseException:
            sock.close()
            wire.detach()
            raise

    def connect(self: Any) -> None:
        self.wire = wire = current_wire()
        if wire is None:
            super().connect()  # type: ignore[misc]
            return
        wire.carried = True
        self._connecting = True
        try:
            super().connect()  # type: ignore[misc]
        except BaseException as error:
            _close_half_made(error)
            raise
        finally:
            self._connecting = False
        wire.shaking = False
        wire.sock = self.sock

    def request(self: Any, *args: Any, **kwargs: Any) -> None:
        wire = current_wire()
        if wire is not None:
            wire.carried = True
        if wire is not None and self.sock is not None and wire.sock is not self.sock:
            # A connection that was kept alive: it belongs to this request from here on.
            self.wire = wire
            wire.detach()
            wire.attach(self.sock)
            wire.sock = self.sock
        super().request(*args, **kwargs)  # type: ignore[misc]

    def send(self: Any, data: Any) -> None:
        wire = current_wire()
        if wire is not None and not self._connecting:
            if self.sock is None:
                self.connect()
            if wire.cause is not None:
                raise Ended("ended before the request was written")
            if not wire.written:
                # From here on the request may have reached the backend, whatever happens.
                wire.written = True
                wire.limits.pop("connect", None)
                # Images take longer to send than a connection takes to be made.
                self.sock.settimeout(wire.first_event)
                watch(wire, "first_event", wire.first_event)
        super().send(data)  # type: ignore[misc]


def _close_half_made(error: BaseException) -> None:
    """Close the TLS socket of a handshake that did not come about.

    ssl leaves it open when it is interrupted, and after a reset. Nobody has been given the socket
    yet, so that nothing but the frames of the exception know it.
    """
    traceback = error.__traceback__
    while traceback is not None:
        for value in tuple(traceback.tb_frame.f_locals.values()):
            if isinstance(value, ssl.SSLSocket):
                value.close()
        traceback = traceback.tb_next


class WiredHTTPConnection(_Wired, HTTPConnection):
    """urllib3's connection, with a wire."""


class WiredHTTPSConnection(_Wired, HTTPSConnection):
    """urllib3's TLS connection, with a wire."""


class _Once:
    """Sends a request of ours once, whatever the adapter allows: more is for `chatsdk.Retry`."""

    def urlopen(
        self: Any,
        method: str,
        url: str,
        body: Any = None,
        headers: Any = None,
        retries: Any = None,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        if current_wire() is not None:
            retries = ONCE
        return super().urlopen(method, url, body, headers, retries, *args, **kwargs)  # type: ignore[misc]


class _WiredPool(_Once):
    def _put_conn(self: Any, conn: Any) -> None:
        if conn is not None and not _disowned(conn):
            conn.close()
        # More streams at a time than connections to keep are no reason for a warning.
        try:
            self.pool.put(conn, block=False)
        except (queue.Full, AttributeError):
            # AttributeError: the pool was closed meanwhile, and has no queue any more.
            if conn:
                conn.close()


def _disowned(conn: Any) -> bool:
    """Take the connection from its wire, and tell whether another request may have it."""
    wire, conn.wire = conn.wire, None
    if wire is not None and conn.sock is None:
        # Closed, but a forked child may have descriptors of it.
        wire.hang_up()
    # Before it is put back: the next request may be another thread's, within microseconds.
    sound = wire is None or wire.detach()
    # http.client's name for the response that was read last.
    response = getattr(conn, "_HTTPConnection__response", None)
    return sound and not getattr(response, "surplus", False)


class WiredHTTPPool(_WiredPool, HTTPConnectionPool):  # type: ignore[misc]
    ConnectionCls = WiredHTTPConnection


class WiredHTTPSPool(_WiredPool, HTTPSConnectionPool):  # type: ignore[misc]
    ConnectionCls = WiredHTTPSConnection


POOL_CLASSES = {"http": WiredHTTPPool, "https": WiredHTTPSPool}


@functools.cache
def sending_once(pool: type) -> type:
    """Return this class of pools, made to send a request of ours once."""
    return pool if issubclass(pool, _Once) else type(pool.__name__, (_Once, pool), {})
