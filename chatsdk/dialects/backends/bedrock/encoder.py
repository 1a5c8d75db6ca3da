"""Encodes parts as the binary frames of Bedrock's ConverseStream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from chatsdk import amazon_frames
from chatsdk.answer import Answer
from chatsdk.dialects.backends.bedrock.converse import FINISH
from chatsdk.dialects.encoder import Writer, write
from chatsdk.dialects.encoder_values import CallPieces, counts, dump, native_reason
from chatsdk.parts import Citation, Failure, Finish, Part, ToolCallDelta

__all__ = ["encode"]

NATIVE = {
    "stop": "end_turn",
    "tool_calls": "tool_use",
    "length": "max_tokens",
    "content_filter": "content_filtered",
    "refusal": "content_filtered",
    "error": "malformed_model_output",
}

# The exception for a failure whose code is not the name of an exception.
FAILED = "modelStreamErrorException"


def encode(parts: Iterable[Part]) -> Iterator[bytes]:
    """Encode the frames of one message."""
    return write(_Message(), parts)


class _Message(Writer[bytes]):
    def __init__(self) -> None:
        self._block = -1
        # The content of the open block: text, reasoning, or the index of a call.
        self._open: tuple[str, int | str] | None = None
        self._pieces = CallPieces()

    def begin(self) -> Iterator[bytes]:
        yield _frame("messageStart", {"role": "assistant"})

    def text(self, added: str, step: Answer) -> Iterator[bytes]:
        return self._delta("text", "", {"text": added})

    def reasoning(self, added: str, step: Answer) -> Iterator[bytes]:
        return self._delta("reasoning", "", {"reasoningContent": {"text": added}})

    def call(self, part: ToolCallDelta) -> Iterator[bytes]:
        if self._open != ("call", part.index):
            yield from self._begin("call", part.index)
            use = {"toolUseId": part.id or f"call-{self._block}", "name": part.name or ""}
            start = {"contentBlockIndex": self._block, "start": {"toolUse": use}}
            yield _frame("contentBlockStart", start)
        piece = self._pieces.added(part)
        if piece:
            yield from self._delta("call", part.index, {"toolUse": {"input": piece}})

    def citations(self, items: tuple[Citation, ...], step: Answer) -> Iterator[bytes]:
        for item in items:
            told: dict[str, Any] = {"title": item.title or ""}
            if item.document is not None:
                told["source"] = item.document
            if item.url is not None:
                told["location"] = {"web": {"url": item.url}}
            if item.snippet is not None:
                told["sourceContent"] = [{"text": item.snippet}]
            yield from self._delta("text", "", {"citation": told})

    def failure(self, part: Failure, answer: Answer) -> Iterator[bytes]:
        name = part.code if isinstance(part.code, str) else FAILED
        yield _frame(amazon_frames.EXCEPTION + name, {"message": part.message})

    def end(self, answer: Answer, finish: Finish | None) -> Iterator[bytes]:
        yield from self._close()
        default = "tool_use" if answer.tool_calls else "end_turn"
        reason = native_reason(finish, FINISH, NATIVE, default)
        yield _frame("messageStop", {"stopReason": reason})
        into, out, total = counts(answer.usage)
        usage = {"inputTokens": into, "outputTokens": out, "totalTokens": total}
        if answer.usage.cached is not None:
            usage["cacheReadInputTokens"] = answer.usage.cached
        counted = {"usage": usage} if answer.usage else {}
        yield _frame("metadata", counted | {"metrics": {"latencyMs": 1}})

    def _begin(self, kind: str, index: int | str) -> Iterator[bytes]:
        yield from self._close()
        self._block += 1
        self._open = (kind, index)

    def _delta(self, kind: str, index: int | str, delta: dict[str, Any]) -> Iterator[bytes]:
        if self._open != (kind, index):
            yield from self._begin(kind, index)
        yield _frame("contentBlockDelta", {"contentBlockIndex": self._block, "delta": delta})

    def _close(self) -> Iterator[bytes]:
        if self._open is not None:
            self._open = None
            yield _frame("contentBlockStop", {"contentBlockIndex": self._block})


def _frame(name: str, payload: dict[str, Any]) -> bytes:
    return amazon_frames.encode(name, dump(payload))
