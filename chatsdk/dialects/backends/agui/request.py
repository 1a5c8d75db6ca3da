"""Decodes AG-UI's requests: a ``RunAgentInput``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chatsdk.dialects.asked import (
    AskedFor,
    field,
    json_object,
    message_at,
    refuse,
    tools_in,
    without,
)
from chatsdk.messages import Image, Message

__all__ = ["read"]

# Fields that are meaningless if empty.
_EMPTY: dict[str, Any] = {"context": [], "state": {}, "forwardedProps": {}}


def read(body: Any) -> AskedFor:
    """Decode the body that AG-UI's clients post."""
    body = json_object(body)
    messages = tuple(_messages(field(body, "messages", list)))
    if not messages:
        raise refuse("messages", "an array with at least one message")
    options = {
        name: value
        for name, value in without(body, ("threadId", "runId", "messages", "tools")).items()
        if value != _EMPTY.get(name)
    }
    if tools := tools_in(body):
        options["tools"] = tools
    return AskedFor(messages, options, conversation_id=field(body, "threadId", str))


def _messages(items: list[Any]) -> Iterator[Message]:
    thoughts: list[str] = []
    for place, value in enumerate(items):
        where = f"messages[{place}]"
        item = json_object(value, where)
        role = item.get("role")
        if role == "reasoning":
            thoughts.append(field(item, "content", str, where))
            continue
        if role in ("activity",):
            # For the page only; never sent to a model.
            continue
        known: dict[str, Any] = {
            "role": role,
            "id": field(item, "id", str, where, None),
            "content": item.get("content"),
        }
        images: list[Image] = []
        if isinstance(item.get("content"), list):
            known["content"], images = _content(item["content"], where)
        if role == "tool":
            known["tool_call_id"] = field(item, "toolCallId", str, where)
            known["status"] = "error" if item.get("error") else None
        if item.get("toolCalls"):
            known["tool_calls"] = field(item, "toolCalls", list, where)
        message = message_at(
            where, {name: item for name, item in known.items() if item is not None}
        )
        message = message._replace(images=tuple(images))
        if role == "assistant" and thoughts:
            message, thoughts = message._replace(reasoning="".join(thoughts)), []
        yield message


def _content(parts: list[Any], where: str) -> tuple[str, list[Image]]:
    texts: list[str] = []
    images: list[Image] = []
    for place, value in enumerate(parts):
        here = f"{where}.content[{place}]"
        part = json_object(value, here)
        match part.get("type"):
            case "text":
                texts.append(field(part, "text", str, here))
            case "image":
                source = json_object(part.get("source"), f"{here}.source")
                given = field(source, "value", str, f"{here}.source")
                if source.get("type") == "data":
                    kind = field(source, "mimeType", str, f"{here}.source")
                    images.append(Image(data=given, media_type=kind))
                else:
                    images.append(Image(url=given))
            case _:
                raise refuse(f"{here}.type", "text or image")
    return "".join(texts), images
