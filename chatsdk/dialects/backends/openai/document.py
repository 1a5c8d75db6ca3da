"""Encodes OpenAI's JSON documents: complete answers, the list of models, errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chatsdk.answer import Answer
from chatsdk.dialects.backends.openai.decoder import FINISH
from chatsdk.dialects.backends.openai.encoder import NATIVE, annotation, usage_fields
from chatsdk.dialects.encoder_values import CREATED, native_reason
from chatsdk.parts import Finish, UsageUpdate

__all__ = ["document", "error", "models"]


def document(answer: Answer, *, id: str, model: str) -> dict[str, Any]:
    """Encode a ``chat.completion``."""
    message: dict[str, Any] = {"role": "assistant", "content": answer.text, "refusal": None}
    if answer.reasoning:
        message["reasoning_content"] = answer.reasoning
    if answer.tool_calls:
        message["content"] = answer.text or None
        message["tool_calls"] = [
            {
                "id": call.id or f"call_{place}",
                "type": "function",
                "function": {"name": call.name or "", "arguments": call.arguments or "{}"},
            }
            for place, call in enumerate(answer.tool_calls, 1)
        ]
    if answer.citations:
        message["annotations"] = [annotation(item) for item in answer.citations]
    reason = answer.finish_reason or ("tool_calls" if answer.tool_calls else "stop")
    written: dict[str, Any] = {
        "id": id,
        "object": "chat.completion",
        "created": CREATED,
        "model": answer.model or model,
        "choices": [
            {
                "index": 0,
                "message": message,
                "logprobs": None,
                "finish_reason": native_reason(Finish(reason), FINISH, NATIVE, reason),
            }
        ],
    }
    if answer.usage:
        written["usage"] = usage_fields(UsageUpdate(**answer.usage._asdict()))
    return written


def models(names: Sequence[str]) -> dict[str, Any]:
    """Encode the answer of ``GET /v1/models``."""
    data = [
        {"id": name, "object": "model", "created": CREATED, "owned_by": "chatsdk"} for name in names
    ]
    return {"object": "list", "data": data}


def error(message: str, kind: str) -> dict[str, Any]:
    """Encode an error."""
    return {"error": {"message": message, "type": kind, "param": None, "code": None}}
