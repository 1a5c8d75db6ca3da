"""Content of message dicts beyond the fields of `Message`."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

__all__ = ["more_of", "refuse"]

# The keys of a message's dict that fields of `Message` hold.
KNOWN = frozenset(
    {
        *("role", "content", "images", "tool_calls", "tool_call_id", "name", "id", "status"),
        *("reasoning", "citations", "native", "conversation_id", "files"),
    }
)
TEXT_PARTS = ("text", "input_text", "output_text")
IMAGE_FIELDS = frozenset({"type", "image_url", "url", "data", "media_type"})


def refuse(value: Mapping[str, Any], role: object, roles: Sequence[str]) -> None:
    """Raise a `ValueError` for a dict without a valid role, or with its text under another key."""
    if role not in roles:
        known = f"a message's role is one of {', '.join(roles)}, not {role!r}"
        body = "; to post a body of your own, use client.send(body)"
        raise ValueError(known if "role" in value else known + body)
    if isinstance(value.get("text"), str):
        raise ValueError("the text of a message is its 'content', not its 'text'")


def more_of(
    value: Mapping[str, Any], other_parts: Collection[str], as_part: Callable[[Any], Any]
) -> str | None:
    """Return the content of a message's dict that no field of `Message` holds, as JSON text.

    Args:
        value: the dict.
        other_parts: the types of parts that are neither text nor image.
        as_part: encodes a text, an image or a file as a part.
    """
    more: dict[str, Any] = {}
    # Objects of an SDK have all possible fields, most of them null or empty.
    fields = {name: held for name, held in value.items() if name not in KNOWN and held}
    calls = value.get("tool_calls") or ()
    if any(isinstance(call, Mapping) and not _is_plain_call(call) for call in calls):
        fields["tool_calls"] = [dict(call) for call in calls]
    if fields:
        more["fields"] = fields
    content = value.get("content")
    if isinstance(content, (list, tuple)) and not all(
        _is_plain_part(part, other_parts) for part in content
    ):
        more["content"] = [
            dict(part) if isinstance(part, Mapping) else as_part(part) for part in content
        ]
    if not more:
        return None
    try:
        return json.dumps(more, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"a message holds what is not JSON: {error}") from None


def _is_plain_part(part: object, other_parts: Collection[str]) -> bool:
    if not isinstance(part, Mapping):
        return True
    if isinstance(part.get("text"), str):
        return part.keys() <= {"type", "text"} and part.get("type", "text") in TEXT_PARTS
    inner = part.get("image_url")
    if isinstance(inner, Mapping):
        return part.keys() <= {"type", "image_url"} and inner.keys() <= {"url"}
    return part.get("type") not in other_parts and part.keys() <= IMAGE_FIELDS


def _is_plain_call(call: Mapping[str, Any]) -> bool:
    function = call.get("function")
    inner = function.keys() if isinstance(function, Mapping) else set()
    named = call.keys() <= {"id", "type", "function", "name", "arguments", "index"}
    return named and call.get("type", "function") == "function" and inner <= {"name", "arguments"}
