"""A chat as a Qt widget, and as a window; for PySide6 and PyQt6.

The binding is the one that the program has imported before, else PySide6 if it is installed.
"""

from __future__ import annotations

from chatsdk.windows.qt.view import ChatView
from chatsdk.windows.qt.window import show

__all__ = ["ChatView", "show"]
