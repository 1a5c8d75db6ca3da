"""Decodes ADK's requests: the body of ``/run_sse``."""

from __future__ import annotations

from typing import Any

from chatsdk.dialects.asked import AskedFor, field, json_object, refuse, without
from chatsdk.dialects.backends.gemini.request import messages_of
from chatsdk.messages import Message

__all__ = ["read"]

# JSON names for the field names that Python clients use.
_CAMEL = {
    "appName": "app_name",
    "userId": "user_id",
    "sessionId": "session_id",
    "newMessage": "new_message",
}


def read(body: Any) -> AskedFor:
    """Decode the body that ADK's clients post."""
    body = {_CAMEL.get(name, name): value for name, value in json_object(body).items()}
    messages: list[Message] = []
    messages += messages_of(body.get("new_message"), "new_message", messages)
    if not messages:
        raise refuse("new_message", "a content with at least one part")
    field(body, "app_name", str)
    return AskedFor(
        tuple(messages),
        without(body, ("session_id", "new_message", "streaming")),
        stream=field(body, "streaming", bool, default=False),
        conversation_id=field(body, "session_id", str),
    )
