"""`show`: a chat as a whole app in the terminal."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from typing import Any

from textual.app import App, ComposeResult

from chatsdk.session import ChatSession
from chatsdk.windows import words
from chatsdk.windows.textual.view import ChatView

__all__ = ["ChatApp", "show"]


class ChatApp(App[None]):
    """An app that consists of one `ChatView`."""

    ENABLE_COMMAND_PALETTE = False
    PAUSE_GC_ON_SCROLL = True

    def __init__(
        self, session: ChatSession, *, title: str, options: Mapping[str, Any] | None
    ) -> None:
        super().__init__()
        self.title = title
        self.view = ChatView(session, options=options)

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
    title: str = words.TITLE,
    options: Mapping[str, Any] | None = None,
) -> None:
    """Show a chat in the terminal; return when it is closed, with Ctrl+Q.

    The session stays open: close it afterwards, which stops an answer that is still streaming.

    Args:
        session: the session to show.
        title: the title of the terminal's window.
        options: passed to `ChatSession.start` with each question, such as ``{"tools": [...]}``.
    """
    try:
        ChatApp(session, title=title, options=options).run()
    finally:
        gc.unfreeze()
