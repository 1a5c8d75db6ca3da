"""`Presenter`: the logic of a chat window that is the same in every toolkit."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from chatsdk.errors import BusyError
from chatsdk.messages import Message
from chatsdk.session import ChatSession, Dispatch, Edit, Regenerate, Resume
from chatsdk.session.properties import snapshot_of
from chatsdk.session.status import Status
from chatsdk.windows.conversation_file import read_conversation, write_conversation
from chatsdk.windows.transcript import Notice, Transcript, notice_of

__all__ = ["DRAW_SECONDS", "Presenter", "SentTexts", "check_session"]

# Seconds between two drawings: about as fast as the eye follows text.
DRAW_SECONDS = 1 / 30


def check_session(session: object) -> None:
    """Check that a view was given a session.

    Raises:
        TypeError: it is something else, such as a URL or a client.
    """
    if not isinstance(session, ChatSession):
        raise TypeError(
            f"give a session, such as use_chat(url) or use_chat(client), not "
            f"{type(session).__name__}"
        )


class SentTexts:
    """The texts that were sent: the entry goes back through them with Up, and returns with Down."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._texts = list(texts)
        # The index of the shown text; the end of the list is the draft.
        self._place = len(self._texts)
        self._draft = ""

    def add(self, text: str) -> None:
        """Remember a text that was sent; the next `older` returns it."""
        if text and self._texts[-1:] != [text]:
            self._texts.append(text)
        self._place = len(self._texts)
        self._draft = ""

    def older(self, shown: str) -> str | None:
        """Return the text before the one `shown` in the entry, or ``None``."""
        if self._place == 0:
            return None
        if self._place == len(self._texts):
            self._draft = shown
        self._place -= 1
        return self._texts[self._place]

    def newer(self) -> str | None:
        """Return the text after the shown one, finally the draft; ``None`` if that is shown."""
        if self._place >= len(self._texts):
            return None
        self._place += 1
        return self._draft if self._place == len(self._texts) else self._texts[self._place]


class Presenter:
    """Reads a session for a view, and carries out what a person does in it.

    All methods are called on the thread of the user interface. `draw` runs there, too, at most
    `every` seconds, after each change of the session and each second while it waits.

    Args:
        session: the session to show.
        draw: called with the new `Transcript` and the one drawn before.
        dispatch: the dispatcher of the toolkit, from `chatsdk.ui`.
        options: passed to `ChatSession.start` with each question, such as ``{"tools": [...]}``.
        every: seconds between two drawings.

    Attributes:
        transcript: the transcript that was drawn last.
        queued: a text to be sent when the answer in flight has ended, or ``""``.
        returned: a queued text that was not sent because the answer was stopped or failed; the view
            takes it back into its entry with `take_returned`.
        trouble: why the last action of the person failed, or ``""``.
        sent: the texts that Up brings back.
    """

    def __init__(
        self,
        session: ChatSession,
        draw: Callable[[Transcript, Transcript], object],
        dispatch: Dispatch,
        *,
        options: Mapping[str, Any] | None = None,
        every: float = DRAW_SECONDS,
    ) -> None:
        check_session(session)
        self.session = session
        self.transcript = Transcript()
        self.queued = ""
        self.returned = ""
        self.trouble = ""
        self._draw = draw
        self._every = every
        self._dispatch = dispatch
        self._options = dict(options or {})
        # The notices by the id of their answer, and those answers: a conversation that the program
        # loads may have other messages with the same ids.
        self._notices: dict[str, Notice] = {}
        self._noticed: dict[str, Message | None] = {}
        self._submitted = time.monotonic()
        self._turn: object = None
        # The outcome of the turn whose notice was read last.
        self._outcome: object = None
        self._due = 0.0
        self._closed = False
        # Whether a drawing is due, and whether a tick is. No lock: at worst one more is drawn.
        self._waiting = False
        self._ticking = False
        self.sent = SentTexts(
            message.content for message in session.messages if message.role == "user"
        )
        self._unsubscribe = session.subscribe(self._changed)
        self.refresh()

    def close(self) -> None:
        """Stop drawing. The session stays as it is."""
        self._closed = True
        self._unsubscribe()

    # Drawing --------------------------------------------------------------------------------

    def _changed(self) -> None:
        """Note a change of the session; called on any thread, for each event."""
        if self._waiting or self._closed:
            return
        self._waiting = True
        try:
            self._dispatch(self._run, max(0.0, self._due - time.monotonic()))
        except BaseException:
            # The window is not open yet.
            self._waiting = False
            raise

    def _run(self) -> None:
        # First, so that a change from here on is drawn by another call.
        self._waiting = False
        if not self._closed:
            self.refresh()

    def refresh(self) -> None:
        """Read the session and draw it now."""
        snapshot = snapshot_of(self.session)
        turn = snapshot.turn
        if turn is not self._turn:
            self._turn = turn
            self._submitted = time.monotonic()
        before = self.transcript
        messages = snapshot.conversation.messages
        if self._notices and messages is not before.messages:
            self._drop_notices(messages)
        id = None if turn is None or snapshot.in_flight else turn.reply_id
        if id is not None and snapshot.outcome is not self._outcome:
            self._outcome = snapshot.outcome
            notice = notice_of(snapshot)
            if notice is not None:
                self._notices[id] = notice
                self._noticed[id] = _with_id(messages).get(id)
        self.transcript = Transcript.read(
            snapshot, before, notices=self._notices, seconds=self.seconds
        )
        self._draw(self.transcript, before)
        # After the drawing, so that a slow one does not follow another without a pause.
        self._due = time.monotonic() + self._every
        turns = self.transcript.turns
        if turns and (notice := turns[-1].notice) is not None and notice.kind == "waiting":
            self._tick_later()
        if not snapshot.in_flight and self.queued:
            self._after_answer(snapshot.status)

    def _drop_notices(self, messages: tuple[Message, ...]) -> None:
        """Forget how answers ended that are no longer in the conversation."""
        held = _with_id(messages)
        for id, message in self._noticed.items():
            if held.get(id) is not message:
                self._notices.pop(id, None)
        self._noticed = {id: self._noticed[id] for id in self._notices}

    def _tick_later(self) -> None:
        """Draw again when the number of seconds changes."""
        if not self._ticking:
            self._ticking = True
            elapsed = time.monotonic() - self._submitted
            self._dispatch(self._tick, 1.01 - elapsed % 1.0)

    def _tick(self) -> None:
        self._ticking = False
        if not self._closed and not self.session.done:
            self.refresh()

    def _after_answer(self, status: Status) -> None:
        text, self.queued = self.queued, ""
        if status is not Status.FINISHED or not self.submit(text):
            self.returned = text
            self.refresh()

    @property
    def seconds(self) -> int:
        """Whole seconds since the turn in flight was submitted."""
        return int(time.monotonic() - self._submitted)

    # Actions of a person --------------------------------------------------------------------

    def submit(self, text: str) -> bool:
        """Send a text, or queue it if an answer is in flight; return whether it was taken."""
        text = text.strip()
        if not text:
            return False
        if not self.session.done:
            self.queued = f"{self.queued}\n\n{text}" if self.queued else text
            self.sent.add(text)
            self._changed()
            return True
        if self._start(text):
            self.sent.add(text)
            return True
        return False

    def take_queued(self) -> str:
        """Return the queued text to the entry."""
        text, self.queued = self.queued, ""
        self._changed()
        return text

    def take_returned(self) -> str:
        """Return a text that was queued for an answer which did not finish."""
        text, self.returned = self.returned, ""
        return text

    def stop(self) -> None:
        """Stop the answer in flight."""
        self.session.stop()
        self._changed()

    def regenerate(self, message_id: str | None = None) -> bool:
        """Answer a question again, by default the last; return whether that was possible."""
        self.session.stop()
        return self._start(Regenerate(message_id))

    def edit(self, message_id: str | None, text: str) -> bool:
        """Change a question and ask it; return whether that was possible.

        An answer in flight is stopped, because it would be replaced anyway.
        """
        if not text.strip():
            return False
        self.session.stop()
        return self._start(Edit(message_id, text.strip()))

    def allow(self, call_id: str) -> bool:
        """Let a tool call run that is waiting for a person; return whether that was possible."""
        return self._tried(lambda: self._decide(self.session.approve, call_id))

    def deny(self, call_id: str) -> bool:
        """Refuse a tool call that is waiting for a person; return whether that was possible."""
        return self._tried(lambda: self._decide(self.session.reject, call_id))

    def _decide(self, decide: Callable[[str], bool], call_id: str) -> None:
        decide(call_id)
        if self.session.done and not self.session.pending:
            # A conversation that was saved while it waited.
            self.session.start(Resume(), **self._options)

    def new_chat(self) -> None:
        """Stop, and begin a new conversation; system messages stay."""
        kept = [message for message in self.session.messages if message.role == "system"]
        self.queued = self.returned = self.trouble = ""
        self.session.reset()
        if kept:
            self.session.set_messages(kept)
        self.refresh()

    def save(self, path: str | os.PathLike[str]) -> bool:
        """Write the conversation to a file; return whether that was possible."""
        return self._tried(lambda: write_conversation(self.session, path))

    def open(self, path: str | os.PathLike[str]) -> bool:
        """Replace the conversation by one from a file; return whether that was possible."""

        def load() -> None:
            saved = read_conversation(path)
            self.session.stop()
            self.session.load(saved)
            self.queued = ""

        return self._tried(load)

    def _start(self, what: str | Regenerate | Edit) -> bool:
        return self._tried(lambda: self.session.start(what, **self._options))

    def _tried(self, action: Callable[[], object]) -> bool:
        self.trouble = ""
        try:
            action()
        except OSError as error:
            # Without the number.
            reason = error.strerror or str(error)
            self.trouble = f"{error.filename}: {reason}" if error.filename else reason
        except (BusyError, TypeError, ValueError, RuntimeError) as error:
            self.trouble = str(error)
        self.refresh()
        return not self.trouble


def _with_id(messages: tuple[Message, ...]) -> dict[str, Message]:
    return {message.id: message for message in messages if message.id is not None}
