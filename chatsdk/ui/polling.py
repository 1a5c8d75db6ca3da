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
    # Of the root, for the commands of a widget that is destroyed are gone while `after` still
    # wants to call them.
    root = widget.nametowidget(".")
    # What `after` calls next.
    timer = ""

    def poll() -> None:
        nonlocal gone
        try:
            # First of all, so that a function which opens a dialog, and so runs the main loop
            # within itself, does not keep the others waiting until the dialog is closed.
            ask_again()
            began = time.monotonic()
            work(began)
            if not gone and time.monotonic() - began >= POLL_MS / 1000:
                # From now on: else Tk would come back here and never find the time to draw.
                root.tk.call("after", "cancel", timer)
                ask_again()
        except TclError:
            # "application has been destroyed"
            gone = True

    # Once, and not by `root.after`, which makes and deletes a command each time: whoever calls Tk
    # gives up the interpreter, and gets it back only when a thread that reads at full speed has
    # had its turn of 5 ms.
    command = root.register(poll)

    def ask_again() -> None:
        nonlocal timer
        timer = root.tk.call("after", POLL_MS, command)

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
            # For the case that somebody has replaced the binding of <Destroy>.
            if not widget.winfo_exists():
                leave()
                return
            run(heapq.heappop(waiting)[2])

    def leave() -> None:
        nonlocal gone
        gone = True
        # Else it would be called when it is deleted, and Tk would print a complaint.
        root.tk.call("after", "cancel", timer)
        root.deletecommand(command)

    def dispatch(function: Function, delay: float = 0.0, /) -> None:
        if not gone:
            inbox.put((time.monotonic() + max(0.0, delay), next(order), function))

    def end(event: Any) -> None:
        # A window is told of the widgets in it, too.
        if event.widget is widget and not gone:
            leave()

    ask_again()
    widget.bind("<Destroy>", end, add=True)
    return dispatch
