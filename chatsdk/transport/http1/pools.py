"""The connection pools of a session: made ours before a request, closed after a fork."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from chatsdk.transport.foreign import Quietly
from chatsdk.transport.http1.connection import wire_pool

__all__ = ["adopt", "close_inherited", "close_session", "give_back"]


def adopt(
    session: requests.Session, request: requests.PreparedRequest, settings: Mapping[str, Any]
) -> None:
    """Let the pool that a session will send this request through carry wires.

    Other adapters than those of requests, a mock's or a recorder's, are left alone.

    Args:
        session, request: as given to ``session.send``.
        settings: what ``session.merge_environment_settings`` returned.
    """
    # Whatever is wrong here is raised again, and with a better message, when it is sent.
    with Quietly():
        adapter = session.get_adapter(request.url or "")
        if isinstance(adapter, HTTPAdapter):
            pool = adapter.get_connection_with_tls_context(
                request,
                settings.get("verify"),
                proxies=settings.get("proxies"),
                cert=settings.get("cert"),
            )
            wire_pool(pool)


def give_back(pool: Any, connection: Any) -> None:
    """Put a connection back into its pool, for a finalizer that could not."""
    pool._put_conn(connection)


def close_session(session: requests.Session) -> None:
    """Close the idle connections of a session, and each other one as it comes back."""
    for pool in _pools(session):
        # Session.close only forgets its pools, and a stream that was read may know one still.
        pool.close()
    session.close()


def close_inherited(session: requests.Session) -> None:
    """Close a parent's idle connections in the child, without its locks.

    Another thread of the parent may have held one at the fork, and will never let go of it here.
    """
    # Never dropped: dropping it would lock its pools.
    _inherited.append(session)
    for pool in _pools(session):
        for connection in tuple(pool.pool.queue) if pool.pool is not None else ():
            if connection is not None:
                connection.close()


_inherited: list[requests.Session] = []


def _pools(session: requests.Session) -> list[Any]:
    pools: list[Any] = []
    # Details of urllib3. Where they change, the interpreter closes what is left over.
    with contextlib.suppress(AttributeError, TypeError, RuntimeError):
        for adapter in session.adapters.values():
            for manager in (adapter.poolmanager, *adapter.proxy_manager.values()):  # type: ignore[attr-defined]
                pools += tuple(manager.pools._container.values())
    return pools
