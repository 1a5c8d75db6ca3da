"""Reads the stream of a turn; commits each answer before yielding it."""

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
    """Commit each answer of `stream` as a step of `turn`, notify, then yield it; end the turn.

    After ``True`` is sent to the generator, it reads to the end without yielding.

    Raises:
        BaseException: the error that ended the answer early, unless the turn was stopped.
    """
    turn.read = True
    turn.reader = get_ident()
    notifier = machine.notifier
    direct, tell = notifier.direct, notifier.tell_step
    # Iterate the inner generator: going through `__next__` would add half of this loop's cost.
    answers: Iterable[Answer] = getattr(stream, "_steps", None) or stream
    before = turn.answer
    drained: bool | None = None
    try:
        # Another thread may have stopped or replaced the turn before any of these checks.
        if turn.going:
            for answer in answers:
                # The commit: a single store, which needs no lock. If the turn was stopped
                # meanwhile, it keeps its earlier answer: see `Turn.last`.
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
        # Dropped, perhaps by a garbage collection at any point: see `TurnStream`.
        raise
    except BaseException as error:
        notifier.let_go(turn)
        stream.close()
        machine.end(turn, outcome_of(error, machine.answer_of(turn)))
        if turn.stopped and isinstance(error, ChatError):
            # The user stopped the turn, so a broken connection is not an error any more.
            return
        raise
    stream.close()
    # Without an outcome the stream was closed, and closing stops the turn.
    machine.end(turn, stream.outcome or Outcome("stopped"))
