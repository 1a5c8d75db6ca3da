"""A chat view of Qt in a test: its event loop runs while the test waits for a fact."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from applications import WAIT
from PySide6 import QtCore, QtGui, QtTest, QtWidgets

from chatsdk.windows import qt
from chatsdk.windows.qt.text_view import TextView

__all__ = ["Window", "dark_palette", "light_palette", "pump", "until"]


def pump(milliseconds: int = 20) -> None:
    """Run the event loop once, objects that are to be deleted included."""
    QtCore.QCoreApplication.processEvents(
        QtCore.QEventLoop.ProcessEventsFlag.AllEvents, milliseconds
    )
    QtCore.QCoreApplication.sendPostedEvents(None, QtCore.QEvent.Type.DeferredDelete.value)


def until(fact: Callable[[], Any], said: Callable[[], object] = lambda: "") -> None:
    """Run the event loop until `fact()`."""
    deadline = QtCore.QDeadlineTimer(int(WAIT * 1000))
    while not fact():
        assert not deadline.hasExpired(), f"it did not happen; the window says: {said()!r}"
        pump()


class Window:
    """A `ChatView` that is shown."""

    def __init__(self, session: Any, size: tuple[int, int] = (700, 600), **options: Any) -> None:
        # Not over any button.
        QtGui.QCursor.setPos(5000, 5000)
        self.session = session
        self.view = qt.ChatView(session, **options)
        self.view.resize(*size)
        self.view.show()
        self.view.activateWindow()
        self.until(self.view.isActiveWindow)

    @property
    def entry(self) -> Any:
        return self.view.entry

    def until(self, fact: Callable[[], Any]) -> None:
        until(fact, lambda: self.text)

    def settle(self) -> None:
        """Wait until the answer is complete and drawn."""
        self.until(self._settled)
        pump()

    def _settled(self) -> bool:
        drawn = self.view.presenter.transcript.messages is self.session.messages
        return self.session.done and drawn and not self.view.busy

    @property
    def text(self) -> str:
        """The texts of the transcript that can be seen, from top to bottom."""
        return "\n".join(self.texts())

    def texts(self) -> list[str]:
        views = [view for view in self.view.scroller.findChildren(TextView) if view.isVisible()]
        views.sort(key=lambda view: view.mapTo(self.view, QtCore.QPoint()).y())
        return [view.toPlainText() for view in views]

    def answer(self, turn: int = -1) -> Any:
        """The first text view of an answer that is in view."""
        rows = self.view.turns[turn].rows
        views = [row.widget for row in rows if isinstance(row.widget, TextView)]
        return views[0] if views else None

    def places(self) -> dict[int, int]:
        """The positions of the rows in view, by the number of the row."""
        scroller = self.view.scroller
        return {
            number: row.widget.y()
            for number, row in enumerate(scroller.rows)
            if row.widget is not None
            and row.widget.y() + row.widget.height() > 0
            and row.widget.y() < scroller.viewport().height()
        }

    def type(self, text: str) -> None:
        QtTest.QTest.keyClicks(self.entry, text)

    def key(self, key: Any, *modifiers: Any) -> None:
        """Press a key where the focus is."""
        target = QtWidgets.QApplication.focusWidget()
        held = modifiers[0] if modifiers else QtCore.Qt.KeyboardModifier.NoModifier
        QtTest.QTest.keyClick(target, key, held)

    def ask(self, prompt: str) -> None:
        self.type(prompt)
        self.key(QtCore.Qt.Key.Key_Return)

    def buttons(self) -> list[str]:
        """The labels of the buttons that can be seen."""
        found = self.view.findChildren(QtWidgets.QPushButton)
        return [button.text() for button in found if button.isVisible()]

    def button(self, label: str) -> Any:
        """The last visible button with this label or accessible name."""
        found = [
            button
            for button in self.view.findChildren(QtWidgets.QPushButton)
            if button.isVisible() and label in (button.text(), button.accessibleName())
        ]
        return found[-1] if found else None

    def press(self, label: str) -> None:
        """Click on a button with the mouse, once it is there."""
        self.until(lambda: self.button(label) is not None and self.button(label).isEnabled())
        QtTest.QTest.mouseClick(self.button(label), QtCore.Qt.MouseButton.LeftButton)

    def click(self, word: str) -> None:
        """Click on a word of the transcript with the mouse."""
        for view in self.view.scroller.findChildren(TextView):
            cursor = view.document().find(word)
            if view.isVisible() and not cursor.isNull():
                cursor.setPosition(cursor.selectionStart() + 1)
                place = view.cursorRect(cursor).center()
                button = QtCore.Qt.MouseButton.LeftButton
                QtTest.QTest.mouseClick(view.viewport(), button, pos=place)
                return
        raise AssertionError(f"{word!r} is not in view: {self.text!r}")

    def save(self, path: Any) -> None:
        """Leave a picture of the window."""
        pump()
        self.view.grab().save(str(path))

    def close(self) -> None:
        self.session.close()
        self.view.close()
        self.view.deleteLater()
        pump()


def dark_palette() -> Any:
    """The palette of a dark system."""
    return _palette("#2b2b2b", "#1e1e1e", "#e6e6e6", "#4c9be8", "#6cb0f5")


def light_palette() -> Any:
    """The palette of a light system."""
    return _palette("#efefef", "#ffffff", "#1a1a1a", "#308cc6", "#0050b3")


def _palette(window: str, base: str, text: str, highlight: str, link: str) -> Any:
    role = QtGui.QPalette.ColorRole
    palette = QtGui.QPalette(QtGui.QColor(window))
    for roles, colour in (
        ((role.Base, role.AlternateBase), base),
        ((role.Text, role.WindowText, role.ButtonText), text),
        ((role.Highlight, role.Accent), highlight),
        ((role.Link,), link),
        ((role.PlaceholderText,), text),
    ):
        for one in roles:
            palette.setColor(one, QtGui.QColor(colour))
    return palette
