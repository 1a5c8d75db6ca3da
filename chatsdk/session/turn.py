"""`Turn`: the identity of one question and its answer, with its stop switch."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from chatsdk.answer import Answer
from chatsdk.messages import Message
from chatsdk.transport import Cancel

if TYPE_CHECKING:
    from chatsdk.outcome import Outcome
    from chatsdk.session.plan import TurnPlan
    from chatsdk.transport.bell import Bell

__all__ = ["BEFORE_FIRST", "Rounds", "Turn"]

# The only key of `Turn.ending`, and of the answer that a stopped turn keeps.
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
        plan: its request and its question.
        reply_id: the id of the message that the answer will become; ``None`` if the answer does not
            become part of the conversation.
        answer: the latest step while it is under way; the last step is in its outcome.
        given: the last step that `on_answer` has received. Used only by the delivering thread.
        cancel: cancels the request in every phase.
        ending: empty while it accepts steps. The first entry stays: whether it was stopped.
        outcome: how it ended; ``None`` before that is committed.
        rounds: its completed tool rounds, and the one that waits for a person; always replaced,
            never changed.
        bell: the wait of its reader for a person, or for tools on threads of their own.
    """

    __slots__ = (
        "_kept",
        "answer",
        "bell",
        "cancel",
        "ending",
        "given",
        "number",
        "outcome",
        "plan",
        "reply_id",
        "rounds",
    )

    def __init__(self, number: int, plan: TurnPlan, reply_id: str | None) -> None:
        self.number = number
        self.plan = plan
        self.reply_id = reply_id
        self.answer = self.given = BEFORE_FIRST
        self.cancel = Cancel()
        # Dicts for values that are set once: see `Store`. The loop over the events tests `ending`
        # directly, because the property `active` costs a call.
        self.ending: dict[str, bool] = {}
        self._kept: dict[str, Answer] = {}
        self.outcome: Outcome | None = None
        self.rounds = Rounds()
        self.bell: Bell | None = None

    @property
    def active(self) -> bool:
        """Whether it accepts steps: it has neither been stopped nor begun to end by itself."""
        return not self.ending

    @property
    def stopped(self) -> bool:
        """Whether it was stopped before it ended."""
        return self.ending.get(STOPPED, False)

    def stop(self) -> None:
        """Prevent further steps, keep the answer, and wake the reader. Takes no lock."""
        # Mark first. A step committed after the mark is not delivered, and a delivered step was
        # committed before the mark, so the answer read here includes it.
        self.ending.setdefault(STOPPED, True)
        self._kept.setdefault(STOPPED, self.answer)
        self.cancel.set()

    def close_to_stop(self) -> None:
        """Ignore `stop` from here on: the turn is ending by itself."""
        self.ending.setdefault(STOPPED, False)

    def reopen_to_stop(self) -> None:
        """Allow `stop` again, unless the end was committed."""
        if self.outcome is None and not self.stopped:
            self.ending.pop(STOPPED, None)

    @property
    def answer_at_stop(self) -> Answer:
        """The answer of this turn as it was when the turn was stopped; always the same."""
        return self._kept.setdefault(STOPPED, self.answer)

    def __repr__(self) -> str:
        return f"<Turn {self.number}>"
