"""The Qt dispatcher: a signal moves a function to its receiver's thread."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from chatsdk.ui.loops import Function, check_argument, milliseconds, run

if TYPE_CHECKING:
    from chatsdk.session import Dispatch

__all__ = ["qt"]

BINDINGS = ("PySide6", "PyQt6")


def qt(parent: Any = None) -> Dispatch:
    """Return a dispatcher to Qt's thread, for PySide6 and PyQt6. Call this on that thread.

    Args:
        parent: a ``QObject`` such as the window; once it is deleted, functions are dropped,
            including delayed ones. ``None``: as long as the application exists.

    Raises:
        TypeError: `parent` is not a ``QObject``.
        ImportError: neither binding is installed.
        RuntimeError: there is no ``QApplication`` yet.
    """
    if parent is not None:
        check_argument("qt", parent, ("destroyed",), "a QObject such as the window, or nothing")
    core: Any = _core(_binding(parent))
    application = core.QCoreApplication.instance()
    if application is None:
        raise RuntimeError("make the QApplication before chatsdk.ui.qt()")
    signal = getattr(core, "Signal", None) or core.pyqtSignal

    class Bridge(core.QObject):  # type: ignore[misc]
        wanted = signal(object, float)

        def __init__(self) -> None:
            # Not a child of `parent`, which may be deleted while another thread is emitting.
            super().__init__(application)
            self.gone = False
            # Queued even from Qt's own thread, because the caller is in the middle of other work.
            self.wanted.connect(self.deliver, core.Qt.ConnectionType.QueuedConnection)

        def deliver(self, function: Function, delay: float) -> None:
            if self.gone:
                return
            if delay > 0:
                core.QTimer.singleShot(milliseconds(delay), partial(self.deliver, function, 0.0))
            else:
                run(function)

        def end(self) -> None:
            self.gone = True
            # Deleted with the last dispatcher that uses it, not with the application.
            self.setParent(None)

    bridge = Bridge()
    if parent is not None:
        parent.destroyed.connect(bridge.end)

    def dispatch(function: Function, delay: float = 0.0, /) -> None:
        if bridge.gone:
            return
        try:
            bridge.wanted.emit(function, delay)
        except RuntimeError:
            # "The C++ object is already deleted": the application has ended.
            return

    return dispatch


def _core(binding: str) -> Any:
    # Import statements, because bundlers do not follow computed names.
    if binding == "PySide6":
        from PySide6 import QtCore  # type: ignore[import-not-found, unused-ignore]
    else:
        from PyQt6 import QtCore  # type: ignore[import-not-found, no-redef, unused-ignore]
    return QtCore


def _binding(parent: Any) -> str:
    for kind in type(parent).__mro__:
        package = kind.__module__.partition(".")[0]
        if package in BINDINGS:
            return package
    # The binding that is imported already, else the one that is installed.
    for name in BINDINGS:
        if f"{name}.QtCore" in sys.modules:
            return name
    for name in BINDINGS:
        try:
            _core(name)
        except ImportError:
            continue
        return name
    raise ImportError("chatsdk.ui.qt() needs PySide6 or PyQt6: pip install PySide6-Essentials")
