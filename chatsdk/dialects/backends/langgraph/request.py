"""Decodes LangGraph's requests: runs, with messages in LangChain's format."""

from __future__ import annotations

from typing import Any

from chatsdk.answer import ToolCall
from chatsdk.dialects.asked import AskedFor, as_json, field, json_object, refuse, without
from chatsdk.dialects.langchain import ROLES
from chatsdk.messages import Message

__all__ = ["read"]

# Roles by LangChain's names, and by other names that it accepts.
_OURS = {native: role for role, native in ROLES.items()} | {
    "user": "user",
    "assistant": "assistant",
    "system": "system",
    "developer": "system",
    "tool": "tool",
}


def read(body: Any) -> AskedFor:
    """Decode the body that LangGraph's SDK posts."""
    body = json_object(body)
    given = field(body, "input", dict)
    items = field(given, "messages", list, "input")
    messages = tuple(_message(item, f"input.messages[{n}]") for n, item in enumerate(items))
    if not messages:
        raise refuse("input.messages", "an array with at least one message")
    options = without(body, ("input", "stream_mode", "on_disconnect"))
    if rest := without(given, ("messages",)):
        options["input"] = rest
    return AskedFor(messages, options)


def _message(value: Any, where: str) -> Message:
    item = json_object(value, where)
    kind = item.get("type", item.get("role"))
    role = _OURS.get(str(kind))
    if role is None:
        raise refuse(f"{where}.type", "one of human, ai, system, tool")
    calls = []
    for place, call in enumerate(field(item, "tool_calls", list, where, [])):
        here = f"{where}.tool_calls[{place}]"
        call = json_object(call, here)
        name = field(call, "name", str, here)
        calls.append(ToolCall(field(call, "id", str, here, None), name, as_json(call.get("args"))))
    try:
        message = Message.of({"role": role, "content": item.get("content")})
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}.content: {error}") from None
    return message._replace(
        tool_calls=tuple(calls),
        tool_call_id=field(item, "tool_call_id", str, where, None),
        name=field(item, "name", str, where, None) if role == "tool" else None,
    )
