"""A session's connection pools: prepared before a request, closed after a fork."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from chatsdk.transport.foreign_exceptions import Quietly
from chatsdk.transport.http1.connection import wire_pool

__all__ = ["adopt", "close_inherited", "close_session", "give_back"]


def adopt(
    session: requests.Session, request: requests.PreparedRequest, settings: Mapping[str, Any]
) -> None:
    """Let the pool through which a session will send this request carry scopes.

    Adapters other than those of requests, such as a mock's or a recorder's, are left alone.

    Args:
        session, request: as given to ``session.send``.
        settings: what ``session.merge_environment_settings`` returned.
    """
    # Any error here is raised again when the request is sent, with a better message.
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
    """Put a connection back into its pool on behalf of a finalizer, which could not."""
    pool._put_conn(connection)


def close_session(session: requests.Session) -> None:
    """Close the idle connections of a session, and the others as they are returned."""
    for pool in _pools(session):
        # Session.close only forgets its pools, and a completed stream may still refer to one.
        pool.close()
    session.close()


def close_inherited(session: requests.Session) -> None:
    """Close a parent's idle connections in the child, without their locks.

    Another thread of the parent may have held a lock at the fork; here it is never released.
    """
    # Kept for ever, because collecting the session would lock its pools.
    _inherited.append(session)
    for pool in _pools(session):
        for connection in tuple(pool.pool.queue) if pool.pool is not None else ():
            if connection is not None:
                connection.close()


_inherited: list[requests.Session] = []


def _pools(session: requests.Session) -> list[Any]:
    pools: list[Any] = []
    # Private parts of urllib3. If they change, the interpreter closes the rest.
    with contextlib.suppress(AttributeError, TypeError, RuntimeError):
        for adapter in session.adapters.values():
            for manager in (adapter.poolmanager, *adapter.proxy_manager.values()):  # type: ignore[attr-defined]
                pools += tuple(manager.pools._container.values())
    return pools
