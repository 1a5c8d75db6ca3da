"""Connections that can be ended from outside in every phase, and the adapter that makes them.

The wire of the request under way is handed over in a thread-local: everything between
``Session.send`` and the socket runs on the calling thread.
"""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import requests.adapters
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import allowed_gai_family

from chatsdk.transport.cancel import Wire
from chatsdk.transport.coalescing import CoalescingResponse
from chatsdk.transport.deadlines import watch

__all__ = ["WiredAdapter", "adopt", "carrying", "current_wire"]

# Connections kept alive for each host. More may be open at a time; those are closed after use.
KEPT_ALIVE = 32


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


class _Wired:
    """What both connection classes add to urllib3's."""

    response_class: Any = CoalescingResponse
    _connecting = False

    def _new_conn(self: Any) -> socket.socket:
        wire = current_wire()
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
                return sock
            except OSError as error:
                failure = error
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
        wire = current_wire()
        if wire is None:
            super().connect()  # type: ignore[misc]
            return
        self._connecting = True
        try:
            super().connect()  # type: ignore[misc]
        finally:
            self._connecting = False
        wire.sock = self.sock

    def request(self: Any, *args: Any, **kwargs: Any) -> None:
        wire = current_wire()
        if wire is not None and self.sock is not None and wire.sock is not self.sock:
            # A connection that was kept alive: it belongs to this request from here on.
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
                watch(wire, "first_event", wire.first_event)
        super().send(data)  # type: ignore[misc]


class WiredHTTPConnection(_Wired, HTTPConnection):
    """urllib3's connection, with a wire."""


class WiredHTTPSConnection(_Wired, HTTPSConnection):
    """urllib3's TLS connection, with a wire."""


class _QuietPool:
    def _put_conn(self: Any, conn: Any) -> None:
        # More streams at a time than connections to keep are no reason for a warning.
        try:
            self.pool.put(conn, block=False)
        except (queue.Full, AttributeError):
            # AttributeError: the pool was closed meanwhile, and has no queue any more.
            if conn:
                conn.close()


class WiredHTTPPool(_QuietPool, HTTPConnectionPool):
    ConnectionCls = WiredHTTPConnection


class WiredHTTPSPool(_QuietPool, HTTPSConnectionPool):
    ConnectionCls = WiredHTTPSConnection


POOL_CLASSES = {"http": WiredHTTPPool, "https": WiredHTTPSPool}


class WiredAdapter(requests.adapters.HTTPAdapter):
    """requests' adapter over our connections, straight to the host and through proxies.

    It leaves ``send`` alone: packages that mock the HTTP layer replace that of the base class.
    """

    def __init__(self) -> None:
        super().__init__(pool_connections=8, pool_maxsize=KEPT_ALIVE)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOL_CLASSES

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> urllib3.ProxyManager:
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = POOL_CLASSES
        return cast("urllib3.ProxyManager", manager)


def adopt(session: requests.Session) -> None:
    """Let connections that a caller's own session opens from now on carry wires too.

    Only requests' own adapter is adopted: an adapter of another class has reasons of its own.
    """
    for adapter in session.adapters.values():
        if type(adapter) is requests.adapters.HTTPAdapter:
            for manager in (adapter.poolmanager, *adapter.proxy_manager.values()):
                if not type(manager).__name__.startswith("SOCKS"):
                    manager.pool_classes_by_scheme = POOL_CLASSES
