"""Renders an answer as Markdown, with folded reasoning and linked citations."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

from chatsdk.parts import Citation

if TYPE_CHECKING:
    from chatsdk.answer.step import Answer

__all__ = ["markdown_of"]

# Characters with a meaning in Markdown.
_MARKS = re.compile(r"([\\`*_~\[\]<>!&$|#])")


def markdown_of(answer: Answer) -> str:
    """Return the answer's text, preceded by its reasoning and followed by its citations."""
    blocks = [answer.text]
    if answer.reasoning:
        # On one line, because Markdown ends an HTML block at a blank line. It is unfolded while
        # there is nothing else to read.
        thought = "<br>".join(escape(answer.reasoning).splitlines())
        state = "" if answer.text else " open"
        blocks.insert(0, f"<details{state}><summary>Reasoning</summary>{thought}</details>")
    if answer.citations:
        # The heading separates them from a list at the end of the text.
        blocks.append("\n".join(["Sources:", *(f"- {_link(one)}" for one in answer.citations)]))
    return "\n\n".join(blocks)


def _link(source: Citation) -> str:
    name = source.title or source.url or source.document or "a source"
    label = _MARKS.sub(r"\\\1", " ".join(name.split()))
    url = source.url or ""
    # Any other scheme might be a script.
    if not url.startswith(("https://", "http://")):
        return label
    return f"[{label}](<{quote(url, safe='!#$%&()*+,/:;=?@[]~')}>)"
