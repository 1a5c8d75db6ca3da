"""Decodes OpenAI's chat completion requests."""

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

__all__ = ["read"]

_FIELDS = ("messages", "stream", "tools", "stream_options")


def read(body: Any) -> AskedFor:
    """Decode the body that OpenAI's SDK posts to ``/v1/chat/completions``."""
    body = json_object(body)
    given = field(body, "messages", list)
    messages = tuple(message_at(f"messages[{place}]", item) for place, item in enumerate(given))
    if not messages:
        raise refuse("messages", "an array with at least one message")
    options = without(body, _FIELDS)
    if tools := tools_in(body):
        options["tools"] = tools
    return AskedFor(messages, options, stream=field(body, "stream", bool, default=False))
