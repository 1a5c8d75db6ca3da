"""Encodes the body of an Ollama request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chatsdk.answer import ToolCall
from chatsdk.dialects.request import arguments_of, embedded, thoughts_to_give_back, tool_name
from chatsdk.dialects.tool_calls import written_tools
from chatsdk.messages import Image, Message

__all__ = ["write_body", "written_call"]


def write_body(messages: Sequence[Message], options: Mapping[str, Any]) -> dict[str, Any]:
    """Encode the body; options keep their names."""
    rest = dict(options)
    tools = rest.pop("tools", None)
    body: dict[str, Any] = {
        "messages": [
            _message(message, messages) | ({"thinking": thought} if thought else {})
            for message, thought in zip(messages, thoughts_to_give_back(messages), strict=True)
        ],
        "stream": True,
    }
    if tools:
        body["tools"] = written_tools(tools)
    return body | rest


def _message(message: Message, messages: Sequence[Message]) -> dict[str, Any]:
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
