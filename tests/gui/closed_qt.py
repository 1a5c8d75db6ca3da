"""Runs examples/qt_chat.py as a program, asks it something, and closes its window meanwhile."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from PySide6 import QtCore, QtWidgets

from chatsdk.windows.qt import ChatView

QT_CHAT = Path(__file__).parents[2] / "examples" / "qt_chat.py"


class Application(QtWidgets.QApplication):
    """An application whose window is used as soon as it is open."""

    def exec(self) -> int:
        (window,) = (
            widget for widget in self.topLevelWidgets() if isinstance(widget, QtWidgets.QSplitter)
        )
        view = window.findChild(ChatView)
        timer = QtCore.QTimer()

        def look() -> None:
            if view.turns and "You said" in view.turns[0].shown.text:
                print("closing")
                timer.stop()
                window.close()

        timer.timeout.connect(look)
        timer.start(20)
        view.entry.setPlainText("Hello")
        view.submit()
        return super().exec()


QtWidgets.QApplication = Application
sys.argv = [str(QT_CHAT)]
runpy.run_path(str(QT_CHAT), run_name="__main__")
print("ended")
