"""Renders an answer as Markdown, with folded reasoning, tool calls and linked citations."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from itertools import count
from typing import TYPE_CHECKING
from urllib.parse import quote

from chatsdk.answer.harmless import harmless
from chatsdk.parts import Citation

if TYPE_CHECKING:
    from chatsdk.answer.step import Answer

__all__ = ["folded", "markdown_of", "plain"]

# Characters with a meaning in Markdown.
_MARKS = re.compile(r"([\\`*_~\[\]<>!&$|#])")


def markdown_of(answer: Answer, *, calls: Sequence[str] = (), notice: str = "") -> str:
    """Return the answer's text, preceded by its reasoning and followed by its citations.

    Args:
        answer: the answer.
        calls: the tool calls in Markdown, if the caller knows more about them than the answer.
        notice: a paragraph in Markdown about how the answer ended.
    """
    blocks = []
    if answer.reasoning:
        # It is unfolded while there is nothing else to read.
        blocks.append(folded("Reasoning", escape(answer.reasoning), open=not answer.text))
    blocks += calls or [
        folded(f"Tool call: <code>{escape(call.name or '')}</code>", escape(call.arguments))
        for call in answer.tool_calls
    ]
    blocks.append(harmless(answer.text))
    if answer.citations:
        # The heading separates them from a list at the end of the text.
        blocks.append("\n".join(["Sources:", *map(_source, answer.citations, count(1))]))
    if notice:
        blocks.append(notice)
    return "\n\n".join(blocks)


def folded(title: str, content: str, *, open: bool = False) -> str:
    """Return a fold. `title` and `content` are HTML, and line breaks of the content are kept."""
    # On one line, because Markdown ends an HTML block at a blank line.
    lines = "<br>".join(content.splitlines())
    state = " open" if open else ""
    return f"<details{state}><summary>{title}</summary>{lines}</details>"


def plain(text: str) -> str:
    """Return Markdown that shows `text` as it is, on one line."""
    return _MARKS.sub(r"\\\1", " ".join(text.split()))


def _source(source: Citation, place: int) -> str:
    number = place if source.position is None else source.position
    return rf"- \[{number}\] {_link(source)}"


def _link(source: Citation) -> str:
    label = plain(source.title or source.url or source.document or "a source")
    url = source.url or ""
    # Any other scheme might be a script.
    if not url.startswith(("https://", "http://")):
        return label
    return f"[{label}](<{quote(url, safe='!#$%&()*+,/:;=?@[]~')}>)"
