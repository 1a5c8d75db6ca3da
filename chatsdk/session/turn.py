"""`Turn`: the identity of one question and its answer, with its stop switch."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from chatsdk.answer import Answer
from chatsdk.messages import Message
from chatsdk.transport import Cancel

if TYPE_CHECKING:
    from chatsdk.outcome import Outcome
    from chatsdk.session.request import Ask, Post
    from chatsdk.transport.wakeup import Wakeup

__all__ = ["BEFORE_FIRST", "Rounds", "Turn"]

# The only key of `Turn._verdict`.
STOPPED = "stopped"

# The answer of each turn until its first step.
BEFORE_FIRST = Answer()


class Rounds(NamedTuple):
    """The completed rounds of a turn.

    Attributes:
        messages: for each round, the model's message with its calls, and the results.
        answer: the answer of the turn after the last of them.
    """

    messages: tuple[Message, ...] = ()
    answer: Answer | None = None

    def rest(self, answer: Answer) -> Answer:
        """Return the part of `answer`, a later step of the turn, that follows these rounds."""
        said = self.answer
        if said is None:
            return answer
        if answer == said:
            return Answer()
        return Answer(
            answer.text[len(said.text) :],
            reasoning=answer.reasoning[len(said.reasoning) :],
            tool_calls=answer.tool_calls,
            citations=answer.citations[len(said.citations) :],
            native=answer.native,
            conversation_id=None if self.told(answer) else answer.conversation_id,
        )

    def told(self, answer: Answer) -> bool:
        """Whether the conversation id of `answer` comes from these rounds, not the next."""
        said = self.answer
        if said is None or answer.conversation_id != said.conversation_id:
            return False
        # The id may stay the same; a complete answer of the next round reports it again.
        return answer == said or answer.finish_reason is None

    @property
    def asked(self) -> str | None:
        """The id of the last message that calls tools; ``None`` without one."""
        asked = [message.id for message in self.messages if message.role == "assistant"]
        return asked[-1] if asked else None


class Turn:
    """One turn of a session; compared by identity.

    Attributes:
        number: counted from 1 within its session.
        answer: the latest step while it is under way; the last step is in its outcome.
        request: the request, kept for `ChatSession.regenerate`.
        reply_id: the id of the message that the answer will become; ``None`` if the answer does not
            become part of the conversation.
        cancel: cancels the request in every phase.
        outcome: how it ended; ``None`` before that is settled.
        going: it accepts steps: it has neither ended nor been stopped.
        reader: the thread that reads it, or read it last.
        read: reading has begun, or it was ended on purpose.
        asked: the ids of the messages that form its question.
        branches: the conversation can continue from its answer (`Dialect.branches`).
        rounds: its completed tool rounds, and the one that waits for a person; always replaced,
            never changed.
        wakeup: the wait of its reader for a person, or for tools on threads of their own.
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
        "wakeup",
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
        self.wakeup: Wakeup | None = None
        # A list, because its append is atomic; the first item counts.
        self._left: list[Answer] = []
        # A dict, because its setdefault is atomic: the first verdict, stopped or ended, stays.
        self._verdict: dict[str, bool] = {}

    @property
    def stopped(self) -> bool:
        """Whether it was stopped before it ended."""
        return self._verdict.get(STOPPED, False)

    def mark_stopped(self) -> None:
        """Prevent further steps. Takes no lock, and neither does `last`: see `Machine.stop`."""
        if self._verdict.setdefault(STOPPED, True):
            self.going = False

    def settle(self) -> None:
        """Ignore `stop` from here on: the turn is ending by itself."""
        self._verdict.setdefault(STOPPED, False)

    def unsettle(self) -> None:
        """Allow `stop` again, because the end was not committed."""
        if not self.stopped:
            self._verdict.pop(STOPPED, None)

    @property
    def last(self) -> Answer:
        """The answer of this turn as it was when the turn was stopped; always the same."""
        if not self._left:
            self._left.append(self.answer)
        return self._left[0]

    def __repr__(self) -> str:
        return f"<Turn {self.number}>"
