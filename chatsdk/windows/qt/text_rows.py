"""`TextRows`: a long text as rows, each of a few thousand characters."""

from __future__ import annotations

from typing import Any

from chatsdk.windows.markdown_blocks import Block, MarkdownBlocks, fenced_code
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


class TextRows:
    """The rows of a text in Markdown that grows.

    Args:
        name: the accessible name of the text.

    Attributes:
        rows: the rows, in order; at least one.
        text: the complete text so far.
        live: more text may follow.
        open: the block at the end that may still change.
    """

    __slots__ = ("_blocks", "_taken", "live", "name", "open", "rows", "text")

    def __init__(self, name: str) -> None:
        self.name = name
        self.text = ""
        self.live = False
        self._restart()

    def _restart(self) -> None:
        self.rows: list[TextRow] = [TextRow(self)]
        self.open = NOTHING
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
            self.rows[-1].refresh()

    def advance(self) -> None:
        """Put the next part of the text into rows."""
        if self._blocks is None:
            return
        self._taken = min(len(self.text), self._taken + STEP_CHARS)
        done, self.open = self._blocks.update(self.text[: self._taken])
        for block in done:
            row = self.rows[-1]
            if row.end and (block.continued or row.size >= ROW_CHARS):
                # The open block, which was drawn there, has become the first one here.
                row.refresh()
                row = TextRow(self)
                self.rows.append(row)
            row.add(block)
        self.rows[-1].refresh()
        if not self.live and not self.behind:
            self._blocks = None

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
    """

    __slots__ = ("_new", "continued", "end", "lead", "start", "text")

    def __init__(self, text: TextRows) -> None:
        super().__init__()
        self.text = text
        self.start = self.end = 0
        self.lead = ""
        self.continued = False
        # Complete blocks that the widget does not show yet.
        self._new: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """The number of characters of its complete blocks."""
        return self.end - self.start

    def add(self, block: Block) -> None:
        """Add a complete block to the end."""
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
        return completed(text.open.text) if text.live else text.open.text

    def refresh(self) -> None:
        """Show what is new."""
        if self.widget is not None:
            self.widget.document_.write(list(self._new), self._open())
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
        whole = self.lead + self.text.text[self.start : self.end]
        self._new = ()
        view.document_.write([whole] if whole.strip() else [], self._open())
        return view

    def guess(self, width: int, theme: Theme) -> int:
        text = self.text
        end = len(text.text) if text.rows[-1] is self else self.end
        lines: float = (end - self.start) * theme.char / width
        lines += text.text.count("\n", self.start, end) * 0.6
        return max(1, round(lines * theme.em * 1.2))
