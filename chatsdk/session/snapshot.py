"""`Snapshot`: the state of a session as one value, and its transitions."""

from __future__ import annotations

from typing import NamedTuple

from chatsdk.answer import Answer
from chatsdk.errors import ChatError
from chatsdk.messages import Message
from chatsdk.outcome import Outcome
from chatsdk.session.approvals import Approval
from chatsdk.session.history import Conversation
from chatsdk.session.incomplete_turns import has_failed
from chatsdk.session.status import Move, Status, after
from chatsdk.session.turn import BEFORE_FIRST, Turn

__all__ = ["Snapshot", "outcome_of"]

# Faster than the class's own constructor, which is written in Python.
_made = tuple.__new__

_ENDS = {"finished": Move.FINISH, "stopped": Move.STOP, "error": Move.FAIL}


class Snapshot(NamedTuple):
    """The state of a session at one moment; always replaced, never changed.

    Attributes:
        status: the session's status.
        turn: the current or last turn; ``None`` before the first.
        answer: the last answer of a turn that has ended. A turn under way keeps its own, because a
            new snapshot for each event takes time; `seen` fills it in.
        outcome: how the last turn ended; ``None`` before that.
        conversation: the messages; the answer of a turn under way is not among them yet.
    """

    status: Status = Status.IDLE
    turn: Turn | None = None
    answer: Answer = Answer()
    outcome: Outcome | None = None
    conversation: Conversation = Conversation()

    @property
    def in_flight(self) -> bool:
        """Whether a turn is under way, according to the committed state."""
        return self.status.in_flight

    @property
    def error(self) -> ChatError | None:
        """The error of the last turn, if it failed."""
        return None if self.outcome is None else self.outcome.error

    def seen(self) -> Snapshot:
        """Return the state to show: a stopped turn has ended, even if that is not committed yet."""
        turn = self.turn
        if turn is None or not self.status.in_flight:
            return self
        # Answer first: if it was there before the stop, it is part of what the turn keeps.
        answer = BEFORE_FIRST if self.status is Status.SUBMITTED else turn.answer
        if turn.stopped:
            return self.ended(Outcome("stopped"))
        return _made(Snapshot, (self.status, turn, answer, None, self.conversation))

    def interrupted(self) -> Snapshot:
        """Return the state after ending the turn in flight, if there is one."""
        turn = self.turn
        if turn is None or not self.in_flight:
            return self
        return self.ended(Outcome("stopped", answer=turn.answer))

    def begun(self, turn: Turn) -> Snapshot:
        """Return the state with `turn` under way."""
        plan = turn.plan
        conversation = self.conversation._replace(messages=plan.messages, approvals=plan.approvals)
        if plan.named is not None:
            conversation = conversation._replace(id=plan.named)
        return Snapshot(after(self.status, Move.SEND), turn, conversation=conversation)

    def stepped(self) -> Snapshot:
        """Return the state after a step of the answer."""
        return self._replace(status=after(self.status, Move.STEP))

    def asked(self, approvals: tuple[Approval, ...]) -> Snapshot:
        """Return the state that waits for a person's decisions."""
        conversation = self.conversation._replace(approvals=approvals)
        return self._replace(status=after(self.status, Move.ASK), conversation=conversation)

    def decided(self, approvals: tuple[Approval, ...]) -> Snapshot:
        """Return the state with other decisions."""
        return self._replace(conversation=self.conversation._replace(approvals=approvals))

    def gone_on(self) -> Snapshot:
        """Return the state after the last decision."""
        status = self.status
        if status is Status.WAITING:
            status = after(status, Move.GO_ON)
        return self._replace(status=status, conversation=self.conversation._replace(approvals=()))

    def to_save(self) -> Conversation:
        """Return the conversation to save: with the round that waits for a person, if one does."""
        turn, conversation = self.turn, self.conversation
        if turn is None or self.status is not Status.WAITING or not turn.rounds.messages:
            return conversation
        rounds, id, last_on_server = turn.rounds, conversation.id, conversation.last_on_server
        if rounds.answer is not None and rounds.answer.conversation_id is not None:
            id, last_on_server = rounds.answer.conversation_id, rounds.asked
        messages = (*conversation.messages, *rounds.messages)
        return conversation._replace(messages=messages, id=id, last_on_server=last_on_server)

    def ended(self, outcome: Outcome) -> Snapshot:
        """Return the state with the turn ended, and its answer among the messages.

        A turn that was stopped has ended as stopped, whatever `outcome` is, with its answer at that
        time.
        """
        turn = self.turn
        assert turn is not None
        if turn.stopped:
            if outcome.reason != "stopped":
                outcome = Outcome("stopped", answer=turn.answer_at_stop)
            elif outcome.answer is not turn.answer_at_stop:
                outcome = outcome._replace(answer=turn.answer_at_stop)
        status = after(self.status, _ENDS[outcome.reason])
        answer = outcome.answer
        messages, id, last_on_server, resumed_from, failed, _ = self.conversation
        rounds = turn.rounds
        if turn.reply_id is not None:
            reply = _reply(rounds.rest(answer), turn.reply_id, status, turn.plan.branches)
            messages = (*messages, *rounds.messages, reply)
            if has_failed(reply) and not rounds.messages:
                failed = failed.union(turn.plan.asked)
        if answer.conversation_id is not None:
            id, last_on_server = answer.conversation_id, turn.reply_id
            if status is not Status.FINISHED and rounds.told(answer):
                # The backend has not answered this round, and may not have received it.
                last_on_server = rounds.asked
        conversation = Conversation(messages, id, last_on_server, resumed_from, failed)
        return Snapshot(status, turn, answer, outcome, conversation)

    def reset(self) -> Snapshot:
        """Return the state of a session that was never used."""
        return Snapshot(after(self.status, Move.RESET))

    def cleared(self) -> Snapshot:
        """Return the state without its error."""
        return self._replace(status=after(self.status, Move.CLEAR), outcome=None)


def _reply(answer: Answer, id: str, status: Status, branches: bool) -> Message:
    return Message(
        "assistant",
        answer.text,
        tool_calls=answer.tool_calls,
        id=id,
        status=status.value,
        conversation_id=answer.conversation_id if branches else None,
        reasoning=answer.reasoning,
        citations=answer.citations,
        native=answer.native,
    )


def outcome_of(error: BaseException, answer: Answer) -> Outcome:
    """Return the outcome of a turn whose reading raised `error`.

    An exception that is not a `ChatError`, such as for a body that is not JSON, is wrapped in one.
    An interrupt from outside, such as Ctrl-C, stops the turn.
    """
    if isinstance(error, ChatError):
        return Outcome("error", error=error, answer=answer)
    if isinstance(error, Exception):
        wrapped = ChatError(f"{type(error).__name__}: {error}", answer=answer)
        wrapped.__cause__ = error
        return Outcome("error", error=wrapped, answer=answer)
    return Outcome("stopped", answer=answer)
