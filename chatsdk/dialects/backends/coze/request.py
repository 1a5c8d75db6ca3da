"""Decodes Coze's requests: the body of ``/v3/chat``."""

from __future__ import annotations

import json
from typing import Any

from chatsdk.dialects.asked import AskedFor, field, json_object, refuse, without
from chatsdk.messages import Image, Message

__all__ = ["read"]


def read(body: Any) -> AskedFor:
    """Decode the body that Coze's SDK posts; the URL contains the conversation."""
    body = json_object(body)
    given = field(body, "additional_messages", list)
    messages = tuple(
        _message(json_object(item, f"additional_messages[{n}]"), f"additional_messages[{n}]")
        for n, item in enumerate(given)
    )
    if not messages:
        raise refuse("additional_messages", "an array with at least one message")
    options = without(body, ("additional_messages", "stream", "auto_save_history"))
    return AskedFor(messages, options, stream=field(body, "stream", bool, default=False))


def _message(item: dict[str, Any], where: str) -> Message:
    role = item.get("role")
    if role not in ("user", "assistant"):
        raise refuse(f"{where}.role", "user or assistant")
    content = field(item, "content", str, where, "")
    if item.get("content_type") != "object_string":
        return Message(role, content)
    try:
        pieces = json.loads(content)
    except (ValueError, RecursionError):
        pieces = None
    if not isinstance(pieces, list):
        raise refuse(f"{where}.content", "an array of pieces, written as JSON")
    texts: list[str] = []
    images: list[Image] = []
    for place, value in enumerate(pieces):
        here = f"{where}.content[{place}]"
        piece = json_object(value, here)
        match piece.get("type"):
            case "text":
                texts.append(field(piece, "text", str, here))
            case "image":
                images.append(Image(url=field(piece, "file_url", str, here)))
            case _:
                raise refuse(f"{here}.type", "text, or an image with its file_url")
    return Message(role, "".join(texts), images=tuple(images))
