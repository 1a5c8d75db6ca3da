"""Encodes parts of an answer as ``GenerateContentResponse`` frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from chatsdk import sse
from chatsdk.answer import Answer, ToolCall, Usage
from chatsdk.dialects.encoder import Writer, write
from chatsdk.dialects.encoder_values import dump, native_reason, opening
from chatsdk.dialects.finish_reasons import GOOGLE
from chatsdk.dialects.request import arguments_of
from chatsdk.parts import Citation, Failure, Finish, Identity, Part

__all__ = ["encode"]

NATIVE = {
    "stop": "STOP",
    "length": "MAX_TOKENS",
    "tool_calls": "STOP",
    "content_filter": "SAFETY",
    "refusal": "SAFETY",
}

# The HTTP status that an error inside the stream repeats, if the real one is unknown.
INTERNAL = 500


def encode(parts: Iterable[Part], *, id: str, model: str) -> Iterator[bytes]:
    """Encode the frames of one answer; function calls follow when complete."""
    who, rest = opening(parts, id=id, model=model)
    return write(_Chunks(who), rest)


class _Chunks(Writer[bytes]):
    def __init__(self, who: Identity) -> None:
        self._who = who

    def text(self, added: str, step: Answer) -> Iterator[bytes]:
        yield _frame(self._who, [{"text": added}])

    def reasoning(self, added: str, step: Answer) -> Iterator[bytes]:
        yield _frame(self._who, [{"text": added, "thought": True}])

    def calls(self, calls: tuple[ToolCall, ...], first: int) -> Iterator[bytes]:
        for call in calls:
            function = {"name": call.name or "", "args": arguments_of(call)}
            if call.id is not None:
                function["id"] = call.id
            yield _frame(self._who, [{"functionCall": function}])

    def failure(self, part: Failure, answer: Answer) -> Iterator[bytes]:
        yield _error(part)

    def end(self, answer: Answer, finish: Finish | None) -> Iterator[bytes]:
        reason = native_reason(finish, GOOGLE, NATIVE, _default(finish))
        end: dict[str, Any] = {"finishReason": reason}
        if answer.citations:
            chunks = [_chunk(item) for item in answer.citations]
            end["groundingMetadata"] = {"groundingChunks": chunks}
        # The last frame has a part too, even if it is empty.
        yield _frame(self._who, [{"text": ""}], end, usage=answer.usage)


def _default(finish: Finish | None) -> str:
    return "STOP" if finish is None else "OTHER"


def _frame(
    who: Identity,
    parts: list[dict[str, Any]],
    end: dict[str, Any] | None = None,
    *,
    usage: Usage | None = None,
) -> bytes:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}}
    frame: dict[str, Any] = {"candidates": [{**candidate, **(end or {}), "index": 0}]}
    if usage:
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
