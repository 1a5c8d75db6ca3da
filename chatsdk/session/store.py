"""`Store`: holds the state of a session; one lock guards every transition."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from chatsdk.answer import Answer
from chatsdk.dialects.dialect import Dialect
from chatsdk.errors import BusyError
from chatsdk.messages import Message
from chatsdk.outcome import Outcome
from chatsdk.session.history import Conversation, fresh_id, with_ids
from chatsdk.session.plan import TurnPlan
from chatsdk.session.request import Post, Request
from chatsdk.session.round_store import RoundStore
from chatsdk.session.snapshot import Snapshot, outcome_of
from chatsdk.session.status import Status
from chatsdk.session.turn import Turn

__all__ = ["Store"]

_T = TypeVar("_T")


class Store(RoundStore):
    """Decides under the lock, and notifies after releasing it.

    `stop`, `end_when_free` and `seen` may run in a signal handler or a finalizer at any bytecode,
    also while their own thread holds the lock or commits a change. Therefore:

    1. They do not wait for the lock. Work that needs it is deferred until it is free.
    2. What they set is set once: the first value stays, because `setdefault` of a dict is
       atomic (`Turn.ending`, `Turn.answer_at_stop`, `Notifier.owner`).
    3. What they read is one value that is replaced, never changed: the snapshot.
    4. A commit names its turn: a turn that was stopped, or is no longer the current one, changes
       nothing. The first step of an answer is committed under the lock, and each further step by
       storing it in the turn: see `chatsdk.session.turn_reader`.

    A turn ends in one of three ways: its reader has read everything (`end`), starting or reading it
    raised an exception (`fail`), or it is closed or dropped (`end_when_free`).
    """

    @property
    def seen(self) -> Snapshot:
        """The state to show: one consistent value. Takes no lock."""
        return self.notifier.snapshot.seen()

    # Turns ----------------------------------------------------------------------------------

    def begin(
        self,
        request: Request,
        options: Mapping[str, Any],
        *,
        latest: bool,
        dialect: Dialect,
        url: str,
        start: Callable[[Turn, TurnPlan], _T],
        method: str,
    ) -> _T:
        """Begin a turn, and return the result of `start`.

        If `start` raises, the turn ends with that.

        Args:
            request, options: the request and the fields of its body.
            latest: end the turn in flight first.
            dialect, url: those of the client.
            start: sends the request, or has a thread send it.
            method: the method of the session, for the error.

        Raises:
            BusyError: a turn is in flight.
            TypeError, ValueError: the request is not possible in this state; nothing has changed.
            RuntimeError: the session is closed.
        """
        notifier = self.notifier
        turn = None
        try:
            with self.guard, self.guard.lock:
                if self.closed:
                    raise RuntimeError("this session is closed: make a new one")
                if not latest:
                    self._must_be_free(f"{method}()")
                plan_for = partial(
                    TurnPlan.of, request, options, dialect=dialect, url=url, new_id=self._new_id
                )
                before = notifier.snapshot.interrupted()
                plan = plan_for(before)
                self._interrupt()
                if notifier.snapshot.conversation != before.conversation:
                    # A step arrived meanwhile. Plan again so that the history matches what
                    # `on_finish` reported; it is too late to fail.
                    with contextlib.suppress(TypeError, ValueError):
                        plan = plan_for(notifier.snapshot)
                reply = None
                if not isinstance(plan.request, Post):
                    reply = fresh_id(self._new_id, {message.id for message in plan.messages})
                self._turns += 1
                turn = Turn(self._turns, plan, reply)
                notifier.snapshot = notifier.snapshot.begun(turn)
            if self.closed:
                # close() ran meanwhile and has not seen this turn.
                self.stop(turn)
            notifier.changed()
            return start(turn, plan)
        except BaseException as error:
            if turn is not None:
                # After Ctrl-C, a thread of `start` may be reading already.
                turn.cancel.set()
                self.fail(turn, error)
            raise

    def begin_steps(self, turn: Turn) -> None:
        """Record that the answer of a turn has begun. Further steps change only the turn."""
        with self.guard, self.guard.lock:
            # A turn under way is the current one, because its successor would have ended it first.
            if turn.active:
                self.notifier.snapshot = self.notifier.snapshot.stepped()

    def end(self, turn: Turn, outcome: Outcome, *, nested: bool = True) -> None:
        """Commit the end of a turn and notify; only the first call counts.

        `nested` as in `Notifier.changed`.
        """
        with self.guard, self.guard.lock:
            self._end(turn, outcome)
        self.notifier.changed(nested=nested)

    def fail(self, turn: Turn, error: BaseException) -> None:
        """End a turn because starting or reading it raised `error`."""
        self.end(turn, outcome_of(error, self.answer_of(turn)))

    def end_when_free(self, turn: Turn, outcome: Outcome) -> None:
        """Like `end`, for finalizers and signal handlers, which must not wait for the lock."""
        if turn.outcome is None:
            self.guard.run_when_free(partial(self.end, turn, outcome, nested=False))
        elif self.notifier.queue:
            # Ctrl-C came before the end was delivered.
            self.guard.run_when_free(partial(self.notifier.changed, nested=False))

    def stop(self, turn: Turn | None = None) -> None:
        """Stop a turn, by default the current one, and wake its reader. Takes no lock."""
        snapshot = self.notifier.snapshot
        current = snapshot.turn
        if current is not None and snapshot.in_flight and turn in (None, current):
            current.stop()

    def answer_of(self, turn: Turn) -> Answer:
        """Return the latest answer of a turn, current or not."""
        # Read in this order: if the turn has not ended after the first read, that answer is the
        # latest.
        answer = turn.answer
        outcome = self._outcome_of(turn)
        return answer if outcome is None else outcome.answer

    def outcome_of(self, turn: Turn) -> Outcome:
        """Return how a turn ended; a false outcome while it is under way."""
        answer = turn.answer
        outcome = self._outcome_of(turn)
        return Outcome("pending", answer=answer) if outcome is None else outcome

    def _outcome_of(self, turn: Turn) -> Outcome | None:
        snapshot = self.notifier.snapshot
        if turn.outcome is None and snapshot.turn is turn:
            return snapshot.seen().outcome
        return turn.outcome

    # The conversation ----------------------------------------------------------------------

    def save(self) -> tuple[Conversation, int]:
        """Return the conversation, and how many ids have been given to messages."""
        with self.guard, self.guard.lock:
            return self.notifier.snapshot.seen().to_save(), self._ids

    def load(self, conversation: Conversation, ids: int = 0) -> None:
        """Begin with this conversation; messages without an id get one.

        Raises:
            TypeError, ValueError: an id is not a string, or occurs twice.
        """
        with self.guard, self.guard.lock:
            self._load(conversation, ids)

    def replace(self, conversation: Conversation, ids: int) -> None:
        """Replace the conversation by a saved one, and notify.

        Raises:
            BusyError: a turn is in flight.
            TypeError, ValueError: as `load`; nothing has changed.
        """
        with self.guard, self.guard.lock:
            self._must_be_free("load()")
            # The answer of a stopped turn belongs to the old conversation.
            self._interrupt()
            self._load(conversation, ids)
        self.notifier.changed()

    def set_messages(self, messages: tuple[Message, ...]) -> None:
        """Replace the conversation.

        Raises:
            BusyError: a turn is in flight.
            ValueError: two messages have the same id.
        """
        with self.guard, self.guard.lock:
            self._must_be_free("set_messages()")
            messages = with_ids(messages, self._new_id)
            # The answer of a stopped turn belongs to the old conversation.
            self._interrupt()
            now = self.notifier.snapshot
            conversation = now.conversation._replace(messages=messages, approvals=())
            self.notifier.snapshot = now._replace(conversation=conversation)
        self.notifier.changed()

    def clear_error(self) -> None:
        """Leave the status ``error``, if the session is in it."""
        with self.guard, self.guard.lock:
            if self.notifier.snapshot.status is not Status.ERROR:
                return
            self.notifier.snapshot = self.notifier.snapshot.cleared()
        self.notifier.changed()

    def reset(self) -> None:
        """End the turn in flight, and forget everything."""
        with self.guard, self.guard.lock:
            self._interrupt()
            self.notifier.snapshot = self.notifier.snapshot.reset()
        self.notifier.changed()

    # Under the lock -------------------------------------------------------------------------

    def _load(self, conversation: Conversation, ids: int) -> None:
        before = self._ids
        self._ids = ids
        try:
            messages = with_ids(conversation.messages, self._new_id)
        except BaseException:
            self._ids = before
            raise
        self.notifier.snapshot = Snapshot(conversation=conversation._replace(messages=messages))

    def _must_be_free(self, what: str) -> None:
        if self.notifier.snapshot.seen().in_flight:
            raise BusyError(
                f"{what} while a turn is in flight: wait for it, stop() it first, or let the newer "
                "one win with latest=True"
            )

    def _end(self, turn: Turn, outcome: Outcome) -> None:
        snapshot = self.notifier.snapshot
        if snapshot.turn is turn and snapshot.in_flight:
            turn.close_to_stop()
            try:
                self.notifier.put_end(turn, snapshot.ended(outcome))
            except BaseException:
                # Ctrl-C: dropping the stream will end the turn.
                turn.reopen_to_stop()
                raise

    def _interrupt(self) -> None:
        """End the turn in flight, and wake its reader."""
        snapshot = self.notifier.snapshot
        if snapshot.turn is not None and snapshot.in_flight:
            snapshot.turn.stop()
            self._end(snapshot.turn, Outcome("stopped"))
