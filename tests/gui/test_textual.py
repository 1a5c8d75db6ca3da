"""`ChatView` of Textual, used through Textual's pilot, and as a program on a pseudo-terminal."""

from __future__ import annotations

import asyncio
import base64
import io
import re
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from applications import EXAMPLES, WAIT
from PIL import Image as Pillow
from rich.segment import Segment, Segments
from terminal import Terminal
from textual.app import App
from textual.widgets import Input
from textual_screen import Screen, open_screen

from chatsdk import Image, Message, Tool, ToolCall, use_chat
from chatsdk.parts import Citation
from chatsdk.testing import ChatServer, EmbeddedServer
from chatsdk.windows import words
from chatsdk.windows.textual import ChatView, show, transcript_view
from chatsdk.windows.textual.rows import Fold, Source, thumbnail

CTRL_Q = "\x11"

MARKDOWN = """# A heading

Some **bold**, *italic* and `code` text with a [link](https://example.com/a%20b).

3. three
4. four
   - nested
- [x] done

| Name | Count |
|---|---:|
| one | 1 |
| `two` | 22 |

```python
print("**not bold**")
```

> A quote.
"""

Opened = Callable[..., AbstractAsyncContextManager[Screen]]


@pytest.fixture
def opened(server) -> Opened:
    """Opens a chat with the server on a screen of 80 columns."""

    def opened(**options: Any) -> AbstractAsyncContextManager[Screen]:
        return open_screen(f"{server.url}/v1/chat/completions", **options)

    return opened


def run(scene: Callable[[], Any]) -> None:
    asyncio.run(scene())


def test_idle_helps(opened) -> None:
    """A chat without a question shows what to do, and the entry has the focus."""

    async def scene() -> None:
        async with opened() as screen:
            assert words.IDLE in screen.text
            assert words.IDLE_HINT in screen.text
            assert words.PLACEHOLDER in screen.text
            assert screen.app.focused is screen.view.entry
            await screen.ask("   ")
            assert screen.session.messages == ()

    run(scene)


def test_an_answer_grows(opened, server) -> None:
    """Life is shown before the first text, and the text is formatted while it streams."""

    async def scene() -> None:
        async with opened() as screen:
            script = server.answer("openai")
            await screen.ask("Hello there")
            await screen.shows("▌Hello there")
            await screen.until(lambda: re.search(r"Thinking · \d+ s", screen.text))
            assert words.IDLE not in screen.text
            request = await asyncio.to_thread(script.wait_for_request)
            assert request.json["messages"] == [{"role": "user", "content": "Hello there"}]
            script.say("Half **of")
            await screen.shows("Half of")
            assert "Thinking" not in screen.text
            script.say("** it")
            await screen.shows("Half of it")
            script.finish()
            await screen.settled()
            assert "*" not in screen.text

    run(scene)


def test_markdown(opened, server, artefact) -> None:
    """Headings, emphasis, lists, tables, code and quotes are formatted, and HTML is text."""

    async def scene() -> None:
        async with opened(size=(80, 40)) as screen:
            server.answer("openai", f"{MARKDOWN}\n<b>html</b>")
            await screen.ask("Hi")
            await screen.shows("html")
            await screen.settled()
            lines = [line.rstrip() for line in screen.lines]
            assert "A heading" in lines
            assert "Some bold, italic and code text with a link." in lines
            for line in (" 3. three", " 4. four", "• ☑ done", "one        1", "two       22"):
                assert any(shown.endswith(line) for shown in lines), (line, lines)
            assert any("• nested" in line for line in lines)
            assert any("python" in line and words.COPY in line for line in lines)
            assert any('print("**not bold**")' in line for line in lines)
            assert "▌A quote." in lines or any("A quote." in line for line in lines)
            assert "<b>html</b>" in lines
            assert not any(mark in screen.text for mark in ("##", "```", "|--", "[link]"))
            screen.picture(artefact)

    run(scene)


@pytest.mark.parametrize("cut", [1, 7, 40])
def test_cut_anywhere(opened, server, cut) -> None:
    """The rows do not depend on how the text was cut while it streamed."""

    async def scene() -> None:
        async with opened(size=(80, 60)) as screen:
            script = server.answer("openai")
            await screen.ask("Hi")
            for place in range(0, len(MARKDOWN), cut):
                script.say(MARKDOWN[place : place + cut])
                if place % (cut * 5) == 0:
                    await screen.pilot.pause()
            script.finish()
            await screen.settled()
            streamed = (screen.rows, screen.text)
            screen.session.load(screen.session.to_dict())
            await screen.settled()
            assert (screen.rows, screen.text) == streamed

    run(scene)


@pytest.mark.parametrize("live", [True, False])
def test_links_with_a_target_elsewhere(opened, server, live) -> None:
    """A link is drawn as one once its target has arrived, and the target is not a separate row."""

    async def scene() -> None:
        async with opened() as screen:
            script = server.answer("openai")
            await screen.ask("Hi")
            script.say("- the [docs][1]\n\nMore.\n\n[1]: https://example.com/docs\n")
            if live:
                script.say("\nThe end.")
                await screen.shows("The end.")
                await screen.shows("• the docs")
            script.finish()
            await screen.settled()
            assert "• the docs" in screen.text
            assert "example.com" not in screen.text
            texts = [slot.row.text for slot in screen.history.slots if slot.row.kind == "text"]
            assert texts == ["- the [docs][1]", "More.", *["The end."] * live]

    run(scene)


def test_links_are_checked(opened, server, monkeypatch) -> None:
    """A link is opened if it is one of the web; any other is named and not opened."""
    urls: list[str] = []

    async def scene() -> None:
        async with opened() as screen:
            monkeypatch.setattr(screen.app, "open_url", urls.append)
            server.answer(
                "openai", "[good](https://example.com/a%20b?c=%2F)\n\n[bad](ftp://127.0.0.1/x)"
            )
            await screen.ask("Hi")
            await screen.shows("good")
            await screen.settled()
            good, bad = (slot.widget for slot in screen.history.slots if slot.row.kind == "text")
            await screen.pilot.click(good, offset=(1, 0))
            await screen.until(lambda: urls)
            await screen.pilot.click(bad, offset=(1, 0))
            await screen.shows("was not opened")

    run(scene)
    assert urls == ["https://example.com/a%20b?c=%2F"]


def test_formulas_keep_their_source(opened, server) -> None:
    """Markdown takes nothing away from TeX, while it streams and at the end."""

    async def scene() -> None:
        async with opened() as screen:
            script = server.answer("openai")
            await screen.ask("Hi")
            script.say("So $a_1 * b * c_1$ and \\(d\\,e\\).\n\n\\[\n\\int_0^1 x\\,dx\n\\]")
            await screen.shows("So a_1 * b * c_1 and d\\,e.")
            await screen.shows("\\int_0^1 x\\,dx")
            script.finish()
            await screen.settled()
            assert "math" in screen.text

    run(scene)


def test_nothing_steers_the_terminal(opened, server) -> None:
    """No control character of an answer, written or as an entity, reaches the terminal."""

    async def scene() -> None:
        async with opened() as screen:
            await screen.ask("Hi")
            await screen.shows("52;c;Qg")
            await screen.settled()
            assert screen.view.query("Prose MarkdownParagraph").first().content == (
                "A]52;c;Qg== \ufffd[2J B C D"
            )
            (fold,) = screen.view.query(Fold)
            fold.action_unfold()
            await screen.shows("[2JHm")
            svg = screen.app.export_screenshot()
            assert not {"\x1b", "\x9b", "\x07", "\u202e"} & set(svg)

    server.answer(
        "openai",
        "A\x1b]52;c;Qg==\x07 &#27;[2J B\tC\n\x9bD\u202e\x00",
        reasoning="\x1b[2JH\x08m",
    )
    run(scene)


def test_code_is_copied(opened, server) -> None:
    """Code has a button that copies it, and an answer one that copies all of it."""

    async def scene() -> None:
        async with opened() as screen:
            server.answer("openai", "Do this:\n\n```sh\nls -l\n```\n")
            await screen.ask("Hi")
            await screen.shows("ls -l")
            await screen.settled()
            await screen.press(words.COPY)
            await screen.until(lambda: screen.app.clipboard == "ls -l")
            assert screen.app.focused is screen.view.entry
            await screen.press(words.COPY, last=True)
            await screen.until(lambda: "Do this" in screen.app.clipboard)

    run(scene)


def test_tabs_in_code(opened, server) -> None:
    """Colours fit the words after a tab, and the copied code has the tab."""

    async def scene() -> None:
        async with opened() as screen:
            server.answer("openai", "```go\nfunc f() {\n\treturn 1\n}\n```\n")
            await screen.ask("Hi")
            await screen.shows("return")
            await screen.settled()
            code = screen.view.query_one("#code-content").content
            assert "\t" not in code.plain
            spans = {code.plain[span.start : span.end] for span in code.spans if span.style}
            assert {"func", "return", "1"} <= {text.strip() for text in spans}
            await screen.press(words.COPY)
            await screen.until(lambda: "\treturn 1" in screen.app.clipboard)

    run(scene)


def test_reasoning_is_folded(opened, server, artefact) -> None:
    """Reasoning streams into a fold, which shows its latest line and opens by click or Enter."""

    async def scene() -> None:
        async with opened() as screen:
            script = server.answer("openai")
            await screen.ask("Hi")
            script.think("First line.\nSecond li")
            await screen.shows("▶ Reasoning · Second li")
            script.say("The answer.")
            script.finish()
            await screen.settled()
            assert "Second li" not in screen.text
            (fold,) = screen.view.query(Fold)
            await screen.click(fold)
            await screen.shows("▼ Reasoning")
            await screen.shows("Second li")
            screen.picture(artefact)
            screen.view.query_one(Fold).focus()
            await screen.pilot.press("enter")
            await screen.shows("▶ Reasoning")
            await screen.until(lambda: "Second li" not in screen.text)

    run(scene)


def test_tool_calls(opened, server, artefact) -> None:
    """A tool call shows its name and state, and unfolded its arguments and its result."""
    let_go = threading.Event()

    def weather(city: str) -> str:
        """The weather of a city."""
        assert let_go.wait(20)
        return "Sunny [b]there[/b]"

    async def scene() -> None:
        async with opened(start={"tools": [weather]}) as screen:
            server.answer("openai", tool_calls=[ToolCall("c1", "weather", '{"city": "Oslo"}')])
            server.answer("openai", "It is sunny.")
            await screen.ask("Hi")
            await screen.shows("▶ weather · running")
            let_go.set()
            await screen.shows("It is sunny.")
            await screen.settled()
            assert "▶ weather · done" in screen.text
            await screen.click(screen.view.query_one(Fold))
            await screen.shows('{"city": "Oslo"}')
            assert "Sunny [b]there[/b]" in screen.text
            screen.picture(artefact)

    run(scene)


@pytest.mark.parametrize("label", [words.ALLOW, words.DENY])
def test_a_tool_asks(opened, server, artefact, label) -> None:
    """A tool that needs a person shows its arguments, and runs or not as the person decides."""
    ran: list[str] = []

    def weather(city: str) -> str:
        """The weather of a city."""
        ran.append(city)
        return "Sunny"

    async def scene() -> None:
        tools = {"tools": [Tool(weather, approve=True)]}
        async with opened(size=(80, 30), start=tools) as screen:
            server.answer("openai", tool_calls=[ToolCall("c1", "weather", '{"city": "Oslo"}')])
            server.answer("openai", "As you say.")
            await screen.ask("Hi")
            await screen.shows("weather · waiting for you")
            await screen.shows('{"city": "Oslo"}')
            await screen.until(screen.history.idle.is_set)
            screen.picture(artefact)
            assert ran == []
            await screen.press(label)
            await screen.shows("As you say.")

    run(scene)
    assert ran == (["Oslo"] if label == words.ALLOW else [])


def test_a_call_without_a_function(opened, server) -> None:
    """A call that no function can run is only offered to be denied."""

    async def scene() -> None:
        tools = {"tools": [Tool({"name": "weather"})]}
        async with opened(size=(80, 30), start=tools) as screen:
            server.answer("openai", tool_calls=[ToolCall("c1", "weather", "{}")])
            server.answer("openai", "As you say.")
            await screen.ask("Hi")
            await screen.shows("weather · waiting for you")
            await screen.shows(words.DENY)
            assert words.ALLOW not in screen.text
            await screen.press(words.DENY)
            await screen.shows("As you say.")

    run(scene)


def test_citations(opened, server, monkeypatch) -> None:
    """Citations are numbered, and those of the web are links."""
    urls: list[str] = []

    async def scene() -> None:
        async with opened() as screen:
            monkeypatch.setattr(screen.app, "open_url", urls.append)
            await screen.ask("Hi")
            await screen.shows("[2] A file")
            await screen.settled()
            page, file = screen.view.query(Source)
            assert (page.can_focus, file.can_focus) == (True, False)
            await screen.click(file)
            await screen.click(page)
            await screen.until(lambda: urls)

    server.answer(
        "openai",
        "Yes.",
        citations=[
            Citation(title="A page", url="https://example.com/page"),
            Citation(title="A file", url="file:///etc/hostname"),
        ],
    )
    run(scene)
    assert urls == ["https://example.com/page"]


def test_a_snippet_is_no_markup(opened, server) -> None:
    """The cited passage is shown as it is, though Textual's markup looks like it."""
    snippet = "[/INST] The [b]passage[/b]."

    async def scene() -> None:
        async with opened(tooltips=True) as screen:
            await screen.ask("Hi")
            await screen.shows("[1] A page")
            await screen.settled()
            await screen.pilot.hover(screen.view.query_one(Source))
            await screen.shows(snippet)

    server.answer(
        "openai",
        "Yes.",
        citations=[Citation(title="A page", url="https://example.com/page", snippet=snippet)],
    )
    run(scene)


def test_only_formats_of_the_web_are_read(monkeypatch) -> None:
    """An image in another format, such as EPS, is not given to the program that draws it."""
    from PIL import EpsImagePlugin

    def never(*args: object, **options: object) -> None:
        pytest.fail("Ghostscript was started")

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", never)
    file = io.BytesIO()
    Pillow.new("RGB", (8, 8), "red").save(file, "EPS")
    data = base64.b64encode(file.getvalue()).decode()
    assert thumbnail(Image(data=data, media_type="image/png")) is None


def test_images_are_shown(opened, artefact) -> None:
    """An image that was sent is shown small; one that is elsewhere, or damaged, by its name."""
    # Above red and below blue.
    picture = Pillow.new("RGB", (8, 8), "red")
    picture.paste("blue", (0, 4, 8, 8))
    file = io.BytesIO()
    picture.save(file, "PNG")
    images = (
        Image(data=base64.b64encode(file.getvalue()).decode(), media_type="image/png"),
        Image("https://127.0.0.1/a.png"),
        Image(data="AAAA", media_type="image/webp"),
    )

    async def scene() -> None:
        asked = Message("user", "What is it?", images=images)
        async with opened(messages=[asked, Message("assistant", "Red.")]) as screen:
            await screen.shows("https://127.0.0.1/a.png")
            await screen.shows("▀▀▀▀▀▀▀▀")
            await screen.shows("image/webp")
            screen.picture(artefact)
            svg = screen.app.export_screenshot()
            assert "#ff0000" in svg
            assert "#0000ff" in svg

    run(scene)


def test_the_screen_works_while_a_picture_is_made(opened, server, monkeypatch) -> None:
    """A large image does not keep the chat from answering; its picture comes later."""
    go = threading.Event()

    def make(image: Image) -> Segments:
        assert go.wait(WAIT)
        return Segments([Segment("▀▀▀"), Segment.line()])

    monkeypatch.setattr(transcript_view, "thumbnail", make)
    images = (Image(data="AAAA", media_type="image/png"),)

    async def scene() -> None:
        said = [Message("user", "Look", images=images), Message("assistant", "A.")]
        async with opened(messages=said) as screen:
            await screen.shows("image/png")
            server.answer("openai", "An answer.")
            await screen.ask("Hi")
            await screen.shows("An answer.")
            assert "▀▀▀" not in screen.text
            go.set()
            await screen.shows("▀▀▀")
            assert "image/png" not in screen.text

    run(scene)


def test_an_error_is_in_its_turn(opened, server, artefact) -> None:
    """An error is shown in its turn, and stays there; Retry asks again."""

    async def scene() -> None:
        async with opened() as screen:
            script = server.answer("openai")
            script.say("Half of")
            await screen.ask("Hi")
            await screen.shows("Half of")
            script.cut()
            await screen.shows(words.RETRY)
            await screen.settled()
            error = str(screen.session.error)
            assert error[:40] in screen.text
            screen.picture(artefact)
            server.answer("openai", "The whole.")
            await screen.press(words.RETRY)
            await screen.shows("The whole.")
            await screen.settled()
            assert "Half of" not in screen.text
            assert words.RETRY not in screen.text
            server.reply(status=400, json={"error": {"message": "No\x1b[2J such model"}})
            await screen.ask("Again")
            await screen.shows("such model")
            server.answer("openai", "Fine.")
            await screen.ask("Third")
            await screen.shows("Fine.")
            await screen.settled()
            # It is not the last turn, so there is nothing to retry.
            assert "such model" in screen.text
            assert words.RETRY not in screen.text

    run(scene)


def test_stop(opened, server, artefact) -> None:
    """Escape stops the answer, keeps its text and stops the server; the turn shows a notice."""

    async def scene() -> None:
        async with opened() as screen:
            script = server.answer("openai")
            script.say("Half of")
            await screen.ask("Hi")
            await screen.shows("Half of")
            await screen.pilot.press("escape")
            await asyncio.to_thread(script.wait_for_disconnect)
            await screen.shows(words.STOPPED)
            assert "Half of" in screen.text
            assert screen.app.focused is screen.view.entry
            screen.picture(artefact)
            # With the mouse, before anything has come.
            server.answer("openai")
            await screen.ask("Again")
            await screen.shows("Thinking")
            await screen.press(words.STOP)
            await screen.until(lambda: screen.text.count(words.STOPPED) == 2)
            assert screen.app.focused is screen.view.entry

    run(scene)


def test_an_empty_answer(opened, server) -> None:
    """An answer without text is shown as empty."""

    async def scene() -> None:
        async with opened() as screen:
            server.answer("openai").finish()
            await screen.ask("Hi")
            await screen.shows(words.EMPTY)

    run(scene)


def test_regenerate_and_edit(opened, server) -> None:
    """An answer is replaced by another, and a question by its edited text."""

    async def scene() -> None:
        async with opened() as screen:
            for text in ("One.", "Two.", "Three.", "Four."):
                server.answer("openai", text)
            await screen.ask("Hi")
            await screen.shows("One.")
            await screen.settled()
            await screen.press(words.REGENERATE)
            await screen.shows("Two.")
            await screen.settled()
            assert "One." not in screen.text
            await screen.pilot.press("ctrl+r")
            await screen.shows("Three.")
            await screen.settled()
            await screen.type("a draft")
            await screen.press(words.EDIT)
            await screen.until(lambda: screen.view.entry.text == "Hi")
            await screen.shows("Editing a question")
            await screen.pilot.press("escape")
            assert screen.view.entry.text == "a draft"
            await screen.pilot.press("f2")
            await screen.ask(" you")
            await screen.shows("▌Hi you")
            await screen.shows("Four.")
            await screen.settled()
            assert screen.view.entry.text == "a draft"
            assert [message.content for message in screen.session.messages] == ["Hi you", "Four."]

    run(scene)


def test_open_ends_editing(opened, server, tmp_path) -> None:
    """Opening a conversation leaves the question that was edited, and brings the draft back."""
    path = tmp_path / "chat.json"

    async def scene() -> None:
        async with opened(size=(120, 24)) as screen:
            server.answer("openai", "One.")
            await screen.ask("Hi")
            await screen.shows("One.")
            await screen.settled()
            screen.view.presenter.save(path)
            await screen.type("a draft")
            await screen.pilot.press("f2")
            await screen.until(lambda: screen.view.entry.text == "Hi")
            await screen.pilot.press("ctrl+o")
            await screen.name_file(path)
            await screen.until(lambda: screen.view.entry.text == "a draft")
            assert "Editing a question" not in screen.text
            server.answer("openai", "Two.")
            await screen.pilot.press("enter")
            await screen.shows("Two.")
            assert [message.content for message in screen.session.messages[:2]] == ["Hi", "One."]

    run(scene)


def test_another_conversation_ends_editing(opened) -> None:
    """An edit ends when the program puts another conversation into the session, ids or not."""

    async def scene() -> None:
        said = [Message("user", "First", id="m1"), Message("assistant", "Yes.")]
        async with opened(messages=said) as screen:
            await screen.type("a draft")
            await screen.pilot.press("f2")
            await screen.until(lambda: screen.view.entry.text == "First")
            screen.session.set_messages([Message("user", "Other", id="m1")])
            await screen.until(lambda: screen.view.entry.text == "a draft")
            await screen.shows("▌Other")
            assert "Editing a question" not in screen.text

    run(scene)


def test_new_chat(opened, server) -> None:
    """A new chat forgets the conversation, also while an answer streams."""

    async def scene() -> None:
        async with opened() as screen:
            server.answer("openai").say("Half of")
            await screen.ask("Hi")
            await screen.shows("Half of")
            await screen.press(words.NEW_CHAT)
            await screen.shows(words.IDLE)
            assert screen.session.messages == ()
            assert "Half of" not in screen.text
            assert screen.app.focused is screen.view.entry

    run(scene)


def test_save_and_open(opened, server, tmp_path) -> None:
    """A conversation is saved to a file that a person names, and opened again."""
    path = tmp_path / "chat.json"

    async def scene() -> None:
        async with opened(size=(120, 24)) as screen:
            server.answer("openai", "Fine.")
            await screen.ask("Hi")
            await screen.shows("Fine.")
            await screen.settled()
            await screen.pilot.press("ctrl+s")
            await screen.name_file(path)
            await screen.until(path.exists)
            await screen.shows("Saved as")
            await screen.pilot.press("ctrl+n")
            await screen.shows(words.IDLE)
            await screen.press(words.OPEN)
            await screen.name_file(path)
            await screen.shows("Fine.")
            path.write_text("[]", encoding="utf-8")
            await screen.pilot.press("ctrl+o")
            await screen.name_file(path)
            await screen.shows("is not a saved conversation")
            assert "Fine." in screen.text

    run(scene)


def test_save_asks_before_it_replaces(opened, tmp_path) -> None:
    """A file that exists is replaced only after a second press."""
    path = tmp_path / "chat.json"
    path.write_text("Keep me.", encoding="utf-8")

    async def scene() -> None:
        said = [Message("user", "Hi"), Message("assistant", "Fine.")]
        async with opened(size=(120, 24), messages=said) as screen:
            await screen.pilot.press("ctrl+s")
            await screen.name_file(path)
            await screen.shows("This file exists.")
            assert path.read_text(encoding="utf-8") == "Keep me."
            await screen.pilot.press("enter")
            await screen.shows("Saved as")
            assert "Fine." in path.read_text(encoding="utf-8")

    run(scene)


def test_the_entry(opened, server) -> None:
    """Enter sends; other keys begin a new line, and the entry grows; Up brings texts back."""

    async def scene() -> None:
        async with opened() as screen:
            entry = screen.view.entry
            assert entry.size.height == 1
            await screen.pilot.press("a", "shift+enter", "b", "ctrl+j", "c", "alt+enter", "d")
            await screen.until(lambda: entry.size.height == 4)
            server.answer("openai", "Well.")
            await screen.pilot.press("enter")
            await screen.shows("Well.")
            await screen.settled()
            assert server.requests[0].json["messages"][0]["content"] == "a\nb\nc\nd"
            assert entry.text == ""
            await screen.until(lambda: entry.size.height == 1)
            await screen.type("dr")
            await screen.pilot.press("up")
            assert entry.text == "a\nb\nc\nd"
            await screen.pilot.press("down")
            assert entry.text == "dr"
            await screen.pilot.press(*["ctrl+j"] * 20)
            await screen.until(lambda: entry.size.height == 8)

    run(scene)


def test_sent_after_the_answer(opened, server) -> None:
    """A text that is sent while an answer streams waits for its end; Cancel brings it back."""

    async def scene() -> None:
        async with opened() as screen:
            script = server.answer("openai")
            script.say("Half of")
            await screen.ask("Hi")
            await screen.shows("Half of")
            await screen.ask("And then?")
            await screen.shows(f"{words.QUEUED} And then?")
            assert len(server.requests) == 1
            await screen.press(words.CANCEL)
            await screen.until(lambda: screen.view.entry.text == "And then?")
            await screen.pilot.press("enter")
            await screen.shows(words.QUEUED)
            server.answer("openai", "That.")
            script.finish()
            await screen.shows("That.")
            await screen.settled()
            assert words.QUEUED not in screen.text
            assert screen.view.entry.text == ""

    run(scene)


def test_a_queued_text_comes_back(opened, server) -> None:
    """If the answer is stopped, the text that waited for its end is in the entry again."""

    async def scene() -> None:
        async with opened() as screen:
            server.answer("openai").say("Half of")
            await screen.ask("Hi")
            await screen.shows("Half of")
            await screen.ask("And then?")
            await screen.shows(words.QUEUED)
            await screen.pilot.press("escape")
            await screen.until(lambda: screen.view.entry.text == "And then?")
            assert screen.session.done

    run(scene)


def test_a_queued_text_comes_back_while_one_edits(opened, server) -> None:
    """A text that was not sent goes to the draft, not into the question that is being edited."""

    async def scene() -> None:
        async with opened() as screen:
            server.answer("openai", "Fine.")
            await screen.ask("Hi")
            await screen.shows("Fine.")
            await screen.settled()
            script = server.answer("openai")
            script.say("Half of")
            await screen.ask("More")
            await screen.shows("Half of")
            await screen.ask("And then?")
            await screen.shows(words.QUEUED)
            await screen.type("a draft")
            await screen.press(words.EDIT)
            await screen.until(lambda: screen.view.entry.text == "Hi")
            script.cut()
            await screen.settled()
            assert screen.view.entry.text == "Hi"
            await screen.pilot.press("escape")
            await screen.until(lambda: screen.view.entry.text == "And then?\n\na draft")

    run(scene)


def test_cancel_keeps_what_is_typed(opened, server) -> None:
    """Cancel brings the waiting text back before the one that is being written."""

    async def scene() -> None:
        async with opened() as screen:
            server.answer("openai").say("Half of")
            await screen.ask("Hi")
            await screen.shows("Half of")
            await screen.ask("And then?")
            await screen.shows(words.QUEUED)
            await screen.type("a draft")
            await screen.press(words.CANCEL)
            await screen.until(lambda: screen.view.entry.text == "And then?\n\na draft")

    run(scene)


def test_it_follows_the_end(opened, server) -> None:
    """The view follows the text, unless one has scrolled up; then there is a way back."""

    async def scene() -> None:
        async with opened() as screen:
            view = screen.history
            script = server.answer("openai")
            script.say("".join(f"Line {number}.\n\n" for number in range(60)))
            await screen.ask("Hi")
            await screen.shows("Line 59.")
            assert words.TO_END not in screen.text
            await screen.pilot.press("ctrl+home")
            await screen.shows("▌Hi")
            await screen.shows(words.TO_END)
            await screen.until(view.idle.is_set)
            script.say("The end.")
            await screen.until(lambda: screen.session.answer.text.endswith("The end."))
            await screen.until(view.idle.is_set)
            assert view.scroll_y == 0
            assert "▌Hi" in screen.text
            await screen.press(f"↓ {words.TO_END}")
            await screen.shows("The end.")
            await screen.until(lambda: words.TO_END not in screen.text)
            assert screen.app.focused is screen.view.entry
            script.say("\n\nMore of it." * 20)
            await screen.until(lambda: "The end." not in screen.text)
            await screen.shows("More of it.")
            script.finish()
            await screen.pilot.press("pageup")
            await screen.shows(words.TO_END)
            server.answer("openai", "Another.")
            await screen.ask("Again")
            await screen.shows("Another.")

    run(scene)


def test_nothing_moves_where_one_reads(opened) -> None:
    """Scrolling up through a long conversation that was opened shows each line once, in order."""
    said = [
        Message("user" if number % 2 == 0 else "assistant", f"Text {number}. " + "word " * number)
        for number in range(30)
    ]

    async def scene() -> None:
        async with opened(messages=said) as screen:
            await screen.shows("Text 29.")
            seen: list[int] = []
            while screen.history.scroll_y > 0:
                await screen.pilot.press("pageup")
                await screen.until(screen.history.idle.is_set)
                shown = [n for n in range(30) if f"Text {n}." in screen.text]
                seen += [n for n in reversed(shown) if n not in seen]
            assert seen == sorted(seen, reverse=True)
            assert seen[-1] == 0

    run(scene)


def test_few_widgets_for_a_long_answer(opened, server) -> None:
    """Only those of 2,000 paragraphs and 500 turns that are near the visible ones have widgets."""

    async def scene() -> None:
        said = [Message("user" if n % 2 == 0 else "assistant", f"Text {n}.") for n in range(1000)]
        async with opened(messages=said) as screen:
            await screen.shows("Text 999.")
            before = len(screen.view.query("*"))
            server.answer("openai", "A paragraph of *some* words.\n\n" * 2000 + "The end.")
            await screen.ask("Hi")
            await screen.shows("The end.")
            await screen.settled()
            assert len(screen.view.query("*")) < before + 100
            await screen.pilot.press("ctrl+home")
            await screen.shows("Text 0.")
            await screen.until(screen.history.idle.is_set)
            assert len(screen.view.query("*")) < before + 100

    run(scene)


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light"])
@pytest.mark.parametrize("columns", [40, 120])
def test_pictures(opened, server, artefact, theme, columns) -> None:
    """From 40 columns up, light and dark, nothing is cut off; Latin, Chinese, Arabic, emoji."""

    async def scene() -> None:
        async with opened(size=(columns, 60), theme=theme) as screen:
            text = f"{MARKDOWN}\n流式回答会一段一段地到达。\n\nمرحبا بالعالم\n\n👨‍👩‍👧‍👦 🎉"
            server.answer(
                "openai",
                text,
                reasoning="First I think.",
                citations=[Citation(title="A page", url="https://example.com/page")],
            )
            await screen.ask("Hi")
            await screen.shows("[1] A page")
            await screen.settled()
            server.answer("openai")
            await screen.ask("And 中文?")
            await screen.shows("Thinking")
            await screen.until(screen.history.idle.is_set)
            for text in (words.SAVE, words.STOP, "22", "مرحبا", "流式回答会一段一段地到达", "🎉"):
                assert text in screen.text
            assert screen.view.entry.size.width > columns // 2
            screen.picture(artefact)

    run(scene)


def test_resized(opened, server) -> None:
    """At another width the end stays in view, and lines are wrapped again."""

    async def scene() -> None:
        async with opened() as screen:
            server.answer("openai", "word " * 200 + "\n\nThe end.")
            await screen.ask("Hi")
            await screen.shows("The end.")
            await screen.pilot.resize_terminal(40, 24)
            await screen.until(lambda: screen.app.size.width == 40)
            await screen.shows("The end.")
            await screen.pilot.resize_terminal(100, 50)
            await screen.shows("▌Hi")
            await screen.shows("The end.")

    run(scene)


def test_closed_in_mid_answer(server, caplog) -> None:
    """The app may be closed while an answer streams, and nothing is logged."""

    async def scene() -> None:
        script = server.answer("openai")
        async with open_screen(f"{server.url}/v1/chat/completions") as screen:
            script.say("Half of")
            await screen.ask("Hi")
            await screen.shows("Half of")
            await screen.pilot.press("ctrl+q")
            script.say(" it")
        await asyncio.to_thread(script.wait_for_disconnect)
        assert screen.session.outcome.reason == "stopped"

    run(scene)
    assert caplog.records == []


def test_a_view_among_others(server) -> None:
    """A view is a widget like any other, and whatever the session's dispatch is, it is drawn."""
    calls: list[threading.Thread] = []

    def dispatch(function: Callable[[], None], delay: float = 0.0) -> None:
        calls.append(threading.current_thread())
        function()

    class Two(App[None]):
        def compose(self) -> Any:
            yield Input()
            yield ChatView(session, id="chat")

    server.answer("openai", "Fine.")
    session = use_chat(f"{server.url}/v1/chat/completions", dialect="openai", dispatch=dispatch)

    async def scene() -> None:
        app = Two()
        async with app.run_test() as pilot:
            app.view = app.query_one(ChatView)  # type: ignore[attr-defined]
            screen = Screen(app, pilot)
            await asyncio.to_thread(session.run, "Hi")
            await screen.shows("Fine.")
            app.query_one(Input).focus()
            await pilot.press("x")
            assert app.query_one(Input).value == "x"
            await app.view.remove()  # type: ignore[attr-defined]
            server.answer("openai", "More.")
            await asyncio.to_thread(session.run, "Again")

    with session:
        run(scene)
    assert calls


def test_the_example(server) -> None:
    """The example counts the tokens of its answers."""

    async def scene() -> None:
        from applications import load

        app = load("textual_chat").Chat(f"{server.url}/v1/chat/completions")
        with app.session:
            async with app.run_test(size=(80, 24)) as pilot:
                app.view = app.query_one(ChatView)
                screen = Screen(app, pilot)
                await screen.settled()
                await screen.ask("Hi")
                await screen.shows("Fine.")
                await screen.until(lambda: "tokens so far" in app.sub_title)

    server.answer("openai", "Fine.")
    run(scene)


def test_as_a_program() -> None:
    """Without a URL the program starts its own server; closed in mid-answer it ends cleanly."""
    with Terminal("-X", "dev", str(EXAMPLES / "textual_chat.py")) as terminal:
        terminal.expect(words.PLACEHOLDER)
        # A terminal's input for pasted text of two lines, which does not send it.
        terminal.type("\x1b[200~Hello\nfriend\x1b[201~ of mine")
        terminal.expect("friend of mine")
        assert "You said" not in terminal.seen
        terminal.type("\r")
        terminal.expect("You said: “Hello friend of mine”")
        terminal.type(CTRL_Q)
        assert terminal.wait() == 0
        assert "Traceback" not in terminal.seen
        assert "Warning" not in terminal.seen


def test_as_a_program_with_a_url() -> None:
    """With a URL the program asks that server; each key for a new line is one."""
    with EmbeddedServer(pace=0) as server:
        url = f"{server.url}/v1/chat/completions"
        with Terminal(str(EXAMPLES / "textual_chat.py"), url) as terminal:
            terminal.expect(words.PLACEHOLDER)
            # Ctrl+J, and Shift+Enter of kitty's protocol and of xterm's.
            terminal.type("Hello\nthere\x1b[13;2umy\x1b[27;2;13~friend\r")
            terminal.expect("You said")
            terminal.type(CTRL_Q)
            assert terminal.wait() == 0
        content = server.requests[0].json["messages"][-1]["content"]
        assert content == "Hello\nthere\nmy\nfriend"


def test_three_lines_are_a_chat() -> None:
    """The lines in docs/windows.md make a whole app of a session, and end when it is closed."""
    page = (EXAMPLES.parent / "docs" / "windows.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"^<!-- textual -->\n```python\n(.*?)^```", page, re.M | re.S)
    with ChatServer() as server:
        server.answer("openai", "Fine.")
        program = program.replace("http://127.0.0.1:8765", server.url)
        with Terminal("-c", program) as terminal:
            terminal.expect(words.PLACEHOLDER)
            terminal.type("Hi\r")
            terminal.expect("Fine.")
            terminal.type(CTRL_Q)
            assert terminal.wait() == 0


@pytest.mark.parametrize(
    ("answer", "theme"),
    [
        ("\x1b]11;rgb:ffff/fafa/f0f0\x1b\\\x1b[?62c", "True"),
        ("\x1b]11;rgb:1a/1b/26\x1b\\\x1b[?62c", "False"),
        ("\x1b[?62c", "False"),
    ],
)
def test_the_background_of_the_terminal(answer, theme) -> None:
    """The terminal is asked whether its background is light; what it answers is not typed text."""
    program = (
        "from chatsdk.windows.textual import background\n"
        "background.ANSWER_SECONDS = 20\n"
        "print('light:', background.is_light())\n"
        "print('typed:', input())\n"
    )
    with Terminal("-c", program) as terminal:
        terminal.type(answer)
        terminal.expect(f"light: {theme}")
        terminal.type("word\r")
        terminal.expect("typed: word")


def test_a_theme_that_does_not_exist() -> None:
    """An unknown theme is an error that names those that exist."""
    with use_chat("http://127.0.0.1:9/v1/chat/completions") as session:
        with pytest.raises(ValueError, match="light, dark, system or one of"):
            show(session, theme="pink")


def test_it_is_short() -> None:
    """Each of the applications is read in a few minutes: under 160 lines."""
    for path in sorted(EXAMPLES.glob("*_chat.py")):
        assert len(path.read_text(encoding="utf-8").splitlines()) < 160, path.name
