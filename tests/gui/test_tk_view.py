"""The Tk view in a real window, used with a mouse and a keyboard."""

from __future__ import annotations

import base64
import gc
import io
import json
import re
import subprocess
import threading
import tkinter as tk
import weakref
import webbrowser
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from tkinter import filedialog, font
from typing import Any

import pytest
from applications import WAIT
from PIL import Image as Pillow

from chatsdk import ChatClient, ChatSession, Citation, Image, Message, Tool, ToolCall
from chatsdk.parts import Citations, ToolCallDelta
from chatsdk.windows.tk import ChatView, palette, thumbnails, transcript_view
from chatsdk.windows.tk.markdown_runs import LINE_CHARS, MarkdownRuns
from chatsdk.windows.tk.turn_drawing import TurnDrawing
from chatsdk.windows.tk.visual_order import visual_lines
from chatsdk.windows.transcript import ShownTurn

# A Tk that is garbage must be collected on its own thread, and another one might come first; that
# ends the process. So none of them becomes garbage.
ROOTS: list[tk.Tk] = []

CJK = "流式回答会一段一段地到达，窗口始终跟随最后一行。"
ARABIC = "مرحبا بك في عالم الدردشة."

MARKDOWN = f"""# Sorting in Python

Use **sorted** for a *new* list, or `list.sort` in place:

1. `key=` takes a function
2. `reverse=True` turns it round
   - a nested item that is long enough to wrap around the end of the line in a narrow window

```python
def by_length(words: list[str]) -> list[str]:
    return sorted(words, key=len)
```

| method | returns | cost |
|---|---|---|
| `sorted(x)` | a new list | O(n log n) |
| `x.sort()` | `None`, because it sorts in place | O(n log n) |

> Timsort is *adaptive*.

See [the docs](https://example.com/docs), https://example.com/page or [a file](file:///etc/passwd).
<script>alert(1)</script> ![a picture](https://example.com/a.png)

{CJK} 🎉 👍

{ARABIC}
"""

# A red square, 2 pixels wide and high.
PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR4nGP4z8AARAwQCgAf7gP9i18U1AAA"
    "AABJRU5ErkJggg=="
)


class Desk:
    """A window with a view, whose main loop runs while a test waits for a fact."""

    def __init__(self, url: str, size: str = "640x700", **options: Any) -> None:
        self.root = tk.Tk()
        ROOTS.append(self.root)
        self.errors: list[BaseException] = []
        self.root.report_callback_exception = lambda kind, error, trace: self.errors.append(error)
        self.root.geometry(size)
        self.client = ChatClient(url)
        self.session = ChatSession(self.client)
        self.theme = options.setdefault("theme", "light")
        self.view = ChatView(self.root, self.session, **options)
        self.view.pack(fill="both", expand=True)
        self.entry = self.view.entry.text
        self.paper = self.view.transcript.text
        # Tk gives it the focus as soon as it is visible.
        self.until(lambda: self.root.focus_lastfor() is self.entry)

    def until(self, fact: Callable[[], Any]) -> None:
        """Run the main loop until `fact()`."""
        overdue: list[bool] = []
        timer = self.root.after(int(WAIT * 1000), overdue.append, True)
        while not fact():
            if overdue:
                said = self.text if self.view.winfo_exists() else ""
                entry = self.view.entry.value if self.view.winfo_exists() else ""
                raise AssertionError(f"it did not happen; the window says: {said!r}, {entry!r}")
            # Waits for an event, and this brings one.
            beat = self.root.after(20, str)
            self.root.tk.dooneevent(0)
            self.root.after_cancel(beat)
        self.root.after_cancel(timer)

    def settle(self) -> None:
        """Wait until nothing is left to draw."""
        self.until(lambda: not self.view.transcript.busy)
        self.root.update()

    @property
    def text(self) -> str:
        """The lines of the transcript, without those that only make room."""
        lines = self.paper.get("1.0", "end").split("\n")
        return "\n".join(line for line in lines if line.strip())

    def shows(self, *texts: str) -> bool:
        return all(text in self.text for text in texts)

    def tags_at(self, text: str) -> tuple[str, ...]:
        return self.paper.tag_names(self.paper.search(text, "1.0"))

    def xdotool(self, *arguments: str) -> None:
        """Have xdotool act on the real window, while the main loop runs."""
        process = subprocess.Popen(["xdotool", *arguments])
        self.until(lambda: process.poll() is not None)
        assert process.returncode == 0

    def keys(self, *names: str) -> None:
        """Press keys in the window; without a window manager it takes the focus itself."""
        (self.root.focus_lastfor() or self.root).focus_force()
        self.root.update()
        self.xdotool("key", *names)

    def press(self, widget: Any) -> None:
        """Click on the middle of a widget."""
        self.root.update()
        x = widget.winfo_rootx() + widget.winfo_width() // 2
        y = widget.winfo_rooty() + widget.winfo_height() // 2
        self.xdotool("mousemove", str(x), str(y), "click", "1")

    def click(self, text: str, start: str = "1.0") -> None:
        """Click on a text of the transcript."""
        self.settle()
        index = self.paper.search(text, start)
        assert index, self.text
        self.paper.see(index)
        self.view.transcript.scrolled_by_hand()
        self.root.update()
        x, y, width, height = self.paper.bbox(index)
        x += self.paper.winfo_rootx() + width // 2
        y += self.paper.winfo_rooty() + height // 2
        self.xdotool("mousemove", str(x), str(y), "click", "1")

    def ask(self, text: str) -> None:
        self.view.entry.value = text
        self.view.send_button.invoke()

    def picture(self, path: Path, name: str = "") -> None:
        """Leave a picture of the window as it is on the screen."""
        from PIL import ImageGrab

        self.settle()
        x, y = self.root.winfo_rootx(), self.root.winfo_rooty()
        place = (x, y, x + self.root.winfo_width(), y + self.root.winfo_height())
        grabbed = ImageGrab.grab(place, xdisplay=self.root.winfo_screen().removesuffix(".0"))
        # It is really drawn: the theme's ground at the margin, and text in many shades.
        ground = palette.DARK if self.theme == "dark" else palette.LIGHT
        assert "#{:02x}{:02x}{:02x}".format(*grabbed.getpixel((4, 80))[:3]) == ground.ground
        assert len(grabbed.getcolors(1 << 24)) > 16
        grabbed.save(path.with_stem(f"{path.stem}{name and '-'}{name}"))

    def close(self) -> None:
        self.session.close()
        self.client.close()
        if not self.errors:
            self.root.destroy()
        assert self.errors == []


@pytest.fixture
def desks(display, server) -> Iterator[Callable[..., Desk]]:
    opened: list[Desk] = []

    def open_desk(*size: str, **options: Any) -> Desk:
        opened.append(Desk(f"{server.url}/v1/chat/completions", *size, **options))
        return opened[-1]

    yield open_desk
    for desk in opened:
        desk.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", ["320x600", "900x680"])
def test_an_answer_in_markdown(desks, server, artefact, theme, size) -> None:
    """Everything that Markdown has is drawn, in both themes, from 320 pixels on."""
    desk = desks(size, theme=theme)
    desk.until(lambda: desk.view.entry.winfo_width() > 150)
    desk.picture(artefact, "idle")
    server.answer("openai", MARKDOWN, reasoning="First I think.")
    desk.ask("How do I sort?")
    desk.until(lambda: desk.session.done and desk.shows("Regenerate"))
    assert desk.shows("•\t", "1.\tkey= takes", "Timsort is adaptive.", "<script>alert(1)</script>")
    assert "**" not in desk.text
    assert "|---" not in desk.text
    assert "```" not in desk.text
    for text, tag in (
        ("Sorting in", "h1"),
        ("sorted", "bold"),
        ("new list", "italic"),
        ("list.sort", "code"),
        ("def by_length", "block"),
        ("Timsort", "quote"),
        ("the docs", "url:https://example.com/docs"),
        ("https://example.com/page", "url:https://example.com/page"),
        # Joined, and in the order in which it is seen.
        ("\ufeda\ufe91", "rtl"),
    ):
        assert tag in desk.tags_at(text), text
    assert not any(tag.startswith("url:file") for tag in desk.paper.tag_names())
    desk.picture(artefact, "end")
    desk.paper.yview_moveto(0)
    desk.picture(artefact, "top")


def test_half_written(desks, server, artefact) -> None:
    """A fence, a table and emphasis that have only begun are shown as what they will be."""
    desk = desks()
    script = server.answer("openai")
    desk.ask("Go")
    said = ""
    for piece, text, tag in (
        ("Some **bold wo", "bold", "bold"),
        ("rds**.\n\n| head | to", "head", "table-head"),
        ("wn |\n|--", "head", "table-head"),
        ("|--|\n| one | two |\n\n```py\nprint(", "print(", "block"),
        ("1)\n``", "print(1)", "block"),
    ):
        script.say(piece)
        said += piece
        desk.until(lambda text=text, tag=tag: desk.shows(text) and tag in desk.tags_at(text))
        assert "**" not in desk.text
        assert "`" not in desk.text
    desk.picture(artefact)
    script.say("`\n\nThe end.")
    script.finish()
    desk.until(lambda: desk.shows("The end.", "Regenerate"))
    assert (
        desk.view.transcript.paper.tagged(
            next(tag for tag in desk.tags_at("print(1)") if tag.startswith("listing-"))
        )
        == "print(1)"
    )


def test_a_turn_from_the_question_to_the_end(desks, server, artefact) -> None:
    """Life while nothing has come, a queued question, Stop, its notice, and the focus."""
    desk = desks()
    script = server.answer("openai")
    desk.keys("H", "i", "shift+Return", "t", "h", "e", "r", "e")
    desk.until(lambda: desk.view.entry.value == "Hi\nthere")
    assert int(desk.entry.cget("height")) == 2
    desk.keys("Return")
    assert script.wait_for_request(WAIT).json["messages"][0]["content"] == "Hi\nthere"
    desk.until(lambda: desk.shows("Hi", "there", "Thinking"))
    desk.until(lambda: re.search(r"Thinking · \d+ s", desk.text))
    desk.picture(artefact, "submitted")
    # Text typed while it streams is sent after it.
    desk.keys("m", "o", "r", "e", "Return", "d", "r", "a", "f", "t")
    desk.until(lambda: desk.view.queued.winfo_viewable() and desk.view.entry.value == "draft")
    script.say("Half of")
    desk.until(lambda: desk.shows("Half of"))
    assert not desk.shows("Thinking")
    desk.picture(artefact, "streaming")
    desk.press(desk.view.queued.button)
    desk.until(lambda: desk.view.entry.value == "more\ndraft")
    desk.until(lambda: not desk.view.queued.winfo_viewable())
    desk.keys("Escape")
    script.wait_for_disconnect(WAIT)
    desk.until(lambda: desk.shows("You stopped this answer.", "Regenerate"))
    desk.until(desk.view.send_button.winfo_viewable)
    # The focus is where one types, whatever was pressed.
    assert desk.root.focus_get() is desk.entry
    desk.picture(artefact, "stopped")
    second = server.answer("openai")
    desk.view.entry.value = ""
    desk.click("Regenerate")
    second.wait_for_request(WAIT)
    assert desk.root.focus_get() is desk.entry
    second.finish()
    desk.until(lambda: desk.shows("The answer was empty."))
    desk.keys("Up")
    desk.until(lambda: desk.view.entry.value == "more")
    desk.keys("Up")
    desk.until(lambda: desk.view.entry.value == "Hi\nthere")
    desk.picture(artefact, "empty")


def test_a_very_long_line_is_pasted(desks, server) -> None:
    """A pasted line of 1 MB is broken for Tk, which would take minutes for it, and sent whole."""
    desk = desks()
    pasted = "x" * 1_000_000 + "\n" + "word " * 1000 + "end"
    desk.view.entry.value = "Explain: this?"
    desk.entry.tag_add("sel", "1.9", "1.13")
    desk.entry.mark_set("insert", "1.13")
    desk.root.clipboard_clear()
    desk.root.clipboard_append(pasted)
    desk.entry.event_generate("<<Paste>>")
    text = f"Explain: {pasted}?"
    assert desk.view.entry.value == text
    assert max(map(len, desk.entry.get("1.0", "end").split("\n"))) <= LINE_CHARS + 20
    server.answer("openai", "Fine.")
    desk.view.send_button.invoke()
    desk.until(lambda: desk.session.done and desk.shows("Fine."))
    assert server.requests[-1].json["messages"][0]["content"] == text
    desk.entry.event_generate("<Up>")
    assert desk.view.entry.value == text


def test_undo_brings_back_a_pasted_line(desks) -> None:
    """A deleted line that was broken for Tk comes back whole, and so does one pasted again."""
    desk = desks()
    text = "x" * 5000 + "\nend"
    desk.root.clipboard_clear()
    desk.root.clipboard_append(text)
    desk.entry.event_generate("<<Paste>>")
    desk.entry.edit_separator()
    desk.entry.delete("1.0", "end")
    assert desk.view.entry.value == ""
    desk.entry.edit_undo()
    assert desk.view.entry.value == text
    desk.entry.edit_undo()
    assert desk.view.entry.value == ""
    desk.entry.edit_redo()
    assert desk.view.entry.value == text


def test_a_queued_question_is_sent(desks, server) -> None:
    """A question that waited is asked when the answer has ended."""
    desk = desks()
    first, second = server.answer("openai"), server.answer("openai")
    desk.ask("One")
    desk.ask("Two")
    first.say("First.")
    first.finish()
    second.say("Second.")
    second.finish()
    desk.until(lambda: desk.shows("One", "First.", "Two", "Second."))
    assert second.wait_for_request().json["messages"][-1]["content"] == "Two"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_an_error_in_its_turn(desks, server, artefact, theme) -> None:
    """An error is shown below what came before it, with Retry; it stays when one goes on."""
    desk = desks("400x500", theme=theme)
    script = server.answer("openai")
    desk.ask("Hi")
    script.say("Half of")
    desk.until(lambda: desk.shows("Half of"))
    script.cut()
    desk.until(lambda: desk.shows("Retry"))
    assert desk.shows("Half of", str(desk.session.error))
    assert "bad" in desk.tags_at(str(desk.session.error)[:20])
    desk.picture(artefact)
    server.reply(401, json={"error": {"message": "Incorrect API key"}})
    desk.click("Retry")
    desk.until(lambda: desk.shows("Incorrect API key", "Retry"))
    assert not desk.shows("Half of")
    server.answer("openai", "Fine.")
    desk.ask("Again")
    desk.until(lambda: desk.shows("Fine.", "Regenerate"))
    assert desk.shows("Incorrect API key")
    assert not desk.shows("Retry")


def test_reasoning_tools_sources_and_images(desks, server, artefact, monkeypatch) -> None:
    """Reasoning and calls are folded, sources are numbered links, images are small."""
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    go = threading.Event()

    def weather(city: str) -> str:
        """The weather."""
        assert go.wait(WAIT)
        return f"sunny in {city}"

    desk = desks(options={"tools": [weather]})
    images = (Image(data=PNG, media_type="image/png"), Image(url="https://example.com/cat.png"))
    desk.session.set_messages(
        [Message("user", "Look", images=images), Message("assistant", "A square.")]
    )
    desk.until(lambda: desk.shows("A square.", "Image: https://example.com/cat.png"))
    assert len(desk.paper.image_names()) == 1
    first, second = server.answer("openai"), server.answer("openai")
    desk.ask("Weather?")
    first.think("First I ")
    desk.until(lambda: desk.shows("▸ Reasoning", "Thinking"))
    desk.click("▸ Reasoning")
    desk.until(lambda: desk.shows("▾ Reasoning", "First I"))
    first.think("think.")
    desk.until(lambda: desk.shows("First I think."))
    first.put(ToolCallDelta(0, id="c1", name="weather", arguments='{"city": "Rome"}'))
    desk.until(lambda: desk.shows("weather · preparing"))
    first.finish("tool_calls")
    desk.until(lambda: desk.shows("weather · running", '{"city": "Rome"}'))
    go.set()
    desk.until(lambda: desk.shows("weather · done", "→ sunny in Rome"))
    assert color(desk, " · done") == palette.LIGHT.soft
    second.say("It is sunny [1].")
    second.put(
        Citations(
            (
                Citation(title="A page", url="https://example.com/page"),
                Citation(title="A file", url="file:///etc/passwd"),
            )
        )
    )
    second.finish()
    desk.until(lambda: desk.session.done and desk.shows("1.\tA page", "2.\tA file"))
    desk.click("weather · done")
    desk.until(lambda: desk.shows("Arguments", '"city": "Rome"', "Result"))
    desk.picture(artefact, "unfolded")
    desk.click("▾ Reasoning")
    desk.until(lambda: not desk.shows("First I think."))
    desk.picture(artefact, "folded")
    desk.click("A file")
    desk.click("A page")
    desk.until(lambda: opened)
    assert opened == ["https://example.com/page"]
    assert desk.view.hint.cget("text") == "https://example.com/page"


def color(desk: Desk, text: str) -> str:
    """The colour in which the first letter of a text is drawn."""
    colors = [desk.paper.tag_cget(tag, "foreground") for tag in desk.tags_at(text)]
    return [color for color in colors if color][-1]


def test_what_needs_attention_is_red(desks) -> None:
    """A failed call is shown in the colour of errors."""
    desk = desks()
    call = ToolCall("c1", "search", "{}")
    result = Message("tool", "no route", tool_call_id="c1", name="search", status="error")
    desk.session.set_messages(
        [Message("user", "Hi"), Message("assistant", tool_calls=(call,)), result]
    )
    desk.until(lambda: desk.shows("search · failed"))
    assert color(desk, " · failed") == palette.LIGHT.bad


def delete(path: str, why: str) -> str:
    """Delete everything."""
    return "deleted"


def test_a_person_allows_a_tool(desks, server, artefact) -> None:
    """A call that needs a person is allowed or denied in the window."""
    desk = desks(options={"tools": [Tool(delete, approve=True)]})
    arguments = json.dumps({"path": "a" * 200, "why": "the end"})
    for last in ("c1", "c2"):
        script = server.answer("openai")
        script.put(ToolCallDelta(0, id=last, name="delete", arguments=arguments))
        script.finish("tool_calls")
    server.answer("openai", "As you wish.")
    desk.ask("Go")
    # All that is decided about can be seen.
    desk.until(lambda: desk.shows("delete · waiting for you", '"why": "the end"', "Allow"))
    desk.picture(artefact)
    desk.click("Allow")
    desk.until(lambda: desk.shows("▸ delete · done", "→ deleted", "Deny"))
    desk.click("Deny")
    desk.until(lambda: desk.shows("delete · failed", "As you wish."))
    assert not desk.shows("Allow")


def test_what_one_can_do_with_a_conversation(desks, server, tmp_path, monkeypatch) -> None:
    """Copy an answer or code, edit a question, save, begin a new chat, and open it again."""
    desk = desks()
    server.answer("openai", "Use **this**:\n\n```py\nx = 1\ny = 2\n```")
    desk.ask("How?")
    desk.until(lambda: desk.shows("y = 2", "Regenerate"))
    desk.click("Copy")
    desk.until(lambda: desk.view.clipboard_get() == "x = 1\ny = 2")
    desk.click("Copy", desk.paper.search("y = 2", "1.0"))
    desk.until(lambda: desk.view.clipboard_get() == "Use **this**:\n\n```py\nx = 1\ny = 2\n```")
    desk.view.entry.value = "a draft"
    desk.click("Edit")
    desk.until(lambda: desk.view.entry.value == "How?" and desk.view.editing.winfo_viewable())
    desk.keys("Escape")
    desk.until(lambda: desk.view.entry.value == "a draft")
    desk.click("Edit")
    desk.until(lambda: desk.view.entry.value == "How?")
    server.answer("openai", "Otherwise.")
    desk.keys("a", "n", "d", "Return")
    desk.until(lambda: desk.shows("How?and", "Otherwise.", "Regenerate"))
    assert not desk.shows("Use this")
    assert desk.view.entry.value == "a draft"
    path = str(tmp_path / "chat.json")
    monkeypatch.setattr(filedialog, "asksaveasfilename", lambda **options: path)
    monkeypatch.setattr(filedialog, "askopenfilename", lambda **options: path)
    desk.press(desk.view.header.save)
    desk.until(lambda: Path(path).exists())
    desk.press(desk.view.header.new)
    desk.until(lambda: desk.text == "")
    assert desk.view.header.new.winfo_viewable()
    desk.press(desk.view.header.open)
    desk.until(lambda: desk.shows("How?and", "Otherwise."))
    path = str(tmp_path / "missing.json")
    desk.press(desk.view.header.open)
    desk.until(lambda: desk.view.trouble.winfo_viewable())
    assert "missing.json" in desk.view.trouble.label.cget("text")


def test_the_end_is_followed_unless_one_reads(desks, server, artefact) -> None:
    """Text that comes does not move what a reader has scrolled to; a button leads back."""
    desk = desks("480x420")
    script = server.answer("openai")
    desk.ask("Go")
    script.say("A paragraph.\n\n" * 60)
    desk.until(lambda: desk.shows("A paragraph.") and desk.paper.dlineinfo("end-1c"))
    desk.root.geometry("400x300")
    desk.until(lambda: desk.root.winfo_height() == 300 and desk.paper.dlineinfo("end-1c"))
    desk.settle()
    desk.paper.event_generate("<Button-4>")
    desk.until(
        lambda: not desk.paper.dlineinfo("end-1c") and desk.view.transcript.down.winfo_viewable()
    )
    before = desk.paper.index("@0,0")
    script.say("More of it.\n\n" * 20)
    desk.until(lambda: desk.shows("More of it."))
    desk.settle()
    assert desk.paper.index("@0,0") == before
    desk.picture(artefact)
    desk.press(desk.view.transcript.down)
    desk.until(lambda: desk.paper.dlineinfo("end-1c"))
    desk.until(lambda: not desk.view.transcript.down.winfo_viewable())
    script.say("The end.")
    script.finish()
    desk.until(lambda: desk.shows("The end.", "Regenerate") and desk.paper.dlineinfo("end-1c"))


def test_the_keyboard_reaches_everything(desks, server) -> None:
    """Tab goes through the view and the links of the text; what is typed goes to the entry."""
    desk = desks()
    server.answer("openai", "See [the docs][1].\n\n[1]: https://example.com/docs")
    desk.ask("Hi")
    desk.until(lambda: desk.shows("Regenerate"))
    desk.settle()
    desk.keys("Tab")
    assert desk.root.focus_get() is desk.view.send_button
    seen: list[Any] = []

    def tab() -> Any:
        desk.keys("Tab")
        desk.root.update()
        seen.append(desk.root.focus_get())
        return seen[-1]

    while tab() is not desk.paper:
        assert len(seen) < 10
    assert {desk.view.header.new, desk.view.header.open, desk.view.header.save} <= set(seen)
    desk.keys("Tab")
    desk.until(lambda: desk.paper.tag_ranges("focused"))
    assert desk.paper.get(*desk.paper.tag_ranges("focused")) == "Edit"
    desk.keys("Tab")
    desk.until(lambda: desk.paper.get(*desk.paper.tag_ranges("focused")) == "the docs")
    desk.keys("x")
    desk.until(lambda: desk.view.entry.value == "x")
    assert desk.root.focus_get() is desk.entry
    # The selected text can be copied from there, and the text can be scrolled.
    start = desk.paper.search("the docs", "1.0")
    desk.paper.tag_add("sel", start, f"{start}+8c")
    desk.keys("ctrl+c")
    desk.until(lambda: desk.view.clipboard_get() == "the docs")
    desk.session.set_messages([Message("assistant", "A paragraph.\n\n" * 60)])
    desk.until(lambda: desk.shows("A paragraph.") and desk.paper.yview()[0] > 0)
    desk.settle()
    before = desk.paper.yview()[0]
    desk.keys("Prior")
    desk.until(lambda: desk.paper.yview()[0] < before)
    desk.until(desk.view.transcript.down.winfo_viewable)
    desk.keys("Next", "Next")
    desk.until(lambda: desk.paper.dlineinfo("end-1c"))


def test_a_window_that_gets_another_width(desks, server) -> None:
    """Tables and right-to-left paragraphs are laid out again, and the end stays in view."""
    desk = desks("700x500")
    desk.session.set_messages(
        [
            Message("user", ARABIC * 3),
            Message(
                "assistant", f"| one | two |\n|---|---|\n| a | {'word ' * 10}|\n\n{ARABIC * 4}"
            ),
        ]
    )
    desk.until(lambda: desk.shows("Regenerate"))

    def counts() -> tuple[int, int]:
        desk.settle()
        lines = [
            desk.paper.tag_names(f"{n}.0")
            for n in range(1, len(desk.paper.get("1.0", "end").split("\n")))
        ]
        return sum("table" in tags for tags in lines), sum("rtl" in tags for tags in lines)

    wide = counts()
    assert wide[0] == 2
    desk.root.geometry("320x500")
    desk.until(lambda: counts() > wide and counts()[1] > wide[1])
    desk.until(lambda: desk.paper.dlineinfo("end-1c"))
    desk.root.geometry("700x500")
    desk.until(lambda: counts() == wide)


@pytest.mark.parametrize(
    ("printed", "background", "dark"),
    [
        ({"gsettings": "'prefer-dark'\n"}, "white", True),
        ({"gsettings": "'prefer-light'\n"}, "black", False),
        ({"gsettings": "'default'\n"}, "white", False),
        ({}, "white", False),
        ({}, "#202020", True),
    ],
)
def test_the_theme_of_the_system(display, monkeypatch, printed, background, dark) -> None:
    """Dark or light follows the desktop, else the program's own window."""
    monkeypatch.delenv("GTK_THEME", raising=False)
    monkeypatch.setattr(palette.sys, "platform", "linux")
    monkeypatch.setattr(palette, "_printed", lambda *command: printed.get(command[0], ""))
    root = tk.Tk()
    ROOTS.append(root)
    root.configure(background=background)
    root.update_idletasks()
    assert palette.palette_of("system", root) is (palette.DARK if dark else palette.LIGHT)
    with pytest.raises(ValueError, match="theme is 'light', 'dark' or 'system', not 'blue'"):
        palette.palette_of("blue", root)
    root.destroy()


def test_large_fonts(desks, server, artefact) -> None:
    """The size of the text can be chosen, and Ctrl+plus makes it larger."""
    desk = desks("420x420", font_size=20)
    server.answer("openai", "# Large\n\nText with `code`.")
    desk.ask("Hi")
    desk.until(lambda: desk.shows("Text with", "Regenerate"))
    height = desk.paper.dlineinfo(desk.paper.search("Text with", "1.0"))[3]
    desk.picture(artefact)
    desk.keys("ctrl+plus", "ctrl+plus")
    desk.until(
        lambda: (
            (desk.paper.dlineinfo(desk.paper.search("Text with", "1.0")) or (0,) * 4)[3] > height
        )
    )
    desk.keys("ctrl+0")
    desk.until(
        lambda: (
            (desk.paper.dlineinfo(desk.paper.search("Text with", "1.0")) or (0,) * 4)[3] == height
        )
    )


def test_a_screen_of_a_high_resolution(desks) -> None:
    """Twice the pixels to a point make the column of text twice as wide, and the pictures."""
    desk = desks("960x500")
    root = desk.root
    file = io.BytesIO()
    Pillow.new("RGB", (800, 400), "red").save(file, "PNG")
    data = base64.b64encode(file.getvalue()).decode()
    images = (Image(data=data, media_type="image/png"),)
    scaling = float(root.tk.call("tk", "scaling"))
    widths, sides = [], []
    for factor in (1, 2):
        root.tk.call("tk", "scaling", scaling * factor)
        view = ChatView(root, desk.session)
        text = view.transcript.text
        widths.append(view.transcript.paper.fonts.column)
        desk.session.set_messages([Message("user", "Look", images=images)])

        def side(text: tk.Text = text) -> int:
            names = [text.image_cget(name, "image") for name in text.image_names()]
            return max([root.tk.call("image", "width", name) for name in names], default=0)

        desk.until(lambda side=side: side() > 1)
        sides.append(side())
        view.destroy()
        desk.session.reset()
    root.tk.call("tk", "scaling", scaling)
    assert widths[1] > widths[0] * 1.8
    assert sides[1] > sides[0] * 1.8


def test_without_a_parser(desks, server, artefact, monkeypatch) -> None:
    """Without markdown-it-py the text is plain, and a line shows what to install."""

    def missing(self: MarkdownRuns) -> None:
        raise ImportError("No module named 'markdown_it'")

    monkeypatch.setattr(MarkdownRuns, "__init__", missing)
    desk = desks()
    server.answer("openai", "Use **this**.")
    desk.ask("How?")
    desk.until(lambda: desk.shows("Use **this**.", "Regenerate"))
    desk.until(lambda: desk.view.plain.winfo_viewable())
    assert "markdown-it-py" in desk.view.plain.label.cget("text")
    desk.picture(artefact)


def test_characters_that_cannot_be_drawn(desks, server) -> None:
    """Halves of UTF-16 pairs and control characters are shown as a mark, and ids may have any."""
    odd = "a\ud83d b\x00\x1b[1m {c [d] $e \\f\r\n"
    desk = desks()
    call = ToolCall("i d\ud83d", "n{m\ud83d", '{"a": "\ud83d"}')
    desk.session.set_messages(
        [
            Message("user", f"one {odd}", id="q {[ :\ud83d"),
            Message("assistant", f"two {odd}```\n{odd}```", reasoning=odd, tool_calls=(call,)),
        ]
    )
    desk.until(lambda: desk.shows("one a\ufffd b\ufffd", "two a\ufffd b\ufffd", "n{m\ufffd"))
    desk.click("Copy", desk.paper.search("n{m", "1.0"))
    desk.until(lambda: desk.view.hint.cget("text") == "Copied")
    server.answer("openai", "Fine.")
    desk.click("Edit")
    desk.until(lambda: desk.view.entry.value.startswith("one a\ufffd"))
    desk.view.send_button.invoke()
    desk.until(lambda: desk.shows("Fine.", "Regenerate"))


def test_a_long_conversation_is_opened(desks) -> None:
    """500 turns are drawn from the last one on, while the window stays alive."""
    desk = desks()
    messages = []
    for number in range(500):
        messages += [Message("user", f"Question {number}"), Message("assistant", f"**{number}**.")]
    desk.session.set_messages(messages)
    desk.until(lambda: desk.shows("Question 499", "499."))
    desk.until(lambda: desk.shows("Question 0"))
    desk.settle()
    lines = [line for line in desk.text.split("\n") if line.startswith("Question")]
    assert lines == [f"Question {number}" for number in range(500)]
    assert desk.paper.dlineinfo("end-1c")


def test_a_view_that_goes(desks, server, caplog) -> None:
    """A view may be destroyed while an answer streams; the session goes on."""
    desk = desks()
    script = server.answer("openai")
    desk.ask("Hi")
    script.say("Half of")
    desk.until(lambda: desk.shows("Half of"))
    desk.view.destroy()
    script.say(" it")
    script.finish()
    desk.until(lambda: desk.session.done)
    assert desk.session.answer.text == "Half of it"
    assert caplog.records == []


def test_a_view_that_went_is_freed(desks) -> None:
    """A destroyed view leaves no object, no binding and no font."""
    desk = desks()
    view: Any = None

    def left() -> list[Any]:
        commands = desk.root.tk.splitlist(desk.root.tk.call("info", "commands"))
        return [len(commands), len(font.names(desk.root)), desk.root.children]

    before = left()
    view = ChatView(desk.root, desk.session)
    view.pack()
    desk.root.update()
    tag, gone = view.bindtags()[1], weakref.ref(view)
    assert desk.root.bind_class(tag)
    view.destroy()
    view = None
    gc.collect()
    assert gone() is None
    assert left() == before
    assert desk.root.bind_class(tag) == ()


def test_tags_of_another_conversation_are_freed(desks) -> None:
    """Tags of links, actions, code and tables go with the letters that had them."""
    desk = desks()

    def show(text: str) -> set[str]:
        desk.session.set_messages([Message("user", "Hi", id="m1"), Message("assistant", text)])
        desk.until(lambda: desk.shows(text.split()[-1]))
        desk.settle()
        return set(desk.paper.tag_names())

    before = show("Fine.")
    link, code, table = "[a](https://b.example)", "```\nx\n```", "| a | b |\n|--|--|\n| c | d |"
    more = show(f"{link}\n\n`a` **`b`**\n\n{code}\n\n{table}\n\nMore.") - before
    assert {tag.rstrip("-0123456789") for tag in more} >= {"url:https://b.example", "tabs"}
    assert any(tag.startswith("do:copy-code:") for tag in more)
    assert len(show("Fine.")) == len(before)
    assert desk.paper.tag_cget("code-bold", "font")


def test_the_window_works_while_a_picture_is_made(desks, server, monkeypatch) -> None:
    """A large image does not keep the window from answering; its picture comes later."""
    go = threading.Event()
    monkeypatch.setattr(thumbnails, "small_png", lambda image, side: go.wait(WAIT) and None)
    desk = desks()
    images = (Image(data=PNG, media_type="image/png"),)
    desk.session.set_messages([Message("user", "Look", images=images), Message("assistant", "A.")])
    desk.until(lambda: desk.shows("Look", "A."))
    (name,) = desk.paper.image_names()
    empty = desk.paper.image_cget(name, "image")
    server.answer("openai", "An answer.")
    desk.ask("Hi")
    desk.until(lambda: desk.shows("An answer."))
    assert desk.view.transcript.busy
    go.set()
    desk.until(lambda: desk.paper.image_cget(name, "image") != empty)
    desk.settle()


def test_a_large_picture_without_pillow(desks, monkeypatch) -> None:
    """Tk would decode it on the window's thread, so it is named; a smaller one is shown."""
    monkeypatch.setattr(thumbnails, "small_png", lambda image, side: None)
    file = io.BytesIO()
    Pillow.new("1", (1200, 1000)).save(file, "PNG")
    data = base64.b64encode(file.getvalue()).decode()
    images = (Image(data=PNG, media_type="image/gif"), Image(data=data, media_type="image/png"))
    desk = desks()
    desk.session.set_messages([Message("user", "Look", images=images), Message("assistant", "A.")])
    desk.until(lambda: desk.shows("Image: image/png"))
    assert len(desk.paper.image_names()) == 1
    assert not desk.shows("Image: image/gif")


def test_a_picture_of_a_kind_that_tk_cannot_read(desks) -> None:
    """A damaged image, and one that is too large, are named."""
    desk = desks()
    huge = b"\x89PNG\r\n\x1a\n" + b"\x00\x00\x00\rIHDR" + (100_000).to_bytes(4, "big") * 2
    images = tuple(
        Image(data=base64.b64encode(data).decode(), media_type="image/png")
        for data in (b"not an image", huge)
    )
    desk.session.set_messages([Message("user", "Look", images=images)])
    desk.until(lambda: desk.text.count("Image: image/png") == 2)


def test_a_picture_that_is_a_bomb(desks, monkeypatch) -> None:
    """An image of 10,000,000,000 pixels, and one that would start Ghostscript, are named."""
    plugin = pytest.importorskip("PIL.EpsImagePlugin")
    started: list[Any] = []
    monkeypatch.setattr(plugin, "Ghostscript", lambda *arguments: started.append(arguments))
    header = b"IHDR" + (100_000).to_bytes(4, "big") * 2 + b"\x08\x02\x00\x00\x00"
    bomb = b"\x89PNG\r\n\x1a\n\x00\x00\x00\r" + header + zlib.crc32(header).to_bytes(4, "big")
    pixels = b"IDAT" + zlib.compress(b"\x00")
    bomb += (len(pixels) - 4).to_bytes(4, "big") + pixels + zlib.crc32(pixels).to_bytes(4, "big")
    program = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
    images = tuple(
        Image(data=base64.b64encode(data).decode(), media_type="image/png")
        for data in (bomb, program)
    )
    desk = desks()
    desk.session.set_messages([Message("user", "Look", images=images), Message("assistant", "Yes")])
    desk.until(lambda: desk.text.count("Image: image/png") == 2 and desk.shows("Yes"))
    assert started == []


def test_an_error_while_a_turn_is_drawn(desks, monkeypatch, caplog) -> None:
    """It is logged, and the other turns and later ones are drawn."""
    draw = TurnDrawing.draw

    def failing(self: TurnDrawing, turn: ShownTurn, *, last: bool) -> Iterator[None]:
        if turn.text == "Bad.":
            raise RuntimeError("out of order")
        yield from draw(self, turn, last=last)

    monkeypatch.setattr(TurnDrawing, "draw", failing)
    desk = desks()
    messages = [Message("user", "One"), Message("assistant", "Bad.")]
    desk.session.set_messages([*messages, Message("user", "Two"), Message("assistant", "Good.")])
    desk.until(lambda: desk.shows("Two", "Good."))
    desk.session.set_messages([Message("user", "Three"), Message("assistant", "Fine.")])
    desk.until(lambda: desk.shows("Three", "Fine."))
    assert {record.exc_info[1].args for record in caplog.records} == {("out of order",)}


def test_another_conversation_while_a_question_is_edited(desks, tmp_path, monkeypatch) -> None:
    """Open, New chat and the program itself end editing, and the draft comes back."""
    desk = desks()
    monkeypatch.setattr(filedialog, "askopenfilename", lambda **options: str(tmp_path / "a.json"))

    def edit(question: str) -> None:
        desk.session.set_messages([Message("user", question, id="m1"), Message("assistant", "A")])
        desk.until(lambda: desk.shows(question))
        desk.view.entry.value = "a draft"
        desk.view._act("edit", "m1")
        assert desk.view.entry.value == question

    edit("Other?")
    assert desk.view.presenter.save(tmp_path / "a.json")
    for other in (
        desk.view.header.open.invoke,
        desk.view.header.new.invoke,
        lambda: desk.session.set_messages([Message("user", "Third?", id="m1")]),
    ):
        edit("One?")
        other()
        desk.until(lambda: desk.view.entry.value == "a draft")
        desk.until(lambda: not desk.view.editing.winfo_viewable() and not desk.shows("One?"))


def test_a_queued_text_returns_while_a_question_is_edited(desks, server) -> None:
    """It goes before the draft, not into the question, and Esc brings both back."""
    desk = desks()
    script = server.answer("openai")
    desk.ask("One")
    script.say("Half of")
    desk.until(lambda: desk.shows("Half of"))
    desk.ask("queued")
    desk.view.entry.value = "a draft"
    desk.view._act("edit", desk.session.messages[0].id)
    desk.view.presenter.stop()
    desk.until(lambda: desk.shows("You stopped this answer.") and not desk.view.presenter.queued)
    assert desk.view.entry.value == "One"
    desk.view._escape()
    assert desk.view.entry.value == "queued\na draft"


@pytest.mark.parametrize("kind", ["reasoning", "call"])
def test_a_fold_that_is_closed_while_it_is_drawn(desks, monkeypatch, kind) -> None:
    """Nothing more of it is written below the folded line."""
    monkeypatch.setattr(transcript_view, "SLICE_SECONDS", 0)
    desk = desks()
    long = "A thought.\n" * 10_000
    if kind == "reasoning":
        given: dict[str, Any] = {"reasoning": long}
    else:
        given = {"tool_calls": [ToolCall("c1", "think", long)]}
    desk.session.set_messages([Message("user", "Hi"), Message("assistant", "Done.", **given)])
    desk.until(lambda: desk.shows("Done.", "Regenerate"))
    desk.settle()
    folded = desk.text
    (name,) = desk.view.transcript.paper.folds
    desk.view.transcript._act("fold", name)
    desk.until(lambda: desk.text.count("A thought.") > 100)
    assert desk.view.transcript.busy
    desk.view.transcript._act("fold", name)
    desk.settle()
    assert desk.text == folded
    desk.view.transcript._act("fold", name)
    desk.settle()
    assert desk.text.count("A thought.") == 10_000


def test_arabic_reasoning_that_grows(desks, server) -> None:
    """A line that comes in pieces looks as if it had come at once."""
    desk = desks()
    script = server.answer("openai")
    desk.ask("Hi")
    script.think("First.\n")
    desk.until(lambda: desk.shows("▸ Reasoning"))
    (name,) = desk.view.transcript.paper.folds
    desk.view.transcript._act("fold", name)
    for start, end in ((0, 3), (3, 9), (9, len(ARABIC))):
        script.think(ARABIC[start:end])
        desk.until(lambda end=end: desk.shows("First.", visual_of(ARABIC[:end])))
    script.think("\nLast.")
    script.say("Done.")
    script.finish()
    desk.until(lambda: desk.shows("First.", visual_of(ARABIC), "Last.", "Done."))
    assert desk.text.count("First.") == desk.text.count("Reasoning") == 1


def visual_of(text: str) -> str:
    """Return a short right-to-left line in the order in which it is seen."""
    (line,) = visual_lines([(text, ())], 10_000, lambda run: len(run[0]), right_to_left=True)
    return "".join(text for text, _ in line)


def test_tables_are_laid_out_again_for_another_size(desks) -> None:
    """The columns of a table get wider with its text."""
    desk = desks("700x500")
    table = "| first column | second |\n|---|---|\n| a | b |"
    desk.session.set_messages([Message("user", "Hi"), Message("assistant", table)])
    desk.until(lambda: desk.shows("first column", "Regenerate"))

    def stop() -> int:
        desk.settle()
        # It is named after its margin and its stops.
        (tag,) = (tag for tag in desk.tags_at("first column") if tag.startswith("tabs-"))
        return int(tag.rpartition("-")[2])

    small = stop()
    desk.keys("ctrl+plus", "ctrl+plus", "ctrl+plus")
    desk.until(lambda: stop() > small)
    desk.keys("ctrl+0")
    desk.until(lambda: stop() == small)


def test_a_long_link_does_not_widen_the_window(desks) -> None:
    """As much of its URL is shown as there is room."""
    desk = desks("700x500")
    # The window takes the size that its content asks for.
    tk.Frame(desk.root, width=600, height=1).pack()
    desk.root.geometry("")
    desk.until(lambda: desk.root.winfo_width() == 600 and desk.view.hint.winfo_width() == 600)
    for url in (f"https://example.com/{'w' * 2000}", "https://example.com/" + "i" * 90):
        desk.view._hovered(url)
        desk.root.update()
        assert desk.root.winfo_reqwidth() == 600
        shown = desk.view.hint.cget("text")
        assert shown.startswith("https://example.com/")
        assert url.startswith(shown.removesuffix("…"))
