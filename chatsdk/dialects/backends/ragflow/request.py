"""Decodes RAGFlow's requests to assistants and agents."""

from __future__ import annotations

from typing import Any

from chatsdk.dialects.asked import AskedFor, field, json_object, message_at, refuse, without
from chatsdk.messages import Message

__all__ = ["read"]

_FIELDS = ("messages", "question", "query", "stream", "session_id", "pass_all_history_messages")


def read(body: Any) -> AskedFor:
    """Decode the body that RAGFlow's SDK posts, for the current and the older endpoints."""
    body = json_object(body)
    if "messages" in body:
        given = field(body, "messages", list)
        messages = tuple(message_at(f"messages[{n}]", item) for n, item in enumerate(given))
        if not messages:
            raise refuse("messages", "an array with at least one message")
    else:
        name = "query" if "query" in body else "question"
        messages = (Message("user", field(body, name, str)),)
    return AskedFor(
        messages,
        without(body, _FIELDS),
        # Without the field, RAGFlow streams.
        stream=field(body, "stream", bool, default=True),
        conversation_id=field(body, "session_id", str, default=None),
    )
