"""`Turn`: the identity of one question and its answer, with its stop switch."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from chatsdk.answer import Answer
from chatsdk.messages import Message
from chatsdk.transport import Cancel

if TYPE_CHECKING:
    from chatsdk.outcome import Outcome
    from chatsdk.session.request import Ask, Post
    from chatsdk.transport.bell import Bell

__all__ = ["BEFORE_FIRST", "Rounds", "Turn"]

# The only key of `Turn._ending`.
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
        active: it accepts steps: it has neither ended nor been stopped.
        thread_id: the thread that reads it, or read it last.
        consumed: reading has begun, or it was ended on purpose.
        asked: the ids of the messages that form its question.
        branches: the conversation can continue from its answer (`Dialect.branches`).
        rounds: its completed tool rounds, and the one that waits for a person; always replaced,
            never changed.
        bell: the wait of its reader for a person, or for tools on threads of their own.
    """

    __slots__ = (
        "_answer_at_stop",
        "_ending",
        "active",
        "answer",
        "asked",
        "bell",
        "branches",
        "cancel",
        "consumed",
        "number",
        "outcome",
        "reply_id",
        "request",
        "rounds",
        "thread_id",
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
        self.active = True
        self.consumed = False
        self.thread_id = 0
        self.rounds = Rounds()
        self.bell: Bell | None = None
        # A list, because its append is atomic; the first item counts.
        self._answer_at_stop: list[Answer] = []
        # A dict, because its setdefault is atomic: the first verdict, stopped or ended, stays.
        self._ending: dict[str, bool] = {}

    @property
    def stopped(self) -> bool:
        """Whether it was stopped before it ended."""
        return self._ending.get(STOPPED, False)

    def mark_stopped(self) -> None:
        """Prevent further steps. Takes no lock, like `answer_at_stop`: see `Store.stop`."""
        if self._ending.setdefault(STOPPED, True):
            self.active = False

    def close_to_stop(self) -> None:
        """Ignore `stop` from here on: the turn is ending by itself."""
        self._ending.setdefault(STOPPED, False)

    def reopen_to_stop(self) -> None:
        """Allow `stop` again, because the end was not committed."""
        if not self.stopped:
            self._ending.pop(STOPPED, None)

    @property
    def answer_at_stop(self) -> Answer:
        """The answer of this turn as it was when the turn was stopped; always the same."""
        if not self._answer_at_stop:
            self._answer_at_stop.append(self.answer)
        return self._answer_at_stop[0]

    def __repr__(self) -> str:
        return f"<Turn {self.number}>"
