"""Where a response redirects to, and whether a POST may be sent there."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

__all__ = ["hindrance", "redirected", "same_origin"]

REDIRECTS = (301, 302, 303, 307, 308)

# Those that leave a POST what it is; the others are widely taken for a GET without its body.
KEEP_THE_METHOD = (307, 308)

# Redirects of one request that are followed: more than a backend needs that has moved.
MAX_REDIRECTS = 5
DEFAULT_PORTS = {"http": 80, "https": 443}


def redirected(status: int, location: str | None, url: str) -> str | None:
    """Return the whole URL that a response redirects to, ``None`` if it does not."""
    if status not in REDIRECTS or not location:
        return None
    try:
        return urljoin(url, location)
    except ValueError:
        return None


def hindrance(status: int, url: str, target: str, *, allowed: bool, followed: int) -> str | None:
    """Return why a redirect is not followed, and what to do; ``None`` if it is.

    Args:
        status: of the response that redirects.
        url, target: from where to where.
        allowed: the caller said ``follow_redirects=True``.
        followed: how many redirects of this request were followed already.
    """
    if not allowed:
        return "which is not followed: use that URL"
    if status not in KEEP_THE_METHOD:
        return "which is not followed, for it would make a GET of the POST: use that URL"
    if not same_origin(url, target):
        return "which is not followed, for the token is not for another origin: use that URL"
    if followed >= MAX_REDIRECTS:
        return f"after {followed} other redirects: they seem to go round in circles"
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
