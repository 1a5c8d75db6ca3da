"""Checks the URL of a link, and opens it in the browser."""

from __future__ import annotations

import re
import webbrowser
from urllib.parse import urlsplit

__all__ = ["open_link", "safe_url"]

# The only schemes that a model's links may have. Others can run programs or read files.
SCHEMES = ("http", "https", "mailto")

# RFC 3986, section 3.1.
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")

# Control characters, spaces of any script, delimiters (RFC 3986, appendix C), halves of UTF-16
# pairs, and marks that have no width or reverse the direction of text.
_ODD = re.compile(
    r"[\x00-\x20\x7f-\x9f\s<>\"\ud800-\udfff\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
)


def safe_url(url: str | None) -> str | None:
    """Return the URL if it may be opened: ``http``, ``https`` or ``mailto``; else ``None``."""
    url = (url or "").strip()
    scheme = _SCHEME.match(url)
    if scheme is None or scheme[1].lower() not in SCHEMES or _ODD.search(url):
        return None
    try:
        # It raises ValueError for a host that is not one, such as "[x".
        urlsplit(url)
    except ValueError:
        return None
    rest = url[scheme.end() :]
    return url if scheme[1].lower() == "mailto" or re.match(r"//[^/?#]", rest) else None


def open_link(url: str) -> bool:
    """Open a URL in the browser if it is safe; return whether it was."""
    safe = safe_url(url)
    if safe is not None:
        webbrowser.open(safe)
    return safe is not None
