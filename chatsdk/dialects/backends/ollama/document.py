"""Encodes Ollama's JSON documents: complete answers, the list of models, errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chatsdk.answer import Answer
from chatsdk.dialects.backends.ollama.body import written_call
from chatsdk.dialects.backends.ollama.encoder import CREATED_AT, end_fields
from chatsdk.parts import Finish

__all__ = ["document", "error", "models"]


def document(answer: Answer, *, id: str, model: str) -> dict[str, Any]:
    """Encode the answer of ``/api/chat`` with ``"stream": false``."""
    message: dict[str, Any] = {"role": "assistant", "content": answer.text}
    if answer.reasoning:
        message["thinking"] = answer.reasoning
    if answer.tool_calls:
        message["tool_calls"] = [
            written_call(call, place) for place, call in enumerate(answer.tool_calls)
        ]
    finish = None if answer.finish_reason is None else Finish(answer.finish_reason)
    return {
        "model": answer.model or model,
        "created_at": CREATED_AT,
        "message": message,
        "done": True,
        **end_fields(answer, finish),
    }


def models(names: Sequence[str]) -> dict[str, Any]:
    """Encode the answer of ``GET /api/tags``."""
    details = {
        "parent_model": "",
        "format": "",
        "family": "",
        "families": [],
        "parameter_size": "",
        "quantization_level": "",
    }
    return {
        "models": [
            {
                "name": name,
                "model": name,
                "modified_at": CREATED_AT,
                "size": 0,
                "digest": "",
                "details": details,
            }
            for name in names
        ]
    }


def error(message: str, kind: str) -> dict[str, Any]:
    """Encode an error."""
    return {"error": message}
