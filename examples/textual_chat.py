"""A chat in a terminal that counts its tokens, with Textual. Run: python textual_chat.py [URL]

Without a URL it starts a server with canned replies.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack

from textual.app import App, ComposeResult
from textual.widgets import Header

from chatsdk import ChatSession, Outcome, ui, use_chat
from chatsdk.testing import EmbeddedServer
from chatsdk.windows.textual import ChatView


class Chat(App[None]):
    TITLE = "Chat"
    tokens = 0

    def __init__(self, url: str) -> None:
        super().__init__()
        self.session: ChatSession = use_chat(url, dispatch=ui.textual(self), on_finish=self.count)

    def compose(self) -> ComposeResult:
        yield Header()
        yield ChatView(self.session)

    def count(self, outcome: Outcome) -> None:
        self.tokens += outcome.answer.usage.total or 0
        self.sub_title = f"{self.tokens:,} tokens so far"


if __name__ == "__main__":
    with ExitStack() as stack:  # Closes the session after the app, which stops its answer.
        url = "".join(sys.argv[1:])
        url = url or stack.enter_context(EmbeddedServer()).url + "/v1/chat/completions"
        stack.enter_context((chat := Chat(url)).session)
        chat.run()
