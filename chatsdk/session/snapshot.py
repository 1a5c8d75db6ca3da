"""`Snapshot`: the whole state of a session as one value, and the moves that give the next one."""

from __future__ import annotations

import attrs

from chatsdk.answer import Answer
from chatsdk.errors import ChatError
from chatsdk.messages import Message
from chatsdk.outcome import Outcome
from chatsdk.session.status import Move, Status, after
from chatsdk.session.turn import Turn

__all__ = ["Snapshot", "outcome_of"]

_ENDS = {"finished": Move.FINISH, "stopped": Move.STOP, "error": Move.FAIL}


@attrs.frozen
class Snapshot:
    """What a session shows at one moment; replaced whole.

    Attributes:
        status: where the session is.
        turn: the current or last turn, ``None`` before the first.
        answer: the newest answer, empty before the first step of a turn.
        steps: how many steps of the turn have been taken.
        outcome: how the last turn ended, ``None`` before that.
        messages: the conversation.
        conversation_id: the backend's id of the conversation, where it keeps one.
        server_has: the id of the last answer that the backend put into that conversation, though
            perhaps it was stopped or failed here.
    """

    status: Status = Status.IDLE
    turn: Turn | None = None
    answer: Answer = attrs.field(factory=Answer)
    steps: int = 0
    outcome: Outcome | None = None
    messages: tuple[Message, ...] = ()
    conversation_id: str | None = None
    server_has: str | None = None

    @property
    def in_flight(self) -> bool:
        """Whether a turn is under way, as far as is settled."""
        return self.status.in_flight

    @property
    def error(self) -> ChatError | None:
        """What ended the last turn, if it failed."""
        return None if self.outcome is None else self.outcome.error

    def seen(self) -> Snapshot:
        """Return what may be shown: a turn that was stopped is over, even if not yet settled."""
        turn = self.turn
        if turn is None or not self.in_flight or turn.stopped_at is None:
            return self
        return self.ended(Outcome("stopped"))

    def interrupted(self) -> Snapshot:
        """Return the state with the turn over that is in flight, if there is one."""
        if not self.in_flight:
            return self
        return self.ended(Outcome("stopped", answer=self.answer))

    def begun(self, turn: Turn, messages: tuple[Message, ...]) -> Snapshot:
        """Return the state with `turn` under way."""
        return Snapshot(
            after(self.status, Move.SEND),
            turn,
            messages=messages,
            conversation_id=self.conversation_id,
            server_has=self.server_has,
        )

    def stepped(self, answer: Answer) -> Snapshot:
        """Return the state with one more step of the answer."""
        status = self.status
        return Snapshot(
            # The cell of nearly all steps; looking it up costs as much as the rest of this.
            status if status is Status.STREAMING else after(status, Move.STEP),
            self.turn,
            answer,
            self.steps + 1,
            None,
            self.messages,
            self.conversation_id,
            self.server_has,
        )

    def ended(self, outcome: Outcome) -> Snapshot:
        """Return the state with the turn over, and its answer among the messages.

        A turn that somebody stopped has ended as stopped whatever `outcome` says, with the answer
        that was there then.
        """
        turn = self.turn
        assert turn is not None
        stopped_at = turn.stopped_at
        if stopped_at is not None:
            word = outcome if outcome.reason == "stopped" else Outcome("stopped")
            outcome = attrs.evolve(word, answer=stopped_at)
        status = after(self.status, _ENDS[outcome.reason])
        answer = outcome.answer
        messages = self.messages
        if turn.reply_id is not None:
            messages = (*messages, _reply(answer, turn.reply_id, status))
        return Snapshot(
            status,
            turn,
            answer,
            self.steps,
            outcome,
            messages,
            answer.conversation_id or self.conversation_id,
            self.server_has if answer.conversation_id is None else turn.reply_id,
        )

    def reset(self) -> Snapshot:
        """Return the state of a session that was never used."""
        return Snapshot(after(self.status, Move.RESET))

    def cleared(self) -> Snapshot:
        """Return the state without its error."""
        return attrs.evolve(self, status=after(self.status, Move.CLEAR), outcome=None)


def _reply(answer: Answer, id: str, status: Status) -> Message:
    return Message(
        "assistant",
        answer.text,
        tool_calls=answer.tool_calls,
        id=id,
        status=status.value,
        reasoning=answer.reasoning,
        citations=answer.citations,
    )


def outcome_of(error: BaseException, answer: Answer) -> Outcome:
    """Return how a turn ended whose reading raised `error`.

    What is no error of the backend or the way to it, such as a body that is not JSON, is wrapped
    in a `ChatError`. An interrupt from outside, such as Ctrl-C, stops the turn.
    """
    if isinstance(error, ChatError):
        return Outcome("error", error=error, answer=answer)
    if isinstance(error, Exception):
        wrapped = ChatError(f"{type(error).__name__}: {error}", answer=answer)
        wrapped.__cause__ = error
        return Outcome("error", error=wrapped, answer=answer)
    return Outcome("stopped", answer=answer)
