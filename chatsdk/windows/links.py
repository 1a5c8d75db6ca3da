"""Links in a text: checks their URLs, opens one in the browser, finds their definitions."""

from __future__ import annotations

import functools
import re
import webbrowser
from typing import Any
from urllib.parse import urlsplit

__all__ = ["link_targets", "open_link", "safe_url"]

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


@functools.lru_cache(maxsize=1)
def _parser() -> Any:
    # Loaded here, because the other windows do without this extra.
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").disable("inline")


def link_targets(text: str) -> tuple[str, bool]:
    """Return the targets that a block of Markdown defines, and whether it has nothing else.

    They are lines of Markdown (CommonMark 0.31, "Link reference definitions"), each with its end.
    """
    if not text.lstrip(" \n").startswith("["):
        return "", False
    env: dict[str, Any] = {}
    tokens = _parser().parse(text, env)
    lines = text.split("\n")
    found = [
        "".join(f"{line}\n" for line in lines[slice(*target["map"])])
        for target in env.get("references", {}).values()
    ]
    return "".join(found), bool(found) and not tokens
