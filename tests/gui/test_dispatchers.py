"""Dispatchers to toolkits that no other test opens a window of, each with the real toolkit.

Those without a wheel for Linux are run by the system's own Python: apt-get install python3-gi
python3-wxgtk4.0.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from applications import WAIT

# Runs before a toolkit's main loop, and reports about it afterwards.
PROGRAM = """
from __future__ import annotations
import json, sys, threading
from chatsdk import ui, use_chat
from chatsdk.testing import EmbeddedServer

MAIN = threading.main_thread()
seen = []
deltas = []
strays = []

def note(name):
    seen.append(name)
    if threading.current_thread() is not MAIN:
        strays.append(name)

def elsewhere(function, delay=0.0):
    thread = threading.Thread(target=dispatch, args=(function, delay))
    thread.start()
    thread.join()

def grow(answer):
    note("answer")
    deltas.append(answer.delta)

def finish(outcome):
    note("finish")
    # Only what is later than a frame may still wait for its time.
    dispatch(end, 0.05)

def end():
    note("end")
    leave()

def begin():
    elsewhere(lambda: note("first"))
    elsewhere(lambda: note("second"))
    assert seen == []
    session.start("Tell me something.")

{prepare}

with EmbeddedServer(pace=0.01) as server:
    url = server.url + "/v1/chat/completions"
    with use_chat(url, dispatch=dispatch, on_answer=grow, on_finish=finish) as session:
        begin()
        {main_loop}
        text = session.answer.text
{gone}
elsewhere(lambda: note("too late"))
elsewhere(lambda: note("much too late"), 0.01)
print(json.dumps(dict(seen=seen, strays=strays, deltas=deltas, text=text)))
"""

TOOLKITS = {
    "gi": {
        "prepare": """
from gi.repository import GLib
loop = GLib.MainLoop()
dispatch = ui.gtk()
leave = loop.quit
""",
        "main_loop": "loop.run()",
        "gone": "",
    },
    "wx": {
        "prepare": """
import wx
application = wx.App()
frame = wx.Frame(None, title="Chat")
frame.Show()
dispatch = ui.wx()
leave = frame.Close
""",
        "main_loop": "application.MainLoop()",
        "gone": "del frame, leave, application",
    },
    "kivy": {
        # Kivy's event loop does this between two frames; a real window needs OpenGL.
        "prepare": """
from kivy.clock import Clock
running = True
def leave():
    global running
    running = False
dispatch = ui.kivy()
""",
        "main_loop": "while running: Clock.tick()",
        "gone": "",
    },
    "textual": {
        "prepare": """
from textual.app import App
class Window(App):
    def on_mount(self):
        begin_now()
application = Window()
dispatch = ui.textual(application)
leave = application.exit
begin_now, begin = begin, lambda: None
""",
        "main_loop": "application.run(headless=True)",
        "gone": "",
    },
    "tkinter": {
        "prepare": """
import tkinter
window = tkinter.Tk()
dispatch = ui.tk(window)
leave = window.destroy
""",
        "main_loop": "window.mainloop()",
        "gone": "",
    },
}


def python_with(module: str) -> str:
    """Return a Python that has `module`: this one, or the system's own."""
    for python in (sys.executable, "/usr/bin/python3"):
        code = f"import sys, {module}; sys.exit(sys.version_info < (3, 10))"
        if Path(python).exists():
            if subprocess.run([python, "-c", code], capture_output=True).returncode == 0:
                return python
    return pytest.skip(f"no Python here has {module}")


@pytest.fixture(scope="module")
def packages(tmp_path_factory) -> Path:
    """A folder with chatsdk and what it needs, and nothing else, for another Python's path."""
    folder = tmp_path_factory.mktemp("packages")
    needed = "chatsdk requests urllib3 idna certifi charset_normalizer sseclient attr attrs"
    for name in needed.split():
        (place,) = importlib.util.find_spec(name).submodule_search_locations
        (folder / name).symlink_to(place, target_is_directory=True)
    return folder


@pytest.mark.parametrize("module", TOOLKITS)
def test_toolkit(module, display, packages, tmp_path) -> None:
    """A session's callbacks run on the main loop's thread, and once that has ended nothing does."""
    source = PROGRAM
    for place, code in TOOLKITS[module].items():
        source = source.replace(f"{{{place}}}", code)
    done = subprocess.run(
        [python_with(module), "-c", source],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WAIT * 3,
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(packages),
            "KIVY_HOME": str(tmp_path),
            "KIVY_NO_ARGS": "1",
            "KIVY_NO_CONSOLELOG": "1",
        },
    )
    assert done.returncode == 0, done.stderr
    # A headless Textual clears a screen that is not there.
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["strays"] == []
    answers = told["seen"].count("answer")
    assert told["seen"] == ["first", "second", *["answer"] * answers, "finish", "end"]
    assert answers > 2
    assert "".join(told["deltas"]) == told["text"] != ""
    assert "Traceback" not in done.stderr
