"""Decodes DashScope's requests: text generation and multimodal generation."""

from __future__ import annotations

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


def read(body: Any) -> AskedFor:
    """Decode the body that DashScope's SDK posts."""
    body = json_object(body)
    given = field(body, "input", dict)
    if "messages" in given:
        items = field(given, "messages", list, "input")
    else:
        items = [{"role": "user", "content": field(given, "prompt", str, "input")}]
    messages = tuple(_message(item, f"input.messages[{place}]") for place, item in enumerate(items))
    if not messages:
        raise refuse("input.messages", "an array with at least one message")
    parameters = field(body, "parameters", dict, default={})
    options = without(body, ("input", "parameters"))
    options |= without(parameters, ("result_format", "incremental_output", "tools"))
    if tools := tools_in(parameters):
        options["tools"] = tools
    return AskedFor(messages, options)


def _message(value: Any, where: str) -> Message:
    item = json_object(value, where)
    content = item.get("content")
    if not isinstance(content, list):
        return message_at(where, item)
    texts: list[str] = []
    images: list[Image] = []
    for place, piece in enumerate(content):
        here = f"{where}.content[{place}]"
        part = json_object(piece, here)
        if "image" in part:
            images.append(Image(url=field(part, "image", str, here)))
        else:
            texts.append(field(part, "text", str, here))
    message = message_at(where, item | {"content": "".join(texts)})
    return message._replace(images=tuple(images))
