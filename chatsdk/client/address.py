"""Validates the URL before anything is sent."""

from __future__ import annotations

import base64
import re
from urllib.parse import unquote, urlsplit, urlunsplit

from chatsdk.transport import has_adapter, shown_url

# A host name or an IPv4 address.
HOST = r"[\w-]+(\.[\w-]+)*"

# Hosts on this machine and in local networks, where TLS is rare.
LOCAL = r"localhost|127\..*|10\..*|192\.168\..*|[^.]+|.+\.(local|lan|internal)"

# A scheme without its colon, or with one slash.
BROKEN_SCHEME = r"(https?)(:/?|:?//)(?=\w)"

__all__ = ["checked_url"]


# How to get an adapter for a scheme.
BRINGERS = {
    "http+unix": "pip install requests-unixsocket, and pass http=requests_unixsocket.Session()",
}


def checked_url(url: object, http: object = None) -> tuple[str, str | None]:
    """Return the URL to send to, and the ``Authorization`` from its user and password, if any.

    Args:
        url: the URL.
        http: the caller's session, which decides about schemes other than http and https.

    Raises:
        TypeError, ValueError: it is not such a URL; the message shows neither password nor query.
    """
    if not isinstance(url, str):
        raise TypeError(f"a URL is a string, not {type(url).__name__}")
    remedy = "give one such as https://api.example.com/v1"
    url = url.strip()
    if any(char < "!" or char == "\x7f" for char in url):
        raise ValueError(f"the URL holds a space or a control character; {remedy}")
    try:
        parts = urlsplit(url)
        port = parts.port
        host = parts.hostname
    except ValueError:
        raise ValueError(f"the URL's host or port cannot be read; {remedy}") from None
    if parts.scheme not in ("http", "https", ""):
        if has_adapter(http, url):
            return url.partition("#")[0], None
        if "://" in url:
            if meant := _meant(url, parts.scheme):
                raise ValueError(f"the URL should begin with http:// or https://; {meant}")
            bringer = BRINGERS.get(parts.scheme) or (
                "pass http= a requests.Session on which an adapter for it is mounted"
            )
            raise ValueError(
                f"the URL should begin with http:// or https://; for {parts.scheme}:// {bringer}"
            )
    if parts.scheme not in ("http", "https"):
        raise ValueError(f"the URL should begin with http:// or https://; {_likely(url) or remedy}")
    if not host or port == 0:
        raise ValueError(f"the URL has no host to connect to; {_likely(url) or remedy}")
    try:
        if not host.isascii():
            host.encode("idna")
        if any(len(label) > 63 for label in host.split(".")) or ".." in host:
            raise UnicodeError
    except UnicodeError:
        raise ValueError(f"the URL's host is not a valid name; {remedy}") from None
    authorization = None
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = f"Basic {base64.b64encode(pair.encode()).decode()}"
    netloc = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, netloc, parts.path or "/", parts.query, "")), authorization


def _meant(url: str, scheme: str) -> str | None:
    """Return the question for a URL whose scheme is misspelt, ``None`` if it is another one."""
    # Imported late, because only errors need it.
    from difflib import get_close_matches

    if not (close := get_close_matches(scheme, ("http", "https"), 1, 0.75)):
        return None
    return f"did you mean {shown_url(close[0] + url[len(scheme) :])} ?"


def _likely(url: str) -> str | None:
    """Return the question for a URL without its scheme, ``None`` if it is not one."""
    if "://" in url:
        return None
    # Matches "http:/host" and "https//host".
    begun = re.match(BROKEN_SCHEME, url)
    url = url[begun.end() :] if begun else url
    try:
        host = urlsplit(f"//{url}").hostname or ""
    except ValueError:
        return None
    if not re.fullmatch(HOST, host):
        return None
    scheme = begun[1] if begun else "http" if re.fullmatch(LOCAL, host) else "https"
    return f"did you mean {shown_url(f'{scheme}://{url}')} ?"
