"""`Scroller`: a column of rows, of which only those in view have widgets."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate
from typing import Any

from chatsdk.windows.qt.binding import QtCore, QtWidgets
from chatsdk.windows.qt.theme import Theme

__all__ = ["Row", "Scroller"]

# Distance beyond the view in which rows keep their widgets, in heights of the view.
KEPT = 1.0

# Milliseconds of rest before the next row just outside the view is made.
REST_MS = 40


class Row:
    """One row of a `Scroller`: what it shows, and its widget while that is in view.

    Attributes:
        gap: the distance to the row above, in lines of text.
        widget: the widget, or ``None``. Its ``fit(width)`` returns its height.
        height: its height in pixels; a guess until the widget has been fitted.
        width: the width that the height was found for; 0 if it has to be found again.
        full: the height with the gap, in pixels.
    """

    __slots__ = ("full", "gap", "height", "widget", "width")

    def __init__(self, gap: float = 0.6) -> None:
        self.gap = gap
        self.widget: Any = None
        self.height = 0
        self.width = 0
        self.full = 0

    def make(self, parent: Any, theme: Theme) -> Any:
        """Return a new widget that shows the row."""
        raise NotImplementedError

    def guess(self, width: int, theme: Theme) -> int:
        """Return about how high the widget would be."""
        return theme.space(1.6)

    def changed(self) -> None:
        """Note that the height may have changed."""
        self.width = 0


class Scroller(QtWidgets.QAbstractScrollArea):  # type: ignore[misc]
    """Shows rows from top to bottom, and follows the end unless the reader has scrolled up.

    Args:
        theme: colours and distances.
        scrolled: called when `following` or the size has changed.
    """

    def __init__(self, theme: Theme, scrolled: Callable[[], object], parent: Any = None) -> None:
        super().__init__(parent)
        self.theme = theme
        self.rows: list[Row] = []
        self.following = True
        self._scrolled = scrolled
        # The top of each row, and finally the height of all.
        self._tops: list[int] = [0]
        self._arranging = False
        self._shown: list[Row] = []
        self.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.NoFocus)
        self.verticalScrollBar().valueChanged.connect(self._moved)
        self._later = QtCore.QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self._make_ahead)

    # Rows -----------------------------------------------------------------------------------

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Replace the rows; those that stay keep their widgets."""
        kept = set(map(id, rows))
        for row in self._shown:
            if id(row) not in kept:
                self._drop(row)
        self._shown = [row for row in self._shown if row.widget is not None]
        anchor = self._anchor()
        self.rows = list(rows)
        self.arrange(anchor)

    def restyle(self, theme: Theme) -> None:
        """Replace all widgets by new ones in this theme."""
        anchor = self._anchor()
        self.theme = theme
        for row in self.rows:
            self._drop(row)
            row.width = 0
        self._shown = []
        self.arrange(anchor)

    def _drop(self, row: Row) -> None:
        if row.widget is not None:
            row.widget.hide()
            row.widget.deleteLater()
            row.widget = None

    # Geometry -------------------------------------------------------------------------------

    @property
    def column(self) -> tuple[int, int]:
        """The left edge and the width of the rows."""
        # As if there were always a scroll bar, so that nothing moves when it comes.
        whole = self.width() - self.verticalScrollBar().sizeHint().width()
        width = max(1, min(self.theme.column, whole - 2 * self.theme.space(0.8)))
        return (whole - width) // 2, width

    def _anchor(self) -> tuple[Row, int] | None:
        """The row that must not move, and where its top is in the view."""
        if self.following or not self.rows:
            return None
        value = self.verticalScrollBar().value()
        first, last = self._place(value), self._place(value + self.viewport().height())
        # One whose height is known: a new row at the top may turn out higher than was guessed.
        places = range(first, last + 1)
        place = next((place for place in places if self.rows[place].widget is not None), first)
        return self.rows[place], self._tops[place] - value

    def _place(self, y: int) -> int:
        return max(0, min(len(self.rows), bisect_right(self._tops, y)) - 1)

    def _measure(self, width: int) -> None:
        theme = self.theme
        for row in self.rows:
            if row.width != width:
                if row.widget is not None:
                    row.height = row.widget.fit(width)
                elif row.width:
                    # It was seen at another width.
                    row.height = row.height * row.width // width
                else:
                    row.height = row.guess(width, theme)
                row.width = width
                row.full = row.height + theme.space(row.gap)
        heights = [row.full for row in self.rows]
        self._tops = list(accumulate(heights, initial=theme.space(0.6)))

    def arrange(self, anchor: tuple[Row, int] | None = None) -> None:
        """Lay the rows out again; give those in view widgets, and take them from others.

        Args:
            anchor: the row that must not move, and its place; by default the top one in view.
        """
        if self._arranging:
            return
        self._arranging = True
        try:
            self._arrange(anchor or self._anchor())
        finally:
            self._arranging = False

    def _arrange(self, anchor: tuple[Row, int] | None) -> None:
        bar = self.verticalScrollBar()
        left, width = self.column
        view = self.viewport().height()
        # A new widget is higher or lower than was guessed, which brings others into view.
        for _ in range(len(self.rows) + 1):
            self._measure(width)
            self._set_range(bar, view, anchor)
            if not self._make(bar.value(), view):
                break
        self._show(bar.value(), view, left, width)
        self._later.start(REST_MS)

    def _make_ahead(self) -> None:
        """Make the widget of one row just outside the view, so that scrolling finds it."""
        value, view = self.verticalScrollBar().value(), self.viewport().height()
        extra = int(view * KEPT)
        if self._make(value - extra, view + 2 * extra, most=1):
            self.arrange()

    def _set_range(self, bar: Any, view: int, anchor: tuple[Row, int] | None) -> None:
        bar.setPageStep(view)
        bar.setSingleStep(self.theme.space(1.5))
        last = max(0, self._tops[-1] + self.theme.space(0.8) - view)
        if last != bar.maximum():
            bar.setRange(0, last)
        if self.following:
            bar.setValue(last)
        elif anchor is not None and anchor[0] in self.rows:
            bar.setValue(self._tops[self.rows.index(anchor[0])] - anchor[1])

    def _make(self, top: int, height: int, most: int | None = None) -> int:
        """Make the widgets of the rows in this part of the column; return how many."""
        first, last = self._place(top), self._place(top + height)
        made = 0
        for row in self.rows[first : last + 1]:
            if row.widget is None:
                row.widget = row.make(self.viewport(), self.theme)
                row.width = 0
                self._shown.append(row)
                made += 1
                if made == most:
                    break
        return made

    def _show(self, value: int, view: int, left: int, width: int) -> None:
        """Place the widgets, and delete those that are far away."""
        extra = int(view * (KEPT + 0.5))
        first, last = self._place(value - extra), self._place(value + view + extra)
        near = {id(row) for row in self.rows[first : last + 1]}
        for row in self._shown:
            if id(row) not in near and not _in_use(row.widget):
                self._drop(row)
        self._shown = [row for row in self._shown if row.widget is not None]
        places = {id(row): place for place, row in enumerate(self.rows[first : last + 1], first)}
        for row in self._shown:
            place = places.get(id(row))
            if place is None:
                place = self.rows.index(row)
            top = self._tops[place] + row.full - row.height - value
            row.widget.setGeometry(left, top, width, row.height)
            if row.widget.isHidden():
                row.widget.show()

    # Scrolling ------------------------------------------------------------------------------

    def _moved(self, value: int) -> None:
        if self._arranging:
            return
        self._follow(value >= self.verticalScrollBar().maximum() - self.theme.space(0.5))
        self.arrange()

    def _follow(self, following: bool) -> None:
        if following != self.following:
            self.following = following
            self._scrolled()

    def to_end(self) -> None:
        """Scroll to the end, and follow it again."""
        self._follow(True)
        self.arrange()

    def reveal(self, widget: Any) -> None:
        """Scroll until a widget of a row can be seen."""
        top = widget.mapTo(self.viewport(), QtCore.QPoint()).y()
        bar, view = self.verticalScrollBar(), self.viewport().height()
        if top < 0:
            bar.setValue(bar.value() + top)
        elif top + min(widget.height(), view) > view:
            bar.setValue(bar.value() + top + min(widget.height(), view) - view)

    def tab_stops(self) -> list[Any]:
        """The widgets in the rows that can take the focus, from top to bottom."""
        found = []
        for row in sorted(self._shown, key=lambda row: row.widget.y()):
            inside = [row.widget, *row.widget.findChildren(QtWidgets.QWidget)]
            stops = [
                widget
                for widget in inside
                if widget.isVisible()
                and widget.isEnabled()
                and widget.focusPolicy() & QtCore.Qt.FocusPolicy.TabFocus
            ]
            found += sorted(stops, key=partial(_place_in, row.widget))
        return found

    def page(self, direction: int) -> None:
        """Scroll by a page, up or down."""
        bar = self.verticalScrollBar()
        bar.setValue(bar.value() + direction * max(1, bar.pageStep() - self.theme.space(3)))

    def scrollContentsBy(self, _dx: int, _dy: int) -> None:
        """The rows are moved by `arrange`."""

    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        self.arrange()
        self._scrolled()


def _place_in(row: Any, widget: Any) -> tuple[int, int]:
    point = widget.mapTo(row, QtCore.QPoint())
    return point.y(), point.x()


def _in_use(widget: Any) -> bool:
    """Whether the keyboard is in a widget."""
    focused = QtWidgets.QApplication.focusWidget()
    return focused is not None and (focused is widget or widget.isAncestorOf(focused))
