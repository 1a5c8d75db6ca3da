"""The Qt binding: PySide6 or PyQt6, whichever the program has imported or has installed."""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["QtCore", "QtGui", "QtWidgets", "signal"]

QtCore: Any
QtGui: Any
QtWidgets: Any


def _preferred() -> str:
    """Return the binding that is imported already, else PySide6."""
    for name in ("PySide6", "PyQt6"):
        if f"{name}.QtCore" in sys.modules:
            return name
    return "PySide6"


# Import statements, because bundlers do not follow computed names.
try:
    if _preferred() == "PyQt6":
        raise ImportError
    from PySide6 import QtCore, QtGui, QtWidgets
except ImportError:
    try:
        from PyQt6 import QtCore, QtGui, QtWidgets
    except ImportError as error:
        raise ImportError(
            "chatsdk.windows.qt needs PySide6 or PyQt6: pip install PySide6-Essentials"
        ) from error

signal: Any = getattr(QtCore, "Signal", None) or QtCore.pyqtSignal
