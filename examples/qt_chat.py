"""Notes next to a chat, with Qt (PySide6). Run it as: python qt_chat.py [URL]

Without a URL it starts a server with canned replies.
"""

from __future__ import annotations

import signal
import sys
from contextlib import ExitStack

from PySide6 import QtWidgets

from chatsdk import use_chat
from chatsdk.testing import EmbeddedServer
from chatsdk.windows.qt import ChatView


class Chat(QtWidgets.QSplitter):
    def __init__(self, url: str) -> None:
        super().__init__()
        self.session = use_chat(url)
        self.notes = QtWidgets.QPlainTextEdit("Notes: the chat on the right can summarize them.")
        self.button = QtWidgets.QPushButton("Summarize the notes")
        self.button.clicked.connect(self.ask)
        left = QtWidgets.QWidget()
        layout = QtWidgets.QVBoxLayout(left)
        layout.addWidget(self.notes)
        layout.addWidget(self.button)
        self.view = ChatView(self.session)
        self.addWidget(left)
        self.addWidget(self.view)
        self.resize(960, 640)
        self.setSizes([320, 640])

    def ask(self) -> None:  # While an answer streams, the question waits for its end.
        self.view.presenter.submit(f"Summarize this:\n\n{self.notes.toPlainText()}")


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Qt does not let Python see a Ctrl-C.
    with ExitStack() as stack:  # Closes the session after the window, which stops its answer.
        url = "".join(sys.argv[1:])
        url = url or stack.enter_context(EmbeddedServer()).url + "/v1/chat/completions"
        application = QtWidgets.QApplication(sys.argv)
        stack.enter_context((window := Chat(url)).session)
        window.show()
        application.exec()
