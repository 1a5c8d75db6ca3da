"""`Prose`: one block of a model's Markdown, which can neither steer the terminal nor load."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from markdown_it import MarkdownIt
from rich import box
from rich.table import Table as RichTable
from rich.text import Text
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Label, Markdown, Static
from textual.widgets._markdown import MarkdownFence, MarkdownTable

from chatsdk.windows import words
from chatsdk.windows.textual.acts import Act

if TYPE_CHECKING:
    from markdown_it.rules_core import StateCore
    from textual.app import ComposeResult
    from textual.content import Content

__all__ = ["Prose", "clean"]

# Columns of a tab in code.
TAB = 4

# Controls of a terminal, and of the direction of text, which would reach beyond their line. Newline
# and tab stay.
_STEER = dict.fromkeys(
    [*range(9), *range(11, 32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
)


def clean(text: str) -> str:
    """Return a text without the characters that steer a terminal."""
    return text.translate(_STEER)


class Prose(Markdown):
    """A block of Markdown, by Textual's own widget; HTML is text."""

    class Link(Message):
        """A link was clicked.

        Attributes:
            url: its unchecked URL.
        """

        def __init__(self, url: str) -> None:
            super().__init__()
            self.url = url

    def __init__(self, classes: str = "") -> None:
        super().__init__(parser_factory=_parser, open_links=False, classes=classes)

    def get_block_class(self, block_name: str) -> Any:
        """Return the class of a block: our own for code and for tables."""
        return _BLOCKS.get(block_name) or super().get_block_class(block_name)

    def on_markdown_link_clicked(self, event: Markdown.LinkClicked) -> None:
        """Ask for the link to be opened."""
        event.stop()
        self.post_message(self.Link(event.href))


class Code(MarkdownFence):
    """A block of code with its language and a button that copies it."""

    @classmethod
    def highlight(cls, code: str, *args: Any, **options: Any) -> Content:
        """Return coloured code; Textual widens tabs, but does not move the colours."""
        return super().highlight(code.expandtabs(TAB), *args, **options)

    def compose(self) -> ComposeResult:
        language = clean(self.lexer).split(" ")[0][:20]
        with Horizontal(classes="code-bar"):
            yield Label(language or words.CODE, classes="code-name", markup=False)
            yield Act(words.COPY, "copy", self.code)
        yield from super().compose()


class Table(MarkdownTable):
    """A table in one widget, because one for each cell takes too long."""

    def compose(self) -> ComposeResult:
        sides = list(_sides(self))
        headers, rows = self._get_headers_and_rows()
        table = RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1))
        for header, side in zip(headers, sides, strict=True):
            table.add_column(_rich(header), justify=side, overflow="fold", header_style="bold")
        for row in rows:
            table.add_row(*map(_rich, row))
        yield TableText(table)


class TableText(Static):
    """The table, which answers clicks on its links."""

    async def action_link(self, href: str) -> None:
        """Report that a link was clicked."""
        self.post_message(Markdown.LinkClicked(self.query_ancestor(Prose), href))


_BLOCKS = {"fence": Code, "code_block": Code, "table_open": Table}

# Rich styles for Textual's component classes of Markdown.
_STYLES = {".strong": "bold", ".em": "italic", ".s": "strike", ".code_inline": "bold"}


def _sides(block: Any) -> Iterator[Any]:
    """Yield the alignment of each column, which the cells of the heading have as a style."""
    for child in block._blocks:
        if child._token.type == "th_open":
            yield str(child._token.attrs.get("style", "")).removeprefix("text-align:") or "left"
        yield from _sides(child)


def _rich(content: Content) -> Text:
    text = Text(content.plain)
    for span in content.spans:
        if isinstance(span.style, str):
            text.stylize(_STYLES.get(span.style, ""), span.start, span.end)
        elif meta := span.style.meta:
            text.apply_meta(dict(meta), span.start, span.end)
            text.stylize("underline", span.start, span.end)
    return text


def _parser() -> MarkdownIt:
    parser = MarkdownIt("gfm-like", {"html": False})
    parser.core.ruler.push("clean", _clean_tokens)
    return parser


def _clean_tokens(state: StateCore) -> None:
    # After parsing, because entities such as &#27; become characters, too.
    for token in _all(state.tokens):
        token.content = clean(token.content)
        for name in ("href", "src"):
            if name in token.attrs:
                # Textual unquotes it once before it is opened.
                token.attrs[name] = quote(str(token.attrs[name]), safe="")


def _all(tokens: Iterable[Any]) -> Iterable[Any]:
    for token in tokens:
        yield token
        yield from _all(token.children or ())
