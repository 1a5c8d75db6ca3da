"""`TextRows`: a long text as rows, each of a few thousand characters."""

from __future__ import annotations

import re
from typing import Any

from chatsdk.windows.markdown_blocks import Block, MarkdownBlocks, fenced_code, has_table
from chatsdk.windows.open_markdown import completed
from chatsdk.windows.qt.markdown_document import Run
from chatsdk.windows.qt.scroller import Row
from chatsdk.windows.qt.text_view import TextView
from chatsdk.windows.qt.theme import Theme

__all__ = ["ROW_CHARS", "STEP_CHARS", "TextRows"]

# Characters of a row after which the next block begins another one. A row is laid out at once,
# which must take a few milliseconds at most.
ROW_CHARS = 1500

# Characters that are cut into blocks in one go.
STEP_CHARS = 16_000

NOTHING = Block("")

# A word that may have to be broken in a narrow window, unless it is the target of a link.
LONG_WORD = re.compile(r"(?:^|(?<=[\s|]))(?=[^\s|:-][^\s|]{29})(?!\S*\]\()")

# The target of a link that is named elsewhere (CommonMark 0.31, "Link reference definitions").
# A footnote with a sentence looks like one up to its first word.
DEFINITION = re.compile(
    r"^ {0,3}\[[^\]\n]+\]:[ \t]*(?:<[^<>\n]*>|[^\s<]\S*)"
    r"(?:[ \t]+(?:\"[^\"\n]*\"|'[^'\n]*'|\([^()\n]*\)))?[ \t]*$",
    re.M,
)


class TextRows:
    """The rows of a text in Markdown that grows.

    Args:
        name: the accessible name of the text.

    Attributes:
        rows: the rows, in order; at least one.
        text: the text as last updated.
        live: more text may follow.
        open: the block at the end that may still change.
        definitions: the targets of links that the text has defined, as Markdown.
    """

    __slots__ = ("_blocks", "_taken", "definitions", "live", "name", "open", "rows", "text")

    def __init__(self, name: str) -> None:
        self.name = name
        self.text = ""
        self.live = False
        self._restart()

    def _restart(self) -> None:
        self.rows: list[TextRow] = [TextRow(self)]
        self.open = NOTHING
        self.definitions = ""
        # Until everything is in the rows.
        self._blocks: MarkdownBlocks | None = MarkdownBlocks()
        self._taken = 0

    @property
    def behind(self) -> bool:
        """Whether part of the text is not in the rows yet: call `advance`."""
        return self._taken < len(self.text)

    def show_text(self, text: str, *, live: bool) -> None:
        """Show this text; `live`: more of it may follow."""
        if not text.startswith(self.text) or (self._blocks is None and text != self.text):
            self._restart()
        ended = self.live and not live
        self.text, self.live = text, live
        if self.behind:
            self.advance()
        elif ended:
            self._blocks = None
            self._define([self.open])
            self.rows[-1].refresh()

    def advance(self) -> None:
        """Put the next part of the text into rows."""
        if self._blocks is None:
            return
        self._taken = min(len(self.text), self._taken + STEP_CHARS)
        done, self.open = self._blocks.update(self.text[: self._taken])
        for block in done:
            row = self.rows[-1]
            if block.continued or row.size >= ROW_CHARS or not row.takes(block):
                row = self._next_row()
            row.add(block)
        if not self.rows[-1].takes(self.open):
            self._next_row()
        if not self.live and not self.behind:
            self._blocks = None
            done.append(self.open)
        self._define(done)
        self.rows[-1].refresh()

    def _next_row(self) -> TextRow:
        row = self.rows[-1]
        if row.end:
            self.rows.append(TextRow(self))
            # The open block, which was drawn there, becomes the first one here.
            row.refresh()
        return self.rows[-1]

    def _define(self, blocks: list[Block]) -> None:
        """Note the targets of links, which often come at the end, and draw the rows again."""
        found = [
            line[0]
            for block in blocks
            if block.text.lstrip(" ").startswith("[")
            for line in DEFINITION.finditer(block.text)
        ]
        if found:
            self.definitions += "".join(f"\n{line}" for line in found)
            for row in self.rows:
                row.redraw()

    def code(self, row: TextRow, run: Run, shown: str) -> str:
        """Return the code of a run, of which `row` may show a part only."""
        place = self.rows.index(row)
        following = self.rows[place + 1] if place + 1 < len(self.rows) else None
        if row.continued and run.first == 0:
            return fenced_code(self.text, row.start) or shown
        last = row.widget is None or run.last == row.widget.document_.blockCount() - 1
        if following is not None and following.continued and last:
            return fenced_code(self.text, row.end - 1) or shown
        return shown


class TextRow(Row):
    """Some blocks of a text, and after the last of its rows the open block.

    Attributes:
        start, end: the part of the text in its complete blocks.
        lead: Markdown to put before that.
        continued: it begins inside a block.
        table: it has a table, and so no long word, which would not be broken there.
        long: it has a long word.
    """

    __slots__ = ("_new", "continued", "end", "lead", "long", "start", "table", "text")

    def __init__(self, text: TextRows) -> None:
        super().__init__()
        self.text = text
        self.start = self.end = 0
        self.lead = ""
        self.continued = self.table = self.long = False
        # Complete blocks that the widget does not show yet.
        self._new: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """The number of characters of its complete blocks."""
        return self.end - self.start

    def takes(self, block: Block) -> bool:
        """Whether a block can be laid out together with the others."""
        table, long = has_table(block.text), LONG_WORD.search(block.text) is not None
        return not (table and self.long) and not (long and self.table)

    def add(self, block: Block) -> None:
        """Add a complete block to the end."""
        self.table = self.table or has_table(block.text)
        self.long = self.long or LONG_WORD.search(block.text) is not None
        if not self.end:
            self.start, self.lead, self.continued = block.start, block.lead, block.continued
            self.gap = 0.0 if block.continued else 0.6
        self.end = block.end
        if self.widget is not None:
            self._new += (block.text,)

    def _open(self) -> str:
        text = self.text
        if text.rows[-1] is not self:
            return ""
        return self._defined(completed(text.open.text) if text.live else text.open.text)

    def _whole(self) -> list[str]:
        done, last = MarkdownBlocks().update(self.lead + self.text.text[self.start : self.end])
        return [self._defined(block.text) for block in (*done, last) if block.text.strip()]

    def _defined(self, source: str) -> str:
        """Add the targets to a piece of Markdown that may name them."""
        definitions = self.text.definitions
        # Before it, because it may end inside a fence.
        return f"{definitions}\n\n{source}" if definitions and "[" in source else source

    def redraw(self) -> None:
        """Show everything again."""
        if self.widget is not None:
            self._new = ()
            self.widget.document_.restart()
            self.widget.document_.write(self._whole(), self._open())
            self.widget.place_buttons()
            self.changed()

    def refresh(self) -> None:
        """Show the new blocks."""
        if self.widget is not None:
            new = [self._defined(source) for source in self._new]
            self.widget.document_.write(new, self._open())
            self._new = ()
            self.widget.place_buttons()
        self.changed()

    def make(self, parent: Any, theme: Theme) -> TextView:
        view = TextView(
            theme,
            self.text.name,
            parent,
            copied=lambda run, shown: self.text.code(self, run, shown),
        )
        if self.width:
            # Known from the guess. Otherwise the text would be laid out twice.
            view.setLineWrapColumnOrWidth(self.width)
        self._new = ()
        view.document_.write(self._whole(), self._open())
        return view

    def guess(self, width: int, theme: Theme) -> int:
        text = self.text
        end = len(text.text) if text.rows[-1] is self else self.end
        lines: float = (end - self.start) * theme.char / width
        lines += text.text.count("\n", self.start, end) * 0.6
        return max(1, round(lines * theme.em * 1.2))
