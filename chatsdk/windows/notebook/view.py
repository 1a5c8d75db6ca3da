"""`ChatView`: a chat in the output of a notebook's cell, with ipywidgets."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from html import escape
from typing import Any

import ipywidgets as widgets

from chatsdk import ui
from chatsdk.session import ChatSession
from chatsdk.windows import words
from chatsdk.windows.notebook.turn_box import Acts, TurnBox, close_all
from chatsdk.windows.presenter import Presenter
from chatsdk.windows.thumbnails import Thumbnails, small_png
from chatsdk.windows.transcript import Transcript

__all__ = ["ChatView"]

# Shortest time between two updates, in seconds: each is a message to the browser.
UPDATE_SECONDS = 0.1

# Pixels of the longer side of a small picture.
SIDE = 320

# The colours are JupyterLab's, which has a light and a dark theme; the second ones are for others.
STYLE = """<style>
.chatsdk-chat { border: 1px solid var(--jp-border-color2, #ccc); border-radius: 6px; padding: 8px; }
/* In reverse order, so that the browser stays at the end of what grows. */
.chatsdk-scroll { max-height: 32em; overflow-y: auto; flex-direction: column-reverse; }
.chatsdk-scroll, .chatsdk-scroll * { flex-shrink: 0; }
.chatsdk-chat .widget-html-content { line-height: 1.5; overflow-wrap: anywhere; }
.chatsdk-question { background: var(--jp-layout-color2, #8882); border-radius: 6px;
  padding: 2px 10px; margin-top: 12px; }
.chatsdk-plain { white-space: pre-wrap; }
.chatsdk-question img { max-width: 160px; max-height: 120px; border-radius: 4px; margin: 4px 8px
  4px 0; }
.chatsdk-text pre { background: var(--jp-layout-color2, #8882); border-radius: 4px; padding: 8px;
  overflow-x: auto; overflow-wrap: normal; }
.chatsdk-text table { border-collapse: collapse; margin-bottom: 1em; }
.chatsdk-text h1 { font-size: 1.4em; } .chatsdk-text h2 { font-size: 1.2em; }
.chatsdk-text h1, .chatsdk-text h2, .chatsdk-text h3 { margin: 0.6em 0 0.4em; }
.chatsdk-chat a[href] { color: var(--jp-content-link-color, #06c); text-decoration: underline; }
.chatsdk-text th, .chatsdk-text td { border: 1px solid var(--jp-border-color2, #8886);
  padding: 2px 8px; }
.chatsdk-text blockquote { border-left: 3px solid var(--jp-border-color1, #888); margin-left: 0;
  padding-left: 10px; }
.chatsdk-notice { color: var(--jp-ui-font-color2, #777); font-style: italic; }
.chatsdk-error { color: var(--jp-error-color1, #c33); font-style: normal; }
.chatsdk-idle { color: var(--jp-ui-font-color2, #777); text-align: center; padding: 2em 0; }
</style>"""


class ChatView(widgets.VBox):
    """A chat bound to a session: transcript, entry, stop, and all states.

    It is the last value of a cell, or given to ``display``. It is drawn by the kernel's event loop,
    whatever the session's `dispatch` is: between cells, not while one runs.

    Args:
        session: the session to show and to ask with. It is not closed.
        options: passed to `ChatSession.start` with each question, such as ``{"tools": [...]}``.

    Attributes:
        presenter: the actions of a person, for programs: `submit`, `stop`, `new_chat` and more.

    Raises:
        RuntimeError: there is no running event loop, as in a cell of a notebook.
    """

    presenter: Presenter

    def __init__(self, session: ChatSession, *, options: Mapping[str, Any] | None = None) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise RuntimeError(
                "a ChatView for notebooks needs the event loop of a kernel: make it in a cell"
            ) from None
        super().__init__()
        self.add_class("chatsdk-chat")
        self._turns: list[TurnBox] = []
        self._idle = widgets.HTML(
            f'<div class="chatsdk-idle"><b>{escape(words.IDLE)}</b><br>{escape(words.IDLE_HINT)}'
            "</div>"
        )
        self._list = widgets.VBox([self._idle])
        scroll = widgets.VBox([self._list])
        scroll.add_class("chatsdk-scroll")
        self._trouble = widgets.HTML()
        self.entry = widgets.Text(placeholder=words.PLACEHOLDER, layout={"flex": "1"})
        # The value comes first, and Enter after it.
        self.entry.on_msg(self._on_entry)
        self.send_button = widgets.Button(description=words.SEND, layout={"width": "auto"})
        self.send_button.on_click(lambda _: self._ask())
        self.stop_button = widgets.Button(
            description=words.STOP, icon="stop", layout={"width": "auto"}
        )
        self.stop_button.on_click(lambda _: self.presenter.stop())
        self.again_button = widgets.Button(description=words.REGENERATE, layout={"width": "auto"})
        self.again_button.on_click(lambda _: self._again())
        self.new_button = widgets.Button(description=words.NEW_CHAT, layout={"width": "auto"})
        self.new_button.on_click(lambda _: self.presenter.new_chat())
        self.children = [
            widgets.HTML(STYLE),
            scroll,
            self._trouble,
            widgets.HBox([self.entry, self.send_button, self.stop_button]),
            widgets.HBox([self.again_button, self.new_button]),
        ]
        self._ready = True
        dispatch = ui.loop(loop)
        self._thumbnails = Thumbnails(partial(small_png, side=SIDE), dispatch)
        self.presenter = Presenter(
            session, self._draw, dispatch, options=options, every=UPDATE_SECONDS
        )

    def close(self) -> None:
        """Remove it from the page. The session stays as it is."""
        if getattr(self, "_ready", False):
            self._ready = False
            self.presenter.close()
            self._thumbnails.close()
            close_all([self, self._idle])
            for box in self._turns:
                box.close()
        super().close()

    def _draw(self, transcript: Transcript, before: Transcript) -> None:
        turns = transcript.turns
        acts: Acts = {"retry": self._again, "allow": self._allow, "deny": self._deny}
        while len(self._turns) < len(turns):
            self._turns.append(TurnBox(acts, self._thumbnails))
        for box in self._turns[len(turns) :]:
            box.close()
        del self._turns[len(turns) :]
        for place in range(transcript.same_as(before), len(turns)):
            self._turns[place].show(turns[place])
        children = tuple(self._turns) or (self._idle,)
        if children != self._list.children:
            self._list.children = children
        busy = transcript.in_flight
        self.stop_button.disabled = not busy
        self.again_button.disabled = self.new_button.disabled = not turns
        self.again_button.disabled = busy or not turns
        if (presenter := getattr(self, "presenter", None)) is not None:
            self._draw_line(presenter)

    def _draw_line(self, presenter: Presenter) -> None:
        """The line above the entry: what waits for the end of the answer, or what went wrong."""
        if presenter.returned:
            kept = [presenter.take_returned(), self.entry.value]
            self.entry.value = " ".join(text for text in kept if text)
        line = f"{words.QUEUED} {presenter.queued}" if presenter.queued else presenter.trouble
        html = f'<div class="chatsdk-notice">{escape(line)}</div>' if line else ""
        if self._trouble.value != html:
            self._trouble.value = html

    def _on_entry(self, widget: object, content: Any, buffers: object) -> None:
        if isinstance(content, dict) and content.get("event") == "submit":
            self._ask()

    def _ask(self) -> None:
        if self.presenter.submit(self.entry.value):
            self.entry.value = ""

    def _again(self) -> None:
        if self.presenter.session.done:
            self.presenter.regenerate()

    def _allow(self, call_id: str) -> None:
        self.presenter.allow(call_id)

    def _deny(self, call_id: str) -> None:
        self.presenter.deny(call_id)
