"""Decodes requests to custom services by the chosen fields."""

from __future__ import annotations

import copy
from typing import Any

from chatsdk.dialects.asked import AskedFor, field, json_object, message_at, refuse
from chatsdk.dialects.field_path import keys_of
from chatsdk.messages import Message

__all__ = ["read"]


def read(
    body: Any, *, prompt: str | None, messages: str | None, conversation: str | None
) -> AskedFor:
    """Decode a body.

    Args:
        body: the JSON value.
        prompt, messages, conversation: paths of fields, as in ``dialects.json``.
    """
    options = copy.deepcopy(json_object(body))
    id = None if conversation is None else _taken(options, conversation, None)
    if id is not None and not isinstance(id, str):
        raise refuse(str(conversation), "a string")
    if messages is not None:
        given = field({messages: _taken(options, messages, None)}, messages, list)
        found = tuple(message_at(f"{messages}[{n}]", item) for n, item in enumerate(given))
        if not found:
            raise refuse(messages, "an array with at least one message")
    elif prompt is not None:
        text = field({prompt: _taken(options, prompt, None)}, prompt, str)
        found = (Message("user", text),)
    else:
        raise ValueError(
            "name the field of the request that holds the prompt, dialects.json(prompt=...), or "
            "all messages, dialects.json(messages=...)"
        )
    return AskedFor(found, options, conversation_id=id)


def _taken(value: Any, path: str, default: Any) -> Any:
    """Remove and return the value at a path in an object, and remove objects that become empty."""
    *above, last = keys_of(path)
    holders: list[tuple[Any, Any]] = []
    for key in above:
        if not isinstance(value, dict) or key not in value:
            return default
        holders.append((value, key))
        value = value[key]
    if not isinstance(value, dict) or last not in value:
        return default
    found = value.pop(last)
    for holder, key in reversed(holders):
        if not holder[key]:
            del holder[key]
    return found
