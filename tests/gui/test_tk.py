"""The chat in a Tk window, typed into by xdotool."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
import tkinter as tk
import webbrowser
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from applications import WAIT, load

from chatsdk import ui
from chatsdk.parts import Citation

LONG = "unbroken" * 40
CJK = "流式回答会一段一段地到达，窗口始终跟随最后一行。" * 4 + "ストリーミング。한국어도."


# A Tk that is garbage must be collected on its own thread, and another one might come first; that
# ends the process. So none of them becomes garbage.
ROOTS: list[tk.Tk] = []


class Window:
    """The example's window, whose main loop runs while a test waits for a fact."""

    def __init__(self, url: str, threads: Any) -> None:
        self.root = tk.Tk()
        ROOTS.append(self.root)
        self.errors: list[BaseException] = []
        self.root.report_callback_exception = lambda kind, error, trace: self.errors.append(error)
        self.chat = load("tk_chat", threads).Chat(self.root, url)
        self.session = self.chat.session
        self.until(self.root.winfo_viewable)

    def until(self, fact: Callable[[], Any]) -> None:
        """Run the main loop until `fact()`."""
        overdue = []
        timer = self.root.after(int(WAIT * 1000), overdue.append, True)
        while not fact():
            assert not overdue, f"it did not happen; the window says: {self.text!r}"
            # Waits for an event: the dispatcher's timer brings one soon.
            self.root.tk.dooneevent(0)
        self.root.after_cancel(timer)

    def ends_with(self, text: str) -> bool:
        return self.text.endswith(text)

    @property
    def text(self) -> str:
        return self.chat.text.get("1.0", "end-1c")

    @property
    def retry(self) -> Any:
        return self.chat.trouble.winfo_children()[0]

    def focused(self) -> bool:
        """Whether keys come here; without a window manager a window takes the focus itself."""
        if self.root.focus_displayof() is self.chat.entry:
            return True
        self.chat.entry.focus_force()
        return False

    def xdotool(self, *arguments: str) -> None:
        """Have xdotool act on the real window, while the main loop runs."""
        process = subprocess.Popen(["xdotool", *arguments])
        self.until(lambda: process.poll() is not None)
        assert process.returncode == 0

    def press(self, widget: Any) -> None:
        """Click on the middle of a widget with the mouse."""
        self.root.update_idletasks()
        x = widget.winfo_rootx() + widget.winfo_width() // 2
        y = widget.winfo_rooty() + widget.winfo_height() // 2
        self.xdotool("mousemove", str(x), str(y), "click", "1")

    def ask(self, prompt: str) -> None:
        self.until(self.focused)
        self.xdotool("type", "--delay", "1", prompt)
        self.xdotool("key", "Return")
        # The last key may come after xdotool has ended.
        self.until(lambda: self.session.messages)


@pytest.fixture
def window(display, server, threads) -> Iterator[Window]:
    window = Window(f"{server.url}/v1/chat/completions", threads)
    yield window
    window.session.close()
    if not window.errors and "gone" not in vars(window):
        window.root.destroy()
    assert window.errors == []
    assert threads <= {threading.main_thread()}


def picture(window: Window, path: Any) -> None:
    """Leave a picture of the window as it is on the screen."""
    from PIL import ImageGrab

    root = window.root
    root.update()
    x, y = root.winfo_rootx(), root.winfo_rooty()
    place = (x, y, x + root.winfo_width(), y + root.winfo_height())
    ImageGrab.grab(place, xdisplay=root.winfo_screen().removesuffix(".0")).save(path)


def test_an_answer_grows(window, server, threads) -> None:
    """What is typed is asked, and the text grows while it streams, on the window's thread."""
    script = server.answer("openai")
    window.ask("Hello there")
    assert script.wait_for_request().json["messages"] == [
        {"role": "user", "content": "Hello there"}
    ]
    window.until(lambda: window.text == "User\nHello there\n\nAssistant\n")
    script.say("Hel")
    window.until(lambda: window.text.endswith("Assistant\nHel"))
    assert not window.session.done
    assert str(window.chat.send["state"]) == "disabled"
    script.say("lo")
    window.until(lambda: window.text.endswith("Assistant\nHello"))
    script.finish()
    window.until(lambda: str(window.chat.send["state"]) == "normal")
    assert window.text == "User\nHello there\n\nAssistant\nHello"
    assert threads == {threading.main_thread()}


def test_any_script(window, server, artefact) -> None:
    """Chinese can be pasted, and is shown as it comes, as are words that are longer than a line."""
    script = server.answer("openai")
    # To type it, xdotool would change the keyboard's map faster than Tk reads it.
    window.root.clipboard_clear()
    window.root.clipboard_append("请解释流式回答。")
    window.until(window.focused)
    window.xdotool("key", "ctrl+v")
    window.until(lambda: window.chat.entry.get() == "请解释流式回答。")
    window.xdotool("key", "Return")
    assert script.wait_for_request().json["messages"][0]["content"] == "请解释流式回答。"
    said = ""
    for piece in (CJK, "\n\n", LONG, "\n\n", CJK):
        script.say(piece)
        said += piece
        window.until(partial(window.ends_with, f"Assistant\n{said.rstrip()}"))
    picture(window, artefact)
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
    window.until(lambda: window.text == "User\nHi\n\nAssistant (stopped)\nHalf of")
    server.answer("openai", "The whole.")
    window.press(window.chat.again)
    window.until(lambda: window.text == "User\nHi\n\nAssistant\nThe whole.")
    assert threads == {threading.main_thread()}


def test_stop_and_ask_at_once(window, server) -> None:
    """Nothing of an answer that was stopped is shown at the next one."""
    first = server.answer("openai")
    first.say("Half of")
    second = server.answer("openai")
    window.ask("Hi")
    window.until(lambda: "Half of" in window.text)
    first.say(" it")
    # It is not shown yet, for meanwhile the main loop does not run.
    deadline = time.monotonic() + WAIT
    while "it" not in window.session.answer.text:
        assert time.monotonic() < deadline
    window.chat.stop.invoke()
    window.chat.entry.insert(0, "Again")

    def ask() -> bool:
        window.chat.ask()
        return window.chat.entry.get() == ""

    window.until(ask)
    second.say("Another")
    half = "User\nHi\n\nAssistant (stopped)\nHalf of it"
    window.until(lambda: "Another" in window.text)
    assert window.text == f"{half}\n\nUser\nAgain\n\nAssistant\nAnother"
    second.finish()
    window.until(lambda: window.session.done)


def test_a_server_that_dies(window, server, threads, artefact) -> None:
    """An error is shown with what came before it, and Retry asks again, in a small window, too."""
    window.root.geometry("420x240")
    script = server.answer("openai")
    script.say("Half of")
    window.ask("Hi")
    window.until(lambda: "Half of" in window.text)
    script.cut()
    window.until(lambda: window.retry.winfo_viewable())
    window.until(lambda: window.retry.winfo_height() >= window.chat.send.winfo_height())
    assert window.chat.error["text"] == str(window.session.error) != ""
    assert "Half of" in window.text
    picture(window, artefact)
    server.answer("openai", "The whole.")
    window.press(window.retry)
    window.until(lambda: window.text == "User\nHi\n\nAssistant\nThe whole.")
    window.until(lambda: not window.retry.winfo_viewable())
    assert threads == {threading.main_thread()}


def test_closed_in_mid_answer(window, server, threads, caplog) -> None:
    """The window may be closed while an answer streams; the server is left, and nothing is said."""
    script = server.answer("openai")
    script.say("Half of")
    window.ask("Hi")
    window.until(lambda: "Half of" in window.text)
    window.root.destroy()
    window.gone = True
    script.say(" it")
    window.session.close()
    script.wait_for_disconnect()
    assert window.session.outcome.reason == "stopped"
    assert caplog.records == []


def test_reasoning_and_sources(window, server, threads, monkeypatch, artefact) -> None:
    """Reasoning is folded until it is clicked, sources are links, and the view follows the text."""
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    server.answer(
        "openai",
        f"{CJK}\n\n{LONG}\n\n" + "A line of text.\n" * 30 + "The last line.",
        reasoning="First I think.",
        citations=[
            Citation(title="A page", url="https://example.com/page"),
            Citation(title="A file", url="file:///etc/hostname"),
        ],
    )
    window.ask("Tell me everything about streaming")
    window.until(lambda: window.session.done and "A file" in window.text)
    chat = window.chat
    assert "▸ Reasoning" in window.text
    assert "First I think." not in window.text
    assert chat.text.bbox("end-1c") is not None
    picture(window, artefact)

    def click(word: str) -> None:
        chat.text.see(chat.text.search(word, "1.0"))
        window.root.update()
        x, y, _, height = chat.text.bbox(chat.text.search(word, "1.0"))
        place = chat.text.winfo_rootx() + x + 2, chat.text.winfo_rooty() + y + height // 2
        window.xdotool("mousemove", *map(str, place), "click", "1")

    click("A file")
    click("A page")
    window.until(lambda: opened)
    click("▸ Reasoning")
    window.until(lambda: "First I think." in window.text)
    picture(window, artefact.with_stem(f"{artefact.stem}-unfolded"))
    click("▾ Reasoning")
    window.until(lambda: "First I think." not in window.text)
    assert opened == ["https://example.com/page"]


def test_reasoning_that_streams_unfolded(window, server, threads) -> None:
    """Reasoning that was unfolded in mid-answer grows as it comes."""
    script = server.answer("openai")
    script.think("First ")
    window.ask("Hi")
    window.until(lambda: "▸ Reasoning" in window.text)
    window.chat.unfolded = {1}
    script.think("second ")
    window.until(lambda: "▾ Reasoning\nFirst second " in window.text)
    script.say("Done")
    window.until(lambda: window.text.endswith("second \n\nDone"))
    script.finish()
    window.until(lambda: window.session.done)


def test_the_view_stays_where_one_reads(window, server, threads) -> None:
    """Whoever scrolls up is not torn down by text that comes."""
    script = server.answer("openai")
    script.say("A line.\n" * 60)
    window.ask("Hi")
    window.until(lambda: "A line." in window.text and window.chat.text.bbox("end-1c"))
    window.chat.text.yview_moveto(0)
    window.root.update()
    script.say("More of it.")
    window.until(lambda: "More of it." in window.text)
    assert window.chat.text.yview()[0] == 0
    script.finish()
    window.until(lambda: window.session.done and window.session.outcome)
    assert window.chat.text.yview()[0] == 0


def test_the_view_follows_a_window_that_shrinks(window, server, threads) -> None:
    """The last line stays in view when the window shrinks, an error takes room, or one asks."""
    chat = window.chat

    def at_the_end() -> bool:
        window.root.update()
        return chat.text.bbox("end-1c") is not None

    script = server.answer("openai")
    script.say("A line.\n" * 60)
    window.ask("Hi")
    window.until(lambda: "A line." in window.text and at_the_end())
    window.root.geometry("420x240")
    window.until(lambda: window.root.winfo_height() == 240)
    window.until(at_the_end)
    script.say("More of it.")
    window.until(lambda: "More of it." in window.text)
    assert at_the_end()
    script.cut()
    window.until(lambda: window.retry.winfo_viewable() and window.retry.winfo_height() > 1)
    window.until(at_the_end)
    chat.text.yview_moveto(0)
    assert not at_the_end()
    server.answer("openai").say("The whole.")
    window.press(window.retry)
    window.until(lambda: "The whole." in window.text)
    assert at_the_end()


def test_a_frame_that_goes(display) -> None:
    """A frame in the window may go before the window does: its functions are dropped, no others."""
    root = tk.Tk()
    ROOTS.append(root)
    frame = tk.Frame(root)
    frame.pack()
    of_frame, of_root = ui.tk(frame), ui.tk(root)
    seen: list[str] = []
    # Tk's own would show a dialog.
    root.tk.createcommand("bgerror", seen.append)
    of_frame(lambda: seen.append("in time"))
    root.after(100, frame.destroy)
    of_frame(lambda: seen.append("too late"), 0.2)
    of_root(lambda: of_frame(lambda: seen.append("much too late")), 0.3)
    of_root(root.destroy, 0.4)
    root.mainloop()
    of_frame(lambda: seen.append("far too late"))
    assert seen == ["in time"]


def test_a_program_that_binds_its_own_end(display) -> None:
    """A binding of the program's own to the end of its window takes nothing from the dispatcher."""
    root = tk.Tk()
    ROOTS.append(root)
    dispatch = ui.tk(root)
    seen: list[object] = []
    root.tk.createcommand("bgerror", seen.append)
    root.bind("<Destroy>", lambda event: seen.append("destroyed"))
    dispatch(root.destroy)
    root.mainloop()
    other = tk.Tk()
    ROOTS.append(other)
    # Timers of the first one would be served here, too.
    other.after(100, other.destroy)
    other.mainloop()
    assert seen == ["destroyed"]
    assert root.tk.eval("after info") == root.tk.eval("info commands chatsdk*") == ""


def test_ctrl_c(display) -> None:
    """A Ctrl-C that comes while a function runs ends the main loop, and is raised there."""
    root = tk.Tk()
    ROOTS.append(root)
    dispatch = ui.tk(root)
    dispatch(lambda: signal.raise_signal(signal.SIGINT))
    late = root.after(int(WAIT * 1000), root.destroy)
    with pytest.raises(KeyboardInterrupt):
        root.mainloop()
    root.after_cancel(late)
    root.destroy()


def test_as_a_program(display) -> None:
    """Without a URL the program starts a server of its own; closed in mid-answer it ends well."""
    done = subprocess.run(
        [sys.executable, "-X", "dev", str(Path(__file__).with_name("closed_tk.py"))],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WAIT,
    )
    assert (done.stdout, done.stderr) == ("closing\nended\n", "")
