"""Decodes Ollama's requests: the body of ``/api/chat``."""

from __future__ import annotations

from typing import Any

from chatsdk.answer import ToolCall
from chatsdk.dialects.asked import AskedFor, as_json, field, json_object, refuse, tools_in, without
from chatsdk.messages import Image, Message

__all__ = ["read"]

_FIELDS = ("messages", "stream", "tools")


def read(body: Any) -> AskedFor:
    """Decode the body that Ollama's client posts."""
    body = json_object(body)
    given = field(body, "messages", list)
    messages: list[Message] = []
    for place, item in enumerate(given):
        where = f"messages[{place}]"
        messages.append(_message(json_object(item, where), where, messages))
    if not messages:
        raise refuse("messages", "an array with at least one message")
    options = without(body, _FIELDS)
    if tools := tools_in(body):
        options["tools"] = tools
    # Ollama streams by default.
    return AskedFor(tuple(messages), options, stream=field(body, "stream", bool, default=True))


def _message(item: dict[str, Any], where: str, before: list[Message]) -> Message:
    role = item.get("role")
    if role not in ("system", "user", "assistant", "tool"):
        raise refuse(f"{where}.role", "one of system, user, assistant, tool")
    calls = tuple(
        _call(value, f"{where}.tool_calls[{place}]", f"call-{len(before)}-{place}")
        for place, value in enumerate(field(item, "tool_calls", list, where, []))
    )
    images = field(item, "images", list, where, [])
    name = field(item, "tool_name", str, where, None)
    id = field(item, "tool_call_id", str, where, None)
    if role == "tool" and id is None:
        id = _answered(name, before)
    return Message(
        role,
        field(item, "content", str, where, ""),
        images=tuple(_image(value, f"{where}.images[{n}]") for n, value in enumerate(images)),
        tool_calls=calls,
        tool_call_id=id,
        name=name,
        reasoning=field(item, "thinking", str, where, ""),
    )


def _call(value: Any, where: str, id: str) -> ToolCall:
    call = json_object(value, where)
    function = json_object(call.get("function"), f"{where}.function")
    given = function.get("arguments", {})
    if not isinstance(given, str):
        given = as_json(given)
    name = field(function, "name", str, f"{where}.function")
    return ToolCall(field(call, "id", str, where, id), name, given)


def _answered(name: str | None, before: list[Message]) -> str | None:
    """Return the call that a result answers; Ollama matches results by name and order."""
    results = {message.tool_call_id for message in before if message.role == "tool"}
    for message in reversed(before):
        for call in message.tool_calls:
            if call.id not in results and name in (None, call.name):
                return call.id
    return None


def _image(value: Any, where: str) -> Image:
    if not isinstance(value, str):
        raise refuse(where, "a picture in base64")
    return Image(data=value, media_type=_media_type(value))


def _media_type(data: str) -> str:
    """Return an image's media type, detected from its base64 because Ollama does not send it."""
    for start, kind in (("/9j/", "jpeg"), ("R0lGOD", "gif"), ("UklGR", "webp")):
        if data.startswith(start):
            return f"image/{kind}"
    return "image/png"
