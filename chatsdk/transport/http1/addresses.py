"""Connects a socket to one of a host's addresses, and keeps idle connections alive."""

from __future__ import annotations

import contextlib
import socket
import sys
from typing import Any

from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import allowed_gai_family

from chatsdk.transport.cancel import CancelScope
from chatsdk.transport.foreign_exceptions import foreign

__all__ = ["Ended", "connected", "probe_when_idle"]

# Seconds to wait for an address if the host has another one, at most its share of the time to
# connect: enough for two attempts of the system. Broken IPv6 would otherwise use up the time before
# IPv4 gets its turn.
NEXT_ADDRESS_SECONDS = 3.0

# Seconds of silence before the system probes the peer, seconds between probes, and unanswered
# probes until the connection counts as broken. Routers and load balancers drop connections that
# are silent for a few minutes, as they are while a model reasons, and notify neither side.
PROBES = {
    # macOS has another name for the first one.
    "TCP_KEEPIDLE" if hasattr(socket, "TCP_KEEPIDLE") else "TCP_KEEPALIVE": 45,
    "TCP_KEEPINTVL": 30,
    "TCP_KEEPCNT": 5,
}


class Ended(OSError):
    """The scope was cancelled before or while connecting."""


def probe_when_idle(sock: Any) -> None:
    """Let the system probe the peer during silence, where it can."""
    # A unix socket, a mock's, or a system without the option.
    with contextlib.suppress(OSError, AttributeError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in PROBES.items():
            if hasattr(socket, name):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def connected(connection: Any, scope: CancelScope) -> socket.socket:
    """Return a socket connected to the host of a urllib3 connection.

    As in urllib3, with three differences. The scope has each socket before it connects, an address
    that does not answer leaves time for the next one, and idle connections are probed.
    """
    try:
        found = socket.getaddrinfo(
            connection._dns_host.strip("[]"),
            connection.port,
            allowed_gai_family(),
            socket.SOCK_STREAM,
        )
    except (socket.gaierror, UnicodeError) as error:
        cause = error if isinstance(error, socket.gaierror) else socket.gaierror(str(error))
        raise NameResolutionError(connection.host, connection, cause) from error
    failure: OSError = OSError("the name has no address")
    tries = [(each, len(found)) for each in found[:-1]] + [(each, 0) for each in found[-1:]]
    for each, shared in tries:
        family, kind, protocol, _, address = each
        if scope.reason is not None:
            raise Ended("ended while connecting")
        try:
            sock = socket.socket(family, kind, protocol)
            _reach(connection, scope, sock, address, shared)
        except OSError as error:
            if foreign(error) is not None:
                # A signal handler's time limit: do not try another address.
                raise
            failure = error
            if shared and isinstance(error, TimeoutError):
                # Perhaps only slow: it gets the rest of the time if no other can be reached.
                tries.append((each, 0))
            elif not shared and isinstance(error, ConnectionRefusedError):
                break
        else:
            sys.audit("http.client.connect", connection, connection.host, connection.port)
            return sock
    if isinstance(failure, TimeoutError):
        raise ConnectTimeoutError(
            connection,
            f"Connection to {connection.host} timed out. (connect timeout={connection.timeout})",
        ) from failure
    raise NewConnectionError(
        connection, f"Failed to establish a new connection: {failure}"
    ) from failure


def _reach(
    connection: Any, scope: CancelScope, sock: socket.socket, address: Any, shared: int
) -> None:
    """Connect the socket; `shared` is the number of all addresses, 0 for the last try."""
    timeout = connection.timeout
    known = timeout is None or isinstance(timeout, (int, float))
    try:
        probe_when_idle(sock)
        for option in connection.socket_options or ():
            # urllib3-future, which replaces urllib3 where niquests is installed, adds a protocol.
            if "udp" not in option:
                sock.setsockopt(*option[:3])
        if known:
            sock.settimeout(timeout)
        waits = sock.gettimeout()
        if shared:
            share = NEXT_ADDRESS_SECONDS if waits is None else waits / shared
            sock.settimeout(min(NEXT_ADDRESS_SECONDS, share))
        if connection.source_address:
            sock.bind(connection.source_address)
        scope.attach(sock)
        sock.connect(address)
        sock.settimeout(waits)
    except BaseException:
        sock.close()
        scope.detach()
        raise
