"""Decodes requests of the AI SDK 4: the messages of ``useChat``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chatsdk.answer import ToolCall
from chatsdk.dialects.asked import AskedFor, as_json, field, json_object, refuse, without
from chatsdk.messages import Image, Message

__all__ = ["read"]


def read(body: Any) -> AskedFor:
    """Decode the body that ``useChat`` posts."""
    body = json_object(body)
    messages: list[Message] = []
    for place, item in enumerate(field(body, "messages", list)):
        where = f"messages[{place}]"
        messages += _messages(json_object(item, where), where)
    if not messages:
        raise refuse("messages", "an array with at least one message")
    return AskedFor(
        tuple(messages),
        without(body, ("id", "messages")),
        conversation_id=field(body, "id", str, default=None),
    )


def _messages(item: dict[str, Any], where: str) -> Iterator[Message]:
    role = item.get("role")
    if role not in ("system", "user", "assistant", "data"):
        raise refuse(f"{where}.role", "one of system, user, assistant")
    if role == "data":
        return
    id = field(item, "id", str, where, None)
    images = tuple(
        Image(url=field(json_object(found, f"{where}.experimental_attachments[{n}]"), "url", str))
        for n, found in enumerate(field(item, "experimental_attachments", list, where, []))
    )
    parts = field(item, "parts", list, where, None)
    if parts is None:
        called = field(item, "toolInvocations", list, where, [])
        parts = [{"type": "tool-invocation", "toolInvocation": call} for call in called]
        text = field(item, "content", str, where, "")
        parts += (
            [{"type": "step-start"}, {"type": "text", "text": text}]
            if called
            else [{"type": "text", "text": text}]
        )
    steps: list[list[tuple[dict[str, Any], str]]] = [[]]
    for place, value in enumerate(parts):
        here = f"{where}.parts[{place}]"
        part = json_object(value, here)
        if part.get("type") == "step-start":
            steps.append([])
        else:
            steps[-1].append((part, here))
    filled = [step for step in steps if step] or [[]]
    for number, step in enumerate(filled):
        yield from _step(role, step, id, images if number == 0 else ())


def _step(
    role: str, parts: list[tuple[dict[str, Any], str]], id: str | None, images: tuple[Image, ...]
) -> Iterator[Message]:
    texts: list[str] = []
    thoughts: list[str] = []
    calls: list[ToolCall] = []
    results: list[Message] = []
    for part, where in parts:
        match part.get("type"):
            case "text":
                texts.append(field(part, "text", str, where))
            case "reasoning":
                thoughts.append(field(part, "reasoning", str, where))
            case "tool-invocation":
                call = json_object(part.get("toolInvocation"), f"{where}.toolInvocation")
                call_id = field(call, "toolCallId", str, f"{where}.toolInvocation")
                name = field(call, "toolName", str, f"{where}.toolInvocation")
                given = call.get("args")
                text = given if isinstance(given, str) else as_json(given or {})
                calls.append(ToolCall(call_id, name, text))
                if call.get("state") == "result":
                    result = call.get("result")
                    content = result if isinstance(result, str) else as_json(result)
                    results.append(Message("tool", content, tool_call_id=call_id, name=name))
            case "source" | "file":
                pass
            case _:
                raise refuse(f"{where}.type", "a part of a message of the AI SDK 4")
    yield Message(
        role,
        "".join(texts),
        images=images,
        tool_calls=tuple(calls),
        reasoning="".join(thoughts),
        id=id,
    )
    yield from results
