"""A chat in a Qt window (PySide6). Run it as: python qt_chat.py [URL]

Without a URL it talks to a server of its own, which has no model and says so.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack
from html import escape

from PySide6 import QtCore, QtGui, QtWidgets

from chatsdk import Answer, Message, Regenerate, ui, use_chat
from chatsdk.testing import EmbeddedServer


class Chat(QtWidgets.QWidget):
    def __init__(self, url: str) -> None:
        super().__init__(windowTitle="Chat", size=QtCore.QSize(640, 480))
        self.shown = Answer()  # What the transcript shows of the answer in flight.
        self.unfolded: set[int] = set()  # Numbers of the messages whose reasoning is shown.
        self.entry = QtWidgets.QLineEdit()
        self.entry.returnPressed.connect(self.ask)
        self.text = QtWidgets.QTextBrowser(openLinks=False)
        self.text.anchorClicked.connect(self.click)
        self.bar, self.last = self.text.verticalScrollBar(), 0
        self.bar.rangeChanged.connect(self.follow)
        self.error = QtWidgets.QLabel(wordWrap=True)
        self.error.setStyleSheet("color: #b00020")
        self.error.setTextFormat(QtCore.Qt.TextFormat.PlainText)
        self.retry = self.button("Retry", lambda: self.start(Regenerate()))
        self.send = self.button("Send", self.ask)
        self.stop = self.button("Stop", lambda: self.session.stop())
        self.again = self.button("Regenerate", self.retry.click)
        layout = QtWidgets.QGridLayout(self)
        for column, widget in enumerate((self.entry, self.send, self.stop, self.again)):
            layout.addWidget(widget, 2, column)
        layout.addWidget(self.text, 0, 0, 1, 4)
        layout.addWidget(self.error, 1, 0, 1, 3)
        layout.addWidget(self.retry, 1, 3)
        self.session = use_chat(
            url, dispatch=ui.qt(self), on_answer=self.grow, on_finish=lambda _: self.show_all()
        )
        self.show_all()

    def button(self, label: str, action: Callable[[], None]) -> QtWidgets.QPushButton:
        button = QtWidgets.QPushButton(label)
        button.clicked.connect(lambda: action())
        return button

    def ask(self) -> None:  # After `on_finish`; a session that was stopped is `done` before it.
        if self.send.isEnabled() and (prompt := self.entry.text().strip()):
            self.entry.clear()
            self.start(prompt)

    def start(self, what: str | Regenerate) -> None:
        self.shown = Answer()
        self.session.start(what)
        self.show_all()
        self.bar.setValue(self.bar.maximum())

    def grow(self, answer: Answer) -> None:
        unfolded = len(self.session.messages) in self.unfolded or not self.shown.reasoning
        self.shown = answer
        if answer.rewritten or (answer.reasoning_delta and unfolded):
            self.show_all()
        elif answer.delta:
            cursor = QtGui.QTextCursor(self.text.document())
            cursor.movePosition(QtGui.QTextCursor.MoveOperation.End)
            cursor.insertText(answer.delta)

    def show_all(self) -> None:
        """Show everything anew: a turn begins or ends, or more than the end of the text changes."""
        messages, done, error = self.session.messages, self.session.done, self.session.error
        self.send.setEnabled(done)
        self.stop.setEnabled(not done)
        self.again.setEnabled(done and bool(messages))
        self.error.setText(str(error or ""))
        self.error.setVisible(error is not None)
        self.retry.setVisible(error is not None)
        shown, html = self.shown, ""
        if not done:
            messages += (Message("assistant", shown.text, reasoning=shown.reasoning),)
        for number, message in enumerate(messages):
            stopped = " (stopped)" if message.status == "stopped" else ""
            html += f"<p style='color: gray'>{message.role.capitalize()}{stopped}</p>"
            if message.reasoning:
                arrow = "▾" if number in self.unfolded else "▸"
                html += f"<p><a href='fold:{number}'>{arrow} Reasoning</a></p>"
            if number in self.unfolded:
                html += f"<p style='color: gray; white-space: pre-wrap'>{escape(message.reasoning)}"
            html += f"<p style='white-space: pre-wrap'>{escape(message.content)}</p>"
            for source in message.citations:
                name = escape(source.title or source.url or source.document or "a source")
                url = source.url or ""
                web = url.startswith(("https://", "http://"))
                link = f"<a href='{escape(url)}'>{name}</a>" if web else name
                html += f"<p>• {link}</p>"
        top, last = self.bar.value(), self.bar.maximum()
        self.text.setHtml(html)
        self.bar.setValue(self.bar.maximum() if top == last else top)

    def follow(self, _: int, last: int) -> None:
        """Keep the last line in view, unless the user has scrolled away from it."""
        if self.bar.value() == self.last:
            self.bar.setValue(last)
        self.last = last

    def click(self, url: QtCore.QUrl) -> None:
        if url.scheme() == "fold":
            self.unfolded ^= {int(url.path())}
            self.show_all()
        else:
            QtGui.QDesktopServices.openUrl(url)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Qt does not let Python see a Ctrl-C.
    with ExitStack() as stack:  # Closes the session after the window; that stops what is in flight.
        url = "".join(sys.argv[1:])
        url = url or stack.enter_context(EmbeddedServer()).url + "/v1/chat/completions"
        application = QtWidgets.QApplication(sys.argv)
        window = Chat(url)
        stack.enter_context(window.session)
        window.show()
        application.exec()
