"""`Header`: the buttons and the menu at the top of a view, with their keys and the file dialog."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chatsdk.windows import words
from chatsdk.windows.qt.binding import QtCore, QtGui, QtWidgets
from chatsdk.windows.qt.buttons import Button
from chatsdk.windows.qt.theme import Theme

if TYPE_CHECKING:
    from chatsdk.windows.qt.view import ChatView

__all__ = ["Header", "ask_for_file"]


class Header:
    """The row above the transcript.

    Attributes:
        new_chat: the button that begins a new conversation.
        more: the button that opens the menu.
        layout: the buttons, for the view's layout.
    """

    def __init__(self, view: ChatView, theme: Theme) -> None:
        self._view = view
        self.new_chat = Button(theme, words.NEW_CHAT, view.start_new_chat, icon="plus")
        self.more = Button(theme, words.MORE, self._show_menu, icon="more", labelled=False)
        self.layout = QtWidgets.QHBoxLayout()
        self.layout.addWidget(self.new_chat)
        self.layout.addStretch(1)
        self.layout.addWidget(self.more)
        keys = QtGui.QKeySequence.StandardKey
        for key, action in (
            (keys.New, view.start_new_chat),
            (keys.Open, view.open_conversation),
            (keys.Save, view.save_conversation),
        ):
            shortcut = QtGui.QShortcut(QtGui.QKeySequence(key), view)
            shortcut.setContext(QtCore.Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(action)

    def restyle(self, theme: Theme) -> None:
        """Take the colours and distances of a theme."""
        for button in (self.new_chat, self.more):
            button.theme = theme
            button.updateGeometry()
        pad = theme.space(0.35)
        self.layout.setContentsMargins(theme.space(0.5), pad, theme.space(0.5), pad)

    def _show_menu(self) -> None:
        view, button = self._view, self.more
        menu = QtWidgets.QMenu(view)
        menu.addAction(words.NEW_CHAT, view.start_new_chat)
        menu.addAction(words.OPEN, view.open_conversation)
        menu.addAction(words.SAVE, view.save_conversation)
        menu.setAttribute(QtCore.Qt.WidgetAttribute.WA_DeleteOnClose)
        corner = QtCore.QPoint(button.width() - menu.sizeHint().width(), button.height())
        menu.popup(button.mapToGlobal(corner))


def ask_for_file(parent: Any, *, save: bool) -> str:
    """Return the path that a person chooses, to `save` or to open; ``""`` if none."""
    dialog = QtWidgets.QFileDialog
    kinds = f"{words.JSON_FILES} (*.json);;{words.ALL_FILES} (*)"
    if save:
        title, name = words.SAVE.rstrip("…"), words.FILE_NAME
        return str(dialog.getSaveFileName(parent, title, name, kinds)[0])
    return str(dialog.getOpenFileName(parent, words.OPEN.rstrip("…"), "", kinds)[0])
