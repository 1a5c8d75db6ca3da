"""Asks for the file of a conversation, with Qt's dialog."""

from __future__ import annotations

from typing import Any

from chatsdk.windows import words
from chatsdk.windows.qt.binding import QtWidgets

__all__ = ["ask_for_file"]


def ask_for_file(parent: Any, *, save: bool) -> str:
    """Return the path that a person chooses, to `save` or to open; ``""`` if none."""
    dialog = QtWidgets.QFileDialog
    kinds = f"{words.JSON_FILES} (*.json);;{words.ALL_FILES} (*)"
    if save:
        title, name = words.SAVE.rstrip("…"), words.FILE_NAME
        return str(dialog.getSaveFileName(parent, title, name, kinds)[0])
    return str(dialog.getOpenFileName(parent, words.OPEN.rstrip("…"), "", kinds)[0])
