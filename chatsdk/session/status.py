"""The states of a session, and the table of their transitions."""

from __future__ import annotations

import enum

__all__ = ["TRANSITIONS", "IllegalMove", "Move", "Status", "after"]


class Status(str, enum.Enum):
    """The status of a session. A member equals its string: ``session.status == "streaming"``."""

    IDLE = "idle"
    SUBMITTED = "submitted"
    STREAMING = "streaming"
    WAITING = "waiting"
    FINISHED = "finished"
    STOPPED = "stopped"
    ERROR = "error"

    # Whether a turn is under way.
    in_flight: bool

    def __str__(self) -> str:
        return str.__str__(self)


class Move(enum.Enum):
    """The events that change the status of a session."""

    SEND = "send"
    STEP = "take a step of an answer"
    ASK = "ask a person about a tool"
    GO_ON = "go on with the decisions of a person"
    FINISH = "finish"
    STOP = "stop"
    FAIL = "fail"
    RESET = "reset"
    CLEAR = "clear its error"


# An attribute, because it is read for each event and hashing an enum member is slow.
for _status in Status:
    _status.in_flight = _status in (Status.SUBMITTED, Status.STREAMING, Status.WAITING)

# A missing cell is an illegal move.
TRANSITIONS: dict[tuple[Status, Move], Status] = {
    (Status.IDLE, Move.SEND): Status.SUBMITTED,
    (Status.IDLE, Move.RESET): Status.IDLE,
    (Status.SUBMITTED, Move.STEP): Status.STREAMING,
    (Status.SUBMITTED, Move.ASK): Status.WAITING,
    (Status.SUBMITTED, Move.FINISH): Status.FINISHED,
    (Status.SUBMITTED, Move.STOP): Status.STOPPED,
    (Status.SUBMITTED, Move.FAIL): Status.ERROR,
    (Status.STREAMING, Move.STEP): Status.STREAMING,
    (Status.STREAMING, Move.ASK): Status.WAITING,
    (Status.STREAMING, Move.FINISH): Status.FINISHED,
    (Status.STREAMING, Move.STOP): Status.STOPPED,
    (Status.STREAMING, Move.FAIL): Status.ERROR,
    (Status.WAITING, Move.GO_ON): Status.STREAMING,
    (Status.WAITING, Move.STOP): Status.STOPPED,
    (Status.WAITING, Move.FAIL): Status.ERROR,
    (Status.FINISHED, Move.SEND): Status.SUBMITTED,
    (Status.FINISHED, Move.RESET): Status.IDLE,
    (Status.STOPPED, Move.SEND): Status.SUBMITTED,
    (Status.STOPPED, Move.RESET): Status.IDLE,
    (Status.ERROR, Move.SEND): Status.SUBMITTED,
    (Status.ERROR, Move.RESET): Status.IDLE,
    (Status.ERROR, Move.CLEAR): Status.IDLE,
}


class IllegalMove(RuntimeError):
    """A move that `TRANSITIONS` does not have: a bug in the program, never in the data."""


def after(status: Status, move: Move) -> Status:
    """Return the status that follows.

    Raises:
        IllegalMove: the table has no such cell.
    """
    try:
        return TRANSITIONS[status, move]
    except KeyError:
        raise IllegalMove(f"a session that is {status} cannot {move.value}") from None
