"""Encodes parts as the events of one Mastra run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from chatsdk import sse
from chatsdk.answer import Answer
from chatsdk.dialects.backends.mastra.decoder import FINISH
from chatsdk.dialects.encoder import Writer, write
from chatsdk.dialects.encoder_values import CallPieces, counts, dump, native_reason, opening
from chatsdk.parts import Citation, Failure, Finish, Identity, Part, ToolCallDelta

__all__ = ["encode"]

NATIVE = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool-calls",
    "content_filter": "content-filter",
    "refusal": "content-filter",
    "error": "error",
}


def encode(parts: Iterable[Part], *, id: str, model: str) -> Iterator[bytes]:
    """Encode the events of one run with one step."""
    who, rest = opening(parts, id=id, model=model)
    return write(_Run(who), rest)


class _Run(Writer[bytes]):
    def __init__(self, who: Identity) -> None:
        self._who = who
        self._open: str | None = None
        self._count = 0
        self._pieces = CallPieces()
        # The id of each call, in the order of arrival.
        self._calls: dict[int | str, str] = {}

    def begin(self) -> Iterator[bytes]:
        yield self._event("start", id="agent-1", messageId=self._who.id)
        yield self._event("step-start", messageId=self._who.id, request={}, warnings=[])

    def text(self, added: str, step: Answer) -> Iterator[bytes]:
        return self._say("text", added)

    def reasoning(self, added: str, step: Answer) -> Iterator[bytes]:
        return self._say("reasoning", added)

    def call(self, part: ToolCallDelta) -> Iterator[bytes]:
        yield from self._close()
        first = part.index not in self._calls
        if first:
            self._calls[part.index] = part.id or f"call-{len(self._calls) + 1}"
        known = {"toolCallId": self._calls[part.index], "toolName": part.name or ""}
        if first:
            yield self._event("tool-call-input-streaming-start", **known)
        piece = self._pieces.added(part)
        if piece:
            yield self._event("tool-call-delta", argsTextDelta=piece, **known)

    def citations(self, items: tuple[Citation, ...], step: Answer) -> Iterator[bytes]:
        for place, item in enumerate(items, 1):
            source = {"id": item.document or f"source-{place}", "title": item.title or ""}
            if item.url is None:
                yield self._event("source", sourceType="document", **source)
            else:
                yield self._event("source", sourceType="url", url=item.url, **source)

    def failure(self, part: Failure, answer: Answer) -> Iterator[bytes]:
        yield from self._close()
        error = {"message": part.message, "name": "Error"}
        if part.code is not None:
            error["code"] = str(part.code)
        yield self._event("error", error=error)
        yield from self._finished(answer, "error")

    def end(self, answer: Answer, finish: Finish | None) -> Iterator[bytes]:
        yield from self._close()
        for call, id in zip(answer.tool_calls, self._calls.values(), strict=True):
            try:
                given = json.loads(call.arguments or "{}")
            except (ValueError, RecursionError):
                given = call.arguments
            yield self._event("tool-call", toolCallId=id, toolName=call.name or "", args=given)
        if finish is not None and finish.reason == "cancelled":
            yield self._event("abort")
            return
        default = "tool-calls" if answer.tool_calls else "stop"
        yield from self._finished(answer, native_reason(finish, FINISH, NATIVE, default))

    def _finished(self, answer: Answer, reason: str) -> Iterator[bytes]:
        into, out, total = counts(answer.usage)
        usage = {"inputTokens": into, "outputTokens": out, "totalTokens": total}
        more = {
            "reasoningTokens": answer.usage.reasoning,
            "cachedInputTokens": answer.usage.cached,
        }
        usage |= {name: count for name, count in more.items() if count is not None}
        result = {"reason": reason, "isContinued": False, "warnings": []}
        output = {"text": answer.text, "usage": usage} if any(usage.values()) else {}
        yield self._event("step-finish", stepResult=result, output=output)
        metadata = {"modelId": self._who.model}
        yield self._event("finish", stepResult=result, metadata=metadata, output=output)

    def _say(self, kind: str, words: str) -> Iterator[bytes]:
        if self._open != kind:
            yield from self._close()
            self._count += 1
            self._open = kind
            yield self._event(f"{kind}-start", id=f"{kind}-{self._count}")
        yield self._event(f"{kind}-delta", id=f"{kind}-{self._count}", text=words)

    def _close(self) -> Iterator[bytes]:
        if self._open is not None:
            kind, self._open = self._open, None
            yield self._event(f"{kind}-end", id=f"{kind}-{self._count}")

    def _event(self, kind: str, **payload: Any) -> bytes:
        head = {"type": kind, "runId": f"run-{self._who.id}", "from": "AGENT"}
        return sse.encode(dump(head | {"payload": payload}))
