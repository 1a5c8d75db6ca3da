"""`PlainRows`: a long text as rows, shown as it is."""

from __future__ import annotations

from typing import Any

from chatsdk.windows.qt.scroller import Row
from chatsdk.windows.qt.text_rows import ROW_CHARS, STEP_CHARS
from chatsdk.windows.qt.text_view import TextView
from chatsdk.windows.qt.theme import Theme

__all__ = ["PlainRows"]


class PlainRows:
    """The rows of a plain text that grows, in the secondary colour.

    Args:
        name: the accessible name of the text.

    Attributes:
        rows: the rows, in order; at least one.
        text: the text as last updated.
    """

    __slots__ = ("_name", "rows", "text")

    def __init__(self, name: str) -> None:
        self._name = name
        self.text = ""
        self.rows = [PlainRow(self, name)]

    @property
    def behind(self) -> bool:
        """Whether part of the text is not in the rows yet: call `advance`."""
        return self.rows[-1].end < len(self.text)

    def show_text(self, text: str) -> None:
        """Show this text."""
        if not text.startswith(self.text):
            self.rows = [PlainRow(self, self._name)]
        self.text = text
        if self.behind:
            self.advance()

    def advance(self) -> None:
        """Put the next part of the text into rows."""
        row = self.rows[-1]
        taken = min(len(self.text), row.end + STEP_CHARS)
        while row.end < taken:
            if row.end - row.start >= ROW_CHARS:
                row = PlainRow(self, self._name, row.end)
                self.rows.append(row)
            room = row.start + ROW_CHARS
            row.extend(min(taken, room))


class PlainRow(Row):
    """Some lines of a plain text.

    Attributes:
        start, end: the part of the text.
    """

    __slots__ = ("_name", "_text", "end", "start")

    def __init__(self, text: PlainRows, name: str, start: int = 0) -> None:
        super().__init__(gap=0.0 if start else 0.3)
        self._text = text
        self._name = name
        self.start = self.end = start

    def extend(self, end: int) -> None:
        """Add the text up to `end`."""
        if self.widget is not None:
            self.widget.document_.write_plain(self._text.text[self.end : end])
        self.end = end
        self.changed()

    def make(self, parent: Any, theme: Theme) -> TextView:
        view = TextView(theme, self._name, parent)
        view.colour(theme.muted)
        view.document_.write_plain(self._text.text[self.start : self.end])
        return view

    def guess(self, width: int, theme: Theme) -> int:
        lines: float = (self.end - self.start) * theme.char / width
        return max(1, round(lines * theme.em))
