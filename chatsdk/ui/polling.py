"""Tk, whose window asks for what there is to do: nothing of it may be called from elsewhere."""

from __future__ import annotations

import heapq
import itertools
import queue
import time
from typing import TYPE_CHECKING, Any

from chatsdk.ui.guarding import Function, run, seconds

if TYPE_CHECKING:
    from chatsdk.ui.scheduling import Dispatch

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
    # Of the root, for the commands of a widget that is destroyed are gone while `after` still
    # wants to call them.
    root = widget.winfo_toplevel().nametowidget(".")

    def poll() -> None:
        try:
            if not widget.winfo_exists():
                return
        except TclError:
            return
        while True:
            try:
                heapq.heappush(waiting, inbox.get_nowait())
            except queue.Empty:
                break
        # Only what was due when it began, so that a function which dispatches another one does
        # not keep the window from being drawn.
        now = time.monotonic()
        due = []
        while waiting and waiting[0][0] <= now:
            due.append(heapq.heappop(waiting)[2])
        for function in due:
            run(function)
        try:
            root.after(POLL_MS, poll)
        except TclError:
            return

    def dispatch(function: Function, delay: float = 0.0, /) -> None:
        inbox.put((time.monotonic() + seconds(delay), next(order), function))

    root.after(POLL_MS, poll)
    return dispatch
