"""The chat in a terminal, used through Textual's pilot, and as a program on a pseudo-terminal."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from applications import EXAMPLES, WAIT, load
from terminal import Terminal
from textual.events import Paste
from textual.widget import Widget
from textual.widgets import Button, Link, Static

from chatsdk.parts import Citation
from chatsdk.testing import EmbeddedServer

LONG = "unbroken" * 40
CJK = "流式回答会一段一段地到达，窗口始终跟随最后一行。" * 4 + "ストリーミング。한국어도."

CTRL_Q = "\x11"


class Screen:
    """The example's app, which runs while a test waits for a fact."""

    def __init__(self, app: Any, pilot: Any) -> None:
        self.app = app
        self.pilot = pilot
        self.session = app.session

    async def until(self, fact: Callable[[], Any]) -> None:
        """Let the app run until `fact()`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + WAIT
        while not fact():
            assert loop.time() < deadline, f"it did not happen; the screen says: {self.text!r}"
            await self.pilot.pause()

    async def ask(self, prompt: str) -> None:
        """Type a prompt, and press Enter."""
        await self.pilot.press(*(key if key != " " else "space" for key in prompt), "enter")

    async def press(self, widget: Widget) -> None:
        """Click on a widget with the mouse, once it is where it stays."""
        await self.pilot.pause()
        assert await self.pilot.click(widget)

    @property
    def messages(self) -> list[Any]:
        return list(self.app.transcript.children)

    @property
    def text(self) -> str:
        """What the messages of the transcript show, one below the other."""
        return "\n\n".join(
            f"{message.who.content}\n{message.text.content}" for message in self.messages
        )

    def picture(self, path: Path) -> None:
        path.with_suffix(".svg").write_text(self.app.export_screenshot(), encoding="utf-8")


@pytest.fixture
def screen(server, threads) -> Callable[[], Any]:
    """Opens the example's app on a screen of 80 columns, and closes it."""

    @asynccontextmanager
    async def screen() -> AsyncIterator[Screen]:
        app = load("textual_chat", threads).Chat(f"{server.url}/v1/chat/completions")
        with app.session:
            async with app.run_test(size=(80, 24)) as pilot:
                yield Screen(app, pilot)
        assert threads <= {threading.main_thread()}

    return screen


def test_an_answer_grows(screen, server, threads) -> None:
    """What is typed is asked, and the text grows while it streams, on the app's thread."""

    async def scene() -> None:
        async with screen() as window:
            script = server.answer("openai")
            await window.ask("Hello there")
            await window.until(lambda: window.text == "User\nHello there\n\nAssistant\n")
            request = await asyncio.to_thread(script.wait_for_request)
            assert request.json["messages"] == [{"role": "user", "content": "Hello there"}]
            script.say("Hel")
            await window.until(lambda: window.text.endswith("Assistant\nHel"))
            assert window.app.send.disabled
            assert not window.app.stop.disabled
            await window.ask("not yet")
            script.say("lo")
            await window.until(lambda: window.text.endswith("Assistant\nHello"))
            assert window.app.entry.value == "not yet"
            script.finish()
            await window.until(lambda: not window.app.send.disabled)
            assert window.text == "User\nHello there\n\nAssistant\nHello"

    asyncio.run(scene())
    assert threads == {threading.main_thread()}


def test_stop_and_regenerate(screen, server, threads) -> None:
    """Stop keeps the text and tells the server; Regenerate puts another answer in its place."""

    async def scene() -> None:
        async with screen() as window:
            script = server.answer("openai")
            script.say("Half of")
            await window.ask("Hi")
            await window.until(lambda: "Half of" in window.text)
            await window.press(window.app.stop)
            await asyncio.to_thread(script.wait_for_disconnect)
            await window.until(lambda: window.text == "User\nHi\n\nAssistant (stopped)\nHalf of")
            server.answer("openai", "The whole.")
            await window.until(lambda: not window.app.again.disabled)
            await window.press(window.app.again)
            await window.until(lambda: window.text == "User\nHi\n\nAssistant\nThe whole.")

    asyncio.run(scene())
    assert threads == {threading.main_thread()}


def test_stop_and_ask_at_once(screen, server, threads) -> None:
    """The end of an answer that was stopped is not shown at the next one."""

    async def scene() -> None:
        async with screen() as window:
            first = server.answer("openai")
            first.say("Half of")
            second = server.answer("openai")
            second.say("Another")
            await window.ask("Hi")
            await window.until(lambda: "Half of" in window.text)
            window.app.entry.value = "Again"
            # Before anything of the end has come.
            window.app.action_stop()
            window.app.action_ask()
            await window.until(lambda: "Another" in window.text)
            half = "User\nHi\n\nAssistant (stopped)\nHalf of"
            assert window.text == f"{half}\n\nUser\nAgain\n\nAssistant\nAnother"
            second.finish()
            await window.until(lambda: not window.app.send.disabled)
            assert window.text == f"{half}\n\nUser\nAgain\n\nAssistant\nAnother"

    asyncio.run(scene())


def test_a_server_that_dies(screen, server, threads, artefact) -> None:
    """An error is shown with what came before it, and Retry asks again."""

    async def scene() -> None:
        async with screen() as window:
            script = server.answer("openai")
            script.say("Half of")
            await window.ask("Hi")
            await window.until(lambda: "Half of" in window.text)
            assert not window.app.trouble.display
            script.cut()
            await window.until(lambda: window.app.trouble.display)
            assert window.app.error.content == str(window.session.error) != ""
            assert window.text == "User\nHi\n\nAssistant\nHalf of"
            await window.pilot.pause()
            window.picture(artefact)
            server.answer("openai", "The whole.")
            await window.press(window.app.trouble.query_one(Button))
            await window.until(lambda: window.text == "User\nHi\n\nAssistant\nThe whole.")
            await window.until(lambda: not window.app.trouble.display)

    asyncio.run(scene())
    assert threads == {threading.main_thread()}


def test_closed_in_mid_answer(screen, server, threads, caplog) -> None:
    """The app may be closed while an answer streams; the server is left, and nothing is said."""

    async def scene() -> Any:
        async with screen() as window:
            script = server.answer("openai")
            script.say("Half of")
            await window.ask("Hi")
            await window.until(lambda: "Half of" in window.text)
            await window.pilot.press("ctrl+q")
            script.say(" it")
        await asyncio.to_thread(script.wait_for_disconnect)
        return window.session

    session = asyncio.run(scene())
    assert session.outcome.reason == "stopped"
    assert caplog.records == []
    assert threads == {threading.main_thread()}


def test_reasoning_and_sources(screen, server, threads, monkeypatch, artefact) -> None:
    """Reasoning is folded until it is clicked, sources are links, and the view follows the text."""
    opened: list[str] = []

    async def scene() -> None:
        async with screen() as window:
            monkeypatch.setattr(window.app, "open_url", opened.append)
            await window.ask("Tell me everything about streaming")
            await window.until(lambda: len(window.app.query("Said > Static")) == 6)
            answer = window.messages[-1]
            view = window.app.transcript
            assert answer.fold.display
            assert not answer.thought.region
            assert view.scroll_y == view.max_scroll_y > 0
            window.picture(artefact)
            sources = list(answer.query("Said > Static"))[-2:]
            assert [type(source) for source in sources] == [Link, Static]
            await window.press(sources[1])
            await window.press(sources[0])
            answer.fold.scroll_visible(animate=False)
            await window.press(answer.fold.query_one("CollapsibleTitle"))
            await window.until(lambda: answer.thought.region)
            assert answer.thought.content == "First I think."
            await window.pilot.pause()
            window.picture(artefact.with_stem(f"{artefact.stem}-unfolded"))
            await window.press(answer.fold.query_one("CollapsibleTitle"))
            await window.until(lambda: not answer.thought.region)

    server.answer(
        "openai",
        f"{CJK}\n\n{LONG}\n\n[b]not bold[/b]\n" + "A line of text.\n" * 30 + "The last line.",
        reasoning="First I think.",
        citations=[
            Citation(title="[1] A page", url="https://example.com/page"),
            Citation(title="A file", url="file:///etc/hostname"),
        ],
    )
    asyncio.run(scene())
    assert opened == ["https://example.com/page"]


def test_the_view_stays_where_one_reads(screen, server, threads) -> None:
    """Whoever scrolls up is not torn down by text that comes."""

    async def scene() -> None:
        async with screen() as window:
            script = server.answer("openai")
            script.say("A line.\n" * 60)
            await window.ask("Hi")
            view = window.app.transcript
            await window.until(lambda: view.max_scroll_y > 30 and view.scroll_y > 30)
            view.focus()
            await window.pilot.press("home")
            await window.until(lambda: view.scroll_y == 0)
            script.say("More of it.\n" * 10)
            await window.until(lambda: "More of it." in window.text)
            await window.pilot.pause()
            assert view.scroll_y == 0
            script.finish()
            await window.until(lambda: not window.app.send.disabled)
            assert view.scroll_y == 0

    asyncio.run(scene())


def test_what_is_asked_is_in_view(screen, server, threads) -> None:
    """Whoever has scrolled up sees what he asks, and the view follows the text again."""

    async def scene() -> None:
        async with screen() as window:
            server.answer("openai", "A line.\n" * 60)
            await window.ask("Hi")
            await window.until(lambda: not window.app.send.disabled)
            view = window.app.transcript
            view.focus()
            await window.pilot.press("home")
            await window.until(lambda: view.scroll_y == 0)
            script = server.answer("openai")
            window.app.entry.focus()
            await window.ask("Again")
            await window.until(lambda: view.scroll_y == view.max_scroll_y > 30)
            script.say("More of it.\n" * 10)
            await window.until(lambda: "More of it." in window.text)
            await window.until(lambda: view.scroll_y == view.max_scroll_y)
            script.finish()
            await window.until(lambda: not window.app.send.disabled)

    asyncio.run(scene())


def test_several_lines_are_pasted(screen, server, threads) -> None:
    """Of several lines that are pasted none is lost, and the prompt stays one line."""

    async def scene() -> None:
        async with screen() as window:
            server.answer("openai", "Well.")
            await window.pilot.press("A", "colon")
            window.app.entry.post_message(Paste("one\r\ntwo\nthree\n"))
            await window.until(lambda: window.app.entry.value == "A:one two three")
            await window.pilot.press("enter")
            await window.until(lambda: window.text.endswith("Well."))

    asyncio.run(scene())
    assert server.requests[0].json["messages"][0]["content"] == "A:one two three"


def test_nothing_steers_the_terminal(screen, server, threads) -> None:
    """Of what a backend says no control character comes to the terminal."""

    async def scene() -> None:
        async with screen() as window:
            await window.ask("Hi")
            await window.until(lambda: not window.app.send.disabled)
            answer = window.messages[-1]
            assert answer.text.content == "A]52;c;Qg==B\tC\nD"
            assert answer.thought.content == "[2JHm"
            sources = list(answer.query("Said > Static"))[-1:]
            assert [source.content for source in sources] == ["• A file"]
            server.reply(status=400, json={"error": {"message": "No\x1b[2J"}})
            await window.press(window.app.again)
            await window.until(lambda: window.app.trouble.display)
            assert "No[2J" in window.app.error.content

    server.answer(
        "openai",
        "A\x1b]52;c;Qg==\x07B\tC\n\x9bD\x00",
        reasoning="\x1b[2JH\x08m",
        citations=[Citation(title="A \x1b\x9dfile", url="file:///etc/hostname")],
    )
    asyncio.run(scene())


def test_nothing_to_do(screen, server, threads) -> None:
    """Nothing is asked without a prompt, nor anew before anything was asked."""

    async def scene() -> None:
        async with screen() as window:
            await window.ask("   ")
            assert window.app.again.disabled
            assert window.text == ""
            assert window.session.messages == ()

    asyncio.run(scene())
    assert server.requests == []


def test_as_a_program() -> None:
    """Without a URL the program starts a server of its own; closed in mid-answer it ends well."""
    example = str(EXAMPLES / "textual_chat.py")
    with Terminal("-X", "dev", example) as terminal:
        terminal.expect("Ask something")
        terminal.type("Hello")
        terminal.expect("Hello")
        terminal.type("\r")
        terminal.expect("You said")
        terminal.type(CTRL_Q)
        assert terminal.wait() == 0
        assert "Traceback" not in terminal.seen
        assert "Warning" not in terminal.seen


def test_as_a_program_with_a_url() -> None:
    """With a URL the program asks that server."""
    with EmbeddedServer(pace=0) as server:
        url = f"{server.url}/v1/chat/completions"
        with Terminal(str(EXAMPLES / "textual_chat.py"), url) as terminal:
            terminal.expect("Ask something")
            terminal.type("Hello\r")
            terminal.expect("You said")
            terminal.type(CTRL_Q)
            assert terminal.wait() == 0
        assert server.requests[0].json["messages"][-1]["content"] == "Hello"


def test_it_is_short() -> None:
    """Each of the applications is read in a few minutes: under 150 lines."""
    for path in sorted(EXAMPLES.glob("*_chat.py")):
        assert len(path.read_text(encoding="utf-8").splitlines()) < 150, path.name
