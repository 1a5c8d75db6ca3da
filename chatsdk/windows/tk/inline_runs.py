"""Renders emphasis, code, links and pictures within a line of Markdown."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from chatsdk.windows import words
from chatsdk.windows.links import safe_url
from chatsdk.windows.tk.table_layout import Run

__all__ = ["inline_runs"]

# A URL in plain text.
_URL = re.compile(r"\bhttps?://[^\s<>\"'`]*[^\s<>\"'`.,;:!?)\]}*_]")

_FONTS = {
    frozenset(): "",
    frozenset({"b"}): "bold",
    frozenset({"i"}): "italic",
    frozenset({"b", "i"}): "bold-italic",
}


def inline_runs(tokens: Sequence[Any]) -> list[Run]:
    """Render the inline tokens of markdown-it-py as runs of tagged text."""
    runs: list[Run] = []
    styles: set[str] = set()
    strikes = 0
    link: str | None = None

    def add(text: str, *more: str) -> None:
        tags = [font] if (font := _FONTS[frozenset(styles)]) else []
        if strikes:
            tags.append("strike")
        if link is not None:
            tags += ["link", f"url:{link}"]
        runs.append((text, (*tags, *more)))

    for token in tokens:
        kind = token.type
        if kind == "text":
            if link is None:
                _add_with_urls(token.content, add)
            else:
                add(token.content)
        elif kind == "code_inline":
            add(token.content, "code-bold" if "b" in styles else "code")
        elif kind == "softbreak":
            add(" ")
        elif kind == "hardbreak":
            add("\n")
        elif kind == "strong_open":
            styles.add("b")
        elif kind == "strong_close":
            styles.discard("b")
        elif kind == "em_open":
            styles.add("i")
        elif kind == "em_close":
            styles.discard("i")
        elif kind in ("s_open", "s_close"):
            strikes += 1 if kind == "s_open" else -1
        elif kind == "link_open":
            link = safe_url(token.attrGet("href"))
        elif kind == "link_close":
            link = None
        elif kind == "image":
            # Never loaded: a link to it, if it has a safe address.
            outer, link = link, safe_url(token.attrGet("src"))
            add(f"{words.IMAGE}: {token.content}" if token.content else words.IMAGE)
            link = outer
        elif token.content:
            add(token.content)
    return runs


def _add_with_urls(text: str, add: Callable[..., None]) -> None:
    place = 0
    for match in _URL.finditer(text):
        url = safe_url(match[0])
        if url is None:
            continue
        add(text[place : match.start()])
        add(match[0], "link", f"url:{url}")
        place = match.end()
    if place < len(text):
        add(text[place:])
