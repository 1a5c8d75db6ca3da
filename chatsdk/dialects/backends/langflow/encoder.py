"""Encodes parts as the events of one Langflow run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from chatsdk.answer import Answer
from chatsdk.dialects.encoder import Writer, write
from chatsdk.dialects.encoder_values import dump, opening
from chatsdk.parts import Failure, Finish, Identity, Part

__all__ = ["encode"]


def encode(parts: Iterable[Part], *, id: str, model: str) -> Iterator[bytes]:
    """Encode the events of a run with one streamed message."""
    who, rest = opening(parts, id=id, model=model)
    return write(_Run(who), rest)


class _Run(Writer[bytes]):
    def __init__(self, who: Identity) -> None:
        self._who = who
        self._session = who.conversation_id or "session-1"

    def begin(self) -> Iterator[bytes]:
        yield self._message("", "partial")

    def text(self, added: str, step: Answer) -> Iterator[bytes]:
        yield _event("token", {"chunk": added, "id": self._who.id, "timestamp": TIMESTAMP})

    def rewritten(self, step: Answer) -> Iterator[bytes]:
        yield self._message(step.text, "partial")

    def failure(self, part: Failure, answer: Answer) -> Iterator[bytes]:
        yield _event("error", {"error": part.message})

    def end(self, answer: Answer, finish: Finish | None) -> Iterator[bytes]:
        more: dict[str, Any] = {}
        if answer.tool_calls:
            contents = [
                {
                    "type": "tool_use",
                    "name": call.name or "",
                    "tool_input": _given(call.arguments),
                    "output": "",
                }
                for call in answer.tool_calls
            ]
            more["content_blocks"] = [{"title": "Agent Steps", "contents": contents}]
        yield self._message(answer.text, "complete", answer, **more)
        message = {"results": {"message": {"text": answer.text}}}
        result = {"session_id": self._session, "outputs": [{"outputs": [message]}]}
        yield _event("end", {"result": result})

    def _message(self, text: str, state: str, answer: Answer | None = None, **more: Any) -> bytes:
        properties: dict[str, Any] = {"state": state}
        if answer is not None and answer.usage:
            properties["usage"] = {
                "input_tokens": answer.usage.input,
                "output_tokens": answer.usage.output,
            }
        data = {
            "id": self._who.id,
            "timestamp": TIMESTAMP,
            "sender": "Machine",
            "sender_name": "AI",
            "session_id": self._session,
            "text": text,
            "properties": properties,
        }
        return _event("add_message", data | more)


TIMESTAMP = "2026-09-21 14:13:20 UTC"


def _given(arguments: str) -> Any:
    try:
        return json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        return arguments


def _event(kind: str, data: dict[str, Any]) -> bytes:
    frame = f"{dump({'event': kind, 'data': data})}\n\n"
    return frame.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
