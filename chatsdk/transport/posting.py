"""`Poster`: sends one POST through requests, once, and knows nothing of repeating it."""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

import requests

from chatsdk.transport.cancel import Wire
from chatsdk.transport.faults import Unprepared
from chatsdk.transport.http1.connection import carrying
from chatsdk.transport.http1.pools import adopt, close_inherited, close_session, new_session
from chatsdk.transport.secrets import Secrets

__all__ = ["Posted", "Poster"]


class Posted(NamedTuple):
    """What came back.

    Attributes:
        response: the response, of which the head has been read.
        location: where it redirects to, or ``None``.
    """

    response: requests.Response
    location: str | None


class Poster:
    """Sends POSTs through a session of its own or the caller's. May be shared by threads.

    Args:
        http: the caller's session, ``None`` for one of our own.
        verify, proxies: as in requests; ``None`` leaves them to the session and the environment.
    """

    def __init__(
        self,
        http: requests.Session | None,
        *,
        verify: bool | str | None,
        proxies: Mapping[str, str],
    ) -> None:
        self._own = http is None
        self._http = new_session() if http is None else http
        self._verify = verify
        self._proxies = dict(proxies)
        self._pid = os.getpid()
        # Pools and connections of responses that a finalizer closed. Giving them back takes a
        # lock, which a finalizer must not want: see `Exchange.abandon`.
        self.left: deque[tuple[Any, Any]] = deque()

    def apart(self) -> Poster:
        """One more of the same settings, with a session of its own unless it is the caller's."""
        http = None if self._own else self._http
        return Poster(http, verify=self._verify, proxies=self._proxies)

    def close(self) -> None:
        """Close the connections kept alive; a session that the caller brought stays open."""
        if self._own and self._pid == os.getpid():
            close_session(self._http)

    def after_fork(self) -> bool:
        """Let go of what belongs to the parent process, and tell whether there is one."""
        if self._pid == os.getpid():
            return False
        # Two processes that read one connection get each other's text. The parent keeps its own.
        self._pid = os.getpid()
        self.left.clear()
        if self._own:
            close_inherited(self._http)
            self._http = new_session()
        else:
            for adapter in self._http.adapters.values():
                adapter.close()
        return True

    def post(
        self,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        method: str = "POST",
        wire: Wire,
        secrets: Secrets,
        authorized: bool,
        timeout: tuple[float | None, float | None],
    ) -> Posted:
        """Send it and read the head of the response.

        Args:
            url, headers, body, method: of the request.
            wire: what others can end it by.
            secrets: gets what must not be shown.
            authorized: the headers carry a token, so that of the caller's session is not wanted.
            timeout: seconds to connect, and of silence until the response's head.

        Raises:
            Exception: whatever requests, urllib3, http.client and the socket raise.
        """
        self._give_back()
        try:
            prepared, settings = self._prepared(url, headers, body, method, secrets, authorized)
            adapter: Any = self._http.get_adapter(prepared.url or url)
            if not self._own:
                adopt(adapter, prepared.url or url, settings["proxies"] or {})
        except Exception as error:
            raise Unprepared from error
        with carrying(wire):
            if self._own:
                # Straight to the adapter: Session.send would keep the cookies of one user's
                # answer for the next.
                response = adapter.send(prepared, timeout=timeout, **settings)
                posted = Posted(response, response.headers.get("location"))
            else:
                posted = self._send(prepared, timeout, settings)
        if not wire.carried:
            _reach(wire, posted.response)
        return posted

    def _prepared(
        self,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        method: str,
        secrets: Secrets,
        authorized: bool,
    ) -> tuple[requests.PreparedRequest, dict[str, Any]]:
        """The request as the session makes it, and the session's settings for it."""
        http = self._http
        # Now already: requests shows a header that it refuses.
        secrets.add_headers(http.headers)
        auth: Any = _keep_authorization
        if not authorized and http.auth is not None:
            auth = http.auth
        request = requests.Request(method, url, headers=dict(headers), data=body, auth=auth)
        prepared = request.prepare() if self._own else http.prepare_request(request)
        url = prepared.url or url
        settings: Any = http.merge_environment_settings(
            url, dict(self._proxies), True, self._verify, None
        )
        if self._verify is not None:
            # requests lets REQUESTS_CA_BUNDLE go before an explicit verify=True.
            settings["verify"] = self._verify
        secrets.add_headers(prepared.headers)
        secrets.add_url(url)
        for proxy in (settings["proxies"] or {}).values():
            try:
                secrets.add_url(proxy)
            except ValueError:
                # From None: the original message may show a password.
                raise requests.exceptions.InvalidProxyURL("no address") from None
        return prepared, settings

    def _give_back(self) -> None:
        # Another thread may be at it too.
        with contextlib.suppress(IndexError):
            while True:
                pool, connection = self.left.popleft()
                pool._put_conn(connection)

    def _send(
        self, prepared: requests.PreparedRequest, timeout: Any, settings: dict[str, Any]
    ) -> Posted:
        found: list[str | None] = [None]

        def hold_location(response: requests.Response, **_: Any) -> None:
            # Session.send reads the whole body of what redirects, however long it is.
            found[0] = response.headers.pop("location", None)

        prepared.hooks["response"] = [*prepared.hooks.get("response", ()), hold_location]
        response = self._http.send(prepared, timeout=timeout, allow_redirects=False, **settings)
        return Posted(response, found[0])


def _keep_authorization(prepared: Any) -> Any:
    # Given as auth=, it keeps requests from looking into ~/.netrc.
    return prepared


def _reach(wire: Wire, response: requests.Response) -> None:
    """Let the wire reach a connection that is not of our class, now that it is known."""
    sock = getattr(getattr(response.raw, "_connection", None), "sock", None)
    if sock is not None:
        wire.attach(sock)
        wire.sock = sock
