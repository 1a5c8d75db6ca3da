"""Encodes Anthropic's JSON documents: complete messages, the list of models, errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chatsdk.answer import Answer
from chatsdk.dialects.backends.anthropic.decoder import FINISH
from chatsdk.dialects.backends.anthropic.encoder import NATIVE, citation, usage_fields
from chatsdk.dialects.encoder_values import native_reason
from chatsdk.dialects.request import arguments_of
from chatsdk.parts import Finish

__all__ = ["document", "error", "models"]

# A fixed creation time for all listed models.
CREATED_AT = "2026-09-21T14:13:20Z"


def document(answer: Answer, *, id: str, model: str) -> dict[str, Any]:
    """Encode a ``message``."""
    content: list[dict[str, Any]] = []
    if answer.reasoning:
        content.append({"type": "thinking", "thinking": answer.reasoning, "signature": ""})
    if answer.text or not answer.tool_calls:
        text: dict[str, Any] = {"type": "text", "text": answer.text}
        if answer.citations:
            text["citations"] = [citation(item) for item in answer.citations]
        content.append(text)
    content += [
        {
            "type": "tool_use",
            "id": call.id or f"toolu_{place}",
            "name": call.name or "",
            "input": arguments_of(call),
        }
        for place, call in enumerate(answer.tool_calls, 1)
    ]
    reason = answer.finish_reason or ("tool_calls" if answer.tool_calls else "stop")
    return {
        "id": id,
        "type": "message",
        "role": "assistant",
        "model": answer.model or model,
        "content": content,
        "stop_reason": native_reason(Finish(reason), FINISH, NATIVE, "end_turn"),
        "stop_sequence": None,
        "usage": usage_fields(answer.usage),
    }


def models(names: Sequence[str]) -> dict[str, Any]:
    """Encode the answer of ``GET /v1/models``."""
    data = [
        {"type": "model", "id": name, "display_name": name, "created_at": CREATED_AT}
        for name in names
    ]
    first, last = (names[0], names[-1]) if names else (None, None)
    return {"data": data, "has_more": False, "first_id": first, "last_id": last}


def error(message: str, kind: str) -> dict[str, Any]:
    """Encode an error."""
    return {"type": "error", "error": {"type": kind, "message": message}}
