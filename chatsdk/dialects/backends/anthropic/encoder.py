"""Encodes parts as the frames of one Anthropic ``message``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from chatsdk import sse
from chatsdk.answer import Answer, Usage
from chatsdk.dialects.backends.anthropic.decoder import FINISH
from chatsdk.dialects.encoder import Writer, write
from chatsdk.dialects.encoder_values import (
    CallPieces,
    around_empty,
    dump,
    native_reason,
    opening,
)
from chatsdk.parts import Citation, Failure, Finish, Identity, Part, ToolCallDelta

__all__ = ["NATIVE", "citation", "encode", "usage_fields"]

NATIVE = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
    "refusal": "refusal",
    "other": "pause_turn",
}


def encode(parts: Iterable[Part], *, id: str, model: str) -> Iterator[bytes]:
    """Encode the frames of one message, each as soon as its part is available."""
    who, rest = opening(parts, id=id, model=model)
    return write(_Blocks(who), rest)


class _Blocks(Writer[bytes]):
    """The blocks of the message: one is open at a time, and the next one closes it."""

    def __init__(self, who: Identity) -> None:
        self._who = who
        self._count = 0
        # The open block: its kind, and the call in it.
        self._open: tuple[str, int | str] | None = None
        self._pieces = CallPieces()
        # The index of each call's block.
        self._calls: dict[int | str, int] = {}

    def begin(self) -> Iterator[bytes]:
        message: dict[str, Any] = {
            "id": self._who.id,
            "type": "message",
            "role": "assistant",
            "content": [],
            "model": self._who.model,
            "stop_reason": None,
            "stop_sequence": None,
            # The counts come with the end, but clients require some here.
            "usage": {"input_tokens": 0, "output_tokens": 0},
        }
        yield _frame({"type": "message_start", "message": message})

    def text(self, added: str, step: Answer) -> Iterator[bytes]:
        yield from self._begin(("text", 0), {"type": "text", "text": ""})
        yield self._delta({"type": "text_delta", "text": added})

    def around_text(self) -> tuple[bytes, bytes]:
        return around_empty(self._delta({"type": "text_delta", "text": ""}))

    def reasoning(self, added: str, step: Answer) -> Iterator[bytes]:
        block = {"type": "thinking", "thinking": "", "signature": ""}
        yield from self._begin(("thinking", 0), block)
        yield self._delta({"type": "thinking_delta", "thinking": added})

    def citations(self, items: tuple[Citation, ...], step: Answer) -> Iterator[bytes]:
        yield from self._begin(("text", 0), {"type": "text", "text": ""})
        for item in items:
            yield self._delta({"type": "citations_delta", "citation": citation(item)})

    def call(self, part: ToolCallDelta) -> Iterator[bytes]:
        if part.index not in self._calls:
            id = part.id or f"toolu_{len(self._calls) + 1}"
            block = {"type": "tool_use", "id": id, "name": part.name or "", "input": {}}
            yield from self._begin(("tool_use", part.index), block)
            self._calls[part.index] = self._count - 1
        piece = self._pieces.added(part)
        if piece:
            # The index identifies the block, so a delta can follow after its block was closed.
            delta = {"type": "input_json_delta", "partial_json": piece}
            yield self._delta(delta, self._calls[part.index])

    def failure(self, part: Failure, answer: Answer) -> Iterator[bytes]:
        kind = part.code if isinstance(part.code, str) else "api_error"
        yield _frame({"type": "error", "error": {"type": kind, "message": part.message}})

    def end(self, answer: Answer, finish: Finish | None) -> Iterator[bytes]:
        yield from self._close()
        reason = native_reason(finish, FINISH, NATIVE, "tool_use" if self._calls else "end_turn")
        delta = {"stop_reason": reason, "stop_sequence": None}
        usage = usage_fields(answer.usage)
        yield _frame({"type": "message_delta", "delta": delta, "usage": usage})
        yield _frame({"type": "message_stop"})

    def _close(self) -> Iterator[bytes]:
        if self._open is not None:
            self._open = None
            yield _frame({"type": "content_block_stop", "index": self._count - 1})

    def _begin(self, kind: tuple[str, int | str], block: dict[str, Any]) -> Iterator[bytes]:
        if self._open != kind:
            yield from self._close()
            self._open = kind
            self._count += 1
            yield _frame(
                {
                    "type": "content_block_start",
                    "index": self._count - 1,
                    "content_block": block,
                }
            )

    def _delta(self, delta: dict[str, Any], index: int | None = None) -> bytes:
        place = self._count - 1 if index is None else index
        return _frame({"type": "content_block_delta", "index": place, "delta": delta})


def _frame(payload: dict[str, Any]) -> bytes:
    return sse.encode(dump(payload), event=payload["type"])


def citation(item: Citation) -> dict[str, Any]:
    """Encode a citation."""
    cited = {"cited_text": item.snippet or "", "title": item.title}
    if item.url is not None:
        return cited | {
            "type": "web_search_result_location",
            "url": item.url,
            "encrypted_index": "",
        }
    # The only type of citation whose source can be any text.
    return cited | {
        "type": "search_result_location",
        "source": item.document or "",
        "search_result_index": 0,
        "start_block_index": 0,
        "end_block_index": 1,
    }


def usage_fields(usage: Usage) -> dict[str, Any]:
    """Encode token counts."""
    cached = usage.cached
    written: dict[str, Any] = {
        "input_tokens": (usage.input or 0) - (cached or 0),
        "output_tokens": usage.output or 0,
    }
    if cached is not None:
        written["cache_read_input_tokens"] = cached
    if usage.reasoning is not None:
        written["output_tokens_details"] = {"thinking_tokens": usage.reasoning}
    return written
