"""The Tk dispatcher in real windows, and the example as a program."""

from __future__ import annotations

import signal
import subprocess
import sys
import tkinter as tk
from pathlib import Path

import pytest
from applications import WAIT

from chatsdk import ui

# A Tk that is garbage must be collected on its own thread, and another one might come first; that
# ends the process. So none of them becomes garbage.
ROOTS: list[tk.Tk] = []


def window() -> tk.Tk:
    root = tk.Tk()
    ROOTS.append(root)
    # Tk announces its theme when idle, and complains if the window is gone by then.
    root.update_idletasks()
    return root


def test_a_frame_that_goes(display) -> None:
    """A frame in the window may go before the window does: its functions are dropped, no others."""
    root = window()
    frame = tk.Frame(root)
    frame.pack()
    of_frame, of_root = ui.tk(frame), ui.tk(root)
    seen: list[str] = []
    # Tk's own would show a dialog.
    root.tk.createcommand("bgerror", seen.append)

    def leave() -> None:
        of_frame(lambda: seen.append("too late"), 0.05)
        frame.destroy()
        of_root(lambda: of_frame(lambda: seen.append("much too late")), 0.1)
        of_root(root.destroy, 0.2)

    def begin() -> None:
        seen.append("in time")
        root.after(1, leave)

    of_frame(begin)
    root.mainloop()
    of_frame(lambda: seen.append("far too late"))
    assert seen == ["in time"]


def test_a_program_that_binds_its_own_end(display) -> None:
    """A binding of the program's own to the end of its window takes nothing from the dispatcher."""
    root = window()
    dispatch = ui.tk(root)
    seen: list[object] = []
    root.tk.createcommand("bgerror", seen.append)
    root.bind("<Destroy>", lambda event: seen.append("destroyed"))
    dispatch(root.destroy)
    root.mainloop()
    other = window()
    # Timers of the first one would be served here, too.
    other.after(100, other.destroy)
    other.mainloop()
    assert seen == ["destroyed"]
    assert root.tk.eval("after info") == root.tk.eval("info commands chatsdk*") == ""


def test_ctrl_c(display) -> None:
    """A Ctrl-C that comes while a function runs ends the main loop, and is raised there."""
    root = window()
    dispatch = ui.tk(root)
    dispatch(lambda: signal.raise_signal(signal.SIGINT))
    late = root.after(int(WAIT * 1000), root.destroy)
    with pytest.raises(KeyboardInterrupt):
        root.mainloop()
    root.after_cancel(late)
    root.destroy()


def test_as_a_program(display) -> None:
    """Without a URL the program starts its own server; closed in mid-answer it ends cleanly."""
    done = subprocess.run(
        [sys.executable, "-X", "dev", str(Path(__file__).with_name("closed_tk.py"))],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WAIT,
    )
    said = "Summarize our conversation.\nclosing\nended\n"
    assert (done.stdout, done.stderr) == (said, "")


def assert_ends(program: str) -> None:
    """Run a program in a separate process; its last line is "ended", and it reports nothing."""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", program],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WAIT,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "ended\n", "")


THREADED = """
import threading, tkinter
from chatsdk import use_chat
from chatsdk.windows import tk

class Tk(tkinter.Tk):
    def mainloop(self, n=0):
        self.after_idle(self.destroy)
        super().mainloop(n)

tkinter.Tk = Tk
with use_chat("http://127.0.0.1:9/v1/chat/completions") as session:
    thread = threading.Thread(target=tk.show, args=[session])
    thread.start()
    thread.join()
print("ended")
"""


def test_on_another_thread(display) -> None:
    """A window may be shown on any thread: Tk is freed there, elsewhere it would abort."""
    assert_ends(THREADED)


COLLECTED = """
import gc, threading, tkinter
from chatsdk import Image, Message, use_chat
from chatsdk.windows.tk import ChatView

PIXEL = "R0lGODlhAQABAIAAAAAAAP///ywAAAAAAQABAAACAUwAOw=="

def shown(session):
    window = tkinter.Tk()
    view = ChatView(window, session)
    view.pack()
    while view.transcript.busy:
        window.update()
    window.destroy()

gc.disable()
image = Image(data=PIXEL, media_type="image/gif")
messages = [Message("user", "Look", images=(image,))]
with use_chat("http://127.0.0.1:9/v1/chat/completions", messages=messages) as session:
    shown(session)
    thread = threading.Thread(target=gc.collect)
    thread.start()
    thread.join()
print("ended")
"""


def test_garbage_of_another_thread(display) -> None:
    """A closed window may be collected on any thread, which neither aborts nor calls Tk there."""
    assert_ends(COLLECTED)
