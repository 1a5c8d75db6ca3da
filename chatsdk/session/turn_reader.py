"""`TurnReader`: reads the answer of a turn; commits each step before yielding it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from threading import get_ident
from typing import TYPE_CHECKING, Any

from chatsdk.answer import Answer
from chatsdk.client.stream import AnswerStream, Passing
from chatsdk.errors import ChatError
from chatsdk.outcome import Outcome
from chatsdk.session.notifier import Delivery
from chatsdk.session.turn import BEFORE_FIRST, Turn

if TYPE_CHECKING:
    from chatsdk.session.store import Store
    from chatsdk.session.tool_stream import ToolStream

__all__ = ["TurnReader"]


class TurnReader(Passing):
    """The source of a `TurnStream`: the stream of a client, whose steps the session commits.

    Attributes:
        consumed: reading has begun, or the stream was closed.
    """

    below: AnswerStream | ToolStream

    def __init__(self, store: Store, turn: Turn, stream: AnswerStream | ToolStream) -> None:
        self.store = store
        self.turn = turn
        self.below = stream
        self.consumed = False

    def steps(self) -> Generator[Answer, bool | None, None]:
        """Commit each answer as a step of the turn, notify, then yield it; end the turn.

        After ``True`` is sent to the generator, it reads to the end without yielding.

        Raises:
            BaseException: the error that ended the answer early, unless the turn was stopped.
        """
        store, turn, stream = self.store, self.turn, self.below
        self.consumed = True
        ending = turn.ending
        me = Delivery(get_ident())
        notifier = store.notifier
        direct, tell = notifier.direct, notifier.notify_step
        # The generator within: going through `__next__` would add half of this loop's cost.
        answers: Iterable[Answer] = stream._steps if isinstance(stream, AnswerStream) else stream
        before = turn.answer
        drained: bool | None = None
        try:
            # Another thread may have stopped or replaced the turn before any of these checks.
            if not ending:
                for answer in answers:
                    # The commit: a single store, which needs no lock. If the turn was stopped
                    # meanwhile, it keeps its earlier answer: see `Turn.answer_at_stop`.
                    turn.answer = answer
                    if before is BEFORE_FIRST:
                        store.begin_steps(turn)
                    if ending:
                        break
                    if direct:
                        tell(me, turn, before, answer)
                    elif not notifier.waiting:
                        notifier.changed()
                    if not drained:
                        drained = yield answer
                        me.thread_id = get_ident()
                    if ending:
                        break
                    before = answer
        except GeneratorExit:
            # Dropped, perhaps by a garbage collection at any point: see `drop`.
            raise
        except BaseException as error:
            notifier.release(me)
            stream.close()
            store.fail(turn, error)
            if turn.stopped and isinstance(error, ChatError):
                # The user stopped the turn, so a broken connection is not an error any more.
                return
            raise
        stream.close()
        # Without an outcome the stream was closed, and closing stops the turn.
        store.end(turn, stream.outcome or Outcome("stopped"))

    def on_wait(self, callback: Callable[[], object] | None) -> bool:
        """Call `callback` before each wait for more bytes, unless the session runs tools."""
        stream = self.below
        return isinstance(stream, AnswerStream) and stream.on_wait(callback)

    def stop(self) -> None:
        """Stop the turn; takes no lock."""
        self.store.stop(self.turn)

    def close(self, steps: Generator[Answer, Any, None]) -> None:
        """End the turn as stopped, unless it has ended."""
        self.consumed = True
        self.store.stop(self.turn)
        self.below.close()
        self.drop(steps)

    def drop(self, steps: Generator[Answer, Any, None]) -> None:
        """As `close`, but only the last reference to the client's stream closes it."""
        self.store.stop(self.turn)
        self.store.end_when_free(self.turn, self.below.outcome or Outcome("stopped"))

    @property
    def answer(self) -> Answer:
        """The latest `Answer` of this turn; empty before the first step."""
        return self.store.answer_of(self.turn)

    @property
    def outcome(self) -> Outcome:
        """How the turn ended; pending while it is under way."""
        return self.store.outcome_of(self.turn)
