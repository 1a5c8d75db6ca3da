"""Encodes parts as Ollama's JSON lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from chatsdk import ndjson
from chatsdk.answer import Answer, ToolCall
from chatsdk.dialects.backends.ollama.body import written_call
from chatsdk.dialects.backends.ollama.decoder import FINISH
from chatsdk.dialects.encoder import Writer, write
from chatsdk.dialects.encoder_values import around_empty, dump, native_reason, opening
from chatsdk.parts import Failure, Finish, Identity, Part

__all__ = ["CREATED_AT", "encode", "end_fields", "heartbeat"]

# Ollama does not define values for these reasons, and "stop" would mean success.
NATIVE = {
    reason: reason for reason in ("length", "content_filter", "refusal", "cancelled", "error")
}

# A fixed creation time for answers.
CREATED_AT = "2026-09-21T14:13:20Z"


def encode(parts: Iterable[Part], *, id: str, model: str) -> Iterator[bytes]:
    """Encode the lines of one answer; tool calls follow when complete."""
    who, rest = opening(parts, id=id, model=model)
    return write(_Lines(who), rest)


def heartbeat(model: str) -> bytes:
    """Encode a line with an empty message."""
    return _Lines(Identity(model=model)).line({})


class _Lines(Writer[bytes]):
    def __init__(self, who: Identity) -> None:
        self._model = who.model

    def text(self, added: str, step: Answer) -> Iterator[bytes]:
        yield self.line({"content": added})

    def around_text(self) -> tuple[bytes, bytes]:
        return around_empty(self.line({"content": ""}))

    def reasoning(self, added: str, step: Answer) -> Iterator[bytes]:
        yield self.line({"thinking": added})

    def calls(self, calls: tuple[ToolCall, ...], first: int) -> Iterator[bytes]:
        written = [written_call(call, place) for place, call in enumerate(calls, first)]
        yield self.line({"tool_calls": written})

    def failure(self, part: Failure, answer: Answer) -> Iterator[bytes]:
        yield ndjson.encode(dump({"error": part.message}))

    def end(self, answer: Answer, finish: Finish | None) -> Iterator[bytes]:
        yield self.line({}, **end_fields(answer, finish))

    def line(self, message: dict[str, Any], **end: Any) -> bytes:
        """Encode one line; `end` has the fields of the last one."""
        head = {"model": self._model, "created_at": CREATED_AT}
        said = {"role": "assistant", "content": "", **message}
        return ndjson.encode(dump({**head, "message": said, "done": bool(end), **end}))


def end_fields(answer: Answer, finish: Finish | None) -> dict[str, Any]:
    """Return the last line's fields about how the answer ended."""
    counts = {"prompt_eval_count": answer.usage.input, "eval_count": answer.usage.output}
    return {
        "done_reason": native_reason(finish, FINISH, NATIVE, "stop"),
        **{name: count for name, count in counts.items() if count is not None},
    }
