"""`show`: a chat as a complete app in the terminal."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from typing import Any

from textual.app import App, ComposeResult

from chatsdk.session import ChatSession
from chatsdk.windows import words
from chatsdk.windows.textual.background import is_light
from chatsdk.windows.textual.view import ChatView

__all__ = ["ChatApp", "show"]

THEMES = {"light": "textual-light", "dark": "textual-dark"}


class ChatApp(App[None]):
    """An app that consists of one `ChatView`."""

    ENABLE_COMMAND_PALETTE = False
    PAUSE_GC_ON_SCROLL = True

    def __init__(
        self, session: ChatSession, *, title: str, options: Mapping[str, Any] | None
    ) -> None:
        super().__init__()
        self.title = title
        self.view = ChatView(session, options=options, title=title)

    def compose(self) -> ComposeResult:
        """Yield the view."""
        yield self.view

    def on_ready(self) -> None:
        """Keep what has been loaded out of later garbage collections, which pause the app."""
        gc.collect()
        gc.freeze()


def show(
    session: ChatSession,
    *,
    options: Mapping[str, Any] | None = None,
    theme: str = "system",
    title: str = words.TITLE,
) -> None:
    """Show a chat in the terminal, and return when it is closed; an answer in flight is stopped.

    Ctrl+Q closes it.

    Args:
        session: the session to show and to ask with. It is not closed.
        options: as in `ChatView`.
        theme: ``"light"``, ``"dark"``, ``"system"`` for that of the terminal's background, or the
            name of a theme of Textual.
        title: the title at the top.

    Raises:
        ValueError: there is no such theme.
    """
    app = ChatApp(session, title=title, options=options)
    name = THEMES.get(theme, theme)
    if theme == "system":
        name = THEMES["light" if is_light() else "dark"]
    if name not in app.available_themes:
        raise ValueError(
            f"theme is light, dark, system or one of {', '.join(app.available_themes)}, "
            f"not {theme!r}"
        )
    app.theme = name
    try:
        app.run()
    finally:
        session.stop()
        gc.unfreeze()
