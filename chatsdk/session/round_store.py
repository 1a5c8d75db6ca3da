"""`RoundStore`: the part of the session's state store for tool rounds and approvals."""

from __future__ import annotations

from chatsdk.answer import Answer
from chatsdk.messages import Message
from chatsdk.session.approvals import Approval, Decision, decide
from chatsdk.session.history import with_ids
from chatsdk.session.lock import DeferringLock
from chatsdk.session.notifier import Notifier
from chatsdk.session.turn import Rounds, Turn

__all__ = ["RoundStore"]


class RoundStore:
    """Records the tool rounds of a turn, and the decisions of a person about its calls.

    Attributes:
        guard: guards the snapshot, the counters and the guarded part of `notifier`. Never held
            while calling out, reading, logging or yielding.
        notifier: keeps the snapshot, and notifies callbacks and subscribers.
        closed: no new turn begins.
    """

    def __init__(self, guard: DeferringLock, notifier: Notifier) -> None:
        self.guard = guard
        self.notifier = notifier
        self.closed = False
        self._turns = 0
        self._ids = 0

    def end_round(
        self, turn: Turn, before: Rounds, answer: Answer, messages: tuple[Message, ...]
    ) -> bool:
        """Record a tool round after those `before`; the answer is then `answer`.

        Returns whether `turn` may continue; if not, the round is discarded.
        """
        with self.guard, self.guard.lock:
            return self._end_round(turn, before, answer, messages)

    def end_saved_round(
        self, turn: Turn, place: int, messages: tuple[Message, ...]
    ) -> tuple[Message, ...] | None:
        """Record the round with which a resumed turn began: the messages from `place` on.

        Returns them with their ids; ``None`` if `turn` may not continue.
        """
        with self.guard, self.guard.lock:
            if not turn.active:
                return None
            snapshot = self.notifier.snapshot
            kept = snapshot.conversation.messages[:place]
            new = with_ids(messages, self._new_id, taken=kept)
            conversation = snapshot.conversation._replace(messages=(*kept, *new))
            self.notifier.snapshot = snapshot._replace(conversation=conversation)
            return new

    @property
    def approvals(self) -> tuple[Approval, ...]:
        """The calls that wait for a person; those of a stopped turn do not."""
        return self.notifier.snapshot.seen().conversation.approvals

    def begin_waiting(
        self,
        turn: Turn,
        approvals: tuple[Approval, ...],
        before: Rounds,
        answer: Answer,
        messages: tuple[Message, ...],
    ) -> bool:
        """Wait for a person, and notify; `messages` are the part of the round that has arrived.

        A resumed turn passes neither approvals nor messages: the conversation has them. Returns
        whether `turn` may continue.
        """
        with self.guard, self.guard.lock:
            if not turn.active:
                return False
            if messages:
                self._end_round(turn, before, answer, messages)
            snapshot = self.notifier.snapshot
            self.notifier.snapshot = snapshot.asked(approvals or snapshot.conversation.approvals)
        self.notifier.changed()
        return turn.active

    def go_on(self, turn: Turn) -> bool:
        """Record that a person has decided; return whether `turn` may continue."""
        with self.guard, self.guard.lock:
            if not turn.active:
                return False
            self.notifier.snapshot = self.notifier.snapshot.gone_on()
        self.notifier.changed()
        return turn.active

    def decide(self, id: str, decision: Decision, turn: Turn | None = None) -> bool:
        """Record a decision, and wake the reader; return whether the call waited for it.

        Args:
            id: the id of the call.
            decision: the decision.
            turn: the only turn whose calls may be meant.

        Raises:
            ValueError: calls wait, but none with this id.
        """
        with self.guard, self.guard.lock:
            snapshot = self.notifier.snapshot.seen()
            current = snapshot.turn
            if not snapshot.conversation.approvals or turn not in (None, current):
                return False
            approvals = decide(snapshot.conversation.approvals, id, decision)
            if approvals is None:
                return False
            self.notifier.snapshot = self.notifier.snapshot.decided(approvals)
        if current is not None and current.bell is not None:
            current.bell.ring()
        self.notifier.changed()
        return True

    # Under the lock -------------------------------------------------------------------------

    def _new_id(self) -> str:
        self._ids += 1
        return f"m{self._ids}"

    def _end_round(
        self, turn: Turn, before: Rounds, answer: Answer, messages: tuple[Message, ...]
    ) -> bool:
        if not turn.active:
            return False
        taken = (*self.notifier.snapshot.conversation.messages, *before.messages)
        new = with_ids(messages, self._new_id, taken=taken)
        turn.rounds = Rounds((*before.messages, *new), answer)
        return True
