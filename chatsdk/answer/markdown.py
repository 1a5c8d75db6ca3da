"""An answer as Markdown, with its reasoning folded and its sources as links."""

from __future__ import annotations

import re
from html import escape
from urllib.parse import quote

from chatsdk.answer.step import Answer
from chatsdk.parts import Citation

__all__ = ["markdown_of"]

# What Markdown takes for more than a character.
_MARKS = re.compile(r"([\\`*_~\[\]<>!&$|#])")


def markdown_of(answer: Answer) -> str:
    """Return the answer's text between its reasoning, if there is any, and its sources."""
    blocks = [answer.text]
    if answer.reasoning:
        # Without a line break, for Markdown ends a block of HTML at a blank line. It is open as
        # long as there is nothing else to read.
        thought = "<br>".join(escape(answer.reasoning).splitlines())
        state = "" if answer.text else " open"
        blocks.insert(0, f"<details{state}><summary>Reasoning</summary>{thought}</details>")
    if answer.citations:
        # The word parts them from a list with which the text may end.
        blocks.append("\n".join(["Sources:", *(f"- {_link(one)}" for one in answer.citations)]))
    return "\n\n".join(blocks)


def _link(source: Citation) -> str:
    name = source.title or source.url or source.document or "a source"
    label = _MARKS.sub(r"\\\1", " ".join(name.split()))
    url = source.url or ""
    # Anything else might be a script.
    if not url.startswith(("https://", "http://")):
        return label
    return f"[{label}](<{quote(url, safe='!#$%&()*+,/:;=?@[]~')}>)"
