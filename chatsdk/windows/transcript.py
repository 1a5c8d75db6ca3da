"""`Transcript`: everything a chat window shows of a session, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from chatsdk.messages import Message
from chatsdk.session.approvals import Approval
from chatsdk.session.snapshot import Snapshot
from chatsdk.session.status import Status
from chatsdk.windows import words
from chatsdk.windows.message_turns import message_of, turn_of, turns_of, with_live
from chatsdk.windows.shown_turn import (
    CallPart,
    Notice,
    Part,
    Question,
    ReasoningPart,
    ShownTurn,
    Source,
    TextPart,
)

__all__ = [
    "CallPart",
    "Notice",
    "Part",
    "Question",
    "ReasoningPart",
    "ShownTurn",
    "Source",
    "TextPart",
    "Transcript",
    "notice_of",
]


class Transcript(NamedTuple):
    """The turns of a session, oldest first, and its state.

    Attributes:
        turns: a tuple of `ShownTurn`.
        status: the session's status.
        messages: the messages that the turns were read from.
        past: the turns of those messages, without the one in flight and without an offer to retry.
        ended: the number of notices that were known.
        approvals: the calls that a person has to decide about, with the decisions.
    """

    turns: tuple[ShownTurn, ...] = ()
    status: Status = Status.IDLE
    messages: tuple[Message, ...] = ()
    past: tuple[ShownTurn, ...] = ()
    ended: int = 0
    approvals: tuple[Approval, ...] = ()

    @property
    def in_flight(self) -> bool:
        """Whether an answer is being received."""
        return self.status.in_flight

    def asks(self, question: Question) -> bool:
        """Return whether a question, by its id and its text, is in the transcript."""
        wanted = (question.id, question.text)
        asked = (turn.question for turn in self.turns)
        return any(one is not None and (one.id, one.text) == wanted for one in asked)

    def same_as(self, earlier: Transcript) -> int:
        """Count the turns at the beginning that are the same in an earlier transcript."""
        count = 0
        for turn, old in zip(self.turns, earlier.turns, strict=False):
            # Unchanged turns are usually the same objects, which is a fast comparison.
            if turn is not old and turn != old:
                break
            count += 1
        return count

    @classmethod
    def read(
        cls,
        snapshot: Snapshot,
        earlier: Transcript | None = None,
        *,
        notices: Mapping[str, Notice] | None = None,
        seconds: int = 0,
    ) -> Transcript:
        """Return what to show of a session.

        Args:
            snapshot: the state of the session.
            earlier: the previous transcript of the same session, which saves reading its messages
                again.
            notices: how earlier turns ended, by the id of their answer.
            seconds: time since the turn in flight was submitted.
        """
        messages = snapshot.conversation.messages
        approvals = snapshot.conversation.approvals
        notices = notices or {}
        if (
            earlier is not None
            and messages is earlier.messages
            and len(notices) == earlier.ended
            and approvals == earlier.approvals
        ):
            past = earlier.past
        else:
            past = turns_of(messages, notices, approvals)
        status = snapshot.status
        turns = past
        turn = snapshot.turn
        if turn is not None and status.in_flight:
            turns = with_live(past, snapshot, seconds)
        elif turn is not None and turn.reply_id is None and snapshot.outcome is not None:
            # A body was posted: its answer is not among the messages.
            notice = notice_of(snapshot)
            turns = (*past, turn_of(None, (message_of(snapshot.answer),), notice))
        if not status.in_flight and turns:
            turns = (*turns[:-1], _with_retry(turns[-1]))
        return cls(turns, status, messages, past, len(notices), approvals)


def notice_of(snapshot: Snapshot) -> Notice | None:
    """Return the notice for the last turn, if it has ended in a way that needs one."""
    outcome = snapshot.outcome
    if outcome is None:
        return None
    answer = outcome.answer
    if outcome.reason == "error":
        return Notice("error", str(outcome.error) or words.FAILED)
    if outcome.reason == "stopped":
        return Notice("stopped", words.STOPPED)
    if answer.finish_reason in words.INCOMPLETE:
        return Notice("incomplete", words.INCOMPLETE[answer.finish_reason])
    if outcome.end == "unproven":
        return Notice("incomplete", words.UNPROVEN)
    if not answer.text.strip() and not answer.tool_calls:
        return Notice("empty", words.EMPTY)
    return None


def _with_retry(turn: ShownTurn) -> ShownTurn:
    """Offer to ask again in the last turn, if it has failed or was never answered."""
    notice = turn.notice
    if notice is not None and notice.kind == "error":
        return turn._replace(notice=notice._replace(retry=True))
    if notice is None and not turn.parts:
        return turn._replace(notice=Notice("stopped", words.UNANSWERED, retry=True))
    return turn
