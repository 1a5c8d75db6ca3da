"""docs/windows.md and the window in README.md; what needs other toolkits is in tests/gui."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from documents import World, program

from chatsdk import ui
from chatsdk.session import ChatSession, delivery_options
from chatsdk.testing import ChatServer, EmbeddedServer
from chatsdk.testing.embedded_replies import speak
from chatsdk.ui import tk_poll

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "docs" / "windows.md").read_text(encoding="utf-8")

WAIT_SECONDS = 90

HELLO = speak({"prompt": "Hello!"})


@pytest.fixture
def server() -> Iterator[EmbeddedServer]:
    """The server at 127.0.0.1:8765."""
    with World() as world:
        yield world.server


def test_the_table() -> None:
    """The page's table names every dispatcher, as it is called."""
    rows = re.findall(r"^\| .*? \| `ui\.(\w+)\((\w*)\)` \|", PAGE, re.M)
    assert sorted(name for name, _ in rows) == sorted(ui.__all__)
    for name, argument in rows:
        code = getattr(ui, name).__code__
        assert [argument] * bool(argument) == list(code.co_varnames[: code.co_argcount])


@pytest.mark.parametrize(
    "said",
    [
        f"{tk_poll.POLL_MS} ms",
        f"1/{round(1 / delivery_options.THROTTLE_SECONDS)} with a dispatcher, 0 without",
    ],
)
def test_the_numbers(said) -> None:
    """The numbers on the page are those in the code."""
    assert said in PAGE


def test_the_examples() -> None:
    """Every example that the page runs is there, and every application is on the page."""
    named = set(re.findall(r"examples/([\w.]+)", PAGE))
    there = {path.name for path in (REPOSITORY / "examples").glob("*_chat.py")}
    assert named == there | {"notebook.ipynb"}
    assert (REPOSITORY / "examples" / "notebook.ipynb").is_file()


def test_the_page_names_what_there_is() -> None:
    """Each method of a session that the page names exists."""
    called = set(re.findall(r"\b(?:session|chat)\.(\w+)", PAGE)) - {"completions", "md"}
    assert called
    assert [name for name in called if not hasattr(ChatSession, name)] == []


# A person's actions and the results, once the main loop has begun.
PERSON = """
import os

def look_at_it():
    shown = text.get("1.0", "end")
    if "[" in shown:
        print(shown, end="")
        root.destroy()
    else:
        root.after(20, look_at_it)

def press():
    entry.focus_force()
    entry.insert(0, "Hello!")
    entry.event_generate("<Return>")
    if os.environ.get("PRESS_STOP"):
        stop_when_it_streams()
    look_at_it()

def stop_when_it_streams():
    if "I am" in text.get("1.0", "end"):
        button.invoke()
    else:
        root.after(5, stop_when_it_streams)

root.after(100, press)
"""


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    """A display to open windows on: a virtual one, else the user's."""
    pytest.importorskip("tkinter", reason="this Python has no Tk")
    xvfb = shutil.which("Xvfb")
    if xvfb is None:
        if not os.environ.get("DISPLAY") and sys.platform not in ("win32", "darwin"):
            pytest.skip("there is no display, and no Xvfb to make one")
        yield os.environ.get("DISPLAY", "")
        return
    readable, writable = os.pipe()
    process = subprocess.Popen(
        [xvfb, "-displayfd", str(writable), "-screen", "0", "800x600x24", "-nolisten", "tcp"],
        pass_fds=[writable],
        stderr=subprocess.DEVNULL,
    )
    os.close(writable)
    with os.fdopen(readable) as number:
        name = number.readline().strip()
    try:
        assert name, "Xvfb has not started"
        yield f":{name}"
    finally:
        process.terminate()
        process.wait(WAIT_SECONDS)


# Runs the snippet as printed, with another port than 8765, and types in its entry.
STAGE = """
import socket, sys, tkinter

source, person, port = sys.argv[1:]
find, mainloop = socket.getaddrinfo, tkinter.Misc.mainloop

def getaddrinfo(host, asked, *args, **options):
    return find(host, int(port) if asked == 8765 else asked, *args, **options)

def with_a_person(self, n=0):
    exec(person, module)
    mainloop(self, n)

socket.getaddrinfo, tkinter.Misc.mainloop = getaddrinfo, with_a_person
module = {"__name__": "__main__"}
exec(compile(source, "the page", "exec"), module)
"""


def window(
    server: ChatServer,
    display: str,
    person: str = PERSON,
    page: str = "docs/windows.md",
    name: str = "window",
    **environ: str,
) -> str:
    """Open a snippet's window, and return what is printed at its end."""
    source = program(page, name).source
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", STAGE, source, person, str(server.port)],
        env={**os.environ, "DISPLAY": display, "PYTHONIOENCODING": "utf-8", **environ},
        capture_output=True,
        encoding="utf-8",
        timeout=WAIT_SECONDS,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_window(server, display) -> None:
    """A real window shows the prompt, the whole answer, and how it ended."""
    assert window(server, display).rstrip() == f"> Hello!\n{HELLO}\n[finished]"


# The same for a window with a view: it is asked something, and closed when the answer is there.
VISITOR = """
import tkinter
from chatsdk.windows.tk import ChatView

def below(widget):
    yield widget
    for child in widget.winfo_children():
        yield from below(child)

# The function that runs the main loop has it as its `self`.
import sys
root = sys._getframe(1).f_locals["self"]
view = next(widget for widget in below(root) if isinstance(widget, ChatView))

def look():
    text = view.transcript.text.get("1.0", "end")
    if "Regenerate" in text:
        print(*(line for line in text.split("\\n") if line.strip()), sep="\\n")
        root.destroy()
    else:
        root.after(20, look)

view.entry.value = "Hello!"
view.send_button.invoke()
look()
"""


@pytest.mark.parametrize(
    ("page", "name"),
    [
        ("README.md", "window"),
        ("docs/windows.md", "view"),
        ("docs/windows.md", "view-in-a-window"),
    ],
)
def test_view(server, display, page, name) -> None:
    """Three lines open a window that asks and shows the answer; it is closed without a word."""
    pytest.importorskip("markdown_it")
    shown = window(server, display, VISITOR, page, name).split("\n")
    assert shown[0] == "Hello!"
    assert "You said: “Hello!”." in "\n".join(shown)


# Closes the window while the answer streams.
LEAVER = VISITOR.replace('"Regenerate" in text', '"I am here" in text')


def test_view_closed_in_mid_answer(display) -> None:
    """Closing the window of `show` stops the answer, and the program ends without a word."""
    pytest.importorskip("markdown_it")
    with ChatServer() as server:
        script = server.answer("openai")
        script.say("I am here")
        assert "I am here" in window(server, display, LEAVER, "README.md")
        script.wait_for_disconnect(WAIT_SECONDS)


def test_window_stop(display) -> None:
    """Its button stops the answer and keeps the text."""
    with EmbeddedServer() as server:
        shown = window(server, display, PRESS_STOP="1").rstrip()
    prompt, text, end = shown.split("\n")
    assert (prompt, end) == ("> Hello!", "[stopped]")
    assert HELLO.startswith(text)
    assert "I am" in text
    assert text != HELLO


def test_window_error(display) -> None:
    """An error is shown in the window."""
    with ChatServer() as server:
        server.reply(401, json={"error": {"message": "who are you?"}})
        assert "[HTTP 401: who are you?" in window(server, display)


def test_window_closed_in_mid_answer(display) -> None:
    """Closing the window ends an answer that still streams, and the program, without a word."""
    with ChatServer() as server:
        script = server.answer("openai")
        script.say("I am [")
        assert "I am [" in window(server, display)
        script.wait_for_disconnect(WAIT_SECONDS)


def test_window_without_a_display(server, monkeypatch) -> None:
    """The snippet does the same with replacements for Tk, all on the main loop's thread."""
    stage = Stage()
    monkeypatch.setitem(sys.modules, "tkinter", stage.module())
    program("docs/windows.md", "window").run()
    assert stage.shown == f"> Hello!\n{HELLO}\n[finished]\n\n"
    assert stage.threads == {threading.get_ident()}


class Stage:
    """Replacements for Tk's classes, and a main loop that presses Return once and awaits the end.

    Attributes:
        shown: the text of the window.
        threads: which threads have called Tk.
    """

    def __init__(self) -> None:
        self.shown = ""
        self.threads: set[int] = set()
        self._waiting: list[str] = []
        self._commands: dict[str, Any] = {}
        self._bound: dict[str, Any] = {}
        self._typed = "Hello!"

    def module(self) -> ModuleType:
        """A module `tkinter` whose every class is this stage."""
        tkinter = ModuleType("tkinter")
        for name in ("Tk", "Text", "Entry", "Button"):
            setattr(tkinter, name, lambda *args, **options: self)
        tkinter.TclError = RuntimeError  # type: ignore[attr-defined]
        return tkinter

    def __getattr__(self, name: str) -> Any:
        # Tk's other calls do not matter here: they succeed.
        return lambda *args, **options: self

    @property
    def tk(self) -> Stage:
        return self

    def createcommand(self, name: str, function: Any) -> None:
        self._commands[name] = function

    def bindtags(self, *_tags: Any) -> tuple[str, ...]:
        return ()

    def call(self, command: str, *args: Any) -> Any:
        self.threads.add(threading.get_ident())
        if command == "bind":
            return ""
        assert command == "after"
        when, name = args
        if when == "cancel":
            self._waiting.remove(name)
        else:
            self._waiting.append(name)
        return name

    def insert(self, _where: str, text: str) -> None:
        self.threads.add(threading.get_ident())
        self.shown += text

    def get(self) -> str:
        return self._typed

    def delete(self, _first: int, _last: str) -> None:
        self._typed = ""

    def bind(self, key: str, function: Any, add: bool = False) -> None:
        self._bound[key] = function

    def mainloop(self) -> None:
        self._bound["<Return>"](None)
        # Pressed again while it streams, with nothing typed, it does nothing.
        self._bound["<Return>"](None)
        while "[finished]" not in self.shown:
            self._commands[self._waiting.pop(0)]()
