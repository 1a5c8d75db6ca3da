"""Google Gemini, written: parts in, one ``GenerateContentResponse`` for each out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from chatsdk import sse
from chatsdk.answer import Answer, AnswerBuilder, Usage
from chatsdk.dialects.asking import arguments_of
from chatsdk.dialects.backends.gemini import FINISH
from chatsdk.dialects.writing import WholeCalls, added_text, dump, leftover, native_reason, opening
from chatsdk.parts import (
    Citation,
    Failure,
    Finish,
    Identity,
    Part,
    Reasoning,
    ReasoningSnapshot,
    Text,
    TextSnapshot,
    ToolCallDelta,
)

__all__ = ["encode"]

NATIVE = {
    "stop": "STOP",
    "length": "MAX_TOKENS",
    "tool_calls": "STOP",
    "content_filter": "SAFETY",
    "refusal": "SAFETY",
}

# The HTTP status that an error in mid-stream repeats, where none is known.
INTERNAL = 500


def encode(parts: Iterable[Part], *, id: str, model: str) -> Iterator[bytes]:
    """Write the frames of one answer; calls of functions when they are whole."""
    who, rest = opening(parts, id=id, model=model)
    builder, calls = AnswerBuilder(), WholeCalls()
    finish: Finish | None = None
    for part in rest:
        step = builder.apply(part)
        if not isinstance(part, ToolCallDelta):
            yield from _called(calls, step, who)
        match part:
            case Text() | TextSnapshot():
                if piece := added_text(step):
                    yield _frame(who, [{"text": piece}])
            case Reasoning() | ReasoningSnapshot():
                if step.reasoning_delta:
                    yield _frame(who, [{"text": step.reasoning_delta, "thought": True}])
            case Finish():
                finish = part
            case Failure():
                yield _error(part)
                return
            case _:
                pass
    yield from _called(calls, builder.answer, who)
    text, thought = leftover(builder)
    left: list[dict[str, Any]] = [{"text": thought, "thought": True}] if thought else []
    end: dict[str, Any] = {"finishReason": native_reason(finish, FINISH, NATIVE, _default(finish))}
    if builder.answer.citations:
        chunks = [_chunk(item) for item in builder.answer.citations]
        end["groundingMetadata"] = {"groundingChunks": chunks}
    # The last frame has a part, too, be it an empty one.
    yield _frame(who, [*left, {"text": text}], end, usage=builder.answer.usage)


def _default(finish: Finish | None) -> str:
    return "STOP" if finish is None else "OTHER"


def _called(calls: WholeCalls, step: Answer, who: Identity) -> Iterator[bytes]:
    for call in calls.ready(step):
        function = {"name": call.name or "", "args": arguments_of(call)}
        if call.id is not None:
            function["id"] = call.id
        yield _frame(who, [{"functionCall": function}])


def _frame(
    who: Identity,
    parts: list[dict[str, Any]],
    end: dict[str, Any] | None = None,
    *,
    usage: Usage | None = None,
) -> bytes:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}}
    frame: dict[str, Any] = {"candidates": [{**candidate, **(end or {}), "index": 0}]}
    if usage is not None:
        frame["usageMetadata"] = _usage(usage)
    return sse.encode(dump(frame | {"modelVersion": who.model, "responseId": who.id}))


def _usage(usage: Usage) -> dict[str, int]:
    thoughts = usage.reasoning
    out = None if usage.output is None else usage.output - (thoughts or 0)
    total = usage.total
    counts = {
        "promptTokenCount": usage.input,
        "candidatesTokenCount": out,
        "totalTokenCount": total,
        "thoughtsTokenCount": thoughts,
        "cachedContentTokenCount": usage.cached,
    }
    return {name: count for name, count in counts.items() if count is not None}


def _chunk(item: Citation) -> dict[str, Any]:
    if item.document is None and item.snippet is None:
        return {"web": _given(uri=item.url, title=item.title)}
    return {
        "retrievedContext": _given(
            uri=item.url, title=item.title, text=item.snippet, documentName=item.document
        )
    }


def _given(**fields: str | None) -> dict[str, str]:
    return {name: value for name, value in fields.items() if value is not None}


def _error(failure: Failure) -> bytes:
    code = failure.code
    status = code if isinstance(code, str) else "INTERNAL"
    number = code if isinstance(code, int) else INTERNAL
    error = {"code": number, "message": failure.message, "status": status}
    return sse.encode(dump({"error": error}))
