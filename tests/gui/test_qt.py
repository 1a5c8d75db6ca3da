"""The chat in a Qt window, on Qt's offscreen platform, and the dispatcher with both bindings."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from applications import EXAMPLES, WAIT, load
from PySide6 import QtCore, QtGui, QtTest, QtWidgets
from terminal import Terminal

from chatsdk.parts import Citation

LONG = "unbroken" * 40
CJK = "流式回答会一段一段地到达，窗口始终跟随最后一行。" * 4 + "ストリーミング。한국어도."


@pytest.fixture(scope="session")
def application() -> QtWidgets.QApplication:
    return QtWidgets.QApplication.instance() or QtWidgets.QApplication([])


class Window:
    """The example's window, whose event loop runs while a test waits for a fact."""

    def __init__(self, url: str, threads: Any) -> None:
        self.chat = load("qt_chat", threads).Chat(url)
        self.session = self.chat.session
        self.chat.show()
        self.chat.activateWindow()
        self.until(self.chat.isActiveWindow)

    def until(self, fact: Callable[[], Any]) -> None:
        """Run the event loop until `fact()`."""
        deadline = QtCore.QDeadlineTimer(int(WAIT * 1000))
        while not fact():
            assert not deadline.hasExpired(), f"the window says: {self.text!r}"
            QtCore.QCoreApplication.processEvents(QtCore.QEventLoop.ProcessEventsFlag.AllEvents, 20)

    def ends_with(self, text: str) -> bool:
        return self.text.endswith(text)

    @property
    def text(self) -> str:
        return self.chat.text.toPlainText()

    def ask(self, prompt: str) -> None:
        QtTest.QTest.keyClicks(self.chat.entry, prompt)
        QtTest.QTest.keyClick(self.chat.entry, QtCore.Qt.Key.Key_Return)

    def press(self, button: QtWidgets.QPushButton) -> None:
        QtTest.QTest.mouseClick(button, QtCore.Qt.MouseButton.LeftButton)

    def click(self, word: str) -> None:
        """Click on a word of the transcript with the mouse."""
        view = self.chat.text
        view.setTextCursor(view.document().find(word))
        view.ensureCursorVisible()
        cursor = view.document().find(word)
        cursor.setPosition(cursor.selectionStart() + 1)
        place = view.cursorRect(cursor).center()
        QtTest.QTest.mouseClick(view.viewport(), QtCore.Qt.MouseButton.LeftButton, pos=place)


@pytest.fixture
def window(application, server, threads) -> Iterator[Window]:
    window = Window(f"{server.url}/v1/chat/completions", threads)
    yield window
    window.session.close()
    window.chat.deleteLater()
    application.sendPostedEvents(None, QtCore.QEvent.Type.DeferredDelete)
    assert threads <= {threading.main_thread()}


def test_an_answer_grows(window, server, threads) -> None:
    """What is typed is asked, and the text grows while it streams, on the window's thread."""
    script = server.answer("openai")
    assert window.chat.focusWidget() is window.chat.entry
    window.ask("Hello there")
    window.until(lambda: window.text == "User\nHello there\nAssistant\n")
    assert script.wait_for_request().json["messages"] == [
        {"role": "user", "content": "Hello there"}
    ]
    script.say("Hel")
    window.until(lambda: window.text.endswith("Assistant\nHel"))
    assert not window.chat.send.isEnabled()
    script.say("lo")
    window.until(lambda: window.text.endswith("Assistant\nHello"))
    script.finish()
    window.until(window.chat.send.isEnabled)
    assert window.text == "User\nHello there\nAssistant\nHello"
    assert threads == {threading.main_thread()}


def test_any_script(window, server, artefact) -> None:
    """Chinese can be typed, and is shown as it comes, as are words that are longer than a line."""
    script = server.answer("openai")
    # As an input method does it: keys alone write no Chinese.
    typed = QtGui.QInputMethodEvent()
    typed.setCommitString("请解释流式回答。")
    QtCore.QCoreApplication.sendEvent(window.chat.entry, typed)
    window.press(window.chat.send)
    assert script.wait_for_request().json["messages"][0]["content"] == "请解释流式回答。"
    said = ""
    for piece in (CJK, "\n\n", LONG, "\n\n", CJK):
        script.say(piece)
        said += piece
        window.until(partial(window.ends_with, f"Assistant\n{said.rstrip()}"))
    window.chat.grab().save(str(artefact))
    script.finish()
    window.until(lambda: window.session.done)


def test_stop_and_regenerate(window, server, threads) -> None:
    """Stop keeps the text and tells the server; Regenerate puts another answer in its place."""
    script = server.answer("openai")
    script.say("Half of")
    window.ask("Hi")
    window.until(lambda: "Half of" in window.text)
    window.press(window.chat.stop)
    script.wait_for_disconnect()
    window.until(lambda: window.text == "User\nHi\nAssistant (stopped)\nHalf of")
    server.answer("openai", "The whole.")
    window.until(window.chat.again.isEnabled)
    window.press(window.chat.again)
    window.until(lambda: window.text == "User\nHi\nAssistant\nThe whole.")
    assert threads == {threading.main_thread()}


def test_stop_and_ask_at_once(window, server) -> None:
    """Nothing of an answer that was stopped is shown at the next one."""
    first = server.answer("openai")
    first.say("Half of")
    second = server.answer("openai")
    window.ask("Hi")
    window.until(lambda: "Half of" in window.text)
    first.say(" it")
    # It is not shown yet, for meanwhile the event loop does not run.
    deadline = QtCore.QDeadlineTimer(int(WAIT * 1000))
    while "it" not in window.session.answer.text:
        assert not deadline.hasExpired()
    window.press(window.chat.stop)
    window.chat.entry.setText("Again")

    def ask() -> bool:
        window.chat.ask()
        return window.chat.entry.text() == ""

    window.until(ask)
    second.say("Another")
    half = "User\nHi\nAssistant (stopped)\nHalf of it"
    window.until(lambda: "Another" in window.text)
    assert window.text == f"{half}\nUser\nAgain\nAssistant\nAnother"
    second.finish()
    window.until(lambda: window.session.done)


def test_a_server_that_dies(window, server, threads, artefact) -> None:
    """An error is shown with what came before it, and Retry asks again."""
    script = server.answer("openai")
    script.say("Half of")
    window.ask("Hi")
    window.until(lambda: "Half of" in window.text)
    assert not window.chat.retry.isVisible()
    script.cut()
    window.until(window.chat.retry.isVisible)
    assert window.chat.error.text() == str(window.session.error) != ""
    assert "Half of" in window.text
    window.chat.grab().save(str(artefact))
    server.answer("openai", "The whole.")
    window.press(window.chat.retry)
    window.until(lambda: window.text == "User\nHi\nAssistant\nThe whole.")
    window.until(lambda: not window.chat.retry.isVisible())
    assert threads == {threading.main_thread()}


def test_closed_in_mid_answer(window, server, threads, caplog) -> None:
    """Deleted while an answer streams, the window leaves the server, and nothing is said."""
    script = server.answer("openai")
    script.say("Half of")
    window.ask("Hi")
    window.until(lambda: "Half of" in window.text)
    session = window.session
    window.chat.close()
    window.chat.deleteLater()
    QtCore.QCoreApplication.sendPostedEvents(None, QtCore.QEvent.Type.DeferredDelete)
    script.say(" it")
    seen = set(threads)
    QtTest.QTest.qWait(0)
    session.close()
    script.wait_for_disconnect()
    QtTest.QTest.qWait(0)
    assert session.outcome.reason == "stopped"
    assert caplog.records == []
    assert seen == {threading.main_thread()}
    # The fixture has nothing left to delete.
    window.chat = QtWidgets.QWidget()


def test_reasoning_and_sources(window, server, threads, monkeypatch, artefact) -> None:
    """Reasoning is folded until it is clicked, sources are links, and the view follows the text."""
    opened: list[str] = []
    monkeypatch.setattr(
        QtGui.QDesktopServices, "openUrl", lambda url: opened.append(url.toString())
    )
    server.answer(
        "openai",
        f"{CJK}\n\n{LONG}\n\n<b>not bold</b>\n" + "A line of text.\n" * 30 + "The last line.",
        reasoning="First I think.",
        citations=[
            Citation(title="A page", url="https://example.com/page"),
            Citation(title="A file", url="file:///etc/hostname"),
        ],
    )
    window.ask("Tell me everything about streaming")
    window.until(lambda: window.session.done and "A file" in window.text)
    assert "▸ Reasoning" in window.text
    assert "First I think." not in window.text
    assert "<b>not bold</b>" in window.text
    bar = window.chat.text.verticalScrollBar()
    assert bar.value() == bar.maximum() > 0
    window.chat.grab().save(str(artefact))
    window.click("A file")
    window.click("A page")
    window.until(lambda: opened)
    window.click("▸ Reasoning")
    window.until(lambda: "First I think." in window.text)
    window.chat.grab().save(str(artefact.with_stem(f"{artefact.stem}-unfolded")))
    window.click("▾ Reasoning")
    window.until(lambda: "First I think." not in window.text)
    assert opened == ["https://example.com/page"]


def test_as_a_program() -> None:
    """Without a URL the program starts a server of its own; closed in mid-answer it ends well."""
    done = subprocess.run(
        [sys.executable, "-X", "dev", str(Path(__file__).with_name("closed_qt.py"))],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WAIT * 2,
    )
    # What Qt's offscreen platform says of itself.
    said = done.stderr.replace("This plugin does not support propagateSizeHints()\n", "")
    assert (done.returncode, done.stdout, said) == (0, "closing\nended\n", "")


def test_the_view_stays_where_one_reads(window, server) -> None:
    """Whoever scrolls up is not torn down by text that comes."""
    script = server.answer("openai")
    script.say("A line.\n" * 60)
    window.ask("Hi")
    bar = window.chat.text.verticalScrollBar()
    window.until(lambda: bar.value() == bar.maximum() > 0)
    bar.setValue(0)
    script.say("More of it.")
    window.until(lambda: "More of it." in window.text)
    assert bar.value() == 0
    script.finish()
    window.until(window.chat.send.isEnabled)
    assert bar.value() == 0


def test_the_view_follows_a_window_that_shrinks(window, server) -> None:
    """The last line stays in view when the window shrinks, an error takes room, or one asks."""
    bar = window.chat.text.verticalScrollBar()
    script = server.answer("openai")
    script.say("A line.\n" * 60)
    window.ask("Hi")
    window.until(lambda: bar.value() == bar.maximum() > 0)
    before = bar.maximum()
    window.chat.resize(500, 260)
    window.until(lambda: bar.maximum() > before)
    assert bar.value() == bar.maximum()
    before = bar.maximum()
    script.cut()
    window.until(lambda: window.chat.retry.isVisible() and bar.maximum() > before)
    assert bar.value() == bar.maximum()
    bar.setValue(0)
    server.answer("openai").say("The whole.")
    window.press(window.chat.retry)
    assert bar.value() == bar.maximum()
    window.until(lambda: "The whole." in window.text)


def test_ctrl_c() -> None:
    """A Ctrl-C in the terminal ends the program, also while nothing of Python runs in it."""
    with Terminal(
        str(EXAMPLES / "qt_chat.py"), "http://127.0.0.1:9/v1/chat/completions"
    ) as program:
        # What Qt's offscreen platform says when the window is shown.
        program.expect("propagateSizeHints")
        program.type("\x03")
        assert program.wait() == -signal.SIGINT
        assert "Traceback" not in program.seen


BINDING = """
import sys, threading
from {binding} import QtCore, QtWidgets
from chatsdk import ui

application = QtWidgets.QApplication([])
window = QtWidgets.QWidget()
dispatch = ui.qt(window)
seen = []

def note(name):
    seen.append((name, threading.current_thread() is threading.main_thread()))

def turn(fact):
    deadline = QtCore.QDeadlineTimer(20000)
    while not fact() and not deadline.hasExpired():
        application.processEvents(QtCore.QEventLoop.ProcessEventsFlag.AllEvents, 20)

def elsewhere(function, delay=0.0):
    thread = threading.Thread(target=dispatch, args=(function, delay))
    thread.start()
    thread.join()

elsewhere(lambda: note("late"), 0.05)
elsewhere(lambda: note("first"))
elsewhere(lambda: note("second"))
assert seen == []
turn(lambda: len(seen) == 3)
assert seen == [("first", True), ("second", True), ("late", True)], seen

# After the window has gone: what waits for its time, what is on its way, what comes later.
elsewhere(lambda: note("waiting"), 0.01)
application.processEvents()
elsewhere(lambda: note("on its way"))
window.deleteLater()
application.sendPostedEvents(None, QtCore.QEvent.Type.DeferredDelete.value
                             if "{binding}" == "PyQt6" else QtCore.QEvent.Type.DeferredDelete)
elsewhere(lambda: note("too late"))
other = ui.qt()
over = []
other(lambda: over.append(True), 0.1)
turn(lambda: over)
assert over and len(seen) == 3, seen
print("{binding}", "PySide6" in sys.modules, "PyQt6" in sys.modules)
"""


@pytest.mark.parametrize(
    ("binding", "loaded"), [("PySide6", "True False"), ("PyQt6", "False True")]
)
def test_bindings(binding, loaded) -> None:
    """With either binding, functions run on Qt's thread until the window is deleted."""
    done = subprocess.run(
        [sys.executable, "-c", BINDING.format(binding=binding)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == (f"{binding} {loaded}\n", "")


def test_without_an_application() -> None:
    """Before there is a QApplication there is no dispatcher."""
    code = "from chatsdk import ui\ntry: ui.qt()\nexcept RuntimeError as error: print(error)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "make the QApplication before chatsdk.ui.qt()\n"
