"""Encodes parts as the events of one ADK turn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from chatsdk import sse
from chatsdk.answer import Answer
from chatsdk.dialects.encoder import Writer, write
from chatsdk.dialects.encoder_values import CREATED, counts, dump, native_reason, opening
from chatsdk.dialects.finish_reasons import GOOGLE
from chatsdk.parts import Citation, Failure, Finish, Identity, Part

__all__ = ["encode"]

NATIVE = {
    "stop": "STOP",
    "tool_calls": "STOP",
    "length": "MAX_TOKENS",
    "content_filter": "SAFETY",
    "refusal": "SAFETY",
    "other": "OTHER",
}


def encode(parts: Iterable[Part], *, id: str, model: str) -> Iterator[bytes]:
    """Encode the deltas of a turn, then the event with the complete turn."""
    who, rest = opening(parts, id=id, model=model)
    return write(_Run(who), rest)


class _Run(Writer[bytes]):
    def __init__(self, who: Identity) -> None:
        self._who = who
        self._chunks: list[dict[str, Any]] = []

    def text(self, added: str, step: Answer) -> Iterator[bytes]:
        yield self._piece({"text": added})

    def reasoning(self, added: str, step: Answer) -> Iterator[bytes]:
        yield self._piece({"text": added, "thought": True})

    def citations(self, items: tuple[Citation, ...], step: Answer) -> Iterator[bytes]:
        for item in items:
            source = {"title": item.title or "", "uri": item.url or ""}
            kind = "retrievedContext" if item.url is None else "web"
            if item.document is not None and item.url is None:
                source |= {"documentName": item.document}
            if item.snippet is not None:
                source["text"] = item.snippet
            self._chunks.append({kind: source})
        return iter(())

    def failure(self, part: Failure, answer: Answer) -> Iterator[bytes]:
        code = str(part.code or "ModelError")
        yield self._event(errorCode=code, errorMessage=part.message)
        details = {"error_type": code, "error_message": part.message}
        yield sse.encode(dump({"error": f"{code}: {part.message}", "error_details": details}))

    def end(self, answer: Answer, finish: Finish | None) -> Iterator[bytes]:
        parts: list[dict[str, Any]] = []
        if answer.reasoning:
            parts.append({"text": answer.reasoning, "thought": True})
        if answer.text:
            parts.append({"text": answer.text})
        ids = []
        for place, call in enumerate(answer.tool_calls, 1):
            ids.append(call.id or f"adk-{place}")
            named = {"id": ids[-1], "args": call.parsed or {}, "name": call.name or ""}
            parts.append({"functionCall": named})
        reason = native_reason(finish, GOOGLE, NATIVE, "STOP")
        more: dict[str, Any] = {"finishReason": reason, "modelVersion": self._who.model}
        waits = finish is not None and finish.reason == "tool_calls"
        if waits:
            more["longRunningToolIds"] = ids
        if self._chunks:
            more["groundingMetadata"] = {"groundingChunks": self._chunks}
        if answer.usage:
            more["usageMetadata"] = _usage(answer)
        yield self._event(content={"parts": parts, "role": "model"}, partial=False, **more)
        if ids and not waits:
            # The agent has run its tools and sends nothing more.
            ran = [
                {"functionResponse": {"id": id, "name": call.name or "", "response": {}}}
                for id, call in zip(ids, answer.tool_calls, strict=True)
            ]
            actions = {"skipSummarization": True}
            yield self._event(content={"parts": ran, "role": "user"}, actions=actions)

    def _piece(self, part: dict[str, Any]) -> bytes:
        return self._event(content={"parts": [part], "role": "model"}, partial=True)

    def _event(self, **fields: Any) -> bytes:
        about: dict[str, Any] = {
            "invocationId": self._who.id,
            "author": "agent",
            "actions": {"stateDelta": {}, "artifactDelta": {}},
            "id": f"event-{self._who.id}",
            "timestamp": CREATED,
        }
        return sse.encode(dump(about | fields))


def _usage(answer: Answer) -> dict[str, int]:
    usage = answer.usage
    into, out, total = counts(usage)
    written = {"promptTokenCount": into, "totalTokenCount": total}
    written["candidatesTokenCount"] = out - (usage.reasoning or 0)
    if usage.reasoning is not None:
        written["thoughtsTokenCount"] = usage.reasoning
    if usage.cached is not None:
        written["cachedContentTokenCount"] = usage.cached
    return written
