"""`show`: opens a chat in a window."""

from __future__ import annotations

import contextlib
import gc
import threading
import tkinter
from collections.abc import Mapping
from typing import Any

from chatsdk.session import ChatSession
from chatsdk.windows import words
from chatsdk.windows.presenter import check_session
from chatsdk.windows.tk.view import ChatView

__all__ = ["show"]

# The window's first size, and the smallest one, in pixels.
SIZE = "780x820"
SMALLEST = (320, 320)

# Windows that were closed. Tk must be freed on its own thread, and garbage may be collected on any.
_closed: list[tkinter.Tk] = []


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
    window = tkinter.Tk()
    _closed.append(window)
    try:
        window.title(title)
        window.geometry(SIZE)
        window.minsize(*SMALLEST)
        ChatView(window, session, options=options, theme=theme, font_size=font_size).pack(
            fill="both", expand=True
        )
        window.mainloop()
    finally:
        session.stop()
        with contextlib.suppress(tkinter.TclError):
            window.destroy()
    if threading.current_thread() is not threading.main_thread():
        # What is kept until the program ends is freed on the main thread.
        _closed.remove(window)
        del window
        gc.collect()
