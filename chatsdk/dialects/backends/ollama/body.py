"""Encodes messages and tool calls for Ollama."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chatsdk.answer import ToolCall
from chatsdk.dialects.request import arguments_of, embedded, tool_name
from chatsdk.messages import Image, Message

__all__ = ["written_message", "written_call"]


def written_message(message: Message, messages: Sequence[Message]) -> dict[str, Any]:
    written: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.images:
        written["images"] = [_image(image) for image in message.images]
    if message.tool_calls:
        written["tool_calls"] = [written_call(call) for call in message.tool_calls]
    if message.role == "tool":
        written["tool_name"] = tool_name(message, messages)
        if message.tool_call_id:
            written["tool_call_id"] = message.tool_call_id
    return written


def written_call(call: ToolCall, index: int | None = None) -> dict[str, Any]:
    """Encode a call as it appears in a message."""
    function: dict[str, Any] = {"name": call.name or "", "arguments": arguments_of(call)}
    if index is not None:
        function["index"] = index
    return {"function": function} | ({"id": call.id} if call.id else {})


def _image(image: Image) -> str:
    found = embedded(image)
    if found is None:
        raise ValueError(
            "Ollama takes pictures by their content and not by an address: "
            "give Image(data=<base64>, media_type='image/png')"
        )
    return found[1]
