"""`Turn`: the identity of one question and its answer, and the switch that ends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatsdk.answer import Answer
from chatsdk.session.rounds import Rounds
from chatsdk.transport import Cancel

if TYPE_CHECKING:
    from chatsdk.outcome import Outcome
    from chatsdk.session.request import Ask, Post

__all__ = ["BEFORE_FIRST", "Turn"]

# The one key of `Turn._verdict`.
STOPPED = "stopped"

# Of each turn, until its first step.
BEFORE_FIRST = Answer()


class Turn:
    """One turn of a session; compared by identity.

    Attributes:
        number: counted from 1 within its session.
        answer: the newest step while it is under way; its outcome has the last one.
        request: what was asked, kept for `ChatSession.regenerate`.
        reply_id: the id of the message that the answer will become, ``None`` for one that does
            not become part of the conversation.
        cancel: reaches the request in every phase.
        outcome: how it ended, ``None`` before that is settled.
        going: it takes steps: it has neither ended nor been stopped.
        reader: the thread that reads it, or did last.
        read: somebody has begun to read it, or has ended it on purpose.
        asked: the ids of the messages that are its question.
        branches: the conversation can go on from its answer (`Dialect.branches`).
        rounds: what it has done with its tools so far; replaced whole.
    """

    __slots__ = (
        "_left",
        "_verdict",
        "answer",
        "asked",
        "branches",
        "cancel",
        "going",
        "number",
        "outcome",
        "read",
        "reader",
        "reply_id",
        "request",
        "rounds",
    )

    def __init__(
        self,
        number: int,
        request: Ask | Post,
        reply_id: str | None,
        *,
        branches: bool = False,
        asked: tuple[str | None, ...] = (),
    ) -> None:
        self.number = number
        self.request = request
        self.reply_id = reply_id
        self.branches = branches
        self.asked = asked
        self.answer = BEFORE_FIRST
        self.cancel = Cancel()
        self.outcome: Outcome | None = None
        self.going = True
        self.read = False
        self.reader = 0
        self.rounds = Rounds()
        # A list, because its append is atomic, and the first one counts.
        self._left: list[Answer] = []
        # A dict, because its setdefault is atomic: whether it was stopped or has ended, stays so.
        self._verdict: dict[str, bool] = {}

    @property
    def stopped(self) -> bool:
        """Whether somebody has stopped it, before it ended."""
        return self._verdict.get(STOPPED, False)

    def mark_stopped(self) -> None:
        """Let no step follow. Takes no lock, as `last` takes none: see `Machine.stop`."""
        if self._verdict.setdefault(STOPPED, True):
            self.going = False

    def settle(self) -> None:
        """Let a stop come too late from now on: nobody may see it, and another end afterwards."""
        self._verdict.setdefault(STOPPED, False)

    def unsettle(self) -> None:
        """Let it be stopped after all, as nothing came of its end."""
        if not self.stopped:
            self._verdict.pop(STOPPED, None)

    @property
    def last(self) -> Answer:
        """The answer that this turn keeps, which is stopped: the same at each look."""
        if not self._left:
            self._left.append(self.answer)
        return self._left[0]

    def __repr__(self) -> str:
        return f"<Turn {self.number}>"
