"""`Turn`: the identity of one question and its answer, and the switch that ends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatsdk.answer import Answer
from chatsdk.transport import Cancel

if TYPE_CHECKING:
    from chatsdk.outcome import Outcome
    from chatsdk.session.request import Ask, Post

__all__ = ["Turn"]


class Turn:
    """One turn of a session; compared by identity.

    Attributes:
        number: counted from 1 within its session.
        request: what was asked, kept for `ChatSession.regenerate`.
        reply_id: the id of the message that the answer will become, ``None`` for one that does
            not become part of the conversation.
        cancel: reaches the request in every phase.
        outcome: how it ended, ``None`` before that is settled.
        stopped: the answer as it stood when somebody stopped the turn; the first one counts. A
            list, because its append is atomic: stopping takes no lock.
    """

    __slots__ = ("cancel", "number", "outcome", "reply_id", "request", "stopped")

    def __init__(self, number: int, request: Ask | Post, reply_id: str | None) -> None:
        self.number = number
        self.request = request
        self.reply_id = reply_id
        self.cancel = Cancel()
        self.outcome: Outcome | None = None
        self.stopped: list[Answer] = []

    @property
    def stopped_at(self) -> Answer | None:
        """The answer that was there when the turn was stopped, ``None`` if it goes on or ended."""
        return self.stopped[0] if self.stopped else None

    def mark_stopped(self, answer: Answer) -> None:
        """Let nothing come after `answer`."""
        self.stopped.append(answer)

    def stop(self, answer: Answer) -> None:
        """Let nothing come after `answer`, and wake whoever reads. Takes no lock."""
        # First the mark: a reader that is woken must find it.
        self.stopped.append(answer)
        self.cancel.set()

    def __repr__(self) -> str:
        return f"<Turn {self.number}>"
