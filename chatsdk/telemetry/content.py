"""Messages of a request and of an answer, as JSON of the GenAI semantic conventions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from chatsdk.answer import Answer, ToolCall
from chatsdk.client.observation import Call
from chatsdk.messages import Message
from chatsdk.transport.checks import shown_url

__all__ = ["input_messages", "output_messages", "tool_definitions"]

# Finish reasons with another name there.
REASONS = {"tool_calls": "tool_call"}


def input_messages(call: Call) -> str | None:
    """Return the messages of a request; ``None`` if its body cannot be read."""
    messages = call.messages
    if messages is None:
        try:
            messages = call.dialect.read_request(call.body).messages
        except (TypeError, ValueError, AttributeError, LookupError):
            return None
    return _dumped([_message(message, messages) for message in messages])


def output_messages(answer: Answer) -> str:
    """Return an answer, which may be partial."""
    parts = []
    if answer.reasoning:
        parts.append({"type": "reasoning", "content": answer.reasoning})
    if answer.text:
        parts.append({"type": "text", "content": answer.text})
    parts += [_call(call) for call in answer.tool_calls]
    reason = answer.finish_reason or "error"
    message = {
        "role": "assistant",
        "parts": parts,
        "finish_reason": REASONS.get(reason, reason),
    }
    return _dumped([message])


def tool_definitions(call: Call) -> str | None:
    """Return the names of the tools that a request declares, or ``None``."""
    tools = call.options.get("tools")
    names = [_name(tool) for tool in tools] if isinstance(tools, (list, tuple)) else []
    found = [{"type": "function", "name": name} for name in names if name is not None]
    return _dumped(found) if found else None


def _message(message: Message, messages: Sequence[Message]) -> dict[str, Any]:
    if message.role == "tool":
        part = {
            "type": "tool_call_response",
            "id": message.tool_call_id,
            "response": message.content,
        }
        return {"role": "tool", "parts": [part]}
    parts: list[dict[str, Any]] = []
    if message.reasoning:
        parts.append({"type": "reasoning", "content": message.reasoning})
    if message.content:
        parts.append({"type": "text", "content": message.content})
    for image in message.images:
        if image.data is None:
            parts.append({"type": "uri", "modality": "image", "uri": _shown(image.url or "")})
        else:
            parts.append(
                {
                    "type": "blob",
                    "modality": "image",
                    "mime_type": image.media_type,
                    "content": image.data,
                }
            )
    for file in message.files:
        parts.append({"type": "file", "mime_type": file.media_type})
    parts += [_call(call) for call in message.tool_calls]
    return {"role": message.role, "parts": parts}


def _shown(url: str) -> str:
    """Without the query, which may be a signature."""
    return url if url.startswith("data:") else shown_url(url)


def _call(call: ToolCall) -> dict[str, Any]:
    arguments: Any = call.parsed
    return {
        "type": "tool_call",
        "id": call.id,
        "name": call.name,
        "arguments": call.arguments if arguments is None else arguments,
    }


def _name(tool: Any) -> str | None:
    if not isinstance(tool, dict):
        return None
    function = tool.get("function")
    name = (function if isinstance(function, dict) else tool).get("name")
    return name if isinstance(name, str) else None


def _dumped(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    # An exporter must be able to encode it: half of a surrogate pair cannot be.
    return text.encode("utf-8", "replace").decode()
