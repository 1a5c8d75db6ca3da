"""Validates a client's arguments before anything is sent. Messages show no values."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests

__all__ = [
    "checked_cert",
    "checked_headers",
    "checked_http",
    "checked_key",
    "checked_proxies",
    "checked_token",
    "checked_value",
    "checked_verify",
    "has_adapter",
    "shown_url",
]

_FIELD_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")

# Characters that a field value may not contain (RFC 9110, section 5.5). Tabs are allowed.
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

# Fields that define where the body ends. A caller's value could make the next request unreadable.
FRAMING = ("content-length", "transfer-encoding")

# A host name, an IPv4 address, or an IPv6 address without its brackets.
_HOST = re.compile(r"[^\x00-\x20\x7f/?#@\\<>^`{|}]+")

PROXY_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")


def checked_headers(headers: object, *, what: str = "header") -> dict[str, str]:
    """Return the header fields as a dict after checking that all of them can be sent.

    Raises:
        TypeError, ValueError: HTTP cannot carry a name or value. No value is shown.
    """
    if not isinstance(headers, Mapping):
        raise TypeError(f"headers are a dict of strings, not {type(headers).__name__}")
    checked = {}
    for name, value in headers.items():
        if value is None:
            raise TypeError(f"the {what} {name!r} is None: give a string, or leave it out")
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(f"{what} names and values are strings; see {name!r}")
        if not _FIELD_NAME.fullmatch(name):
            raise ValueError(
                f"{name!r} is not a valid {what} name: use letters, digits and hyphens"
            )
        if name.lower() in FRAMING:
            raise ValueError(f"the {what} {name!r} is set by chatsdk, from the body: leave it out")
        checked[name] = checked_value(value, f"the {what} {name!r}")
    return checked


def checked_value(value: str, what: str) -> str:
    """Return a header field's value, or raise a ValueError that does not show it."""
    if any(char in value for char in "\r\n\0"):
        raise ValueError(
            f"{what} holds a line break or NUL, which HTTP cannot carry; "
            "if it was read from a file, call .strip() on it"
        )
    if _CONTROL.search(value):
        raise ValueError(f"{what} holds a control character, which HTTP cannot carry")
    if value != value.strip():
        raise ValueError(f"{what} begins or ends with white space; call .strip() on it")
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        # `from None`, because the original message shows the value.
        raise ValueError(
            f"{what} holds characters outside Latin-1, which HTTP cannot carry; "
            "look for quotation marks or dashes that were pasted along"
        ) from None
    return value


def checked_token(token: object) -> str | None:
    """Return a token that HTTP can carry.

    Raises:
        TypeError, ValueError: HTTP cannot carry it; the token is not shown.
    """
    if token is None:
        return None
    if not isinstance(token, str):
        raise TypeError(f"a token is a string, not {type(token).__name__}")
    if not token.strip(" "):
        raise ValueError("the token is empty; give None to send none")
    scheme, space, _ = token.strip().partition(" ")
    if space and scheme.lower() in ("bearer", "token", "basic"):
        raise ValueError(
            f"the token begins with {scheme!r}: leave that word out, because chatsdk writes it"
            if scheme.lower() == "bearer"
            else f"the token begins with {scheme!r}: give headers={{'Authorization': ...}} instead"
        )
    if len(token) > 1 and token[0] == token[-1] and token[0] in "\"'":
        raise ValueError("the token is in quotation marks; leave them out")
    return checked_value(token, "the token")


def checked_key(key: object) -> str | None:
    """Return an idempotency key that HTTP can carry.

    Raises:
        TypeError, ValueError: HTTP cannot carry it.
    """
    if key is None:
        return None
    if not isinstance(key, str):
        raise TypeError(f"an idempotency key is a string, not {type(key).__name__}")
    if not key:
        raise ValueError("the idempotency key is empty; give None to send none")
    return checked_value(key, "the idempotency key")


def checked_http(http: object) -> requests.Session | None:
    """Return the caller's session, or raise TypeError."""
    if http is not None and not isinstance(http, requests.Session):
        raise TypeError(f"http is a requests.Session, not {type(http).__name__}")
    return http


def has_adapter(http: object, url: str) -> bool:
    """Whether a session has an adapter for the scheme of this URL."""
    try:
        return isinstance(http, requests.Session) and bool(http.get_adapter(url))
    except requests.exceptions.InvalidSchema:
        return False


def checked_verify(verify: object) -> bool | str | None:
    """Return the `verify` argument: a bool, the path of a CA bundle, or ``None``.

    Raises:
        TypeError, ValueError: it is neither a bool nor a path, or the path does not exist.
    """
    if verify is None or isinstance(verify, bool):
        return verify
    if not isinstance(verify, (str, os.PathLike)):
        raise TypeError(f"verify is a bool or a path, not {type(verify).__name__}")
    path = str(os.fspath(verify))
    if not os.path.exists(path):
        raise ValueError(f"verify is the path of a CA bundle, but there is no file {path!r}")
    return path


def checked_cert(cert: object) -> str | tuple[str, str] | None:
    """Return the path of a client certificate, or the paths of a certificate and its key.

    Raises:
        TypeError, ValueError: it is neither a path nor a pair of paths, or a file is missing.
    """
    if cert is None:
        return None
    given = cert if isinstance(cert, (tuple, list)) else (cert,)
    if not 1 <= len(given) <= 2 or not all(isinstance(path, (str, os.PathLike)) for path in given):
        raise TypeError("cert is a path, or a pair of paths: (certificate, key)")
    paths = [str(os.fspath(path)) for path in given]
    for path in paths:
        if not os.path.exists(path):
            raise ValueError(f"cert names a client certificate, but the file {path!r} is missing")
    return paths[0] if len(paths) == 1 else (paths[0], paths[1])


def checked_proxies(proxies: object) -> dict[str, Any]:
    """Return the proxies after checking that each is a URL.

    Raises:
        TypeError, ValueError: it is not a dict of URLs. No password is shown.
    """
    if proxies is None:
        return {}
    if not isinstance(proxies, Mapping):
        raise TypeError(f"proxies are a dict of strings, not {type(proxies).__name__}")
    checked: dict[str, Any] = {}
    for name, address in proxies.items():
        if address is None:
            # In requests, None overrides the environment's proxy.
            checked[name] = None
            continue
        if not isinstance(name, str) or not isinstance(address, str):
            raise TypeError("proxies are strings, such as {'https': 'http://proxy:3128'}")
        if not _is_address(address):
            raise ValueError(
                f"the proxy for {name!r} is not an address; give one such as http://proxy:3128"
            )
        checked[name] = address
    return checked


def shown_url(url: str) -> str:
    """Return a URL without user, password, query and fragment."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address that cannot be read"
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


def _is_address(address: str) -> bool:
    # requests reads "proxy:3128" as "http://proxy:3128".
    whole = address if "://" in address else f"http://{address}"
    try:
        parts = urlsplit(whole)
        host = parts.hostname or ""
        # As the resolver does; an empty or too long label (over 63 characters) raises ValueError.
        host.encode("idna")
        return parts.scheme in PROXY_SCHEMES and parts.port != 0 and bool(_HOST.fullmatch(host))
    except ValueError:
        return False
