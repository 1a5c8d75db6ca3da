"""A chat in a terminal, with Textual. Run it as: python textual_chat.py [URL]

Without a URL it talks to a server of its own, which has no model and says so.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack

from textual.app import App, ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.events import Paste
from textual.widgets import Button, Collapsible, Input, Link, Static

from chatsdk import Answer, Outcome, Regenerate, ui, use_chat
from chatsdk.testing import EmbeddedServer

STEER = dict.fromkeys([*range(9), *range(11, 32), *range(127, 160)])  # Moves a cursor, and more.


class Said(Vertical):  # A message. Nothing of it is taken for markup, or steers the terminal.
    def __init__(self, role: str, text: str = "") -> None:
        self.who = Static(role, classes="who")
        self.thought = Static(markup=False)
        self.fold = Collapsible(self.thought, title="Reasoning")
        self.fold.display = False
        self.text = Static(text, markup=False)
        super().__init__(self.who, self.fold, self.text)

    def grow(self, answer: Answer) -> None:
        self.fold.display = bool(answer.reasoning)
        self.thought.update(answer.reasoning.translate(STEER))
        self.text.update(answer.text.translate(STEER))

    def finish(self, outcome: Outcome) -> None:
        if outcome.reason == "stopped":
            self.who.update("Assistant (stopped)")
        for item in outcome.answer.citations:
            name = f"• {item.title or item.url or item.document or 'a source'}".translate(STEER)
            web = (item.url or "").startswith(("https://", "http://"))
            self.mount(Link(name, url=item.url) if web else Static(name, markup=False))


class Prompt(Input):
    def on_paste(self, event: Paste) -> None:
        event.prevent_default().stop()  # Of several lines it would take the first one only.
        self.insert_text_at_cursor(" ".join(event.text.splitlines()))


class Chat(App[None]):
    AUTO_FOCUS = "Input"
    CSS = """
    VerticalScroll { padding: 0 2; }
    Horizontal, Said { height: auto; }
    Said { margin: 1 0; }
    .who { color: $text-muted; }
    Collapsible { border: none; padding: 0; background: transparent; }
    #error { width: 1fr; padding: 1 2; color: $text-error; }
    Input { width: 1fr; }
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        self.said: list[Said] = []  # In flight: one that was stopped may end after the next begins.
        self.error = Static(id="error", markup=False)
        self.trouble = Horizontal(self.error, Button("Retry", action="app.regenerate"))
        self.transcript, self.entry = VerticalScroll(), Prompt(placeholder="Ask something")
        self.send = Button("Send", action="app.ask", variant="primary")
        self.stop = Button("Stop", action="app.stop")
        self.again = Button("Regenerate", action="app.regenerate")
        self.session = use_chat(
            url,
            dispatch=ui.textual(self),
            on_answer=lambda answer: self.said[0].grow(answer),
            on_finish=lambda outcome: self.said.pop(0).finish(outcome),
        )
        self.action_stop = self.session.stop
        self.session.subscribe(self.show_state)

    def compose(self) -> ComposeResult:
        self.show_state()
        bar = Horizontal(self.entry, self.send, self.stop, self.again)
        yield from (self.transcript, self.trouble, bar)

    def action_ask(self) -> None:
        if self.session.done and (prompt := self.entry.value.strip()):
            self.entry.clear()
            self.transcript.mount(Said("User", prompt))
            self.start(prompt)

    on_input_submitted = action_ask

    def action_regenerate(self) -> None:
        if self.session.done:
            self.transcript.children[-1].remove()
            self.start(Regenerate())

    def start(self, what: str | Regenerate) -> None:
        self.session.start(what)
        self.said.append(Said("Assistant"))
        self.transcript.mount(self.said[-1])
        self.transcript.anchor()  # It follows the text, unless the user scrolls away from it.

    def show_state(self) -> None:
        done, error = self.session.done, self.session.error
        self.send.disabled = not done
        self.stop.disabled = done
        self.again.disabled = not (done and self.session.messages)
        self.error.update(str(error or "").translate(STEER))
        self.trouble.display = error is not None


if __name__ == "__main__":
    with ExitStack() as stack:  # Closes the session after the app; that stops what is in flight.
        url = "".join(sys.argv[1:])
        url = url or stack.enter_context(EmbeddedServer()).url + "/v1/chat/completions"
        stack.enter_context((chat := Chat(url)).session)
        chat.run()
