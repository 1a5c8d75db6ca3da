"""Dispatchers for toolkits that accept functions from any thread."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chatsdk.session import Dispatch

__all__ = [
    "Function",
    "check_argument",
    "gtk",
    "inline",
    "kivy",
    "loop",
    "milliseconds",
    "run",
    "textual",
    "wx",
]


def inline() -> Dispatch:
    """Return a dispatcher that calls the function at once, on the caller's thread; for tests.

    It ignores the delay, so a session's ``throttle`` has no effect.
    """

    def dispatch(function: Function, delay: float = 0.0, /) -> None:
        run(function)

    return dispatch


def loop(asyncio_loop: Any) -> Dispatch:
    """Return a dispatcher to an asyncio event loop.

    Args:
        asyncio_loop: the ``asyncio.AbstractEventLoop``. Once it is closed, functions are dropped.

    Raises:
        TypeError: `asyncio_loop` is not an event loop.
    """
    needed = ("call_soon_threadsafe",)
    check_argument("loop", asyncio_loop, needed, "an event loop, asyncio.get_running_loop()")

    def dispatch(function: Function, delay: float = 0.0, /) -> None:
        try:
            if delay > 0:
                # A timer may only be set on the loop's own thread.
                asyncio_loop.call_soon_threadsafe(
                    asyncio_loop.call_later, delay, partial(run, function)
                )
            else:
                asyncio_loop.call_soon_threadsafe(partial(run, function))
        except RuntimeError:
            if not asyncio_loop.is_closed():
                raise

    return dispatch


def textual(app: Any) -> Dispatch:
    """Return a dispatcher to a Textual app.

    Args:
        app: the ``textual.app.App``. Once it has ended, functions are dropped.

    Raises:
        TypeError: `app` is not an app.
    """
    check_argument("textual", app, ("call_later", "set_timer"), "the textual.app.App")

    def dispatch(function: Function, delay: float = 0.0, /) -> None:
        # call_later only posts a message, which Textual allows from any thread and an app that is
        # closing ignores; call_from_thread would block until the function has run.
        try:
            if delay > 0:
                app.call_later(app.set_timer, delay, partial(run, function))
            else:
                app.call_later(run, function)
        except RuntimeError:
            # "Event loop is closed": the app has ended since the check.
            if app.is_running:
                raise

    return dispatch


def gtk() -> Dispatch:
    """Return a dispatcher to GTK's main loop, through ``GLib.idle_add`` (PyGObject).

    Raises:
        ImportError: PyGObject is not installed.
    """
    try:
        from gi.repository import GLib  # type: ignore[import-not-found, unused-ignore]
    except ImportError as error:
        raise ImportError("chatsdk.ui.gtk() needs PyGObject: pip install PyGObject") from error

    def once(function: Function) -> bool:
        run(function)
        return False  # GLib calls again as long as this returns true.

    def dispatch(function: Function, delay: float = 0.0, /) -> None:
        if delay > 0:
            GLib.timeout_add(milliseconds(delay), once, function)
        else:
            GLib.idle_add(once, function)

    return dispatch


def wx() -> Dispatch:
    """Return a dispatcher to wxPython's main loop, through ``wx.CallAfter``.

    After the ``wx.App`` has ended, functions are dropped.

    Raises:
        ImportError: wxPython is not installed.
        RuntimeError: there is no ``wx.App`` yet.
    """
    try:
        import wx as toolkit  # type: ignore[import-not-found, unused-ignore]
    except ImportError as error:
        raise ImportError("chatsdk.ui.wx() needs wxPython: pip install wxPython") from error

    if toolkit.GetApp() is None:
        raise RuntimeError("make the wx.App before chatsdk.ui.wx()")

    def dispatch(function: Function, delay: float = 0.0, /) -> None:
        try:
            if delay > 0:
                # A timer belongs to the thread that starts it.
                toolkit.CallAfter(toolkit.CallLater, milliseconds(delay), run, function)
            else:
                toolkit.CallAfter(run, function)
        except (AssertionError, RuntimeError):
            # "No wx.App created yet", or "... has been deleted": the app has ended.
            if toolkit.GetApp() is not None:
                raise

    return dispatch


def kivy() -> Dispatch:
    """Return a dispatcher to Kivy's clock.

    Raises:
        ImportError: Kivy is not installed.
    """
    try:
        from kivy.clock import Clock  # type: ignore[import-not-found, unused-ignore]
    except ImportError as error:
        raise ImportError("chatsdk.ui.kivy() needs Kivy: pip install kivy") from error

    def dispatch(function: Function, delay: float = 0.0, /) -> None:
        def once(_elapsed: float) -> None:
            run(function)

        Clock.schedule_once(once, max(0.0, delay))

    return dispatch


logger = logging.getLogger("chatsdk")

Function = Callable[[], object]


def run(function: Function) -> None:
    """Call `function`, and log its exception, because toolkits do not handle one."""
    try:
        function()
    except Exception:
        logger.exception("a function on the user interface's thread raised")


def check_argument(name: str, value: object, needed: Iterable[str], what: str) -> None:
    """Raise TypeError if a dispatcher's argument lacks a needed attribute.

    Args:
        name: the dispatcher's function.
        value: the argument.
        needed: the attributes.
        what: the right argument, in words.
    """
    if not all(hasattr(value, attribute) for attribute in needed):
        raise TypeError(f"chatsdk.ui.{name}() takes {what}, not {type(value).__name__}")


def milliseconds(delay: float) -> int:
    """Convert a delay in seconds for a toolkit's timer, which does not accept 0."""
    return max(1, round(delay * 1000))
