"""Replaces characters that no toolkit can draw, and breaks lines that take too long."""

from __future__ import annotations

import re

__all__ = ["BREAK", "LINE_CHARS", "broken", "printable"]

# Characters of a line of text before a break is made. Toolkits lay out a line as a whole, which
# takes time in proportion to the square of its length.
LINE_CHARS = 2000

# Marks a break within a line. It is not in any text, because it cannot be drawn.
BREAK = "\x00"

# Halves of UTF-16 pairs, which toolkits refuse, and control characters except tabs and line feeds.
_UNPRINTABLE = re.compile("[\ud800-\udfff\x00-\x08\x0b-\x1f\x7f-\x9f]")


def printable(text: str) -> str:
    """Return the text with U+FFFD for what cannot be drawn; carriage returns are left out."""
    if _UNPRINTABLE.search(text) is None:
        return text
    return _UNPRINTABLE.sub("\ufffd", text.replace("\r", ""))


def broken(text: str) -> str:
    """Put `BREAK` into long lines, between words if possible."""
    if len(text) <= LINE_CHARS:
        return text
    pieces = []
    for line in text.split("\n"):
        start = 0
        while len(line) - start > LINE_CHARS:
            space = line.rfind(" ", start + LINE_CHARS // 2, start + LINE_CHARS)
            end = space + 1 if space > 0 else start + LINE_CHARS
            pieces += [line[start:end], BREAK]
            start = end
        pieces += [line[start:], "\n"]
    return "".join(pieces[:-1])
