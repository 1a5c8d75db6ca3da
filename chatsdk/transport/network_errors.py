"""Translates exceptions of requests, urllib3, http.client and sockets into `ChatError`."""

from __future__ import annotations

import errno
import http.client
import ssl
from traceback import clear_frames

import requests
import urllib3.exceptions

from chatsdk.errors import (
    ChatError,
    ChatTimeout,
    ConnectError,
    LimitExceeded,
    ProtocolError,
    StreamInterrupted,
)
from chatsdk.options import Timeout
from chatsdk.transport.cancel import STOPPED, CancelScope
from chatsdk.transport.connect_errors import (
    closed_early,
    not_http,
    not_tls,
    peer_of,
    proxy_of,
    silent_handshake,
    untrusted,
)
from chatsdk.transport.foreign_exceptions import causes, foreign, freed, raised_by_handler
from chatsdk.transport.http1.chunked import BadChunk
from chatsdk.transport.http1.head import NoFinalAnswer
from chatsdk.transport.redaction import CUT, Secrets

__all__ = ["Stopped", "cut_in_compression", "ended", "translate"]

# Characters of a foreign exception's message to quote.
SHOWN_CHARS = 300


class Stopped(Exception):
    """The user cancelled the request. Never leaves chatsdk: the stream just ends."""


# The failure of each field of Timeout, as the start of a message.
LATE = {
    "connect": "could not connect to {peer} within",
    "first_event": "no event arrived within",
    "idle": "no data arrived for",
    "total": "the answer did not finish within",
    "progress": "nothing was added to the answer for",
}


def ended(cause: str, timeout: Timeout, scope: CancelScope | None = None) -> ChatError | Stopped:
    """The error for a scope that was cancelled with this cause."""
    if cause == STOPPED:
        return Stopped()
    if cause not in LATE:
        # Not a limit that users can set: see Exchange.read_body.
        return ChatTimeout("the body of the response did not arrive", phase=cause)
    peer = peer_of("" if scope is None else scope.url)
    if scope is not None and scope.proxy:
        peer = f"{peer} through {proxy_of(scope.proxy, scope.url)}"
    late = LATE[cause].format(peer=peer)
    seconds = getattr(timeout, cause)
    if cause == "connect" and scope is not None and scope.shaking:
        waited = "in time" if seconds is None else f"within {seconds:g} s (Timeout.connect)"
        return ChatTimeout(silent_handshake(peer, waited), phase=cause)
    if seconds is None:
        return ChatTimeout(
            f"{late} what the system allows; Timeout.{cause} sets a limit", phase=cause
        )
    return ChatTimeout(f"{late} {seconds:g} s (Timeout.{cause})", phase=cause)


def translate(
    error: BaseException,
    scope: CancelScope,
    secrets: Secrets,
    timeout: Timeout,
    *,
    streaming: bool = False,
    started: bool = False,
) -> BaseException:
    """Return the exception to raise instead of one from requests: a `ChatError` or `Stopped`.

    Exceptions that do not come from the network, such as a signal handler's, are returned as is.

    Args:
        error: the exception that was raised.
        scope: if it was cancelled, its cause takes precedence, because it made reading fail.
        secrets: must not be shown; a cause that contains one is dropped.
        timeout: the caller's limits.
        streaming: whether the response's headers had arrived.
        started: whether an event had arrived.
    """
    theirs = foreign(error)
    if theirs is not None and (scope.reason is None or not _follows_from_ending(theirs)):
        return freed(theirs)
    for item in causes(error):
        # urllib3's frames refer to the exception that refers to them, and to chatsdk's calling
        # frames, so the token would stay in memory until a garbage collection.
        clear_frames(item.__traceback__)
    if scope.reason is not None:
        return ended(scope.reason, timeout, scope)
    ours = _ours(error, scope, timeout, streaming=streaming, started=started)
    cause = _bottom(error)
    ours.__cause__ = None if cause is None or secrets.shown_in(cause) else cause
    ours.__suppress_context__ = True
    return ours


def _follows_from_ending(error: BaseException) -> bool:
    """Whether another package may have raised this because its socket was shut down."""
    return type(error).__module__ == "builtins" and not raised_by_handler(error)


def _ours(
    error: BaseException, scope: CancelScope, timeout: Timeout, *, streaming: bool, started: bool
) -> ChatError | Stopped:
    roots = causes(error)
    if any(_is_connect_timeout(root) for root in roots):
        return ended("connect", timeout, scope)
    if scope.tracked:
        unreached = not streaming and not scope.sent
    else:
        # A mock, or the caller's adapter: only its exception shows how far the request got.
        unreached = not streaming and (
            any(map(_is_unreached, roots))
            or all(type(root) is requests.ConnectionError for root in roots)
        )
    if any(_is_timeout(root) for root in roots):
        if unreached:
            return ended("connect", timeout, scope)
        return ended("idle" if started else "first_event", timeout)
    if unreached:
        return ConnectError(_unreached(roots, scope))
    if any(_is_limit(root) for root in roots):
        return LimitExceeded(
            f"the response has more header lines than Limits(header_lines={scope.header_lines})",
            limit="header_lines",
        )
    if cut_in_compression(error):
        return StreamInterrupted("the compressed body was cut")
    if any(map(_is_unreadable, roots)):
        wrong = None if streaming else not_http(roots, peer_of(scope.url))
        return ProtocolError(wrong or f"the response cannot be read: {_said(roots)}{_cure(roots)}")
    if streaming:
        return StreamInterrupted(
            f"the connection was lost in the middle of the answer: {_said(roots)}"
        )
    return StreamInterrupted(
        f"the connection was lost after the request was sent, before any answer: {_said(roots)}; "
        "it was not sent again, because the backend may have processed it"
        f"{closed_early(scope.url)}"
    )


def _cure(roots: list[BaseException]) -> str:
    if any(isinstance(root, urllib3.exceptions.DecodeError) for root in roots):
        return (
            "; it is not compressed as its Content-Encoding says, so switch compression off in the "
            "proxy or the backend"
        )
    return ""


_CONNECT_TIMEOUTS = (requests.ConnectTimeout, urllib3.exceptions.ConnectTimeoutError)
_TIMEOUTS = (
    requests.Timeout,
    urllib3.exceptions.TimeoutError,
    TimeoutError,
    # Raised by a blocking socket when ``SO_RCVTIMEO`` expires.
    BlockingIOError,
)
_UNREADABLE = (
    BadChunk,
    NoFinalAnswer,
    urllib3.exceptions.DecodeError,
    urllib3.exceptions.InvalidChunkLength,
    urllib3.exceptions.InvalidHeader,
    requests.exceptions.ContentDecodingError,
    http.client.BadStatusLine,
    http.client.LineTooLong,
    http.client.UnknownProtocol,
    ValueError,
)


# Exceptions that a caller's adapter raises before anything is written. After any other, the request
# may have reached the backend.
_BEFORE_WRITING = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.LocationValueError,
    requests.exceptions.InvalidHeader,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
    ssl.SSLCertVerificationError,
    ConnectionRefusedError,
)


def cut_in_compression(error: BaseException) -> bool:
    """Whether a decoder raised this because its data ended early; only some decoders do."""
    return isinstance(error, urllib3.exceptions.DecodeError) and "incomplete" in str(error)


def _is_unreached(error: BaseException) -> bool:
    # requests raises a plain OSError for a missing certificate file.
    missing = type(error) is OSError and str(error).startswith("Could not find")
    return missing or NO_SOCKS_VERSION in str(error) or isinstance(error, _BEFORE_WRITING)


def _is_limit(error: BaseException) -> bool:
    # The message is from chatsdk.transport.http1.head; http.client has no class for it.
    return type(error) is http.client.HTTPException and " lines" in str(error)


def _is_connect_timeout(error: BaseException) -> bool:
    # urllib3 derives "refused" and "unknown host" from its connect timeout.
    return isinstance(error, _CONNECT_TIMEOUTS) and not isinstance(
        error, urllib3.exceptions.NewConnectionError
    )


def _is_timeout(error: BaseException) -> bool:
    # ETIMEDOUT is not a configured timeout: the system gave up a connection whose peer is gone.
    return (
        isinstance(error, _TIMEOUTS)
        and not isinstance(error, urllib3.exceptions.NewConnectionError)
        and getattr(error, "errno", None) != errno.ETIMEDOUT
    )


def _is_unreadable(error: BaseException) -> bool:
    # http.client derives RemoteDisconnected, a close before any response, from BadStatusLine.
    return isinstance(error, _UNREADABLE) and not isinstance(error, http.client.RemoteDisconnected)


def _bottom(error: BaseException) -> BaseException | None:
    """The root cause of a foreign error, without context, to show as the cause of a `ChatError`.

    The exceptions of requests refer to the request, and so to the token; those of urllib3 to the
    pool, and so to a proxy's password. A traceback refers to frames with both in their variables.
    """
    plain = [item for item in causes(error) if not isinstance(item, _WRAPPERS)]
    if not plain:
        return None
    bare = plain[-1].with_traceback(None)
    bare.__cause__ = bare.__context__ = None
    return bare


_WRAPPERS = (requests.RequestException, urllib3.exceptions.HTTPError)


def _unreached(roots: list[BaseException], scope: CancelScope) -> str:
    def any_is(*kinds: type[BaseException]) -> bool:
        return any(isinstance(root, kinds) for root in roots)

    peer, said = peer_of(scope.url), _said(roots)
    used = proxy_of(scope.proxy, scope.url) if scope.proxy else None
    # urllib3 reports a SOCKS proxy's failure as a failure to connect.
    by_socks = scope.proxy.startswith("socks") and any_is(urllib3.exceptions.NewConnectionError)
    proxy = used if by_socks or any_is(urllib3.exceptions.ProxyError) else None
    if "dependencies for SOCKS" in said:
        return (
            f"{used or 'a SOCKS proxy'} needs another package: pip install 'requests[socks]'"
            f"{_NOTHING_SENT}"
        )
    if any_is(*_NO_ADDRESS) or NO_SOCKS_VERSION in said:
        # The backend's URL was validated before, so this is the proxy's.
        example = "socks5h://proxy:1080" if NO_SOCKS_VERSION in said else "http://proxy:3128"
        return (
            f"the address of {used or 'the proxy'} cannot be used; give one such as {example}, in "
            f"proxies= or in the environment{_NOTHING_SENT}"
        )
    if any_is(urllib3.exceptions.NameResolutionError):
        name = f"of {proxy}" if proxy else peer.rpartition(":")[0]
        return f"the host name {name} is unknown ({said}){_NOTHING_SENT if proxy else ''}"
    if any_is(ConnectionRefusedError):
        return f"{proxy or peer} refused the connection{_NOTHING_SENT if proxy else ''}"
    if "failed: 407" in said:
        proxy = used or "the proxy"
        text = f"{proxy} requires a user and a password, as in http://user:password@proxy:3128"
    elif proxy or any_is(http.client.HTTPException):
        # Before anything is written, only a proxy's reply to CONNECT can be an HTTP response.
        proxy = used or "the proxy"
        text = untrusted(roots, proxy) or f"{proxy} did not connect to {peer}"
        if scope.proxy.startswith("https:") and not_tls(roots, peer, shaking=False):
            text = f"{proxy} does not speak TLS; write http:// instead of https:// in its address"
    elif (rejected := untrusted(roots, peer)) is not None:
        text = rejected
    elif scope.url.startswith("https:") and (wrong := not_tls(roots, peer, shaking=scope.shaking)):
        return wrong
    elif any_is(ssl.SSLError, urllib3.exceptions.SSLError):
        text = f"the TLS handshake with {peer} failed"
    else:
        text = f"could not connect to {peer}"
    return f"{text} ({said}){_NOTHING_SENT if proxy else ''}"


# Added to a proxy's errors, because its user cannot know otherwise.
_NOTHING_SENT = "; nothing was sent"

# urllib3 accepts socks4, socks4a, socks5 and socks5h, but not "socks".
NO_SOCKS_VERSION = "Unable to determine SOCKS version"


_NO_ADDRESS = (
    urllib3.exceptions.LocationValueError,
    urllib3.exceptions.ProxySchemeUnknown,
    requests.exceptions.InvalidProxyURL,
)


def _said(roots: list[BaseException]) -> str:
    # The innermost exception has the reason; its wrappers repeat URLs and object addresses.
    plain = [root for root in roots if not isinstance(root, _WRAPPERS)]
    root = (plain or roots)[-1]
    text = str(root)
    if not any(map(str.isalnum, text)):
        # Empty, or "[]" as of pyOpenSSL.
        text = type(root).__name__
    if isinstance(root, OSError) and root.strerror:
        text = root.strerror
    elif isinstance(root, http.client.IncompleteRead):
        text = "the body is shorter than announced"
    text = text.strip().rstrip(".")
    if not text.isprintable():
        # Bytes from the network, which may be control sequences of a terminal.
        text = repr(text)[1:-1]
    # The mark shows that a secret may have been truncated.
    return text if len(text) <= SHOWN_CHARS else text[:SHOWN_CHARS] + CUT
