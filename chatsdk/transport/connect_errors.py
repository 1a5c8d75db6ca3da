"""Messages for errors before the response: they name the peer, and a wrong scheme or port."""

from __future__ import annotations

import http.client
import os
import re
import ssl
from collections.abc import Iterator, Sequence
from urllib.parse import unquote, urlsplit

from chatsdk.transport.redaction import CUT

__all__ = [
    "closed_early",
    "not_http",
    "not_tls",
    "peer_of",
    "proxy_of",
    "silent_handshake",
    "untrusted",
]

# The first bytes of a TLS alert (RFC 8446, section 5.1): record type 21, major version 3.
TLS_ALERT = "\x15\x03"

# Bytes 0, 1, 3 and 4 of a frame of settings, with which an HTTP/2 server begins: it has a short
# length, type 4 and no flags (RFC 9113, section 4.1).
SETTINGS = ("\0", "\0", "\4", "\0")

# OpenSSL's reasons for bytes that are not TLS. Its version and the bytes decide which one it
# reports.
NOT_TLS = ("WRONG_VERSION_NUMBER", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE", "UNKNOWN_PROT")

# OpenSSL's codes of a certificate that is not valid yet, or no longer, and of one whose host name
# or address is another (X509_V_ERR_... in <openssl/x509_vfy.h>).
OUTDATED = (9, 10)
OTHER_HOST = (62, 64)

# OpenSSL's reasons for files with the wrong content.
NOT_PEM = r"\bX509: NO_CERT|\bPEM\b|PEM_|KEY_VALUES_MISMATCH|\bASN1\b"

PLAIN_CURE = "if it serves plain HTTP, write http:// instead of https://"

DEFAULT_PORTS = {"http": 80, "https": 443}

# Characters to quote of a greeting, such as that of an SSH server.
GREETING_CHARS = 60


def peer_of(url: str) -> str:
    """Return the host and port of a URL, as in ``api.example.com:443``.

    Schemes other than http and https have other kinds of hosts, such as the path of a socket.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return "the backend"
    host = parts.hostname
    if not host:
        return "the backend"
    if port is None:
        return unquote(parts.netloc.rpartition("@")[2])
    return f"{f'[{host}]' if ':' in host else host}:{port}"


def proxy_of(proxy: str, url: str) -> str:
    """Return ``the proxy HOST:PORT (from VARIABLE)`` for the URL of a proxy.

    Args:
        proxy: its URL, which may be malformed.
        url: URL of the request; its scheme decides which variables apply.
    """
    named = next((name for name in _variables(url) if os.environ.get(name) == proxy), None)
    origin = f" (from {named})" if named else ""
    try:
        parts = urlsplit(proxy if "//" in proxy else f"//{proxy}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host:
        return f"the proxy{origin}"
    shown = f"[{host}]" if ":" in host else host
    return f"the proxy {shown}{f':{port}' if port else ''}{origin}"


def _variables(url: str) -> Iterator[str]:
    for scheme in (urlsplit(url).scheme, "all"):
        yield f"{scheme}_proxy"
        yield f"{scheme}_proxy".upper()


def silent_handshake(peer: str, waited: str) -> str:
    """Return the message for a TLS handshake that the peer never answered."""
    return f"{peer} did not answer the TLS handshake {waited}; {PLAIN_CURE}"


def untrusted(roots: Sequence[BaseException], whose: str) -> str | None:
    """Return the message for a TLS certificate that was rejected, or for a file that is no PEM."""
    for root in roots:
        if isinstance(root, ssl.SSLCertVerificationError):
            if root.verify_code in OUTDATED:
                return (
                    f"the TLS certificate of {whose} has expired, or this computer's clock is wrong"
                )
            if root.verify_code in OTHER_HOST:
                return f"the TLS certificate of {whose} is for another host name"
            return (
                f"the TLS certificate of {whose} is not trusted: verify= or REQUESTS_CA_BUNDLE "
                "names the file of its CA; a proxy that inspects TLS has a CA of its own"
            )
        # requests raises a plain OSError for a file that is missing.
        missing = type(root) is OSError and str(root).startswith("Could not find")
        if missing or (isinstance(root, ssl.SSLError) and re.search(NOT_PEM, str(root))):
            return (
                "a certificate file cannot be read: check verify=, cert= and the variables "
                "REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE"
            )
    return None


def not_tls(roots: Sequence[BaseException], peer: str, *, shaking: bool) -> str | None:
    """Return the message for a peer that did not answer the TLS handshake with TLS."""
    for root in roots:
        if isinstance(root, ssl.SSLCertVerificationError):
            return None
        if isinstance(root, ssl.SSLError) and (root.reason or "").startswith(NOT_TLS):
            return f"{peer} does not speak TLS; {PLAIN_CURE}"
        ended = isinstance(root, (ssl.SSLEOFError, ssl.SSLZeroReturnError, ConnectionError))
        # A reset may arrive before the handshake has begun.
        if ended and (shaking or isinstance(root, ConnectionResetError)):
            return f"{peer} closed the connection during the TLS handshake; {PLAIN_CURE}"
    return None


def not_http(roots: Sequence[BaseException], peer: str) -> str | None:
    """Return the message for a peer whose answer is not HTTP."""
    for root in roots:
        if isinstance(root, http.client.RemoteDisconnected):
            return None
        if isinstance(root, http.client.BadStatusLine):
            line = str(root).strip().strip("'\"")
            if line.startswith((TLS_ALERT, repr(TLS_ALERT)[1:-1])):
                return f"{peer} expects TLS: write https:// instead of http://"
            if (*line[:2], *line[3:5]) == SETTINGS:
                return f"{peer} speaks only HTTP/2, as a gRPC port does; check the port"
            if not line:
                return f"{peer} is not an HTTP server: it answered an empty line; check the port"
            if not line.startswith("HTTP/"):
                # The mark shows that a secret may have been truncated.
                shown = line if len(line) <= GREETING_CHARS else line[:GREETING_CHARS] + CUT
                shown = shown if shown.isprintable() else repr(shown)[1:-1]
                return f"{peer} is not an HTTP server: it answered {shown}; check the port"
    return None


def closed_early(url: str) -> str:
    """Return the hint to add if the peer closed the connection before an HTTP response."""
    return "; if the port expects TLS, write https://" if url.startswith("http:") else ""
