"""`View`: the read-only state of a session, readable from any thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatsdk.answer import Answer, ToolCall
from chatsdk.errors import ChatError
from chatsdk.messages import Message
from chatsdk.outcome import Outcome
from chatsdk.session.approvals import undecided
from chatsdk.session.status import Status
from chatsdk.session.store import Store

if TYPE_CHECKING:
    from chatsdk.session.snapshot import Snapshot

__all__ = ["View", "snapshot_of"]


class View:
    """The state of a session, read-only; each property is one consistent read without a lock."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def status(self) -> Status:
        """The status; ``waiting`` means that a person has to decide about `pending`.

        One of ``idle``, ``submitted``, ``streaming``, ``waiting``, ``finished``, ``stopped`` and
        ``error``.
        """
        return self._store.seen.status

    @property
    def done(self) -> bool:
        """Whether nothing is in flight; true before the first turn."""
        return not self._store.seen.in_flight

    @property
    def answer(self) -> Answer:
        """The latest `Answer` of the current or last turn; empty before its first step."""
        return self._store.seen.answer

    @property
    def error(self) -> ChatError | None:
        """The error of the last turn, if it failed, until the next turn or `clear_error`."""
        return self._store.seen.error

    @property
    def outcome(self) -> Outcome:
        """How the last turn ended; false before the first one and while one is in flight."""
        seen = self._store.seen
        return Outcome("pending", answer=seen.answer) if seen.outcome is None else seen.outcome

    @property
    def messages(self) -> tuple[Message, ...]:
        """The conversation that `ask` continues; an answer joins it when its turn ends."""
        return self._store.seen.conversation.messages

    @property
    def pending(self) -> tuple[ToolCall, ...]:
        """The tool calls that wait for a person's decision, each with a unique id."""
        return undecided(self._store.seen.conversation.approvals)

    @property
    def conversation_id(self) -> str | None:
        """The backend's id of the conversation, if it stores one and has sent the id."""
        return self._store.seen.conversation.id


def snapshot_of(session: View) -> Snapshot:
    """Return the state of a session as one consistent value, for views."""
    return session._store.seen
