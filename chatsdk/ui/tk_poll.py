"""The Tk dispatcher: Tk must not be called from other threads, so the window polls."""

from __future__ import annotations

import heapq
import itertools
import queue
import time
from typing import TYPE_CHECKING, Any

from chatsdk.ui.loops import Function, check_argument, run

if TYPE_CHECKING:
    from chatsdk.session import Dispatch

__all__ = ["tk"]

# Milliseconds between two polls of the window: twice per frame at 30 frames a second, and too
# seldom to cause noticeable CPU load.
POLL_MS = 15

# Numbers the dispatchers, for their names in Tcl.
numbers = itertools.count(1)


def tk(widget: Any) -> Dispatch:
    """Return a dispatcher to Tk's thread. Call this on that thread.

    A Tk built without threads must not be used from another thread, and one built with them blocks
    the caller until the main loop runs. So the dispatcher only fills a queue, and the window
    empties it with ``after``.

    Args:
        widget: the window or a widget in it. Once it is destroyed, functions are dropped.

    Raises:
        TypeError: `widget` is not one of Tk's.
    """
    check_argument("tk", widget, ("nametowidget", "winfo_exists"), "the window or a widget in it")
    from tkinter import TclError

    inbox: queue.SimpleQueue[tuple[float, int, Function]] = queue.SimpleQueue()
    waiting: list[tuple[float, int, Function]] = []
    order = itertools.count()
    gone = False
    # The id of the next `after` call.
    timer = ""
    # Direct Tcl calls instead of tkinter's: tkinter prints the exception of a callback and
    # continues, even at Ctrl-C, and creates and deletes a command each time. Calling Tk releases
    # the GIL, and a thread that reads at full speed may then keep it for 5 ms.
    tcl = widget.nametowidget(".").tk
    name = f"chatsdk-{next(numbers)}"
    ask, end = f"{name}-ask", f"{name}-end"

    def poll() -> None:
        nonlocal gone
        if gone:
            return
        try:
            # First, because a function may open a dialog, which runs a nested main loop; the others
            # would wait until the dialog is closed.
            ask_again()
            began = time.monotonic()
            work(began)
            if not gone and time.monotonic() - began >= POLL_MS / 1000:
                # Start the interval now: otherwise Tk would come straight back here and never draw.
                tcl.call("after", "cancel", timer)
                ask_again()
        except TclError:
            # "application has been destroyed"
            gone = True

    def ask_again() -> None:
        nonlocal timer
        timer = tcl.call("after", POLL_MS, ask)

    def work(now: float) -> None:
        """Run the functions that are due at `now`."""
        while True:
            try:
                heapq.heappush(waiting, inbox.get_nowait())
            except queue.Empty:
                break
        # Only those that were due at the start, so that functions which dispatch another one do not
        # keep the window from being drawn. The previous function may have closed the window.
        while not gone and waiting and waiting[0][0] <= now:
            # In case the program has replaced the tags of the widget.
            if not widget.winfo_exists():
                leave()
                return
            run(heapq.heappop(waiting)[2])

    def leave() -> None:
        nonlocal gone
        gone = True
        tcl.call("after", "cancel", timer)
        tcl.call("bind", name, "<Destroy>", "")
        tcl.deletecommand(ask)
        tcl.deletecommand(end)

    def dispatch(function: Function, delay: float = 0.0, /) -> None:
        if not gone:
            inbox.put((time.monotonic() + max(0.0, delay), next(order), function))

    tcl.createcommand(ask, poll)
    tcl.createcommand(end, leave)
    ask_again()
    # Use a separate tag, because a program's own binding of <Destroy> replaces the widget's.
    tcl.call("bind", name, "<Destroy>", end)
    widget.bindtags((name, *widget.bindtags()))
    return dispatch
