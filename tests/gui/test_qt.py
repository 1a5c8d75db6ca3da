"""Qt programs: the example, `show`, and both bindings."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from applications import EXAMPLES, WAIT, load
from documents import program
from PySide6 import QtCore, QtTest, QtWidgets
from qt_window import pump, until
from terminal import Terminal

from chatsdk import use_chat
from chatsdk.testing import EmbeddedServer
from chatsdk.windows import qt

PATH = "/v1/chat/completions"

# The message of Qt's offscreen platform when a window is shown.
OFFSCREEN = "This plugin does not support propagateSizeHints()\n"


@pytest.fixture(scope="session")
def application() -> QtWidgets.QApplication:
    return QtWidgets.QApplication.instance() or QtWidgets.QApplication([])


def test_the_example(application, server, artefact) -> None:
    """A click on the button asks about the notes, in the chat next to them."""
    window = load("qt_chat").Chat(server.url + PATH)
    window.show()
    try:
        script = server.answer("openai", "Milk and **eggs**.")
        window.notes.setPlainText("Buy milk. Buy eggs.")
        QtTest.QTest.mouseClick(window.button, QtCore.Qt.MouseButton.LeftButton)
        content = script.wait_for_request().json["messages"][0]["content"]
        assert content == "Summarize this:\n\nBuy milk. Buy eggs."
        view = window.view
        until(lambda: view.turns and view.turns[0].shown.text == "Milk and **eggs**.")
        until(lambda: window.session.done and not view.busy)
        window.grab().save(str(artefact))
    finally:
        window.session.close()
        window.close()
        window.deleteLater()
        pump()


def test_show(application, server) -> None:
    """`show` returns when its window is closed, and then nothing is in flight."""
    script = server.answer("openai")
    script.say("Half of")
    session = use_chat(server.url + PATH)
    seen: list[str] = []

    def use() -> None:
        (view,) = (
            widget
            for widget in application.topLevelWidgets()
            if isinstance(widget, qt.ChatView) and widget.session is session
        )
        if not seen:
            seen.append(view.windowTitle())
            view.entry.setPlainText("Hi")
            view.submit()
        elif "Half of" in view.turns[0].shown.text:
            timer.stop()
            view.close()

    timer = QtCore.QTimer()
    timer.timeout.connect(use)
    timer.start(10)
    qt.show(session, title="A chat")
    assert seen == ["A chat"]
    script.wait_for_disconnect()
    assert session.status == "stopped"
    session.close()


PROGRAM = """
import {binding}.QtCore
from chatsdk import use_chat
from chatsdk.testing import EmbeddedServer
from chatsdk.windows import qt
from chatsdk.windows.qt.binding import QtCore, QtWidgets

application = QtWidgets.QApplication([])
timer = QtCore.QTimer()
asked = []

def use():
    (view,) = (each for each in application.topLevelWidgets() if isinstance(each, qt.ChatView))
    if not asked:
        asked.append(True)
        view.entry.setPlainText("Hi")
        view.submit()
    elif session.done and not view.busy and len(session.messages) == 2:
        texts = [row.widget for row in view.turns[0].rows if hasattr(row.widget, "document_")]
        print(texts[0].toPlainText(), [run.kind for run in texts[0].document_.runs])
        view.grab().save({picture!r})
        print(texts[0].code(0))
        view.resize(330, 400)
        view.scroller.page(-1)
        view.focusNextPrevChild(True)
        timer.stop()
        QtCore.QTimer.singleShot(0, view.close)

timer.timeout.connect(use)
timer.start(10)
session = use_chat({url!r})
qt.show(session)
session.close()
print("closed", QtCore.__name__)
"""


@pytest.mark.parametrize("binding", ["PySide6", "PyQt6"])
def test_show_with_either_binding(server, artefact, binding) -> None:
    """The same window with either binding, the one that the program has imported."""
    server.answer(
        "openai",
        "A **bold** word.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n- an item\n\n```\nx = 1\n```\n",
        reasoning="I think.",
    )
    code = PROGRAM.format(binding=binding, url=server.url + PATH, picture=str(artefact))
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", code],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WAIT * 3,
    )
    assert done.stderr.replace(OFFSCREEN, "") == ""
    assert done.stdout == (
        f"A bold word.\na\nb\n1\n2\nan item\nx = 1 ['code']\nx = 1\nclosed {binding}.QtCore\n"
    )


def test_three_lines(server) -> None:
    """Three lines give a window, without a QApplication made before; Ctrl-C ends the program."""
    code = (
        "from chatsdk import use_chat; from chatsdk.windows import qt\n"
        f"qt.show(use_chat({server.url + PATH!r}))\n"
    )
    with Terminal("-c", code) as program:
        program.expect("propagateSizeHints")
        program.type("\x03")
        assert program.wait() == -signal.SIGINT
        assert "Traceback" not in program.seen


VISITOR = """
import sys
from PySide6 import QtCore, QtWidgets
from chatsdk.windows.qt import ChatView

class Application(QtWidgets.QApplication):
    def exec(self):
        (window,) = (each for each in self.topLevelWidgets() if each.isVisible())
        view = window.findChild(ChatView)
        timer = QtCore.QTimer()

        def look():
            if view.session.done and not view.busy and len(view.session.messages) == 2:
                timer.stop()
                print(view.turns[0].shown.text[:18])
                window.close()

        timer.timeout.connect(look)
        timer.start(10)
        view.entry.setPlainText("Hello")
        view.submit()
        return super().exec()

QtWidgets.QApplication = Application
"""


def test_the_page() -> None:
    """The program in docs/windows.md puts a view into a window, and ends when that is closed."""
    with EmbeddedServer(pace=0.0) as server:
        source = program("docs/windows.md", "view-in-qt").source
        assert "127.0.0.1:8765" in source
        source = source.replace("127.0.0.1:8765", f"127.0.0.1:{server.port}")
        done = subprocess.run(
            [sys.executable, "-c", VISITOR + source],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=WAIT * 3,
        )
    assert done.stderr.replace(OFFSCREEN, "") == ""
    assert done.stdout == "You said: “Hello”.\n"


def test_without_a_binding(tmp_path) -> None:
    """Without PySide6 and PyQt6 the import shows what to install."""
    for name in ("PySide6", "PyQt6"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('not here')")
    code = "try: from chatsdk.windows import qt\nexcept ImportError as error: print(error)"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{code}"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == (
        "chatsdk.windows.qt needs PySide6 or PyQt6: pip install PySide6-Essentials\n"
    )


def test_a_view_without_an_application() -> None:
    """Before there is a QApplication there is no view."""
    code = (
        "from chatsdk import use_chat; from chatsdk.windows import qt\n"
        "try: qt.ChatView(use_chat('http://127.0.0.1:9'))\n"
        "except RuntimeError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "make the QApplication before the ChatView\n"


def test_as_a_program() -> None:
    """Without a URL the program starts its own server; closed in mid-answer it ends cleanly."""
    done = subprocess.run(
        [sys.executable, "-X", "dev", str(Path(__file__).with_name("closed_qt.py"))],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WAIT * 2,
    )
    said = done.stderr.replace(OFFSCREEN, "")
    assert (done.returncode, done.stdout, said) == (0, "closing\nended\n", "")


def test_ctrl_c() -> None:
    """A Ctrl-C in the terminal ends the program, also while nothing of Python runs in it."""
    with Terminal(
        str(EXAMPLES / "qt_chat.py"), "http://127.0.0.1:9/v1/chat/completions"
    ) as program:
        # The message of Qt's offscreen platform when the window is shown.
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
