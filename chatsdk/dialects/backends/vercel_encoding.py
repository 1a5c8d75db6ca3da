"""Vercel's UI message stream, written: parts in, the chunks of one message out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import attrs

from chatsdk import sse
from chatsdk.answer import AnswerBuilder, ToolCall, Usage
from chatsdk.dialects.backends.vercel import FINISH
from chatsdk.dialects.writing import (
    CallPieces,
    added_text,
    dump,
    leftover,
    native_reason,
    opening,
)
from chatsdk.parts import (
    Citation,
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

NATIVE = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool-calls",
    "content_filter": "content-filter",
    "refusal": "content-filter",
    "error": "error",
    "other": "other",
}


def encode(parts: Iterable[Part], *, id: str, model: str) -> Iterator[bytes]:
    """Write the chunks of one message, each as soon as its part is there.

    An error is followed by ``[DONE]`` alone, as the AI SDK does where the model fails at once.
    """
    who, rest = opening(parts, id=id, model=model)
    yield _frame({"type": "start", "messageId": who.id, "messageMetadata": {"model": who.model}})
    yield _frame({"type": "start-step"})
    builder, blocks = AnswerBuilder(), _Blocks()
    finish: Finish | None = None
    for part in rest:
        step = builder.apply(part)
        match part:
            case Text() | TextSnapshot():
                yield from blocks.say("text", added_text(step))
            case Reasoning() | ReasoningSnapshot():
                yield from blocks.say("reasoning", step.reasoning_delta)
            case ToolCallDelta():
                yield from blocks.call(part)
            case Citations(items):
                for item in items:
                    yield blocks.source(item)
            case Finish():
                finish = part
            case Failure(message, _):
                yield from blocks.close()
                yield _frame({"type": "error", "errorText": message})
                yield sse.encode("[DONE]")
                return
            case _:
                pass
    text, reasoning = leftover(builder)
    yield from blocks.say("reasoning", reasoning)
    yield from blocks.say("text", text)
    yield from blocks.close()
    answer = builder.answer
    for call, call_id in zip(answer.tool_calls, blocks.calls.values(), strict=True):
        yield _frame(_whole(call, call_id))
    if finish is not None and finish.reason == "cancelled":
        yield _frame({"type": "abort"})
    else:
        yield _frame({"type": "finish-step"})
        reason = native_reason(
            finish, FINISH, NATIVE, "tool-calls" if answer.tool_calls else "stop"
        )
        last: dict[str, Any] = {"type": "finish", "finishReason": reason}
        if answer.usage is not None:
            last["messageMetadata"] = {"usage": _usage(answer.usage)}
        yield _frame(last)
    yield sse.encode("[DONE]")


class _Blocks:
    """The parts of the message: one text or reasoning is open at a time."""

    def __init__(self) -> None:
        self._count = 0
        self._open: tuple[str, str] | None = None
        self._pieces = CallPieces()
        # The id of each call, in the order in which they came.
        self.calls: dict[int | str, str] = {}
        self._sources = 0

    def say(self, kind: str, text: str) -> Iterator[bytes]:
        if not text:
            return
        if self._open is None or self._open[0] != kind:
            yield from self.close()
            self._count += 1
            self._open = (kind, f"{kind}-{self._count}")
            yield _frame({"type": f"{kind}-start", "id": self._open[1]})
        yield _frame({"type": f"{kind}-delta", "id": self._open[1], "delta": text})

    def close(self) -> Iterator[bytes]:
        if self._open is not None:
            kind, id = self._open
            self._open = None
            yield _frame({"type": f"{kind}-end", "id": id})

    def call(self, part: ToolCallDelta) -> Iterator[bytes]:
        if part.index not in self.calls:
            yield from self.close()
            self.calls[part.index] = id = part.id or f"call-{len(self.calls) + 1}"
            start = {"type": "tool-input-start", "toolCallId": id, "toolName": part.name or ""}
            yield _frame(start)
        piece = self._pieces.added(part)
        if piece:
            id = self.calls[part.index]
            yield _frame({"type": "tool-input-delta", "toolCallId": id, "inputTextDelta": piece})

    def source(self, item: Citation) -> bytes:
        self._sources += 1
        more = {
            name: value
            for name, value in attrs.asdict(item).items()
            if value is not None and name not in ("title", "url")
        }
        if item.url is not None:
            source: dict[str, Any] = {
                "type": "source-url",
                "sourceId": f"source-{self._sources}",
                "url": item.url,
            }
            if item.title is not None:
                source["title"] = item.title
        else:
            more.pop("document", None)
            source = {
                "type": "source-document",
                "sourceId": item.document or f"source-{self._sources}",
                "mediaType": "text/plain",
                "title": item.title or item.document or "",
            }
        if more:
            # The protocol has no place for what was cited; this is the one for what it lacks.
            source["providerMetadata"] = {"chatsdk": more}
        return _frame(source)


def _whole(call: ToolCall, id: str) -> dict[str, Any]:
    known = {"toolCallId": id, "toolName": call.name or ""}
    try:
        given = json.loads(call.arguments or "{}")
    except (ValueError, RecursionError):
        error = {"errorText": "the arguments are no JSON", "input": call.arguments}
        return {"type": "tool-input-error", **known, **error}
    return {"type": "tool-input-available", **known, "input": given}


def _usage(usage: Usage) -> dict[str, Any]:
    names = {
        "inputTokens": usage.input,
        "outputTokens": usage.output,
        "totalTokens": usage.total,
        "reasoningTokens": usage.reasoning,
        "cachedInputTokens": usage.cached,
    }
    return {name: value for name, value in names.items() if value is not None}


def _frame(chunk: dict[str, Any]) -> bytes:
    return sse.encode(dump(chunk))
