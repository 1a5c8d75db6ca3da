"""The requests session that POSTs go through: one of our own, or the caller's."""

from __future__ import annotations

import contextlib
from typing import Any, cast

import requests.adapters
import urllib3
from requests.utils import prepend_scheme_if_needed, select_proxy
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from chatsdk.transport.http1.connection import POOL_CLASSES, sending_once

__all__ = ["adopt", "close_inherited", "close_session", "new_session"]

# Connections kept alive for each host. More may be open at a time; those are closed after use.
KEPT_ALIVE = 32

# Hosts for which connections are kept: a backend, perhaps a second one after a redirect.
HOSTS = 8

URLLIB3_POOLS = {"http": HTTPConnectionPool, "https": HTTPSConnectionPool}


class WiredAdapter(requests.adapters.HTTPAdapter):
    """requests' adapter over our connections, straight to the host and through proxies.

    It leaves ``send`` alone: packages that mock the HTTP layer replace that of the base class.
    """

    def __init__(self) -> None:
        super().__init__(pool_connections=HOSTS, pool_maxsize=KEPT_ALIVE)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        _wire(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> urllib3.ProxyManager:
        manager = super().proxy_manager_for(proxy, **kwargs)
        _wire(manager)
        return cast("urllib3.ProxyManager", manager)


def new_session() -> requests.Session:
    """Return a session whose connections carry wires."""
    session = requests.Session()
    adapter = WiredAdapter()
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def adopt(adapter: object, url: str, proxies: dict[str, str]) -> bool:
    """Let the connections that this adapter of a caller opens to `url` carry wires too.

    Only where they would be urllib3's own: an adapter that brings pools of another class has its
    reasons. Either way none sends a request of ours again, whatever the adapter's
    ``max_retries``. Connections that it has idle are closed. Returns whether they carry wires.
    """
    if not isinstance(adapter, requests.adapters.HTTPAdapter):
        return False
    proxy = select_proxy(url, proxies)
    if not proxy:
        return _wire(adapter.poolmanager)
    # Made at the first request through this proxy, and kept by the adapter.
    address = prepend_scheme_if_needed(proxy, "http")  # type: ignore[no-untyped-call]
    return _wire(adapter.proxy_manager_for(address))


def _wire(manager: Any) -> bool:
    classes = getattr(manager, "pool_classes_by_scheme", None)
    if not isinstance(classes, dict):
        return False
    ours = classes in (URLLIB3_POOLS, POOL_CLASSES)
    wanted = POOL_CLASSES if ours else {name: sending_once(kind) for name, kind in classes.items()}
    if classes != wanted:
        manager.pool_classes_by_scheme = wanted
        manager.clear()
    return ours


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
