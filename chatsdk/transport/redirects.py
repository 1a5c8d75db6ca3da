"""Where a response redirects to, without the parts of the URL that may be secret."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

__all__ = ["redirected", "same_origin"]

REDIRECTS = (301, 302, 303, 307, 308)
DEFAULT_PORTS = {"http": 80, "https": 443}


def redirected(status: int, location: str | None, url: str) -> str | None:
    """Return the whole URL that a response redirects to, ``None`` if it does not."""
    if status not in REDIRECTS or not location:
        return None
    try:
        return urljoin(url, location)
    except ValueError:
        return None


def same_origin(first: str, second: str) -> bool:
    """Whether two URLs have scheme, host and port in common (RFC 6454, section 5)."""
    origin = _origin(first)
    return origin is not None and origin == _origin(second)


def _origin(url: str) -> tuple[str, str | None, int | None] | None:
    try:
        parts = urlsplit(url)
        if parts.username is not None:
            # Whose password that is, nobody knows.
            return None
        return parts.scheme, parts.hostname, parts.port or DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
