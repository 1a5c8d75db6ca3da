"""`Transport`: sends streamed POSTs, and retries them if that is safe."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

import requests

from chatsdk.errors import ChatError, HTTPStatusError
from chatsdk.options import Limits, Retry, Timeout
from chatsdk.parts import Failure
from chatsdk.transport import clock
from chatsdk.transport.cancel import Cancel, CancelScope, check_process
from chatsdk.transport.checks import (
    checked_cert,
    checked_http,
    checked_proxies,
    checked_token,
    checked_verify,
)
from chatsdk.transport.deadlines import watch
from chatsdk.transport.exchange import Exchange, Tap
from chatsdk.transport.http_errors import http_status_error, redirected, why_not_followed
from chatsdk.transport.network_errors import ended, translate
from chatsdk.transport.redaction import Secrets, quiet_urllib3
from chatsdk.transport.retry import is_left, wait_before
from chatsdk.transport.sender import Sender, is_anonymous

if TYPE_CHECKING:
    from chatsdk.transport.tap import Telling

__all__ = ["Backend", "Request", "Token", "Transport"]

logger = logging.getLogger("chatsdk")

# Seconds to wait for the server to close after it refused. A retry written to a closing connection
# would count as sent, and could not be repeated.
SETTLE_SECONDS = 0.02

Token = str | Callable[[], str | None] | None

quiet_urllib3()


class Backend(Protocol):
    """The part of a dialect that the transport needs."""

    def headers(self, token: str | None) -> dict[str, str]: ...

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> Failure | None: ...


class Request:
    """One request to send: a POST, unless it stops an answer.

    Not a tuple: crash reporters write a tuple's items, and URL and key may hold secrets.

    Attributes:
        url: the URL.
        body: the JSON, as bytes.
        backend: the dialect, which makes the token's header and parses error responses.
        cancel: the user's switch.
        idempotency_key: sent as ``Idempotency-Key``, or ``None``.
        timeout: overrides the transport's.
        method: the HTTP method.
    """

    __slots__ = ("backend", "body", "cancel", "idempotency_key", "method", "timeout", "url")

    def __init__(
        self,
        url: str,
        body: bytes,
        backend: Backend,
        cancel: Cancel,
        *,
        idempotency_key: str | None = None,
        timeout: Timeout | None = None,
        method: str = "POST",
    ) -> None:
        self.url = url
        self.body = body
        self.backend = backend
        self.cancel = cancel
        self.idempotency_key = idempotency_key
        self.timeout = timeout
        self.method = method

    def __repr__(self) -> str:
        return f"<Request {self.method}, {self.backend!r}>"


class _Target:
    """The URL and token of the next attempt, kept out of the variables of frames."""

    __slots__ = ("token", "url")

    def __init__(self, url: str, token: str | None) -> None:
        self.url = url
        self.token = token


class Transport:
    """Sends streamed POSTs. May be shared by threads, and survives a fork."""

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
        cert: str | tuple[str, str] | None = None,
        proxies: Mapping[str, str] | None = None,
        follow_redirects: bool = False,
        tap: Tap | None = None,
    ) -> None:
        self._token = token
        self._headers = dict(headers or {})
        self._timeout = timeout or Timeout()
        self._retry = retry or Retry()
        self._limits = limits or Limits()
        self._follow_redirects = follow_redirects
        self._tap = tap
        # The optional methods of a tap.
        self._telling: Telling | None = None
        if tap is not None:
            from chatsdk.transport.tap import Telling

            self._telling = Telling(tap)
        self._closing = Cancel()
        self._sender = Sender(
            checked_http(http),
            verify=checked_verify(verify),
            cert=checked_cert(cert),
            proxies=checked_proxies(proxies),
        )

    def open(self, request: Request) -> Exchange:
        """Send the request and return its response, which has a success status.

        Raises:
            ChatError: as described in `chatsdk.errors`; `Stopped` if the user cancelled it.
            ValueError: the transport is closed.
        """
        if self._closing.is_set():
            raise ValueError("this client is closed; make a new one")
        check_process()
        if self._sender.after_fork():
            self._closing = Cancel()
        secrets = Secrets()
        timeout = request.timeout or self._timeout
        scope = CancelScope(
            first_event=timeout.first_event,
            header_lines=self._limits.header_lines,
            redact=secrets.clean,
            seen=secrets.add_headers,
        )
        telling = self._telling
        scope.on_wire = None if telling is None else telling.on_wire
        cancels = (request.cancel, self._closing)
        try:
            for cancel in cancels:
                cancel.link(scope)
            watch(scope, "total", timeout.total)
            return self._try(request, scope, secrets, cancels)
        except ChatError:
            scope.release(cancels)
            raise
        except BaseException:
            # The backend must see the end at once, even if a traceback keeps the response alive.
            scope.shut_down()
            if scope.sock is not None:
                scope.sock.close()
            scope.release(cancels)
            raise

    def clone(self) -> Transport:
        """A copy with the same settings, which may outlive this transport.

        It opens its own connections, unless the caller passed a session.
        """
        other = copy.copy(self)
        other._closing = Cancel()
        other._sender = self._sender.clone()
        return other

    def close(self) -> None:
        """Cancel the requests under way, and close the idle connections.

        A session that the caller passed stays open.
        """
        self._closing.set()
        self._sender.close()

    def _try(
        self, request: Request, scope: CancelScope, secrets: Secrets, cancels: tuple[Cancel, ...]
    ) -> Exchange:
        timeout = request.timeout or self._timeout
        _go_on(scope, timeout)
        now = _Target(request.url, self._ask_token())
        # The retry with a renewed token does not count as an attempt of `Retry`.
        attempt, renewals, redirects = 1, 0, 0
        while True:
            _go_on(scope, timeout)
            try:
                exchange, target = self._send(request, now, scope, secrets, cancels)
                exchange.attempts = attempt + renewals
                if 200 <= exchange.status < 300:
                    return exchange
                hindered = None
                if target is not None:
                    hindered = why_not_followed(
                        exchange.status,
                        now.url,
                        target,
                        allowed=self._follow_redirects,
                        followed=redirects,
                    )
                    if hindered is None:
                        exchange.finish_for_retry()
                        now.url, redirects = target, redirects + 1
                        scope.reset_for_retry()
                        scope.wait(SETTLE_SECONDS)
                        continue
                error: ChatError = http_status_error(
                    exchange, request.backend, now.url, target, hindered
                )
            except ChatError as failure:
                error = failure
            written = scope.sent or not scope.tracked
            scope.reset_for_retry()
            _go_on(scope, timeout)
            if _is_401(error) and callable(self._token) and not renewals:
                now.token, renewals, seconds = self._ask_token(), 1, 0.0
            else:
                keyed = request.idempotency_key is not None
                waited = wait_before(self._retry, error, attempt, keyed=keyed, written=written)
                if waited is None or is_left(error):
                    try:
                        raise secrets.scrub(error)
                    finally:
                        # On Python 3.12 this frame can outlive the call; the error must not.
                        del error
                seconds = waited
                attempt += 1
            logger.info(
                "attempt %d failed with %s; sending again in %.1f s",
                attempt + renewals - 1,
                _named(error),
                seconds,
            )
            scope.wait(max(seconds, SETTLE_SECONDS))

    def _send(
        self,
        request: Request,
        now: _Target,
        scope: CancelScope,
        secrets: Secrets,
        cancels: tuple[Cancel, ...],
    ) -> tuple[Exchange, str | None]:
        """Send the request once. Returns the response and the URL that it redirects to."""
        headers, token_headers = self._request_headers(request, now.token)
        secrets.add(now.token)
        secrets.add_headers(headers)
        timeout = request.timeout or self._timeout
        telling = self._telling
        scope.url = now.url
        started = clock.now()
        watch(scope, "connect", timeout.connect)
        try:
            sent_request = self._sender.post(
                now.url,
                headers,
                request.body,
                method=request.method,
                scope=scope,
                secrets=secrets,
                token_headers=token_headers,
                timeout=(timeout.connect, timeout.first_event),
            )
        except Exception as error:
            failure: BaseException | None = translate(error, scope, secrets, timeout)
        else:
            failure = None
        finally:
            scope.limits.pop("connect", None)
        # Outside the handler: an exception's context would keep the request and its token.
        if failure is not None:
            try:
                raise failure
            finally:
                # Break the cycle error -> traceback -> frame -> error.
                del failure
        if not scope.tracked and scope.first_event is not None:
            # Other connection classes do not record when the request was written.
            watch(scope, "first_event", scope.first_event)
        exchange = Exchange(
            sent_request.response,
            scope=scope,
            cancels=cancels,
            timeout=timeout,
            limits=self._limits,
            secrets=secrets,
            tap=self._tap,
            unreturned=self._sender.unreturned,
            on_end=None if telling is None else telling.on_end,
        )
        exchange.anonymous = exchange.status == 401 and is_anonymous(sent_request.response)
        if telling is not None:
            telling.tell_head(sent_request.response, started, clock.now())
        if scope.reason is not None:
            exchange.close()
            _go_on(scope, timeout)
        return exchange, redirected(exchange.status, sent_request.location, now.url)

    def _request_headers(
        self, request: Request, token: str | None
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Return the header fields to send, and those of them that carry the token."""
        headers = {
            "Accept": "text/event-stream",
            # Development proxies compress without flushing: the stream would arrive in one burst.
            "Accept-Encoding": "identity",
            "Cache-Control": "no-store",
            "Content-Type": "application/json",
            "User-Agent": "chatsdk",
        }
        of_backend = request.backend.headers(token)
        headers |= of_backend
        if request.idempotency_key is not None:
            headers["Idempotency-Key"] = request.idempotency_key
        given = {name.lower() for name in self._headers}
        headers = {name: value for name, value in headers.items() if name.lower() not in given}
        using_scope = of_backend if token is not None else ()
        token_headers = {name: headers[name] for name in using_scope if name in headers}
        return headers | self._headers, token_headers

    def _ask_token(self) -> str | None:
        token = self._token() if callable(self._token) else self._token
        return checked_token(token)


def _go_on(scope: CancelScope, timeout: Timeout) -> None:
    """Raise if the scope was cancelled."""
    if scope.reason is not None:
        raise ended(scope.reason, timeout, scope)


def _is_401(error: ChatError) -> bool:
    return isinstance(error, HTTPStatusError) and error.status == 401


def _named(error: ChatError) -> str:
    if isinstance(error, HTTPStatusError):
        return f"HTTP {error.status}"
    return type(error).__name__
