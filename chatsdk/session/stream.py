"""`TurnStream`: returned by `ChatSession.send`; reading it updates the session."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

from chatsdk.answer import Answer
from chatsdk.client.answer_generator import AnswerGenerator, error_of, is_running
from chatsdk.outcome import Outcome
from chatsdk.session.snapshot import outcome_of
from chatsdk.session.turn import Turn
from chatsdk.session.turn_reader import steps

if TYPE_CHECKING:
    from chatsdk.client import AnswerStream, ChatClient, ResponseInfo
    from chatsdk.dialects import Dialect
    from chatsdk.messages import Message
    from chatsdk.session.machine import Machine
    from chatsdk.session.plan import Plan
    from chatsdk.session.toolstream import ToolStream

__all__ = ["TurnStream", "open_turn"]

NEVER_READ = (
    "a stream of a ChatSession was dropped without having been read, so its turn was stopped: "
    "iterate it, or use session.run(...) to read it here and session.start(...) to read it on a "
    "thread of its own"
)


class TurnStream(AnswerGenerator):
    """The answer of one turn: a generator of `Answer`, and a context manager.

    Before an answer is yielded, the session has it and its callbacks have run. The session does not
    advance unless the stream is read. Dropping it halfway stops the turn.

    Iterating raises the `chatsdk.ChatError` that ends the answer early. After `stop`, and after the
    session has moved on to a newer turn, iteration simply ends.
    """

    _two_readers = (
        "this stream is already being read, by another thread or by the caller of a callback: "
        "read it in one place, and look at session.answer or use callbacks elsewhere"
    )

    def __init__(self, machine: Machine, turn: Turn, stream: AnswerStream | ToolStream) -> None:
        self._machine = machine
        self._turn = turn
        self._stream = stream
        self._steps = steps(machine, turn, stream)

    def throw(
        self,
        typ: Any,
        val: BaseException | object = None,
        tb: TracebackType | None = None,
    ) -> Answer:
        """End the turn as stopped and raise the exception; part of the generator interface."""
        self.close()
        raise error_of(typ, val)

    def close(self) -> None:
        """End the turn as stopped, unless it has ended. From any thread; twice is harmless."""
        self._turn.read = True
        self._machine.stop(self._turn)
        self._stream.close()
        self._machine.end_when_free(self._turn, self._stream.outcome or Outcome("stopped"))

    def stop(self) -> None:
        """End the answer and keep its text; like `ChatSession.stop`, but only for this turn."""
        self._machine.stop(self._turn)

    def deltas(self) -> Iterator[str]:
        """Yield the text that each step adds, skipping steps that add none.

        This cannot show a dialect that rewrites earlier text: check `Answer.rewritten`.
        """
        with self:
            for answer in self:
                if answer.delta:
                    yield answer.delta

    def result(self) -> Answer:
        """Read to the end and return the final `Answer`, or after `stop` the partial one.

        Raises:
            ChatError: the error that ended the answer early.
        """
        try:
            next(self._steps)
            self._steps.send(True)
        except StopIteration:
            pass
        except ValueError as error:
            if not is_running(error):
                raise
            raise RuntimeError(self._two_readers) from None
        outcome = self._turn.outcome
        if outcome is not None and outcome.error is not None:
            raise outcome.error
        return self.answer

    @property
    def answer(self) -> Answer:
        """The latest `Answer` of this turn; empty before the first step."""
        return self._machine.answer_of(self._turn)

    @property
    def outcome(self) -> Outcome:
        """How the turn ended; false, with the reason ``"pending"``, while it is under way."""
        return self._machine.outcome_of(self._turn)

    @property
    def _rounds(self) -> tuple[Message, ...]:
        """The messages of the completed tool rounds, for `display`."""
        return self._turn.rounds.messages

    @property
    def response(self) -> ResponseInfo | None:
        """Status, headers and request id; ``None`` if the turn was stopped before they arrived."""
        return self._stream.response

    @property
    def dialect(self) -> Dialect | None:
        """The dialect in use; with ``auto``, the detected one, or ``None`` before that."""
        return self._stream.dialect

    @property
    def attempts(self) -> int:
        """How often the request was sent, retries included."""
        return self._stream.attempts

    @property
    def body(self) -> Any:
        """The JSON body that was sent."""
        return self._stream.body

    def __reduce__(self) -> NoReturn:
        raise TypeError("a stream cannot be copied or pickled: stream.answer can, at each step")

    def __del__(self) -> None:
        turn: Turn | None = getattr(self, "_turn", None)
        if turn is None or turn.outcome is not None:
            return
        on_purpose = turn.read or turn.stopped
        self._machine.stop(turn)
        self._machine.end_when_free(turn, Outcome("stopped"))
        if not on_purpose:
            warnings.warn(NEVER_READ, ResourceWarning, stacklevel=2, source=self)

    def __repr__(self) -> str:
        return f"<TurnStream {self.outcome.reason}>"


def open_turn(machine: Machine, client: ChatClient, turn: Turn, plan: Plan) -> TurnStream:
    """Send the request of `plan`; an exception on the way has ended the turn."""
    stream: AnswerStream | ToolStream
    try:
        stream = plan.open(client, turn.cancel)
        if (toolbox := plan.toolbox) is not None:
            from chatsdk.session.toolstream import ToolStream

            stream = ToolStream(machine, client, turn, plan, stream, toolbox)
    except BaseException as error:
        machine.end(turn, outcome_of(error, Answer()))
        raise
    result = TurnStream(machine, turn, stream)
    if turn.stopped:
        # A stream that was over before it began may never be read.
        machine.end(turn, stream.outcome or Outcome("stopped"))
    return result
