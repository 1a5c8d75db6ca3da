"""Decodes and encodes tool calls in OpenAI's shape, which other backends share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from chatsdk.dialects.payload import as_name, as_object, as_text
from chatsdk.dialects.request import whole_arguments
from chatsdk.messages import Message
from chatsdk.parts import ToolCallDelta

__all__ = ["declared", "forced_choice", "whole_call", "written_calls", "written_tools"]


def whole_call(call: dict[str, Any], place: int = 0) -> ToolCallDelta:
    """Decode a complete call: ``{"id", "function": {"name", "arguments"}}``.

    `place` is its index among the calls, for calls without an id.
    """
    function = as_object(call.get("function"), "function")
    id = as_name(call.get("id"))
    arguments = as_text(function.get("arguments"), "arguments")
    return ToolCallDelta(
        place if id is None else id, id, as_name(function.get("name")), arguments, replace=True
    )


def written_calls(message: Message) -> list[dict[str, Any]]:
    """Encode the calls of an assistant's message."""
    return [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": whole_arguments(call)},
        }
        for call in message.tool_calls
    ]


def written_tools(tools: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Encode the tools that a model may call; a tool with a ``type`` stays unchanged."""
    return [
        dict(tool) if "type" in tool else {"type": "function", "function": dict(tool)}
        for tool in tools
    ]


def forced_choice(name: str | None) -> Any:
    """Return the choice that makes a model call this tool, or any if ``None``."""
    return "required" if name is None else {"type": "function", "function": {"name": name}}


def declared(tool: Mapping[str, Any]) -> dict[str, Any]:
    """Return a tool's declaration without OpenAI's wrapper."""
    inner = tool.get("function")
    return dict(inner if isinstance(inner, Mapping) else tool)
