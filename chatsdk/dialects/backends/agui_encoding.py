"""AG-UI, written: parts in, the events of one run out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import attrs

from chatsdk import sse
from chatsdk.answer import AnswerBuilder, Usage
from chatsdk.dialects.backends.agui import CITATIONS, COUNTS
from chatsdk.dialects.writing import CallPieces, added_text, dump, leftover, opening
from chatsdk.parts import (
    Citations,
    Failure,
    Finish,
    Part,
    Reasoning,
    ReasoningSnapshot,
    Text,
    TextSnapshot,
    ToolCallDelta,
)

__all__ = ["encode"]


def encode(parts: Iterable[Part], *, id: str, model: str) -> Iterator[bytes]:
    """Write the events of one run, each as soon as its part is there.

    Only success and cancellation are outcomes; that a limit or a filter ended the answer cannot be
    said in this protocol.
    """
    who, rest = opening(parts, id=id, model=model)
    run = {"threadId": who.conversation_id or f"thread-{who.id}", "runId": who.id}
    yield _frame("RUN_STARTED", run)
    builder, spans = AnswerBuilder(), _Spans()
    finish: Finish | None = None
    for part in rest:
        step = builder.apply(part)
        match part:
            case Text() | TextSnapshot():
                yield from spans.say("TEXT", added_text(step))
            case Reasoning() | ReasoningSnapshot():
                yield from spans.say("REASONING", step.reasoning_delta)
            case ToolCallDelta():
                yield from spans.call(part)
            case Citations(items):
                value = [_known(attrs.asdict(item)) for item in items]
                yield _frame("CUSTOM", {"name": CITATIONS, "value": value})
            case Finish():
                finish = part
            case Failure(message, code):
                yield from spans.close()
                error: dict[str, Any] = {"message": message}
                if code is not None:
                    error["code"] = str(code)
                yield _frame("RUN_ERROR", error | _usage(builder.answer.usage, who.model))
                return
            case _:
                pass
    text, reasoning = leftover(builder)
    yield from spans.say("REASONING", reasoning)
    yield from spans.say("TEXT", text)
    yield from spans.close()
    outcome: dict[str, Any] = {"type": "success"}
    if finish is not None and finish.reason == "cancelled":
        outcome = {"type": "cancelled"}
    elif spans.calls and (finish is None or finish.reason == "tool_calls"):
        outcome["pendingToolCallIds"] = list(spans.calls.values())
    yield _frame(
        "RUN_FINISHED", run | {"outcome": outcome} | _usage(builder.answer.usage, who.model)
    )


class _Spans:
    """Messages, one open at a time, and calls."""

    def __init__(self) -> None:
        self._count = 0
        self._open: tuple[str, str] | None = None
        self._pieces = CallPieces()
        # The id of each call, in the order in which they came.
        self.calls: dict[int | str, str] = {}

    def say(self, kind: str, text: str) -> Iterator[bytes]:
        if not text:
            return
        if self._open is None or self._open[0] != kind:
            yield from self._close_message()
            self._count += 1
            id = f"message-{self._count}"
            self._open = (kind, id)
            if kind == "REASONING":
                yield _frame("REASONING_START", {"messageId": id})
            role = "reasoning" if kind == "REASONING" else "assistant"
            yield _frame(f"{kind}_MESSAGE_START", {"messageId": id, "role": role})
        yield _frame(f"{kind}_MESSAGE_CONTENT", {"messageId": self._open[1], "delta": text})

    def call(self, part: ToolCallDelta) -> Iterator[bytes]:
        if part.index not in self.calls:
            yield from self._close_message()
            self.calls[part.index] = id = part.id or f"call-{len(self.calls) + 1}"
            yield _frame("TOOL_CALL_START", {"toolCallId": id, "toolCallName": part.name or ""})
        piece = self._pieces.added(part)
        if piece:
            id = self.calls[part.index]
            yield _frame("TOOL_CALL_ARGS", {"toolCallId": id, "delta": piece})

    def close(self) -> Iterator[bytes]:
        yield from self._close_message()
        # Calls may stay open beside each other, and only now it is sure that they are whole.
        for id in self.calls.values():
            yield _frame("TOOL_CALL_END", {"toolCallId": id})

    def _close_message(self) -> Iterator[bytes]:
        if self._open is None:
            return
        kind, id = self._open
        self._open = None
        yield _frame(f"{kind}_MESSAGE_END", {"messageId": id})
        if kind == "REASONING":
            yield _frame("REASONING_END", {"messageId": id})


def _usage(usage: Usage | None, model: str | None) -> dict[str, Any]:
    if usage is None:
        return {}
    counts = {native: getattr(usage, name) for name, native in COUNTS.items()}
    return {"usage": [_known({"model": model} | counts)]}


def _known(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _frame(kind: str, fields: dict[str, Any]) -> bytes:
    return sse.encode(dump({"type": kind} | fields))
