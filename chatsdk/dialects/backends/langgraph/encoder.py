"""Encodes parts as the LangGraph deltas of one message."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from chatsdk import sse
from chatsdk.answer import Answer, Usage
from chatsdk.dialects.encoder import Writer, write
from chatsdk.dialects.encoder_values import CallPieces, counts, dump, native_reason, opening
from chatsdk.dialects.langchain import FINISH
from chatsdk.parts import Failure, Finish, Identity, Part, ToolCallDelta

__all__ = ["encode"]

NATIVE = {
    word: word for word in ("stop", "length", "tool_calls", "content_filter", "refusal", "error")
}


def encode(parts: Iterable[Part], *, id: str, model: str) -> Iterator[bytes]:
    """Encode the events of one run of a graph with one node, in the mode ``messages-tuple``."""
    who, rest = opening(parts, id=id, model=model)
    return write(_Run(who), rest)


class _Run(Writer[bytes]):
    def __init__(self, who: Identity) -> None:
        self._who = who
        self._run = who.task or f"run-{who.id}"
        self._metadata = {
            "run_id": self._run,
            "thread_id": who.conversation_id or f"thread-{who.id}",
            "graph_id": "agent",
            "langgraph_node": "agent",
            "langgraph_step": 1,
        }
        self._places: dict[int | str, int] = {}
        self._pieces = CallPieces()

    def begin(self) -> Iterator[bytes]:
        yield sse.encode(dump({"run_id": self._run, "attempt": 1}), event="metadata")

    def text(self, added: str, step: Answer) -> Iterator[bytes]:
        yield self._piece(content=added)

    def reasoning(self, added: str, step: Answer) -> Iterator[bytes]:
        yield self._piece(additional_kwargs={"reasoning_content": added})

    def call(self, part: ToolCallDelta) -> Iterator[bytes]:
        call = {
            "name": part.name,
            "args": self._pieces.added(part),
            "id": part.id,
            "index": self._places.setdefault(part.index, len(self._places)),
            "type": "tool_call_chunk",
        }
        yield self._piece(tool_call_chunks=[call])

    def failure(self, part: Failure, answer: Answer) -> Iterator[bytes]:
        code = "InternalServerError" if part.code is None else str(part.code)
        yield sse.encode(dump({"error": code, "message": part.message}), event="error")

    def end(self, answer: Answer, finish: Finish | None) -> Iterator[bytes]:
        if finish is not None and finish.reason == "cancelled":
            # A cancelled run ends in the middle of its message, without any marker.
            return
        default = "tool_calls" if answer.tool_calls else "stop"
        reason = native_reason(finish, FINISH, NATIVE, default)
        response = {"model_name": self._who.model, "finish_reason": reason}
        yield self._piece(response_metadata=response, usage_metadata=_usage(answer.usage))
        yield self._piece(chunk_position="last")
        yield sse.encode("null", event="end")

    def _piece(self, **said: Any) -> bytes:
        message: dict[str, Any] = {
            "content": "",
            "additional_kwargs": {},
            "response_metadata": {},
            "type": "AIMessageChunk",
            "name": None,
            "id": self._who.id,
            "tool_calls": [],
            "invalid_tool_calls": [],
            "usage_metadata": None,
            "tool_call_chunks": [],
            "chunk_position": None,
        }
        return sse.encode(dump([message | said, self._metadata]), event="messages")


def _usage(usage: Usage) -> dict[str, Any] | None:
    if not usage:
        return None
    into, out, total = counts(usage)
    written: dict[str, Any] = {
        "input_tokens": into,
        "output_tokens": out,
        "total_tokens": total,
    }
    if usage.cached is not None:
        written["input_token_details"] = {"cache_read": usage.cached}
    if usage.reasoning is not None:
        written["output_token_details"] = {"reasoning": usage.reasoning}
    return written
