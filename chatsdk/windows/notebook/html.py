"""Renders a model's Markdown as HTML that neither runs nor fetches anything."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from html import escape
from typing import Any

from chatsdk.windows.links import safe_url
from chatsdk.windows.tex import tex_as_code

__all__ = ["anchor", "paragraphs", "rendered"]


def rendered(text: str, targets: dict[str, Any] | None = None) -> str:
    """Return Markdown as HTML; without markdown-it-py, the text unchanged.

    `targets` are the targets of links that are defined elsewhere. Those that the text defines are
    added to it.
    """
    parser = _parser()
    if parser is None:
        return paragraphs(text)
    html: str = parser.render(tex_as_code(text), {} if targets is None else {"references": targets})
    return html


def paragraphs(text: str) -> str:
    """Return plain text as HTML with its line breaks."""
    return f'<div class="chatsdk-plain">{escape(text)}</div>'


def anchor(url: str | None, name: str) -> str:
    """Return a link that opens elsewhere, or the name if the URL is not one of the web."""
    safe = safe_url(url)
    if safe is None:
        return escape(name)
    return f'<a href="{escape(safe)}" target="_blank" rel="noopener noreferrer">{escape(name)}</a>'


@cache
def _parser() -> Any:
    try:
        from markdown_it import MarkdownIt
    except ImportError:
        return None
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    parser.add_render_rule("link_open", _link_open)
    parser.add_render_rule("image", _image)
    return parser


def _link_open(renderer: Any, tokens: Sequence[Any], place: int, options: Any, env: Any) -> str:
    safe = safe_url(str(tokens[place].attrs.get("href", "")))
    target = "" if safe is None else f' href="{escape(safe)}"'
    return f'<a{target} target="_blank" rel="noopener noreferrer">'


def _image(renderer: Any, tokens: Sequence[Any], place: int, options: Any, env: Any) -> str:
    # A browser would fetch it at once, and so send its URL, with whatever it holds, to a server.
    token = tokens[place]
    url = str(token.attrs.get("src", ""))
    return f"🖼 {anchor(url, token.content or url)}"
