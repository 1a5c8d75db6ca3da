"""`Step`: an `Answer` while it is being filled in."""

from __future__ import annotations

from chatsdk.answer.ledger import Ledger
from chatsdk.answer.values import Arrivals, Facts

__all__ = ["Step"]


class Step:
    """An `Answer` while it is being filled in; `AnswerBuilder` then makes it one.

    Plain attribute stores are several times quicker than ``object.__setattr__``, and a long
    answer has 200,000 steps.
    """

    __slots__ = (
        "_arrivals",
        "_count",
        "_events",
        "_facts",
        "_ledger",
        "_payload",
        "_received",
        "_thought_count",
        "_thoughts",
        "delta",
        "reasoning_delta",
        "rewritten",
    )
    _arrivals: Arrivals
    _count: int
    _events: int
    _facts: Facts
    _ledger: Ledger
    _payload: str | None
    _received: int
    _thought_count: int
    _thoughts: Ledger
    delta: str
    reasoning_delta: str
    rewritten: bool
