"""Tk, whose window asks for what there is to do: nothing of it may be called from elsewhere."""

from __future__ import annotations

import heapq
import itertools
import queue
import time
from typing import TYPE_CHECKING, Any

from chatsdk.ui.guarding import Function, run

if TYPE_CHECKING:
    from chatsdk.session import Dispatch

__all__ = ["tk"]

# How often the window looks for something to do, in milliseconds: twice in a frame of 30 a second,
# and too seldom to be seen in the processor's load.
POLL_MS = 15

# Of the dispatchers, for their names in Tcl.
numbers = itertools.count(1)


def tk(widget: Any) -> Dispatch:
    """Return a dispatcher to Tk's thread. Call this on that thread.

    A Tk that was built without threads must not be touched from another one, and one with them
    blocks the caller until the main loop runs. So the dispatcher only fills a queue, and the window
    empties it, with ``after``.

    Args:
        widget: the window or a widget in it. Once it is destroyed, functions are dropped.
    """
    from tkinter import TclError

    inbox: queue.SimpleQueue[tuple[float, int, Function]] = queue.SimpleQueue()
    waiting: list[tuple[float, int, Function]] = []
    order = itertools.count()
    gone = False
    # What `after` calls next.
    timer = ""
    # Calls of its own rather than tkinter's: those print what a function raises and go on, also
    # at a Ctrl-C, and make and delete a command each time. Whoever calls Tk gives up the
    # interpreter, and gets it back only when a thread that reads at full speed has had its turn
    # of 5 ms.
    tcl = widget.nametowidget(".").tk
    name = f"chatsdk-{next(numbers)}"
    ask, end = f"{name}-ask", f"{name}-end"

    def poll() -> None:
        nonlocal gone
        if gone:
            return
        try:
            # First of all, so that a function which opens a dialog, and so runs the main loop
            # within itself, does not keep the others waiting until the dialog is closed.
            ask_again()
            began = time.monotonic()
            work(began)
            if not gone and time.monotonic() - began >= POLL_MS / 1000:
                # From now on: else Tk would come back here and never find the time to draw.
                tcl.call("after", "cancel", timer)
                ask_again()
        except TclError:
            # "application has been destroyed"
            gone = True

    def ask_again() -> None:
        nonlocal timer
        timer = tcl.call("after", POLL_MS, ask)

    def work(now: float) -> None:
        """Run what is due at `now`."""
        while True:
            try:
                heapq.heappush(waiting, inbox.get_nowait())
            except queue.Empty:
                break
        # Only what was due when it began, so that a function which dispatches another one does
        # not keep the window from being drawn. The one before may have closed the window.
        while not gone and waiting and waiting[0][0] <= now:
            # For the case that somebody has replaced the tags of the widget.
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
    # By a tag of its own, for a program's own binding of <Destroy> replaces the widget's.
    tcl.call("bind", name, "<Destroy>", end)
    widget.bindtags((name, *widget.bindtags()))
    return dispatch
