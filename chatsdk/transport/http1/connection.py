"""urllib3 connections that another thread can abort in any phase.

The scope of the current request is passed in a context variable, because requests and urllib3 have
no parameter for it. Each thread and each greenlet has its own.
"""

from __future__ import annotations

import _socket
import contextlib
import errno
import functools
import queue
import re
import socket
import ssl
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit

from urllib3.connectionpool import HTTPConnectionPool
from urllib3.util.retry import Retry

from chatsdk.transport.cancel import CancelScope
from chatsdk.transport.clock import since_boot
from chatsdk.transport.deadlines import watch
from chatsdk.transport.http1.addresses import Ended, connected, probe_when_idle
from chatsdk.transport.http1.chunked import CoalescingResponse
from chatsdk.transport.http1.read_ahead import receive_within

__all__ = ["using_scope", "current_scope", "wire_pool"]

# The default that requests passes to urllib3: no retries.
ONCE = Retry(0, read=False)

HTTPS_PORT = 443

# Seconds for which an idle connection is reused. If the server closes it while a request is on its
# way, the request is lost and cannot be repeated. Application servers close after 5 s (uvicorn,
# Node), load balancers, which terminate TLS, after 60 s. A new connection is cheap without TLS.
REUSE_SECONDS = 4.0
REUSE_TLS_SECONDS = 50.0

# Seconds before the end of the server's own limit, for the way of a request.
MARGIN_SECONDS = 1.0

# A server's own limit, in its field Keep-Alive.
OWN_LIMIT = re.compile(r"timeout\s*=\s*\"?(\d{1,9})", re.IGNORECASE)

_current: ContextVar[CancelScope | None] = ContextVar("chatsdk_wire", default=None)


def current_scope() -> CancelScope | None:
    """The scope of the request that this thread or greenlet is sending, if any."""
    return _current.get()


@contextlib.contextmanager
def using_scope(scope: CancelScope) -> Iterator[None]:
    """Assign the connections used in this block to `scope`."""
    # Restored rather than cleared: a signal handler may send a request within another.
    before = _current.get()
    _current.set(scope)
    try:
        yield
    finally:
        _current.set(before)


def _new_response(connection: Any, *args: Any, **kwargs: Any) -> CoalescingResponse:
    response = CoalescingResponse(*args, **kwargs)
    if connection.scope is not None:
        response.max_header_lines = connection.scope.header_lines
        # While connecting, the responses are the proxy's.
        if connection.scope.on_wire is not None and not connection._connecting:
            response.fp.tell(connection.scope.on_wire)
    return response


class _Wired:
    """Mixin for connections of urllib3 and classes derived from them."""

    # http.client calls this for every response, including a proxy's response to CONNECT.
    response_class: Any = _new_response

    # The scope of the request that uses this connection.
    scope: CancelScope | None = None
    _connecting = False

    # The request is the scope's own, and none of it has been sent.
    _unsent = False

    # Time on the clock `since_boot` until which the connection may be idle and be reused.
    reusable_until = float("inf")

    def _new_conn(self: Any) -> socket.socket:
        scope = self.scope
        if scope is None or not _is_known(_class(self), "_new_conn"):
            # The class makes its sockets differently, for example through a SOCKS proxy.
            plain: socket.socket = super()._new_conn()  # type: ignore[misc]
            if scope is not None:
                probe_when_idle(plain)
                scope.attach(plain)
            return plain
        sock = connected(self, scope)
        # Through a proxy, the failure may be the proxy's, so it is not attributed.
        scope.shaking = self.default_port == HTTPS_PORT and not self.proxy
        return sock

    def connect(self: Any) -> None:
        self.scope = scope = current_scope()
        if scope is None:
            super().connect()  # type: ignore[misc]
            return
        scope.tracked = True
        self._connecting = True
        known = scope.sockets
        try:
            super().connect()  # type: ignore[misc]
        except BaseException as error:
            _close_half_made(error)
            raise
        finally:
            self._connecting = False
        if scope.sockets == known:
            # This class makes its sockets differently, for example a unix socket.
            scope.attach(self.sock)
        scope.shaking = False
        scope.sock = self.sock

    def request(self: Any, method: str, url: str, *args: Any, **kwargs: Any) -> None:
        scope = current_scope()
        if scope is not None:
            scope.tracked = True
            scope.seen(kwargs.get("headers") or {})
            # A session may first send other requests, for example for a token; those do not count.
            self._unsent = urlsplit(url).path == urlsplit(scope.url).path
        if scope is not None and self.sock is not None and scope.sock is not self.sock:
            # A connection that was kept alive: from here on it belongs to this request.
            self.scope = scope
            scope.detach()
            scope.attach(self.sock)
            scope.sock = self.sock
        super().request(method, url, *args, **kwargs)  # type: ignore[misc]

    def send(self: Any, data: Any) -> None:
        scope = current_scope()
        if scope is not None and not self._connecting:
            if self.sock is None:
                self.connect()
            if scope.reason is not None:
                raise Ended("ended before the request was written")
            if self._unsent:
                self._unsent = False
                # From here on, the request may have reached the backend, whatever happens.
                scope.sent = True
                scope.limits.pop("connect", None)
                # Sending images takes longer than connecting.
                self.sock.settimeout(scope.first_event)
                watch(scope, "first_event", scope.first_event)
        try:
            super().send(data)  # type: ignore[misc]
        except ssl.SSLEOFError as error:
            # A server may answer and close while a large request is on its way. urllib3 then reads
            # the response, but knows only the exception of plain connections.
            raise BrokenPipeError(errno.EPIPE, str(error)) from error


def _close_half_made(error: BaseException) -> None:
    """Close the TLS socket of a failed handshake.

    ssl leaves it open after an interruption or a reset, and nothing but the exception's frames
    refers to it.
    """
    traceback = error.__traceback__
    while traceback is not None:
        for value in tuple(traceback.tb_frame.f_locals.values()):
            if isinstance(value, ssl.SSLSocket):
                value.close()
        traceback = traceback.tb_next


def _wire_connection(connection: Any) -> Any:
    """Let a urllib3 connection carry scopes, unless its class has its own way of sending."""
    kind: Any = type(connection)
    if not issubclass(kind, _Wired) and hasattr(kind, "request") and hasattr(kind, "send"):
        if _is_known(kind, "request") and _is_known(kind, "send"):
            connection.__class__ = _with(_Wired, kind)
    return connection


class _WiredPool:
    """Mixin for pools of urllib3 and classes derived from them."""

    def _new_conn(self: Any) -> Any:
        return _wire_connection(super()._new_conn())  # type: ignore[misc]

    def _get_conn(self: Any, timeout: float | None = None) -> Any:
        # A connection that was kept alive may be older than this mixin.
        connection = _wire_connection(super()._get_conn(timeout))  # type: ignore[misc]
        if isinstance(connection, _Wired) and current_scope() is not None:
            if connection.reusable_until < since_boot():
                # urllib3 connects it again.
                connection.close()  # type: ignore[attr-defined]
        return connection

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
        if current_scope() is not None:
            # `chatsdk.Retry` alone decides about retries, whatever the adapter allows.
            retries = ONCE
        return super().urlopen(method, url, body, headers, retries, *args, **kwargs)  # type: ignore[misc]

    def _put_conn(self: Any, conn: Any) -> None:
        if isinstance(conn, _Wired):
            if not _disowned(conn):
                conn.close()  # type: ignore[attr-defined]
            conn.reusable_until = since_boot() + _reusable_for(conn, self.scheme)
        if not _is_known(_class(self), "_put_conn"):
            super()._put_conn(conn)  # type: ignore[misc]
            return
        # More concurrent streams than kept connections do not deserve a warning.
        try:
            self.pool.put(conn, block=False)
        except (queue.Full, AttributeError):
            # AttributeError: the pool was closed meanwhile and has lost its queue.
            if conn:
                conn.close()


def _disowned(conn: Any) -> bool:
    """Detach the connection from its scope. Returns whether another request may use it."""
    scope, conn.scope = conn.scope, None
    if scope is not None and conn.sock is None:
        # The connection is closed, but a forked child may hold descriptors of it.
        scope.shut_down()
    if scope is not None and isinstance(conn.sock, _socket.socket):
        # The timeout was set for this request only.
        receive_within(conn.sock, None)
    # Before the connection is put back: another thread may take it within microseconds.
    sound = scope is None or scope.detach()
    # http.client's private name for the last response.
    response = getattr(conn, "_HTTPConnection__response", None)
    return sound and not getattr(response, "has_unread_bytes", False)


def _reusable_for(conn: Any, scheme: str) -> float:
    """Seconds for which this idle connection may be reused."""
    seconds = REUSE_TLS_SECONDS if scheme == "https" else REUSE_SECONDS
    headers = getattr(getattr(conn, "_HTTPConnection__response", None), "headers", None)
    told = OWN_LIMIT.search(headers.get("keep-alive", "")) if headers is not None else None
    return seconds if told is None else min(seconds, int(told[1]) - MARGIN_SECONDS)


def wire_pool(pool: object) -> None:
    """Let the connections of a urllib3 pool, or of a derived class, carry scopes."""
    if isinstance(pool, HTTPConnectionPool) and not isinstance(pool, _WiredPool):
        kind: Any = type(pool)
        pool.__class__ = _with(_WiredPool, kind)


@functools.cache
def _with(ours: Any, kind: Any) -> Any:
    """Return `kind` extended by `ours`."""
    return type(kind.__name__, (ours, kind), {})


@functools.cache
def _is_known(kind: Any, name: str) -> bool:
    """Whether a class has a method from urllib3 or http.client.

    Decided by the module's name, because recorders replace the classes in it.
    """
    module: str = _owner(kind, name).__module__
    # urllib3.contrib has connections that make their sockets through a SOCKS proxy.
    return module.startswith(("urllib3.", "http.")) and not module.startswith("urllib3.contrib.")


def _class(thing: Any) -> Any:
    return type(thing)


def _owner(kind: Any, name: str) -> Any:
    ours = (_Wired, _WiredPool)
    return next(base for base in kind.__mro__ if name in vars(base) and base not in ours)
