"""A Textual chat on its own screen, used by a pilot."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from html import unescape
from pathlib import Path
from typing import Any

from applications import WAIT
from textual.errors import NoWidget
from textual.widget import Widget
from textual.widgets import Input

from chatsdk import ChatSession, use_chat
from chatsdk.windows.textual.acts import Act
from chatsdk.windows.textual.application import ChatApp

__all__ = ["Screen", "open_screen"]


class Screen:
    """An app with a `ChatView`, which runs while a test waits for a fact."""

    def __init__(self, app: Any, pilot: Any) -> None:
        self.app = app
        self.pilot = pilot
        self.view = app.view
        self.session = app.view.session
        self.history = app.view._history

    async def until(self, fact: Callable[[], Any]) -> None:
        """Let the app run until `fact()`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + WAIT
        while not fact():
            assert loop.time() < deadline, f"it did not happen; the screen says: {self.text}"
            await self.pilot.pause()
            await asyncio.sleep(0.005)

    async def settled(self) -> None:
        """Let the app run until the turn has ended and all of the session is drawn."""

        def drawn() -> bool:
            transcript = self.view.presenter.transcript
            return (
                self.session.done
                and not transcript.in_flight
                and transcript.messages is self.session.messages
                and self.history.idle.is_set()
            )

        await self.until(drawn)
        await self.pilot.pause()

    async def shows(self, text: str) -> None:
        """Let the app run until a text is on the screen."""
        await self.until(lambda: text in self.text)

    async def ask(self, prompt: str) -> None:
        """Type a prompt, and press Enter."""
        await self.type(prompt)
        await self.pilot.press("enter")

    async def type(self, text: str) -> None:
        """Press the keys of a text."""
        for character in text:
            await self.pilot.press("space" if character == " " else character)

    async def press(self, label: str, *, last: bool = False) -> None:
        """Click on a word that can be pressed, once it is where it stays."""
        found: list[Widget] = []

        def find() -> bool:
            found[:] = [
                act
                for act in self.app.screen.query(Act)
                if str(act.content) == label and act.region.height and act.display
            ]
            return bool(found)

        await self.until(find)
        await self.click(found[-1 if last else 0])

    async def name_file(self, path: Path) -> None:
        """Answer the question for a file's name."""
        await self.until(lambda: self.app.screen.query(Input))
        self.app.screen.query_one(Input).value = str(path)
        await self.pilot.press("enter")

    async def click(self, widget: Widget) -> None:
        """Click on a widget with the mouse."""
        await self.pilot.pause()
        widget.scroll_visible(animate=False)
        await self.until(lambda: self._is_there(widget))
        assert await self.pilot.click(widget)

    def _is_there(self, widget: Widget) -> bool:
        """Whether a click on a widget would reach it."""
        place = widget.region.offset
        try:
            return self.app.get_widget_at(*place)[0] is widget
        except NoWidget:
            return False

    @property
    def rows(self) -> list[str]:
        """The texts of the rows that have a widget."""
        return [slot.row.text for slot in self.history.slots]

    @property
    def lines(self) -> list[str]:
        """The lines of the screen."""
        svg = self.app.export_screenshot(simplify=True)
        rows: dict[float, list[tuple[float, str]]] = {}
        for match in re.finditer(r'<text[^>]*?x="([\d.]+)" y="([\d.]+)"[^>]*>(.*?)</text>', svg):
            text = unescape(match[3]).replace("\xa0", " ")
            rows.setdefault(float(match[2]), []).append((float(match[1]), text))
        return ["".join(text for _, text in sorted(row)) for _, row in sorted(rows.items())]

    @property
    def text(self) -> str:
        """Return the text on the screen."""
        return "\n".join(self.lines)

    def picture(self, path: Path) -> None:
        """Keep a picture of the screen."""
        path.with_suffix(".svg").write_text(self.app.export_screenshot(), encoding="utf-8")


@asynccontextmanager
async def open_screen(
    url: str,
    *,
    size: tuple[int, int] = (80, 24),
    theme: str = "",
    start: dict[str, Any] | None = None,
    tooltips: bool = False,
    **options: Any,
) -> AsyncIterator[Screen]:
    """Open a chat with a backend on a screen, and close both at the end."""
    session: ChatSession = use_chat(url, dialect="openai", **options)
    with session:
        app = ChatApp(session, title="Chat", options=start)
        async with app.run_test(size=size, notifications=True, tooltips=tooltips) as pilot:
            if theme:
                app.theme = theme
            screen = Screen(app, pilot)
            await screen.settled()
            yield screen
