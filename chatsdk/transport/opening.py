"""`Transport`: opens a streamed POST, and sends it again where that is certain to be harmless."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import attrs
import requests

from chatsdk.errors import ChatError, HTTPStatusError
from chatsdk.options import Limits, Retry, Timeout
from chatsdk.parts import Failure
from chatsdk.transport.cancel import STOPPED, Cancel, Wire
from chatsdk.transport.connection import WiredAdapter, adopt, carrying
from chatsdk.transport.deadlines import watch
from chatsdk.transport.exchange import Exchange, Tap
from chatsdk.transport.faults import Stopped, innermost, timed_out, translated
from chatsdk.transport.redirects import redirected, same_origin
from chatsdk.transport.retrying import retry_after, wait_before
from chatsdk.transport.secrets import Secrets, checked_value, quiet_urllib3, shown_url

__all__ = ["Backend", "Request", "Token", "Transport"]

logger = logging.getLogger("chatsdk")

Token = str | Callable[[], str] | None

MAX_REDIRECTS = 5

REMEDIES = {
    401: "check the token",
    403: "the token is known, but may not do this",
    404: "check the URL's path",
    405: "the URL does not take a POST: check its path",
    429: "too many requests, or a quota is used up",
}

quiet_urllib3()


class Backend(Protocol):
    """What opening needs to know of a dialect."""

    def headers(self, token: str | None) -> dict[str, str]: ...

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> Failure | None: ...


@attrs.frozen
class Request:
    """One POST to be sent.

    Attributes:
        url: where to.
        body: the JSON, as bytes.
        backend: the dialect, which writes the token's header and reads refusals.
        cancel: the user's switch.
        idempotency_key: sent as ``Idempotency-Key`` if there is one.
    """

    url: str = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)
    backend: Backend
    cancel: Cancel
    idempotency_key: str | None = attrs.field(default=None, repr=False)


class Transport:
    """Opens streamed POSTs. May be shared by threads, and survives a fork."""

    def __init__(
        self,
        *,
        token: Token = None,
        headers: Mapping[str, str] | None = None,
        timeout: Timeout | None = None,
        retry: Retry | None = None,
        limits: Limits | None = None,
        http: requests.Session | None = None,
        verify: bool | str | None = None,
        proxies: Mapping[str, str] | None = None,
        follow_redirects: bool = False,
        tap: Tap | None = None,
    ) -> None:
        self._token = token
        self._headers = dict(headers or {})
        self._timeout = timeout or Timeout()
        self._retry = retry or Retry()
        self._limits = limits or Limits()
        self._verify = verify
        self._proxies = dict(proxies or {})
        self._follow_redirects = follow_redirects
        self._tap = tap
        self._closing = Cancel()
        self._pid = os.getpid()
        self._own = http is None
        self._http = _session() if http is None else http
        if http is not None:
            adopt(http)

    def open(self, request: Request) -> Exchange:
        """Send the request and return its response, which has a success status.

        Raises:
            ChatError: as `chatsdk.errors` says; `Stopped` if the user ended it.
            ValueError: the transport is closed.
        """
        if self._closing.is_set():
            raise ValueError("this client is closed; make a new one")
        self._after_fork()
        wire, secrets = Wire(first_event=self._timeout.first_event), Secrets()
        cancels = (request.cancel, self._closing)
        for cancel in cancels:
            cancel.link(wire)
        watch(wire, "total", self._timeout.total)
        try:
            return self._try(request, wire, secrets, cancels)
        except BaseException:
            wire.limits.clear()
            for cancel in cancels:
                cancel.unlink(wire)
            wire.detach()
            raise

    def close(self) -> None:
        """End what is under way, and close the connections kept alive.

        A session that the caller brought stays open.
        """
        self._closing.set()
        if self._own and self._pid == os.getpid():
            self._http.close()

    def _try(
        self, request: Request, wire: Wire, secrets: Secrets, cancels: tuple[Cancel, ...]
    ) -> Exchange:
        token = self._ask_token()
        url = request.url
        attempt, redirects, renewed = 1, 0, False
        while True:
            try:
                exchange = self._send(request, url, token, wire, secrets, cancels)
                exchange.attempts = attempt
                if 200 <= exchange.status < 300:
                    return exchange
                target = redirected(exchange.status, exchange.headers, url)
                if target is not None and self._may_follow(exchange.status, url, target, redirects):
                    exchange.finish_quietly()
                    url, redirects = target, redirects + 1
                    continue
                error: ChatError = self._refused(request.backend, exchange, target)
            except ChatError as failure:
                error = failure
            written = wire.written
            wire.forgive("connect", "body")
            if wire.cause is not None:
                raise Stopped() if wire.cause == STOPPED else timed_out(wire.cause)
            if _is_401(error) and callable(self._token) and not renewed:
                token, renewed, seconds = self._ask_token(), True, 0.0
            else:
                keyed = request.idempotency_key is not None
                waited = wait_before(self._retry, error, attempt, keyed=keyed, written=written)
                if waited is None:
                    raise secrets.scrub(error)
                seconds = waited
            logger.info(
                "attempt %d failed with %s; sending again in %.1f s",
                attempt,
                _named(error),
                seconds,
            )
            wire.wait(seconds)
            attempt += 1

    def _send(
        self,
        request: Request,
        url: str,
        token: str | None,
        wire: Wire,
        secrets: Secrets,
        cancels: tuple[Cancel, ...],
    ) -> Exchange:
        if wire.cause is not None:
            raise Stopped() if wire.cause == STOPPED else timed_out(wire.cause)
        headers = self._request_headers(request, token)
        secrets.add(token)
        secrets.add_headers(headers)
        secrets.add_url(url)
        for proxy in self._proxies.values():
            secrets.add_url(proxy)
        timeout = self._timeout
        watch(wire, "connect", timeout.connect)
        try:
            with carrying(wire):
                response = self._post(url, headers, request.body)
        except Exception as error:
            ours = translated(error, wire, streaming=False, started=False)
            ours.__cause__ = None if secrets.shows(error) else innermost(error)
            failure: ChatError | Stopped | None = ours
        else:
            failure = None
        finally:
            wire.limits.pop("connect", None)
        # Outside the handler: an exception's context would hold the request, and its token.
        if failure is not None:
            raise failure
        exchange = Exchange(
            response,
            wire=wire,
            cancels=cancels,
            timeout=timeout,
            limits=self._limits,
            secrets=secrets,
            tap=self._tap,
        )
        if wire.cause is not None:
            exchange.close_response()
            raise Stopped() if wire.cause == STOPPED else timed_out(wire.cause)
        return exchange

    def _post(self, url: str, headers: dict[str, str], body: bytes) -> requests.Response:
        http = self._http
        timeout: Any = (self._timeout.connect, self._timeout.first_event)
        auth: Any = _keep_authorization
        if not self._own and self._token is None and http.auth is not None:
            auth = http.auth
        post = requests.Request("POST", url, headers=headers, data=body, auth=auth)
        prepared = http.prepare_request(post) if not self._own else post.prepare()
        settings: Any = http.merge_environment_settings(
            prepared.url or url, dict(self._proxies), True, self._verify, None
        )
        if self._verify is not None:
            # requests lets REQUESTS_CA_BUNDLE go before an explicit verify=True.
            settings["verify"] = self._verify
        if not self._own:
            return http.send(prepared, timeout=timeout, allow_redirects=False, **settings)
        # Straight to the adapter: Session.send would read the whole body of a redirect, and keep
        # the cookies of one user's answer for the next.
        adapter = http.get_adapter(prepared.url or url)
        return adapter.send(prepared, timeout=timeout, **settings)

    def _request_headers(self, request: Request, token: str | None) -> dict[str, str]:
        headers = {
            "Accept": "text/event-stream",
            # Development proxies compress without flushing: the stream would come as one burst.
            "Accept-Encoding": "identity",
            "Cache-Control": "no-store",
            "Content-Type": "application/json",
            "User-Agent": "chatsdk",
        }
        headers |= request.backend.headers(token)
        if request.idempotency_key is not None:
            headers["Idempotency-Key"] = request.idempotency_key
        given = {name.lower() for name in self._headers}
        return {
            name: value for name, value in headers.items() if name.lower() not in given
        } | self._headers

    def _ask_token(self) -> str | None:
        token = self._token() if callable(self._token) else self._token
        return checked_token(token)

    def _may_follow(self, status: int, url: str, target: str, redirects: int) -> bool:
        return (
            self._follow_redirects
            and status in (307, 308)
            and redirects < MAX_REDIRECTS
            and same_origin(url, target)
        )

    def _refused(self, backend: Backend, exchange: Exchange, target: str | None) -> HTTPStatusError:
        body = exchange.read_body()
        exchange.finish_quietly()
        status = exchange.status
        said = backend.error(status, exchange.headers, body) if status >= 400 else None
        if target is not None:
            remedy = f"it redirects to {shown_url(target)}, which is not followed: use that URL"
        else:
            remedy = REMEDIES.get(status, "")
        message = said.message if said is not None else ""
        text = ": ".join(part for part in (f"HTTP {status}", message[:500]) if part)
        return HTTPStatusError(
            f"{text} ({remedy})" if remedy else text,
            status=status,
            headers=exchange.headers,
            body=body,
            message=message,
            code=said.code if said is not None else None,
            retry_after=retry_after(exchange.headers),
            request_id=exchange.request_id,
        )

    def _after_fork(self) -> None:
        if self._pid == os.getpid():
            return
        # Two processes that read one connection get each other's text. The parent keeps its own.
        self._pid = os.getpid()
        self._closing = Cancel()
        if self._own:
            self._http = _session()
        else:
            for adapter in self._http.adapters.values():
                adapter.close()


def checked_token(token: object) -> str | None:
    """Return a token that HTTP can carry.

    Raises:
        TypeError, ValueError: it cannot; the token is not shown.
    """
    if token is None:
        return None
    if not isinstance(token, str):
        raise TypeError(f"a token is a string, not {type(token).__name__}")
    if not token:
        raise ValueError("the token is empty; give None to send none")
    return checked_value(token, "the token")


def _session() -> requests.Session:
    session = requests.Session()
    adapter = WiredAdapter()
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _keep_authorization(prepared: Any) -> Any:
    # Given as auth=, it keeps requests from looking into ~/.netrc.
    return prepared


def _is_401(error: ChatError) -> bool:
    return isinstance(error, HTTPStatusError) and error.status == 401


def _named(error: ChatError) -> str:
    if isinstance(error, HTTPStatusError):
        return f"HTTP {error.status}"
    return type(error).__name__
