"""A chat beside ready-made questions, with Qt (PySide6). Run it as: python qt_chat.py [URL]

Without a URL it starts a server with canned replies.
"""

from __future__ import annotations

import signal
import sys
from contextlib import ExitStack
from functools import partial

from PySide6 import QtWidgets

from chatsdk import use_chat
from chatsdk.testing import EmbeddedServer
from chatsdk.windows.qt import ChatView

QUESTIONS = ["Summarize that in one sentence.", "Give me an example.", "What could go wrong?"]


class Chat(QtWidgets.QMainWindow):
    def __init__(self, url: str) -> None:
        super().__init__()
        self.setWindowTitle("Chat")
        self.session = use_chat(url)
        self.setCentralWidget(ChatView(self.session))
        bar = self.addToolBar("Questions")
        for question in QUESTIONS:
            bar.addAction(question, partial(self.ask, question))
        self.resize(760, 640)

    def ask(self, question: str) -> None:
        if self.session.done:
            self.session.start(question)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Qt does not let Python see a Ctrl-C.
    with ExitStack() as stack:  # Closes the session after the window, which stops its answer.
        url = "".join(sys.argv[1:])
        url = url or stack.enter_context(EmbeddedServer()).url + "/v1/chat/completions"
        application = QtWidgets.QApplication(sys.argv)
        stack.enter_context((window := Chat(url)).session)
        window.show()
        application.exec()
