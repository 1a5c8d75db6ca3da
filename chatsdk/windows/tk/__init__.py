"""A chat in Tk: `show(session)` makes a window, and `ChatView(parent, session)` is a widget.

Markdown needs markdown-it-py (the extra ``windows``); without it answers are plain text.
"""

from __future__ import annotations

try:
    import tkinter  # noqa: F401
except ImportError as error:
    raise ImportError(
        "chatsdk.windows.tk needs tkinter, which this Python lacks: on Debian and Ubuntu it is the "
        "package python3-tk"
    ) from error

from chatsdk.windows.tk.view import ChatView
from chatsdk.windows.tk.window import show

__all__ = ["ChatView", "show"]
