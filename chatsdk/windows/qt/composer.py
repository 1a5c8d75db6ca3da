"""`Composer`: the entry with its buttons and notes, at the bottom of a view."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chatsdk.windows import words
from chatsdk.windows.qt.binding import QtCore, QtGui, QtWidgets
from chatsdk.windows.qt.buttons import Button
from chatsdk.windows.qt.entry import Entry
from chatsdk.windows.qt.theme import Theme

__all__ = ["Composer", "one_line"]


class Note(QtWidgets.QWidget):  # type: ignore[misc]
    """A line above the entry, with a button that ends it."""

    def __init__(self, theme: Theme, label: str, action: Callable[[], object]) -> None:
        super().__init__()
        self.text = QtWidgets.QLabel()
        self.text.setTextFormat(QtCore.Qt.TextFormat.PlainText)
        self.text.setWordWrap(True)
        self.text.setTextInteractionFlags(QtCore.Qt.TextInteractionFlag.TextSelectableByMouse)
        self.button = Button(theme, label, action)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.text, 1)
        layout.addWidget(self.button, 0, QtCore.Qt.AlignmentFlag.AlignTop)
        self.hide()
        self.restyle(theme)

    def restyle(self, theme: Theme, *, danger: bool = False) -> None:
        """Take the fonts and colours of a theme."""
        self.button.theme = theme
        self.text.setFont(theme.small())
        palette = self.text.palette()
        colour = theme.danger if danger else theme.muted
        for role in (QtGui.QPalette.ColorRole.WindowText, QtGui.QPalette.ColorRole.Text):
            palette.setColor(role, colour)
        self.text.setPalette(palette)

    def show_text(self, text: str) -> None:
        """Show a text, or nothing."""
        if text != self.text.text():
            self.text.setText(text)
            self.text.setAccessibleName(text)
        self.setVisible(bool(text))


class Composer(QtWidgets.QWidget):  # type: ignore[misc]
    """The entry in its frame, the buttons to send and to stop, and the notes above.

    Args:
        theme: colours and distances.
        send, stop: called by the buttons.
        unqueue, forget, cancel: called by the buttons of the notes: take the queued text back,
            hide the trouble, leave the editing of a question.
    """

    def __init__(
        self,
        theme: Theme,
        *,
        send: Callable[[], object],
        stop: Callable[[], object],
        unqueue: Callable[[], object],
        forget: Callable[[], object],
        cancel: Callable[[], object],
    ) -> None:
        super().__init__()
        self.theme = theme
        self._busy = False
        self.entry = Entry(theme)
        self.stop = Button(theme, words.STOP, stop, icon="stop", look="strong", labelled=False)
        self.send = Button(theme, words.SEND, send, icon="send", look="strong", labelled=False)
        self.queued = Note(theme, words.EDIT, unqueue)
        self.trouble = Note(theme, words.DISMISS, forget)
        self.editing = Note(theme, words.CANCEL, cancel)
        self.notes = (self.queued, self.trouble, self.editing)
        self._frame = QtWidgets.QHBoxLayout()
        self._frame.addWidget(self.entry, 1)
        for button in (self.stop, self.send):
            self._frame.addWidget(button, 0, QtCore.Qt.AlignmentFlag.AlignBottom)
        self._layout = QtWidgets.QVBoxLayout(self)
        for note in self.notes:
            self._layout.addWidget(note)
        self._layout.addLayout(self._frame)
        self.entry.textChanged.connect(self._enable)
        self.entry.installEventFilter(self)
        self.restyle(theme)

    def restyle(self, theme: Theme) -> None:
        """Take the fonts and colours of a theme."""
        self.theme = theme
        self.stop.theme = self.send.theme = theme
        self.entry.restyle(theme)
        for note in self.notes:
            note.restyle(theme, danger=note is self.trouble)
        pad = theme.space(0.45)
        self._layout.setContentsMargins(0, 0, 0, theme.space(0.7))
        self._layout.setSpacing(theme.space(0.35))
        self._frame.setContentsMargins(pad + theme.space(0.2), pad, pad, pad)
        self._frame.setSpacing(theme.space(0.3))
        self._enable()
        self.update()

    def show_busy(self, busy: bool) -> None:
        """Show Stop while an answer is in flight, and Send if there is something to send."""
        self._busy = busy
        self._enable()

    def _enable(self) -> None:
        typed = bool(self.entry.text.strip())
        self.stop.setVisible(self._busy)
        self.send.setVisible(typed or not self._busy)
        # The focus does not go to a button that does nothing.
        self.send.setEnabled(typed)

    def eventFilter(self, watched: Any, event: Any) -> bool:
        if event.type() in (QtCore.QEvent.Type.FocusIn, QtCore.QEvent.Type.FocusOut):
            self.update()
        return False

    def mousePressEvent(self, _event: Any) -> None:
        self.entry.setFocus()

    def paintEvent(self, _event: Any) -> None:
        theme = self.theme
        painter = QtGui.QPainter(self)
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        focused = self.entry.hasFocus()
        painter.setPen(QtGui.QPen(theme.accent if focused else theme.line, 1.5 if focused else 1))
        painter.setBrush(theme.ground)
        rect = QtCore.QRectF(self._frame.geometry()).adjusted(1, 1, -1, -1)
        radius = theme.space(0.9)
        painter.drawRoundedRect(rect, radius, radius)
        painter.end()


def one_line(text: str) -> str:
    """Return a text in one line, without the end of a long one."""
    line = " ".join(text.split())
    return line if len(line) <= 120 else f"{line[:119]}…"
