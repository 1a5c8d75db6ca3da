"""The chat of ipywidgets, driven as a browser drives it."""

from __future__ import annotations

import asyncio
import base64
import gc
import io
import re
import weakref
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from html import unescape
from typing import Any

import ipywidgets
import pytest
from applications import WAIT
from ipywidgets.widgets.widget import _instances
from PIL import Image as Pillow

from chatsdk import Citation, File, Image, Message, Tool, ToolCall, use_chat
from chatsdk.windows import words
from chatsdk.windows.notebook import ChatView, view
from chatsdk.windows.notebook.html import rendered


class Cell:
    """The output of a cell with a chat."""

    def __init__(self, view: ChatView) -> None:
        self.view = view
        self.session = view.presenter.session

    async def until(self, fact: Callable[[], Any]) -> None:
        """Let the event loop run until `fact()`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + WAIT
        while not fact():
            assert loop.time() < deadline, f"it did not happen: {self.html}"
            await asyncio.sleep(0.01)

    async def shows(self, text: str) -> None:
        """Let the event loop run until a text is shown."""
        await self.until(lambda: text in self.text)

    def enter(self, text: str) -> None:
        """Type a text and press Enter."""
        self.view.entry.value = text
        # Messages of the browser.
        self.view.entry._handle_custom_msg({"event": "submit"}, [])

    def press(self, label: str) -> None:
        """Press a button."""
        (button,) = (
            widget
            for widget in widgets_of(self.view)
            if isinstance(widget, ipywidgets.Button)
            and widget.description == label
            and not widget.disabled
        )
        button.click()

    @property
    def html(self) -> str:
        """The HTML of the turns and the titles of the folds."""
        parts = []
        for widget in widgets_of(self.view):
            if isinstance(widget, ipywidgets.HTML):
                parts.append(re.sub(r"<style>.*</style>", "", widget.value, flags=re.DOTALL))
            elif isinstance(widget, ipywidgets.Accordion):
                parts.append(widget.get_title(0))
        return "\n".join(parts)

    @property
    def text(self) -> str:
        """Return the visible text."""
        return unescape(re.sub(r"<[^>]*>", "", self.html))


def widgets_of(widget: Any) -> list[Any]:
    children = getattr(widget, "children", ())
    return [widget, *(found for child in children for found in widgets_of(child))]


@pytest.fixture
def opened(server) -> Callable[..., AbstractAsyncContextManager[Cell]]:
    """Opens a chat with the server."""

    @asynccontextmanager
    async def opened(messages: Sequence[Message] = (), **options: Any) -> AsyncIterator[Cell]:
        url = f"{server.url}/v1/chat/completions"
        with use_chat(url, dialect="openai", messages=messages) as session:
            view = ChatView(session, options=options)
            yield Cell(view)
            view.close()

    return opened


def run(scene: Callable[[], Any]) -> None:
    asyncio.run(scene())


def test_a_conversation(opened, server) -> None:
    """An entered text is asked, the answer is formatted while it streams, and Stop stops it."""

    async def scene() -> None:
        async with opened() as cell:
            assert words.IDLE in cell.text
            script = server.answer("openai")
            cell.enter("Hello <b>")
            assert cell.view.entry.value == ""
            await cell.shows("Thinking")
            assert "Hello &lt;b&gt;" in cell.html
            script.think("First I think.")
            await cell.shows("First I think.")
            script.say("Half **of")
            await cell.until(lambda: "<strong>of</strong>" in cell.html)
            assert words.REASONING in cell.text
            cell.press(words.STOP)
            await asyncio.to_thread(script.wait_for_disconnect)
            await cell.shows(words.STOPPED)
            assert "Half" in cell.text
            server.answer("openai", "The whole.")
            cell.press(words.REGENERATE)
            await cell.shows("The whole.")
            await cell.until(lambda: cell.view.stop_button.disabled)
            assert "Half" not in cell.text
            cell.press(words.NEW_CHAT)
            await cell.shows(words.IDLE)

    run(scene)


def test_an_error(opened, server) -> None:
    """An error is shown in its turn, and Retry asks again."""

    async def scene() -> None:
        async with opened() as cell:
            server.reply(400, json={"error": {"message": "<i>No</i> such model"}})
            cell.enter("Hi")
            await cell.shows("<i>No</i> such model")
            server.answer("openai", "Fine.")
            cell.press(words.RETRY)
            await cell.shows("Fine.")
            await cell.until(lambda: "such model" not in cell.text)

    run(scene)


def test_sent_after_the_answer(opened, server) -> None:
    """A text that is entered while an answer streams is sent after it."""

    async def scene() -> None:
        async with opened() as cell:
            script = server.answer("openai")
            cell.enter("Hi")
            await cell.shows("Thinking")
            cell.enter("And then?")
            await cell.shows(f"{words.QUEUED} And then?")
            server.answer("openai", "That.")
            script.finish()
            await cell.shows("That.")
            assert words.QUEUED not in cell.text

    run(scene)


@pytest.mark.parametrize("label", [words.ALLOW, words.DENY])
def test_a_tool_asks(opened, server, label) -> None:
    """A tool that needs a person shows its arguments, and runs or not as the person decides."""
    ran: list[str] = []

    def weather(city: str) -> str:
        """The weather of a city."""
        ran.append(city)
        return "<sun>"

    async def scene() -> None:
        async with opened(tools=[Tool(weather, approve=True)]) as cell:
            server.answer("openai", tool_calls=[ToolCall("c1", "weather", '{"city": "Oslo"}')])
            server.answer("openai", "As you say.")
            cell.enter("Hi")
            await cell.shows("weather · waiting for you")
            assert '{"city": "Oslo"}' in cell.text
            cell.press(label)
            await cell.shows("As you say.")

    run(scene)
    assert ran == (["Oslo"] if label == words.ALLOW else [])


def test_a_call_without_a_function(opened, server) -> None:
    """A call that no function can run is only offered to be denied."""

    async def scene() -> None:
        async with opened(tools=[Tool({"name": "weather"})]) as cell:
            server.answer("openai", tool_calls=[ToolCall("c1", "weather", "{}")])
            server.answer("openai", "As you say.")
            cell.enter("Hi")
            await cell.shows("weather · waiting for you")
            labels = [getattr(one, "description", "") for one in widgets_of(cell.view)]
            assert words.ALLOW not in labels
            cell.press(words.DENY)
            await cell.shows("As you say.")

    run(scene)


def test_a_text_that_was_not_sent_comes_back(opened, server) -> None:
    """It comes before the text that is being written."""

    async def scene() -> None:
        async with opened() as cell:
            script = server.answer("openai")
            cell.enter("Hi")
            await cell.shows("Thinking")
            cell.enter("And then?")
            await cell.shows(words.QUEUED)
            cell.view.entry.value = "a draft"
            script.cut()
            await cell.until(lambda: cell.view.entry.value == "And then? a draft")

    run(scene)


def test_citations(opened, server) -> None:
    """Citations are numbered; only those of the web are links."""

    async def scene() -> None:
        async with opened() as cell:
            cell.enter("Hi")
            await cell.shows("[2] A file")
            assert '<a href="https://example.com/page" target="_blank"' in cell.html
            assert "file://" not in cell.html

    server.answer(
        "openai",
        "Yes.",
        citations=[
            Citation(title="A page", url="https://example.com/page"),
            Citation(title="A file", url="file:///etc/hostname"),
        ],
    )
    run(scene)


@pytest.mark.parametrize(
    ("say", "text", "name"),
    [
        ("say", "A piece of some words.\n\n", "chatsdk-text"),
        ("think", "A piece of some words.\n", "chatsdk-fold"),
    ],
    ids=["answer", "reasoning"],
)
def test_a_long_text_is_sent_once(opened, server, say, text, name) -> None:
    """In long answers and long reasoning, only the growing part is sent again."""

    async def scene() -> None:
        async with opened() as cell:
            script = server.answer("openai")
            more = getattr(script, say)
            more(text * 2000)
            cell.enter("Hi")
            await cell.until(lambda: cell.text.count("A piece") == 2000)
            pieces = [w for w in widgets_of(cell.view) if name in w._dom_classes]
            before = [piece.value for piece in pieces]
            assert len(pieces) > 3
            more("The end.")
            await cell.shows("The end.")
            assert [piece.value for piece in pieces[:-1]] == before[:-1]
            assert cell.text.count("A piece") == 2000
            script.finish()
            await cell.until(lambda: cell.view.stop_button.disabled)

    run(scene)


def test_links_with_a_target_elsewhere(opened, server) -> None:
    """A link becomes one when its target has come, also if it is far above."""
    link = '<a href="https://example.com/docs" target="_blank" rel="noopener noreferrer">docs</a>'

    async def scene() -> None:
        async with opened() as cell:
            script = server.answer("openai")
            script.say("The [docs][1].\n\n" + "A paragraph of some words.\n\n" * 1000)
            cell.enter("Hi")
            await cell.until(lambda: cell.text.count("A paragraph") == 1000)
            script.say("[1]: https://exam")
            await cell.until(lambda: cell.session.answer.text.endswith("exam"))
            script.say("ple.com/docs")
            script.finish()
            await cell.until(lambda: link in cell.html)

    run(scene)


def test_images_are_shown(opened) -> None:
    """An image that was sent is a small picture, and the browser gets no more than that."""
    file = io.BytesIO()
    Pillow.new("RGB", (4000, 2000), "red").save(file, "PNG")
    data = base64.b64encode(file.getvalue()).decode()
    asked = Message("user", "Look", images=(Image(data=data, media_type='image/"png'),))

    async def scene() -> None:
        async with opened([asked, Message("assistant", "Red.")]) as cell:
            await cell.until(lambda: "<img" in cell.html)
            source, name = re.findall(
                r'<img src="data:image/png;base64,(.*?)" alt="(.*?)">', cell.html
            )[0]
            assert Pillow.open(io.BytesIO(base64.b64decode(source))).size == (320, 160)
            assert unescape(name) == 'image/"png'
            assert "🖼" not in cell.text

    run(scene)


def test_more_images_than_are_kept(opened, monkeypatch) -> None:
    """Each image of a question is made small once, however many there are."""
    made: list[Image] = []

    def small(image: Image, side: int) -> bytes:
        made.append(image)
        return b"picture"

    monkeypatch.setattr(view, "small_png", small)
    images = tuple(Image(data=f"{number:04}", media_type="image/png") for number in range(100))

    async def scene() -> None:
        async with opened([Message("user", "Look", images=images)]) as cell:
            await cell.until(lambda: cell.html.count("<img") == len(images))
            assert len(made) == len(images)

    run(scene)


def test_what_was_sent_is_named(opened) -> None:
    """A question shows the names of its files, and of an image that cannot be shown."""

    async def scene() -> None:
        asked = Message(
            "user",
            "Read this.",
            files=(File(data="AAAA", media_type="text/plain", name="notes.txt"),),
            images=(Image(data="AAAA", media_type="image/png"),),
        )
        async with opened([asked, Message("assistant", "Fine.")]) as cell:
            await cell.shows("Fine.")
            assert "Read this.\n📎 notes.txt\n🖼 image/png" in cell.text

    run(scene)


def test_close_frees_everything(opened, server) -> None:
    """After `close` the kernel has none of its widgets, and the view can be collected."""

    async def used() -> weakref.ref[Any]:
        async with opened() as cell:
            server.answer("openai", "Fine.", reasoning="I think.")
            cell.enter("Hi")
            await cell.shows("Fine.")
            await cell.until(lambda: cell.view.stop_button.disabled)
            server.reply(400, json={"error": {"message": "No such model"}})
            cell.press(words.REGENERATE)
            await cell.shows("No such model")
            await cell.until(lambda: cell.view.stop_button.disabled)
            return weakref.ref(cell.view)

    async def scene() -> None:
        before = set(_instances)
        view = await used()
        assert set(_instances) <= before
        deadline = asyncio.get_running_loop().time() + WAIT
        # Calls that are due in the event loop still have it.
        while view() is not None:
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.05)
            gc.collect()

    run(scene)


def test_nothing_runs_and_nothing_is_fetched() -> None:
    """HTML is text, images are links, and links of other schemes lead nowhere."""
    html = rendered(
        "<script>x</script> ![a](http://127.0.0.1/a) [b](javascript:x) [c](ftp://127.0.0.1/)\n\n"
        '<img src=x onerror=y>\n\n`<b>`\n\n| <i> |\n|--|\n| [d](https://127.0.0.1/"x) |'
    )
    assert not re.search(r"<(script|img|b|i)\b", html)
    assert re.findall(r'href="([^"]*)"', html) == ["http://127.0.0.1/a", "https://127.0.0.1/%22x"]


def test_without_markdown(monkeypatch) -> None:
    """Without markdown-it-py an answer is plain text."""
    from chatsdk.windows.notebook import html

    monkeypatch.setattr(html, "_parser", lambda: None)
    assert rendered("**a** <b>") == '<div class="chatsdk-plain">**a** &lt;b&gt;</div>'


def test_outside_of_a_kernel() -> None:
    """Without an event loop there is an error that explains where to make it."""
    with use_chat("http://127.0.0.1:9/v1/chat/completions") as session:
        with pytest.raises(RuntimeError, match="make it in a cell"):
            ChatView(session)
