"""The difference of two steps: `added_text`, and the parts that turn one into the other."""

from __future__ import annotations

from chatsdk.answer.shared_text import Vector
from chatsdk.answer.step import Answer
from chatsdk.answer.values import Facts, ToolCall
from chatsdk.parts import (
    Citations,
    Finish,
    Identity,
    Part,
    Reasoning,
    ReasoningSnapshot,
    Text,
    TextSnapshot,
    ToolCallDelta,
    UsageUpdate,
)

__all__ = ["added_text", "parts_between"]

_NO_FACTS = Facts()


def added_text(before: Answer | None, after: Answer) -> str | None:
    """Return the text that `after` adds to `before`, ``None`` if that is not the only difference.

    Args:
        before: an earlier step of the same stream, or ``None`` for the beginning.
        after: the later step.
    """
    if (
        before is None
        or after._facts is not before._facts
        or after._ledger is not before._ledger
        or after._thoughts is not before._thoughts
        or after._thought_count != before._thought_count
    ):
        return None
    start, end = before._count, after._count
    if end - start == 1:
        return after._ledger.pieces[start]
    return after._ledger.between(start, end) if start < end else None


def parts_between(before: Answer | None, after: Answer) -> list[Part]:
    """Return the parts that `AnswerBuilder` needs to get from `before` to `after`.

    This is the inverse of the builder: ids come first, then reasoning, text, tool calls,
    citations, usage and the finish reason.

    Args:
        before: an earlier step of the same stream, or ``None`` for the beginning.
        after: the step to reach.
    """
    text = added_text(before, after)
    if text is not None:
        return [Text(text)]
    parts: list[Part] = []
    known = _NO_FACTS if before is None else before._facts
    facts = after._facts
    if facts is not known:
        _add_identity(parts, known, facts)
    _add_reasoning(parts, before, after)
    _add_text(parts, before, after)
    if facts is not known:
        _add_calls(parts, known.tool_calls, facts.tool_calls)
        new = range(len(known.citations), len(facts.citations))
        if new:
            parts.append(Citations(tuple(facts.citations[place] for place in new)))
        if facts.usage and facts.usage != known.usage:
            parts.append(UsageUpdate(**facts.usage._asdict()))
        if facts.native is not None and facts.native is not known.native:
            parts.append(facts.native)
        reason = facts.finish_reason
        if reason is not None and (reason, facts.native_finish_reason) != (
            known.finish_reason,
            known.native_finish_reason,
        ):
            parts.append(Finish(reason, facts.native_finish_reason))
    return parts


def _add_text(parts: list[Part], before: Answer | None, after: Answer) -> None:
    ledger, count = after._ledger, after._count
    if before is None:
        if count:
            parts.append(Text(ledger.upto(count)))
    elif before._ledger is not ledger:
        parts.append(TextSnapshot(after.text))
    elif before._count < count:
        parts.append(Text(ledger.between(before._count, count)))


def _add_reasoning(parts: list[Part], before: Answer | None, after: Answer) -> None:
    ledger, count = after._thoughts, after._thought_count
    if before is None:
        if count:
            parts.append(Reasoning(ledger.upto(count)))
    elif before._thoughts is not ledger:
        parts.append(ReasoningSnapshot(after.reasoning))
    elif before._thought_count < count:
        parts.append(Reasoning(ledger.between(before._thought_count, count)))


def _add_identity(parts: list[Part], known: Facts, facts: Facts) -> None:
    ids = {
        name: value
        for name, value in (
            ("id", facts.id),
            ("conversation_id", facts.conversation_id),
            ("model", facts.model),
            ("task_id", facts.task_id),
        )
        if value is not None and value != getattr(known, name)
    }
    if ids:
        task = ids.pop("task_id", None)
        parts.append(Identity(**ids, task=task))


def _add_calls(parts: list[Part], known: Vector[ToolCall], calls: Vector[ToolCall]) -> None:
    for place in calls.changes(known):
        call = calls[place]
        if place >= len(known):
            parts.append(ToolCallDelta(place, call.id, call.name, call.arguments))
            continue
        earlier = known[place]
        id = call.id if call.id != earlier.id else None
        name = call.name if call.name != earlier.name else None
        if not call.extends(earlier):
            parts.append(ToolCallDelta(place, id, name, call.arguments, replace=True))
        else:
            piece = call.arguments_since(earlier)
            if piece or id is not None or name is not None:
                parts.append(ToolCallDelta(place, id, name, piece))
