"""`Sender`: sends one request through a requests session, without retries."""

from __future__ import annotations

import contextlib
import http.cookiejar
import os
from collections import deque
from collections.abc import Mapping
from typing import Any

import requests
from requests.utils import DEFAULT_CA_BUNDLE_PATH, select_proxy

from chatsdk.transport.cancel import CancelScope
from chatsdk.transport.http1.body import socket_of
from chatsdk.transport.http1.connection import using_scope
from chatsdk.transport.http1.pools import adopt, close_inherited, close_session, give_back
from chatsdk.transport.redaction import Secrets, is_private_header

__all__ = ["Sent", "Sender"]

# Idle connections to keep per host. More may be open at a time; the rest are closed after use.
KEPT_ALIVE = 32

# Hosts to keep connections for: a backend, and perhaps a second one after a redirect.
HOSTS = 8

# Value of Cache-Control that prevents shared caches from storing an answer.
NO_STORE = "no-store"

BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


class Sent:
    """A response after its head was read.

    Attributes:
        response: the response.
        location: the URL that it redirects to, or ``None``.
    """

    __slots__ = ("location", "response")

    def __init__(self, response: requests.Response, location: str | None) -> None:
        self.response = response
        self.location = location


class Sender:
    """Sends requests through its own session or the caller's. May be shared by threads.

    Every request goes through ``Session.request``, so that mocks, recorders, tracers and signing
    sessions see it.

    Args:
        http: the caller's session, or ``None`` to create one.
        verify, cert, proxies: as in requests; ``None`` leaves them to the session and the
            environment.
    """

    def __init__(
        self,
        http: requests.Session | None,
        *,
        verify: bool | str | None,
        cert: str | tuple[str, str] | None,
        proxies: Mapping[str, str],
    ) -> None:
        self._own = http is None
        self._http = _new_session() if http is None else http
        self._verify = verify
        self._cert = cert
        self._proxies = dict(proxies)
        self._pid = os.getpid()
        # Pools and connections of responses that a finalizer closed. Returning them takes a lock,
        # which a finalizer must not do: see `Exchange.close_from_finalizer`.
        self.unreturned: deque[tuple[Any, Any]] = deque()

    def clone(self) -> Sender:
        """A copy with the same settings, and with a new session unless it is the caller's."""
        http = None if self._own else self._http
        return Sender(http, verify=self._verify, cert=self._cert, proxies=self._proxies)

    def close(self) -> None:
        """Close the idle connections; a session that the caller passed stays open."""
        if self._own and self._pid == os.getpid():
            close_session(self._http)

    def after_fork(self) -> bool:
        """Drop what belongs to the parent process. Returns whether this process is a child."""
        if self._pid == os.getpid():
            return False
        # Two processes that read one connection get each other's text. The parent keeps it.
        self._pid = os.getpid()
        self.unreturned.clear()
        if self._own:
            close_inherited(self._http)
            self._http = _new_session()
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
        scope: CancelScope,
        secrets: Secrets,
        token_headers: Mapping[str, str],
        timeout: tuple[float | None, float | None],
    ) -> Sent:
        """Send the request and read the head of the response.

        Args:
            url, headers, body, method: the request.
            scope: lets other threads cancel the request.
            secrets: collects the values to redact.
            token_headers: those of `headers` that carry the token, empty without one. They
                replace the session's authentication.
            timeout: seconds to connect, and seconds of silence until the response's head.

        Raises:
            Exception: whatever requests, urllib3, http.client and the socket raise.
        """
        self._give_back()
        session = self._http
        location: str | None = None
        begun: requests.Response | None = None

        def hold_response(response: requests.Response, **_: Any) -> None:
            nonlocal begun
            begun = response

        def hold_location(response: requests.Response, **_: Any) -> None:
            # Session.send would read the complete body of a redirect, whatever its size.
            nonlocal location
            location = response.headers.pop("location", None)

        options = self._options(url, secrets, scope)
        if token_headers or self._own or _leaves_auth(session):
            options["auth"] = _Given(token_headers)
        sent = dict(headers)
        if hasattr(session, "cache") and sent.get("Cache-Control") == NO_STORE:
            # requests-cache: its users want responses to be stored.
            del sent["Cache-Control"]
        # A request's hooks replace those of its session, so pass the session's again.
        of_session = session.hooks.get("response") or ()
        if callable(of_session):
            of_session = (of_session,)
        hooks = [hold_response, *of_session, hold_location]
        with using_scope(scope):
            try:
                response = session.request(
                    method,
                    url,
                    data=body,
                    headers=sent,
                    timeout=timeout,
                    allow_redirects=False,
                    stream=True,
                    hooks={"response": hooks},
                    **options,
                )
            except BaseException as error:
                if isinstance(error, requests.RequestException):
                    _note(error.request, secrets)
                if begun is not None:
                    # A hook of the caller raised.
                    begun.close()
                raise
        _note(response.request, secrets)
        if location is None:
            location = response.headers.get("location")
        else:
            response.headers["location"] = location
        if not scope.tracked and (sock := socket_of(response)) is not None:
            # The socket of another connection class is available only now.
            scope.attach(sock)
            scope.sock = sock
        return Sent(response, location)

    def _options(self, url: str, secrets: Secrets, scope: CancelScope) -> dict[str, Any]:
        """The arguments of ``Session.request`` that the caller gave, and no others.

        A session that overrides `request` may have its own defaults for the others.
        """
        session = self._http
        # Before the request, because requests shows the headers that it rejects.
        secrets.add_headers(session.headers)
        given: dict[str, Any] = {"verify": self._verify, "cert": self._cert}
        options = {name: value for name, value in given.items() if value is not None}
        if self._proxies:
            options["proxies"] = dict(self._proxies)
        request = requests.Request("POST", url).prepare()
        settings: Any = session.merge_environment_settings(
            request.url, dict(self._proxies), True, self._verify, self._cert
        )
        if self._verify is True and session.trust_env and any(map(os.environ.get, BUNDLES)):
            # In requests, these variables override an explicit verify=True.
            settings["verify"] = options["verify"] = DEFAULT_CA_BUNDLE_PATH
        secrets.add_url(url)
        scope.proxy = select_proxy(request.url or url, settings["proxies"] or {}) or ""
        for proxy in (settings["proxies"] or {}).values():
            try:
                secrets.add_url(proxy)
            except ValueError:
                # The proxy of another scheme does not matter.
                if proxy == scope.proxy:
                    # `from None`, because the original message may show a password.
                    raise requests.exceptions.InvalidProxyURL("no address") from None
        adopt(session, request, settings)
        return options

    def _give_back(self) -> None:
        # Another thread may be doing the same.
        with contextlib.suppress(IndexError):
            while True:
                give_back(*self.unreturned.popleft())


class _Given(requests.auth.AuthBase):
    """Leaves authentication to the header fields; passing it as ``auth=`` disables ~/.netrc.

    It sets the token's fields again, because the session may have replaced them.
    """

    def __init__(self, token_headers: Mapping[str, str]) -> None:
        self._headers = token_headers

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.update(self._headers)
        return request


def _new_session() -> requests.Session:
    """Return a session that adds nothing to requests and keeps nothing of responses."""
    session = requests.Session()
    session.headers.clear()
    # Cookies of one user's answer must not be sent with the next request.
    session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
    for scheme in ("https://", "http://"):
        adapter = requests.adapters.HTTPAdapter(pool_connections=HOSTS, pool_maxsize=KEPT_ALIVE)
        session.mount(scheme, adapter)
    return session


def _leaves_auth(session: requests.Session) -> bool:
    """Whether a session does not authenticate requests, so that requests would read ~/.netrc."""
    owner = next(kind for kind in type(session).__mro__ if "request" in vars(kind))
    # Compare the module's name, because tools replace the class or its method.
    plain = owner.__module__ == "requests.sessions" and "request" not in vars(session)
    return session.auth is None and plain


def is_anonymous(response: requests.Response) -> bool:
    """Whether the request of a response had no credentials in its header fields or its query."""
    request = response.request
    return (
        request is not None
        and "?" not in (request.url or "")
        and not any(map(is_private_header, request.headers or ()))
    )


def _note(request: Any, secrets: Secrets) -> None:
    """Redact whatever a session added to a request."""
    if request is not None and request.headers is not None:
        secrets.add_headers(request.headers)
        with contextlib.suppress(ValueError):
            secrets.add_url(request.url or "")
