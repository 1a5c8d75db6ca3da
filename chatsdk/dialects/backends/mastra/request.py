"""Decodes Mastra's requests: messages in the format of the AI SDK's core."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chatsdk.answer import ToolCall
from chatsdk.dialects.asked import AskedFor, as_json, field, json_object, refuse, without
from chatsdk.messages import Image, Message

__all__ = ["read"]


def read(body: Any) -> AskedFor:
    """Decode the body that Mastra's client posts."""
    body = json_object(body)
    given = body.get("messages")
    if isinstance(given, str):
        given = [given]
    messages: list[Message] = []
    for place, item in enumerate(field({"messages": given}, "messages", list)):
        messages += _messages(item, f"messages[{place}]")
    if not messages:
        raise refuse("messages", "an array with at least one message")
    options = without(body, ("messages", "memory", "clientTools"))
    conversation = None
    if body.get("memory") is not None:
        memory = field(body, "memory", dict)
        thread = memory.get("thread")
        conversation = thread.get("id") if isinstance(thread, dict) else thread
        if not isinstance(conversation, str):
            raise refuse("memory.thread", "a string or an object with an id")
        options["resource"] = field(memory, "resource", str, "memory", "chatsdk")
    tools = [
        _tool(name, json_object(value, f"clientTools.{name}"))
        for name, value in field(body, "clientTools", dict, default={}).items()
    ]
    if tools:
        options["tools"] = tools
    return AskedFor(tuple(messages), options, conversation_id=conversation)


def _tool(name: str, given: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "description": field(given, "description", str, f"clientTools.{name}", ""),
        "parameters": given.get("inputSchema") or {"type": "object", "properties": {}},
    }


def _messages(value: Any, where: str) -> Iterator[Message]:
    if isinstance(value, str):
        yield Message("user", value)
        return
    item = json_object(value, where)
    role = item.get("role")
    if role not in ("system", "user", "assistant", "tool"):
        raise refuse(f"{where}.role", "one of system, user, assistant, tool")
    content = item.get("content")
    if isinstance(content, str):
        yield Message(role, content)
        return
    texts: list[str] = []
    thoughts: list[str] = []
    images: list[Image] = []
    calls: list[ToolCall] = []
    for place, piece in enumerate(field(item, "content", list, where)):
        here = f"{where}.content[{place}]"
        part = json_object(piece, here)
        match part.get("type"):
            case "text":
                texts.append(field(part, "text", str, here))
            case "reasoning":
                thoughts.append(field(part, "text", str, here))
            case "image":
                images.append(Image(url=field(part, "image", str, here)))
            case "tool-call":
                name = field(part, "toolName", str, here)
                given = part.get("input", part.get("args"))
                text = given if isinstance(given, str) else as_json(given or {})
                calls.append(ToolCall(field(part, "toolCallId", str, here), name, text))
            case "tool-result":
                yield _result(part, here)
            case _:
                raise refuse(f"{here}.type", "text, reasoning, image, tool-call or tool-result")
    if role != "tool":
        yield Message(
            role,
            "".join(texts),
            images=tuple(images),
            tool_calls=tuple(calls),
            reasoning="".join(thoughts),
        )


def _result(part: dict[str, Any], where: str) -> Message:
    output = part.get("output", part.get("result"))
    if isinstance(output, dict) and "value" in output:
        output = output["value"]
    return Message(
        "tool",
        output if isinstance(output, str) else as_json(output),
        tool_call_id=field(part, "toolCallId", str, where),
        name=field(part, "toolName", str, where, None),
    )
