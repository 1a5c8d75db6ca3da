"""Runs examples/qt_chat.py as a program, asks it something, and closes its window meanwhile."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from PySide6 import QtCore, QtWidgets

QT_CHAT = Path(__file__).parents[2] / "examples" / "qt_chat.py"


class Application(QtWidgets.QApplication):
    """An application whose window somebody uses as soon as it is there."""

    def exec(self) -> int:
        (chat,) = self.topLevelWidgets()
        timer = QtCore.QTimer()

        def look() -> None:
            if "You said" in chat.text.toPlainText():
                print("closing")
                timer.stop()
                chat.close()

        timer.timeout.connect(look)
        timer.start(20)
        chat.entry.setText("Hello")
        chat.send.click()
        return super().exec()


QtWidgets.QApplication = Application
sys.argv = [str(QT_CHAT)]
runpy.run_path(str(QT_CHAT), run_name="__main__")
print("ended")
