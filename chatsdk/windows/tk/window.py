"""`show`: opens a chat in a window."""

from __future__ import annotations

import contextlib
import sys
import tkinter
from collections.abc import Mapping
from typing import Any

from chatsdk.session import ChatSession
from chatsdk.windows import words
from chatsdk.windows.presenter import check_session
from chatsdk.windows.tk.style import enlargement
from chatsdk.windows.tk.view import ChatView

__all__ = ["show"]

# The window's first size, and the smallest one, in pixels of an ordinary screen.
SIZE = (780, 820)
SMALLEST = (320, 320)


def show(
    session: ChatSession,
    *,
    options: Mapping[str, Any] | None = None,
    theme: str = "system",
    font_size: int | None = None,
    title: str = words.TITLE,
) -> None:
    """Show a chat in a window, and return when it is closed; an answer in flight is stopped then.

    Args:
        session: the session to show and to ask with. It is not closed.
        options, theme, font_size: as in `ChatView`.
        title: the window's title.

    Raises:
        TypeError: `session` is not a session.
        tkinter.TclError: there is no display.
    """
    check_session(session)
    _sharpen()
    window = tkinter.Tk()
    try:
        window.title(title)
        factor = enlargement(window)
        window.geometry("x".join(str(round(side * factor)) for side in SIZE))
        window.minsize(*(round(side * factor) for side in SMALLEST))
        ChatView(window, session, options=options, theme=theme, font_size=font_size).pack(
            fill="both", expand=True
        )
        window.mainloop()
    finally:
        session.stop()
        with contextlib.suppress(tkinter.TclError):
            window.destroy()


def _sharpen() -> None:
    """Let Tk draw in the pixels of the screen, as IDLE does; Windows would enlarge a picture."""
    if sys.platform == "win32":
        import ctypes

        # An older Windows does not have it, and a program may have chosen already.
        with contextlib.suppress(AttributeError, OSError):
            ctypes.OleDLL("shcore").SetProcessDpiAwareness(1)
