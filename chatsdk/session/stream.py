"""`TurnStream`: returned by `ChatSession.send`; reading it updates the session."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from chatsdk.answer import Answer
from chatsdk.client.stream import AnswerStream, Partial_co, Value_co, is_running
from chatsdk.session.turn import Turn
from chatsdk.session.turn_reader import TurnReader

if TYPE_CHECKING:
    from chatsdk.client import ChatClient
    from chatsdk.messages import Message
    from chatsdk.session.plan import TurnPlan
    from chatsdk.session.store import Store
    from chatsdk.session.tool_stream import ToolStream

__all__ = ["TurnStream", "open_turn"]

NEVER_READ = (
    "a stream of a ChatSession was dropped without having been read, so its turn was stopped: "
    "iterate it, or use session.run(...) to read it here and session.start(...) to read it on a "
    "thread of its own"
)


class TurnStream(AnswerStream[Partial_co, Value_co]):
    """The answer of one turn: a generator of `Answer`, and a context manager.

    Before an answer is yielded, the session has it and its callbacks have run. The session does not
    advance unless the stream is read. Dropping it halfway stops the turn.

    Iterating raises the `chatsdk.ChatError` that ends the answer early. After `stop`, and after the
    session has moved on to a newer turn, iteration simply ends.
    """

    _source: TurnReader
    _two_readers = (
        "this stream is already being read, by another thread or by the caller of a callback: "
        "read it in one place, and use session.answer or callbacks elsewhere"
    )

    def result(self) -> Answer[Value_co]:
        """Read to the end and return the final `Answer`, or after `stop` the partial one.

        Raises:
            ChatError: the error that ended the answer early.
        """
        try:
            next(self._steps)
            # The generator reads to the end without yielding, which costs less for each step.
            self._steps.send(True)
        except StopIteration:
            pass
        except ValueError as error:
            if not is_running(error):
                raise
            raise RuntimeError(self._two_readers) from None
        # It is either over or has just been read to its end.
        return super().result()

    @property
    def _rounds(self) -> tuple[Message, ...]:
        """The messages of the completed tool rounds, for `display`."""
        return self._source.turn.rounds.messages

    def __del__(self) -> None:
        source: TurnReader | None = getattr(self, "_source", None)
        if source is None or source.turn.outcome is not None:
            return
        on_purpose = source.consumed or source.turn.stopped
        super().__del__()
        if not on_purpose:
            warnings.warn(NEVER_READ, ResourceWarning, stacklevel=2, source=self)


def open_turn(store: Store, client: ChatClient, turn: Turn, plan: TurnPlan) -> TurnStream:
    """Send the request of `plan`, and return the stream that reads the turn."""
    # A resumed turn sends nothing before its calls have been decided.
    opened = None if plan.approvals else plan.open(client, turn.cancel)
    stream: AnswerStream | ToolStream
    toolbox = plan.toolbox
    if toolbox is None:
        assert opened is not None
        stream = opened
    else:
        from chatsdk.session.tool_stream import ToolStream

        stream = ToolStream(store, client, turn, plan, opened, toolbox)
    result: TurnStream = TurnStream(TurnReader(store, turn, stream))
    if turn.stopped:
        # A stream that was over before it began may never be read.
        result.close()
    return result
