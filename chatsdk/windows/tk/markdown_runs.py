"""Renders Markdown as runs of tagged text, which a Tk text widget inserts in one call."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from chatsdk.windows import words
from chatsdk.windows.printable import BREAK, LINE_CHARS, broken, printable
from chatsdk.windows.tk.inline_runs import inline_runs
from chatsdk.windows.tk.style import DEPTHS
from chatsdk.windows.tk.table_layout import Cell, Run

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

__all__ = ["MarkdownRuns", "Table", "is_right_to_left", "plain_runs"]

# The beginnings of the items of a task list.
_BOXES = {"[ ] ": "☐", "[x] ": "☑", "[X] ": "☑"}

# Tokens with which a block begins. A hidden paragraph is an item of a dense list.
_BLOCKS = (
    "paragraph_open",
    "heading_open",
    "blockquote_open",
    "fence",
    "code_block",
    "hr",
    "table_open",
)


class Table:
    """A table: rows of cells, the first of which are the headings."""

    def __init__(self, rows: list[list[Cell]], margin: int) -> None:
        self.rows = rows
        self.margin = margin


Piece = Run | Table


def is_right_to_left(text: str) -> bool:
    """Whether the first letter with a direction is Hebrew, Arabic or the like."""
    for letter in text[:200]:
        direction = unicodedata.bidirectional(letter)
        if direction in ("R", "AL"):
            return True
        if direction == "L":
            return False
    return False


def plain_runs(text: str, *tags: str) -> list[Run]:
    """Return plain text as runs, a paragraph each, with long lines broken."""
    runs: list[Run] = []
    for line in printable(text).split("\n"):
        more = ("rtl",) if is_right_to_left(line) else ()
        runs.append((broken(line).replace(BREAK, "\n") + "\n", (*tags, *more)))
    return runs


class MarkdownRuns:
    """Renders blocks of Markdown.

    Raises:
        ImportError: markdown-it-py is not installed.
    """

    def __init__(self) -> None:
        from markdown_it import MarkdownIt

        # HTML is shown as text. Nothing is loaded or run.
        self._parser: MarkdownIt = MarkdownIt("commonmark", {"html": False})
        self._parser.enable(["table", "strikethrough"])

    def render(
        self,
        text: str,
        code_tag: Callable[[], str],
        *,
        continued: bool = False,
        known: dict[str, Any] | None = None,
    ) -> list[Piece]:
        """Return the runs of one block; they end with a line break.

        Args:
            text: Markdown.
            code_tag: returns a tag that identifies the next block of code, for its copy button.
            continued: the text continues a block: its code has no head.
            known: what earlier blocks have defined, such as the targets of links; those of this
                block are added to ``known["references"]``.
        """
        return _Rendering(code_tag, continued).blocks(self._parser.parse(text, known))


class _Rendering:
    """The rendering of one block."""

    def __init__(self, code_tag: Callable[[], str], continued: bool) -> None:
        self._code_tag = code_tag
        self._continued = continued
        self._pieces: list[Piece] = []
        # The kinds of the lists around, with the next number of an ordered one.
        self._lists: list[int | None] = []
        self._quotes = 0
        # The marker of a list item whose first line has not been written.
        self._marker = ""
        # Nothing has been written since the beginning, or since a marker or a pad.
        self._fresh = True
        # Code has been written, from which the next item of a dense list keeps a distance, too.
        self._below_code = False

    def blocks(self, tokens: Sequence[Any]) -> list[Piece]:
        place = 0
        heading = ""
        while place < len(tokens):
            token = tokens[place]
            kind = token.type
            if kind in _BLOCKS and not token.hidden:
                self._gap()
            if kind in ("bullet_list_open", "ordered_list_open"):
                start = token.attrGet("start")
                ordered = kind == "ordered_list_open"
                if not self._lists:
                    self._gap()
                self._lists.append((1 if start is None else int(start)) if ordered else None)
            elif kind in ("bullet_list_close", "ordered_list_close"):
                self._lists.pop()
            elif kind == "list_item_open":
                number = self._lists[-1]
                self._marker = "•" if number is None else f"{number}{token.markup or '.'}"
                if number is not None:
                    self._lists[-1] = number + 1
            elif kind == "list_item_close":
                if self._marker:
                    self._line([])
            elif kind == "blockquote_open":
                self._quotes += 1
                if self._quotes == 1:
                    self._pieces.append(("\n", ("quote", "pad")))
                    self._fresh = True
            elif kind == "blockquote_close":
                if self._quotes == 1:
                    self._pieces.append(("\n", ("quote", "pad")))
                self._quotes -= 1
            elif kind == "heading_open":
                heading = token.tag
            elif kind == "heading_close":
                heading = ""
            elif kind == "inline":
                self._line(inline_runs(token.children or []), heading=heading)
            elif kind in ("fence", "code_block"):
                self._code(token.content, token.info.strip() if kind == "fence" else "")
            elif kind == "hr":
                self._pieces.append(("\u2003" * 400 + "\n", ("rule",)))
                self._fresh = False
            elif kind == "table_open":
                end = next(
                    index
                    for index in range(place, len(tokens))
                    if tokens[index].type == "table_close"
                )
                self._pieces.append(Table(_rows(tokens[place:end]), self._depth))
                place = end
                self._fresh = False
            place += 1
        return self._pieces

    @property
    def _depth(self) -> int:
        return min(len(self._lists), DEPTHS)

    def _block_tags(self, first: bool) -> tuple[str, ...]:
        tags = ["text"]
        if self._quotes:
            tags.append("quote")
        if self._lists:
            tags.append(f"li{self._depth - 1}" if first else f"m{self._depth}")
        return tuple(tags)

    def _gap(self) -> None:
        """Leave a gap below the block before, except between the items of a dense list."""
        if not self._fresh:
            self._pieces.append(("\n", ("gap", "quote") if self._quotes else ("gap",)))
        self._fresh = True
        self._below_code = False

    def _line(self, runs: list[Run], *, heading: str = "") -> None:
        if self._below_code:
            self._gap()
        marker, self._marker = self._marker, ""
        self._fresh = self._below_code = False
        text = "".join(run[0] for run in runs)
        tags = self._block_tags(bool(marker))
        if heading:
            tags = (*tags, heading)
        if is_right_to_left(text):
            tags = (*tags, "rtl")
        if marker:
            if runs and (box := _BOXES.get(runs[0][0][:4])) is not None:
                # An item of a task list (GitHub Flavored Markdown).
                marker, runs = box, [(runs[0][0][4:], runs[0][1]), *runs[1:]]
            self._pieces.append((f"{marker}\t", tags))
        place = 0
        for piece, inline in runs:
            if place + len(piece) > LINE_CHARS:
                piece = broken(piece).replace(BREAK, "\n")
                place = 0
            place += len(piece)
            self._pieces.append((piece, (*tags, *inline)))
        self._pieces.append(("\n", tags))

    def _code(self, content: str, info: str) -> None:
        tags: tuple[str, ...] = ("block",)
        if self._lists:
            tags = (*tags, f"m{self._depth}")
        self._marker = ""
        self._fresh = False
        name = self._code_tag()
        if not self._continued:
            self._pieces.append(("\n", (*tags, "pad")))
            language = info.split()[0] if info.split() else words.CODE
            self._pieces += [
                (f"{language}\t", (*tags, "block-head")),
                (words.COPY, (*tags, "block-head", "action", f"do:copy-code:{name}")),
                ("\n", (*tags, "block-head")),
            ]
        for number, piece in enumerate(broken(content.rstrip("\n")).split(BREAK)):
            if number:
                # Not part of what is copied.
                self._pieces.append(("\n", tags))
            self._pieces.append((piece, (*tags, name)))
        self._pieces += [("\n", tags), ("\n", (*tags, "pad"))]
        self._below_code = True


def _rows(tokens: Sequence[Any]) -> list[list[Cell]]:
    rows: list[list[Cell]] = []
    for token in tokens:
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            bold = ("bold",) if len(rows) == 1 else ()
            rows[-1].append(
                [
                    (text.replace("\n", " ").replace("\t", " "), (*bold, *tags))
                    for text, tags in inline_runs(token.children or [])
                ]
            )
    return rows
