"""`Entry`: the field for the next question, which grows with its lines."""

from __future__ import annotations

import re
from typing import Any

from chatsdk.windows import words
from chatsdk.windows.printable import BREAK, broken
from chatsdk.windows.qt.binding import QtCore, QtGui, QtWidgets, signal
from chatsdk.windows.qt.theme import Theme

__all__ = ["Entry", "is_shortcut"]

# The lines that are shown at most; longer texts scroll.
LINES = 9

# The property of a block before which there is a line break that is not in the text: Qt's
# QTextFormat.UserProperty. Unlike the state of a block, it is kept by undo, redo and edits.
SOFT = 0x100000


class Entry(QtWidgets.QPlainTextEdit):  # type: ignore[misc]
    """A field of several lines.

    Signals:
        submitted: Enter was pressed.
        stopped: Esc was pressed.
        older, newer: Up was pressed in the first line, Down in the last one.
        paged: Page Up (-1) or Page Down (1) was pressed.
        grown: the height has changed.
    """

    submitted = signal()
    stopped = signal()
    older = signal()
    newer = signal()
    paged = signal(int)
    grown = signal()

    def __init__(self, theme: Theme, parent: Any = None) -> None:
        super().__init__(parent)
        self._composing = False
        # Whether there have been line breaks that are not in the text; undo may bring them back.
        self._broken = False
        self.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        self.setTabChangesFocus(True)
        self.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWordWrapMode(QtGui.QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setPlaceholderText(words.PLACEHOLDER)
        self.setAccessibleName(words.PLACEHOLDER)
        self.setAccessibleDescription(words.KEYS)
        self.document().documentLayout().documentSizeChanged.connect(self._fit)
        self.restyle(theme)

    def restyle(self, theme: Theme) -> None:
        """Take the fonts and colours of a theme."""
        self.setFont(theme.font)
        palette = self.palette()
        palette.setColor(QtGui.QPalette.ColorRole.Base, QtCore.Qt.GlobalColor.transparent)
        palette.setColor(QtGui.QPalette.ColorRole.Text, theme.text)
        palette.setColor(QtGui.QPalette.ColorRole.PlaceholderText, theme.muted)
        self.setPalette(palette)
        self.viewport().setAutoFillBackground(False)
        self._fit()

    def _fit(self, _size: Any = None) -> None:
        # The layout of a plain text counts its height in lines.
        lines = max(1, min(LINES, round(self.document().size().height())))
        margins = 2 * self.document().documentMargin()
        height = round(lines * self.fontMetrics().lineSpacing() + margins) + 2
        policy = QtCore.Qt.ScrollBarPolicy
        self.setVerticalScrollBarPolicy(
            policy.ScrollBarAsNeeded if lines == LINES else policy.ScrollBarAlwaysOff
        )
        if height != self.minimumHeight() or height != self.maximumHeight():
            self.setFixedHeight(height)
            self.grown.emit()

    @property
    def text(self) -> str:
        if not self._broken:
            return str(self.toPlainText())
        pieces = []
        block = self.document().begin()
        while block.isValid():
            pieces += ["" if block.blockFormat().hasProperty(SOFT) else "\n", block.text()]
            block = block.next()
        return "".join(pieces[1:]).replace("\u2028", "\n")

    def put(self, text: str) -> None:
        """Replace the text, and set the cursor to its end."""
        # Undo brings the earlier text back.
        cursor = self.textCursor()
        cursor.select(QtGui.QTextCursor.SelectionType.Document)
        self._insert(cursor, text)
        self.setTextCursor(cursor)
        self.ensureCursorVisible()

    def _insert(self, cursor: Any, text: str) -> None:
        """Insert a text, its long lines broken."""
        soft = QtGui.QTextBlockFormat()
        soft.setProperty(SOFT, True)
        text = "\n".join(re.split("\r\n|[\r\u2028\u2029]", text.replace(BREAK, "\ufffd")))
        cursor.beginEditBlock()
        cursor.removeSelectedText()
        for number, piece in enumerate(broken(text).split(BREAK)):
            if number:
                self._broken = True
                cursor.insertBlock(soft)
            line, line_end, rest = piece.partition("\n")
            cursor.insertText(line)
            if line_end:
                # The lines of a text take the format of the block before them.
                cursor.insertBlock(QtGui.QTextBlockFormat())
                cursor.insertText(rest)
        cursor.endEditBlock()

    def insertFromMimeData(self, source: Any) -> None:
        if source.hasText():
            self._insert(self.textCursor(), source.text())
            self.ensureCursorVisible()

    def inputMethodEvent(self, event: Any) -> None:
        self._composing = bool(event.preeditString())
        super().inputMethodEvent(event)

    def keyPressEvent(self, event: Any) -> None:
        key, keys = event.key(), QtCore.Qt.Key
        plain = event.modifiers() & ~QtCore.Qt.KeyboardModifier.KeypadModifier
        shift = bool(plain & QtCore.Qt.KeyboardModifier.ShiftModifier)
        bare = plain == QtCore.Qt.KeyboardModifier.NoModifier
        cursor = self.textCursor()
        if self._composing:
            # The keys belong to the input method.
            super().keyPressEvent(event)
        elif key in (keys.Key_Return, keys.Key_Enter) and not shift:
            self.submitted.emit()
        elif key == keys.Key_Escape:
            self.stopped.emit()
        elif key == keys.Key_Up and bare and self._at_edge(-1):
            self.older.emit()
        elif key == keys.Key_Down and bare and self._at_edge(1):
            self.newer.emit()
        elif key in (keys.Key_PageUp, keys.Key_PageDown) and bare and not cursor.hasSelection():
            self.paged.emit(-1 if key == keys.Key_PageUp else 1)
        else:
            super().keyPressEvent(event)

    def _at_edge(self, direction: int) -> bool:
        """Whether the cursor cannot go a line up (-1) or down (1)."""
        cursor = QtGui.QTextCursor(self.textCursor())
        operation = QtGui.QTextCursor.MoveOperation
        return not cursor.movePosition(operation.Up if direction < 0 else operation.Down)


def is_shortcut(held: Any) -> bool:
    """Whether a key with these modifiers is a shortcut, and types nothing."""
    keys = QtCore.Qt.KeyboardModifier
    return bool(held & (keys.ControlModifier | keys.AltModifier | keys.MetaModifier))
