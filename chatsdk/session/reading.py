"""Reads the stream of a turn: each answer is in the session before it is yielded."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from threading import get_ident
from typing import TYPE_CHECKING

from chatsdk.answer import Answer
from chatsdk.errors import ChatError
from chatsdk.outcome import Outcome
from chatsdk.session.snapshot import outcome_of
from chatsdk.session.turn import BEFORE_FIRST, Turn

if TYPE_CHECKING:
    from chatsdk.client import AnswerStream
    from chatsdk.session.machine import Machine
    from chatsdk.session.toolstream import ToolStream

__all__ = ["steps"]


def steps(
    machine: Machine, turn: Turn, stream: AnswerStream | ToolStream
) -> Generator[Answer, bool | None, None]:
    """Commit each answer of `stream` as a step of `turn`, tell it, then yield it; end the turn.

    Once ``True`` is sent to it, it yields no more, and reads to the end.

    Raises:
        BaseException: what ended the answer before its end, unless the turn was stopped.
    """
    turn.read = True
    turn.reader = get_ident()
    notifier = machine.notifier
    direct, tell = notifier.direct, notifier.tell_step
    # The generator within: a call in between costs as much as half of what stands here.
    answers: Iterable[Answer] = getattr(stream, "_steps", None) or stream
    before = turn.answer
    drained: bool | None = None
    try:
        # The turn may have been stopped, or replaced by a newer one, whenever it is looked at.
        if turn.going:
            for answer in answers:
                # The commit: one store, which needs no lock. A turn that was stopped meanwhile
                # keeps what it had then: see `Turn.last`.
                turn.answer = answer
                if before is BEFORE_FIRST:
                    machine.begin_steps(turn)
                if not turn.going:
                    break
                if direct:
                    tell(turn, before, answer)
                elif not notifier.waiting:
                    notifier.changed()
                if not drained:
                    drained = yield answer
                    turn.reader = get_ident()
                if not turn.going:
                    break
                before = answer
    except GeneratorExit:
        # Dropped, perhaps by a garbage collection in the midst of anything: see `TurnStream`.
        raise
    except BaseException as error:
        notifier.let_go(turn)
        stream.close()
        machine.end(turn, outcome_of(error, machine.answer_of(turn)))
        if turn.stopped and isinstance(error, ChatError):
            # The user stopped the turn, so a connection that broke is no error any more.
            return
        raise
    stream.close()
    # Without an outcome it was closed, which is how a turn is stopped.
    machine.end(turn, stream.outcome or Outcome("stopped"))
