"""`ChatView`: a chat with a session, as a widget."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.widgets import Static, TextArea

from chatsdk import ui
from chatsdk.session import ChatSession
from chatsdk.windows import words
from chatsdk.windows.links import safe_url
from chatsdk.windows.presenter import Presenter, check_session
from chatsdk.windows.textual.acts import Act
from chatsdk.windows.textual.entry import Entry
from chatsdk.windows.textual.file_name import FileName
from chatsdk.windows.textual.prose import Prose, clean
from chatsdk.windows.textual.rows import Fold
from chatsdk.windows.textual.style import CSS
from chatsdk.windows.textual.transcript_view import History
from chatsdk.windows.transcript import CallPart, Question, Transcript

__all__ = ["ChatView"]

# Most important first, because a narrow terminal cuts the rest off.
KEYS = "Enter send · Ctrl+J new line · Esc stop · Ctrl+N new · Ctrl+R again · F2 edit · Ctrl+S save"
EDITING = "Editing a question · Esc cancels"
OPENED_NOTHING = "This link was not opened, because it is not a web address: "


class ChatView(Vertical):
    """A chat: the transcript, an entry, and what a person does with both.

    It may be anywhere in an app, and finds its way to the app's thread by itself, whatever the
    session's ``dispatch`` is. The session stays the program's, which closes it.

    Args:
        session: the `ChatSession` to show.
        options: passed to `ChatSession.start` with each question, such as ``{"tools": [...]}``.
        title: the title at the top.
        name, id, classes, disabled: as for any widget of Textual.

    Attributes:
        session: the session.
        entry: the field that a person writes in, a ``TextArea``.
    """

    DEFAULT_CSS = CSS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "stop", words.STOP),
        Binding("ctrl+n", "new_chat", words.NEW_CHAT),
        Binding("ctrl+r", "regenerate", words.REGENERATE),
        Binding("f2", "edit", words.EDIT),
        Binding("ctrl+g", "copy", words.COPY),
        Binding("ctrl+o", "open", words.OPEN),
        Binding("ctrl+s", "save", words.SAVE),
    ]

    def __init__(
        self,
        session: ChatSession,
        *,
        options: Mapping[str, Any] | None = None,
        title: str = words.TITLE,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
        disabled: bool = False,
    ) -> None:
        check_session(session)
        super().__init__(name=name, id=id, classes=classes, disabled=disabled)
        self.session = session
        self._options = options
        self._title = title
        self._presenter: Presenter | None = None
        self._history = History()
        self._question: Question | None = None
        self._draft = ""
        # Whether the parts are there to be drawn.
        self._ready = False
        self._shown: dict[str, object] = {}

    def compose(self) -> ComposeResult:
        """Yield the parts, from top to bottom."""
        self._presenter = Presenter(
            self.session, self._draw, ui.textual(self.app), options=self._options
        )
        self.entry = Entry(self._presenter.sent)
        with Horizontal(classes="chat-bar"):
            yield Static(self._title, classes="chat-title", markup=False)
            yield Act(words.NEW_CHAT, "new", classes="bar")
            yield Act(words.OPEN, "open", classes="bar")
            yield Act(words.SAVE, "save", classes="bar")
        with Container(classes="chat-body"):
            yield self._history
            with Vertical(classes="idle"):
                yield Static(words.IDLE, classes="idle-title")
                yield Static(words.IDLE_HINT, classes="idle-hint")
            with Horizontal(classes="to-end"):
                yield Act(f"↓ {words.TO_END}", "end")
        with Horizontal(classes="banner"):
            yield Static(classes="banner-text", markup=False)
            yield Act(words.CANCEL, "cancel")
        with Horizontal(classes="entry-row"):
            yield self.entry
            yield Act(words.SEND, "send", classes="send")
        yield Static(KEYS, classes="keys", markup=False)

    def on_mount(self) -> None:
        """Show the session as it is."""
        self._ready = True
        self.presenter.refresh()
        self.entry.focus()

    def on_unmount(self) -> None:
        """Leave the session alone."""
        self._ready = False
        if self._presenter is not None:
            self._presenter.close()

    @property
    def presenter(self) -> Presenter:
        """The actions of a person, for programs: `submit`, `stop`, `new_chat` and more.

        Raises:
            RuntimeError: the view is not mounted yet.
        """
        if self._presenter is None:
            raise RuntimeError("a ChatView has a presenter once it is mounted in an app")
        return self._presenter

    # Drawing --------------------------------------------------------------------------------

    def _draw(self, transcript: Transcript, before: Transcript) -> None:
        if not self._ready:
            return
        self._history.show_transcript(transcript)
        self.set_class(not transcript.turns, "-idle")
        self.set_class(transcript.in_flight, "-busy")
        if self.presenter.returned:
            self._bring_back(self.presenter.take_returned())
        if self._question is not None and not transcript.asks(self._question):
            # The program has loaded another conversation, whose messages may have the same ids.
            self._end_editing()
        send = self.query_one(".send", Act)
        busy = transcript.in_flight and not self.entry.text.strip()
        self._label(send, "send", words.STOP if busy else words.SEND)
        send.act = "stop" if busy else "send"
        self._draw_banner()

    def _draw_banner(self) -> None:
        text = ""
        if self._question is not None:
            text = EDITING
        elif self.presenter.queued:
            queued = " ".join(self.presenter.queued.split())
            text = f"{words.QUEUED} {queued}"
        self.set_class(bool(text), "-banner")
        self._label(self.query_one(".banner-text", Static), "banner", clean(text))

    def _label(self, widget: Static, name: str, text: str) -> None:
        # Updating a widget lays out the screen again.
        if self._shown.get(name) != text:
            self._shown[name] = text
            widget.update(text)

    @on(History.Moved)
    def _moved(self, event: History.Moved) -> None:
        event.stop()
        self.set_class(not event.at_end, "-away")

    # Actions of a person --------------------------------------------------------------------

    @on(Entry.Submitted)
    def _submitted(self, event: Entry.Submitted) -> None:
        event.stop()
        self.action_send()

    def action_send(self) -> None:
        """Send what is in the entry, or queue it while an answer streams."""
        presenter, text = self.presenter, self.entry.text
        if self._question is not None:
            if presenter.edit(self._question.id, text):
                self._end_editing()
        elif presenter.submit(text):
            self.entry.clear()
        self._tell_trouble()
        self._history.to_end()
        self.entry.focus()

    def action_stop(self) -> None:
        """Stop the answer, or leave the editing of a question."""
        if self._question is not None:
            self._end_editing()
        elif not self.session.done:
            self.presenter.stop()
        self.entry.focus()

    def action_regenerate(self) -> None:
        """Ask the last question again."""
        if self.session.done and self.session.messages:
            self.presenter.regenerate()
            self._tell_trouble()
            self._history.to_end()
        self.entry.focus()

    def action_new_chat(self) -> None:
        """Begin a new conversation."""
        self.presenter.new_chat()
        self.entry.focus()

    def action_edit(self) -> None:
        """Edit the last question."""
        for turn in reversed(self.presenter.transcript.turns):
            if turn.question is not None and self.session.done:
                self._edit(turn.question)
                return

    def action_copy(self) -> None:
        """Copy the last answer."""
        for turn in reversed(self.presenter.transcript.turns):
            if turn.text:
                self._copy(turn.text)
                return

    def action_save(self) -> None:
        """Save the conversation to a file."""
        self.app.push_screen(FileName(words.SAVE, writes=True), self._save)

    def action_open(self) -> None:
        """Open a conversation from a file."""
        self.app.push_screen(FileName(words.OPEN), self._open)

    @on(Act.Pressed)
    def _pressed(self, event: Act.Pressed) -> None:
        event.stop()
        plain: dict[str, Callable[[], None]] = {
            "send": self.action_send,
            "stop": self.action_stop,
            "retry": self.action_regenerate,
            "cancel": self._cancel,
            "end": self._to_end,
            "new": self.action_new_chat,
            "open": self.action_open,
            "save": self.action_save,
        }
        about: dict[str, Callable[[Any], None]] = {
            "regenerate": self._regenerate,
            "edit": self._edit,
            "copy": self._copy,
            "allow": self._allow,
            "deny": self._deny,
        }
        if event.act in plain:
            plain[event.act]()
        else:
            about[event.act](event.value)

    def _to_end(self) -> None:
        self._history.to_end()
        self.entry.focus()

    def _regenerate(self, reply_id: str) -> None:
        if self.session.done:
            self.presenter.regenerate(reply_id)
            self._tell_trouble()
        self.entry.focus()

    def _allow(self, call: CallPart) -> None:
        self._decided(self.presenter.allow(call.id or ""))

    def _deny(self, call: CallPart) -> None:
        self._decided(self.presenter.deny(call.id or ""))

    def _decided(self, done: bool) -> None:
        if not done:
            self._tell_trouble()
        self.entry.focus()

    def _edit(self, question: Question) -> None:
        if self._question is None:
            self._draft = self.entry.text
        self._question = question
        self.entry.put(question.text)
        self._draw_banner()
        self.entry.focus()

    def _end_editing(self) -> None:
        if self._question is not None:
            self._question = None
            self.entry.put(self._draft)
            self._draw_banner()

    def _cancel(self) -> None:
        if self._question is not None:
            self._end_editing()
        else:
            self._bring_back(self.presenter.take_queued())
        self.entry.focus()

    def _bring_back(self, text: str) -> None:
        """Put a text that was not sent before the one that is being written."""
        if self._question is not None:
            self._draft = _joined(text, self._draft)
        else:
            self.entry.put(_joined(text, self.entry.text))

    def _copy(self, text: str) -> None:
        self.app.copy_to_clipboard(text)
        self.notify(words.COPIED, timeout=2)
        self.entry.focus()

    def _save(self, path: str | None) -> None:
        if path and self.presenter.save(path):
            self.notify(f"Saved as {path}", markup=False)
        self._tell_trouble()

    def _open(self, path: str | None) -> None:
        if path:
            if self.presenter.open(path):
                # The question is one of the other conversation.
                self._end_editing()
            self._history.to_end()
        self._tell_trouble()

    def _tell_trouble(self) -> None:
        if self.presenter.trouble:
            self.notify(clean(self.presenter.trouble), severity="error", markup=False)
            self.presenter.trouble = ""

    @on(Fold.Toggled)
    def _toggled(self, event: Fold.Toggled) -> None:
        event.stop()
        if event.clicked:
            self.entry.focus()

    @on(Prose.Link)
    def _link(self, event: Prose.Link) -> None:
        event.stop()
        url = safe_url(event.url)
        if url is None:
            self.notify(OPENED_NOTHING + clean(event.url)[:200], severity="warning", markup=False)
        else:
            self.app.open_url(url)

    @on(TextArea.Changed)
    def _typed(self, event: TextArea.Changed) -> None:
        event.stop()
        self._draw(self.presenter.transcript, self.presenter.transcript)

    @on(Entry.Scroll)
    def _scroll(self, event: Entry.Scroll) -> None:
        event.stop()
        history = self._history
        if event.key == "pageup":
            history.scroll_page_up(animate=False)
        elif event.key == "pagedown":
            history.scroll_page_down(animate=False)
        elif event.key == "ctrl+home":
            history.scroll_home(animate=False)
        else:
            history.to_end()

    def on_click(self, event: events.Click) -> None:
        """Keep the focus where one writes."""
        self.entry.focus()


def _joined(first: str, second: str) -> str:
    return "\n\n".join(text for text in (first, second) if text)
