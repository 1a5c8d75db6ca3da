"""Replaces characters that no toolkit can draw."""

from __future__ import annotations

import re

__all__ = ["printable"]

# Halves of UTF-16 pairs, which toolkits refuse, and control characters except tabs and line feeds.
_UNPRINTABLE = re.compile("[\ud800-\udfff\x00-\x08\x0b-\x1f\x7f-\x9f]")


def printable(text: str) -> str:
    """Return the text with U+FFFD for what cannot be drawn; carriage returns are left out."""
    if _UNPRINTABLE.search(text) is None:
        return text
    return _UNPRINTABLE.sub("\ufffd", text.replace("\r", ""))
