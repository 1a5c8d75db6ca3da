"""The calls of a round that wait for a person, and the decisions about them, as values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from chatsdk.answer import ToolCall

__all__ = [
    "ANSWERED",
    "APPROVED",
    "REJECTED",
    "Approval",
    "Decision",
    "decide",
    "read_approvals",
    "requested",
    "undecided",
    "written_approvals",
]

APPROVED, REJECTED, ANSWERED = "approved", "rejected", "answered"


class Decision(NamedTuple):
    """A person's decision about a call.

    Attributes:
        word: ``approved``, ``rejected`` or ``answered``.
        value: the reason of a rejection, the result of a call that the person answered.
    """

    word: str
    value: Any = ""


class Approval(NamedTuple):
    """A call that a person has to decide about.

    Attributes:
        place: index of the call in its message.
        call: the call, with an id that no other call of the message has.
        decision: ``None`` before there is one.
        by_hand: there is no function to run.
    """

    place: int
    call: ToolCall
    decision: Decision | None = None
    by_hand: bool = False


def requested(
    calls: Sequence[ToolCall], places: Sequence[int], by_hand: Callable[[ToolCall], bool]
) -> tuple[Approval, ...]:
    """Return an approval to request for each of the calls at these places.

    Those without an id of their own get one; some backends send none.
    """
    ids = [call.id for call in calls]
    taken = set(ids)
    approvals = []
    for place in places:
        call = calls[place]
        if call.id is None or ids.index(call.id) != place:
            number = place + 1
            while (id := f"call-{number}") in taken:
                number += len(calls)
            taken.add(id)
            call = ToolCall(id, call.name, call.arguments)
        approvals.append(Approval(place, call, by_hand=by_hand(call)))
    return tuple(approvals)


def undecided(approvals: Sequence[Approval]) -> tuple[ToolCall, ...]:
    """Return the calls without a decision."""
    return tuple(approval.call for approval in approvals if approval.decision is None)


def decide(
    approvals: Sequence[Approval], id: str, decision: Decision
) -> tuple[Approval, ...] | None:
    """Return the approvals with a decision added; ``None`` if there was one already.

    Raises:
        ValueError: none is about this call, or the call cannot be approved.
    """
    for number, approval in enumerate(approvals):
        if approval.call.id == id:
            if approval.decision is not None:
                return None
            if approval.by_hand and decision.word == APPROVED:
                raise ValueError(
                    f"the tool {approval.call.name!r} has no function to run: do its work, and "
                    "give the result with answer_call()"
                )
            decided = approval._replace(decision=decision)
            return (*approvals[:number], decided, *approvals[number + 1 :])
    waiting = ", ".join(repr(approval.call.id) for approval in approvals)
    raise ValueError(f"no call with the id {id!r} waits for a person; these do: {waiting}")


def written_approvals(approvals: Sequence[Approval]) -> list[dict[str, Any]]:
    """Return approvals as JSON values."""
    return [
        {
            "place": approval.place,
            "id": approval.call.id,
            "decision": None if approval.decision is None else list(approval.decision),
            "by_hand": approval.by_hand,
        }
        for approval in approvals
    ]


def read_approvals(data: object, calls: Sequence[ToolCall]) -> tuple[Approval, ...]:
    """Return the approvals of `calls` from their JSON values.

    Raises:
        ValueError: they are something else.
    """
    approvals: list[Approval] = []
    for item in data if isinstance(data, (list, tuple)) else [data]:
        fields = item if isinstance(item, Mapping) else {}
        place, id, decision = (fields.get(name) for name in ("place", "id", "decision"))
        if (
            not isinstance(place, int)
            or isinstance(place, bool)
            or not (approvals[-1].place if approvals else -1) < place < len(calls)
            or not isinstance(id, str)
            or not (decision is None or _is_decision(decision))
        ):
            raise ValueError("the calls that wait for a person cannot be read")
        call = calls[place]
        approvals.append(
            Approval(
                place,
                call if call.id == id else ToolCall(id, call.name, call.arguments),
                None if decision is None else Decision(*decision),
                by_hand=fields.get("by_hand") is True,
            )
        )
    return tuple(approvals)


def _is_decision(value: Any) -> bool:
    return (
        isinstance(value, (list, tuple))
        and len(value) == 2
        and value[0] in (APPROVED, REJECTED, ANSWERED)
        and (value[0] == ANSWERED or isinstance(value[1], str))
    )
