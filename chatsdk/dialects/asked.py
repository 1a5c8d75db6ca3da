"""`AskedFor`, and checks for decoding request bodies."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from chatsdk.frozen_values import distinct
from chatsdk.messages import Message

__all__ = [
    "AskedFor",
    "CallDecision",
    "as_json",
    "field",
    "json_object",
    "message_at",
    "refuse",
    "schema_of_format",
    "tools_in",
    "without",
]

_KINDS: dict[type, str] = {
    str: "a string",
    bool: "true or false",
    list: "an array",
    dict: "an object",
    int: "a whole number",
}


@distinct
class CallDecision(NamedTuple):
    """A person's decision about a tool call of the last message.

    Attributes:
        call_id: the id of the call.
        approval_id: the id of the request for approval (`chatsdk.parts.ToolApproval`).
        approved: ``None`` if the person has not decided yet.
        reason: why the call was rejected, or ``""``.
    """

    call_id: str
    approval_id: str
    approved: bool | None
    reason: str = ""


@distinct
class AskedFor(NamedTuple):
    """The content of a request body, as `Dialect.read_request` returns it.

    Attributes:
        messages: the conversation, the latest message last.
        options: all other fields that `Dialect.body` would write, by the names used there;
            ``tools`` is a list of ``{"name", "description", "parameters"}``.
        stream: whether the request is for a streamed answer.
        conversation_id: the conversation to continue, or ``None``.
        decisions: about the calls of the last message for which a person's approval was requested.
    """

    messages: tuple[Message, ...]
    options: dict[str, Any]
    stream: bool = True
    conversation_id: str | None = None
    decisions: tuple[CallDecision, ...] = ()


def as_json(value: Any) -> str:
    """Encode a value as JSON text, for arguments and results sent as values."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def refuse(where: str, expected: str) -> ValueError:
    """Return the error for an invalid field; it does not repeat the value."""
    return ValueError(f"{where} must be {expected}")


def json_object(value: Any, where: str = "the request body") -> dict[str, Any]:
    """Return a JSON object, or raise ValueError."""
    if not isinstance(value, dict):
        raise refuse(where, "a JSON object")
    return value


def field(
    source: Mapping[str, Any], name: str, kind: type, where: str = "", default: Any = ...
) -> Any:
    """Return a field, checked for its type.

    Args:
        source: the object.
        name: the field.
        kind: ``str``, ``bool``, ``list``, ``dict`` or ``int``.
        where: the path of the object, such as ``messages[0]``.
        default: the value for a field that is missing or ``null``; without a default, that is an
            error.

    Raises:
        ValueError: the field is missing or of another type.
    """
    value = source.get(name)
    if value is None and default is not ...:
        return default
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise refuse(f"{where}.{name}" if where else name, _KINDS[kind])
    return value


def message_at(where: str, value: Any) -> Message:
    """Decode one message in the common shape; errors contain `where`."""
    try:
        return Message.of(json_object(value, where))
    except (TypeError, ValueError) as error:
        text = str(error)
        raise ValueError(text if text.startswith(where) else f"{where}: {text}") from None


def tools_in(body: Mapping[str, Any], name: str = "tools") -> list[dict[str, Any]]:
    """Return the declared functions, without OpenAI's wrapper around each."""
    found: list[dict[str, Any]] = []
    for place, item in enumerate(field(body, name, list, default=[])):
        tool = json_object(item, f"{name}[{place}]")
        if tool.get("type", "function") != "function":
            # A tool that the backend runs stays unchanged.
            found.append(tool)
            continue
        function = tool.get("function", tool)
        function = json_object(function, f"{name}[{place}].function")
        field(function, "name", str, f"{name}[{place}]")
        found.append({key: value for key, value in function.items() if key != "type"})
    return found


def schema_of_format(form: Any) -> dict[str, Any] | None:
    """Return the schema in a ``response_format`` as OpenAI, Anthropic and others write it."""
    if not isinstance(form, Mapping):
        return None
    if form.get("type") == "json_object":
        return {"type": "object"}
    if form.get("type") != "json_schema":
        return None
    inner = form.get("json_schema", form)
    schema = inner.get("schema") if isinstance(inner, Mapping) else None
    if not isinstance(schema, dict):
        raise refuse("the schema of the response format", "a JSON object")
    return schema


def without(body: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return the fields of a body whose names are not in `names`."""
    left_out = set(names)
    return {name: value for name, value in body.items() if name not in left_out}
