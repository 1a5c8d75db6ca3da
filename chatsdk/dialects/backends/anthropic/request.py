"""Decodes Anthropic's requests: the body of ``/v1/messages``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chatsdk.answer import ToolCall
from chatsdk.dialects.asked import AskedFor, as_json, field, json_object, refuse, without
from chatsdk.dialects.backends.anthropic.native import DIALECT
from chatsdk.messages import Image, Message
from chatsdk.parts import Native

__all__ = ["read"]

_FIELDS = ("messages", "system", "stream", "tools")


def read(body: Any) -> AskedFor:
    """Decode the body that Anthropic's SDK posts."""
    body = json_object(body)
    messages: list[Message] = []
    system = body.get("system")
    if system is not None:
        messages.append(Message("system", _text(system, "system", separator="\n\n")))
    for place, item in enumerate(field(body, "messages", list)):
        where = f"messages[{place}]"
        messages += _messages(json_object(item, where), where)
    if not any(message.role != "system" for message in messages):
        raise refuse("messages", "an array with at least one message")
    options = without(body, _FIELDS)
    if tools := [
        _tool(tool, f"tools[{n}]") for n, tool in enumerate(field(body, "tools", list, default=[]))
    ]:
        options["tools"] = tools
    return AskedFor(tuple(messages), options, stream=field(body, "stream", bool, default=False))


def _tool(value: Any, where: str) -> dict[str, Any]:
    tool = json_object(value, where)
    field(tool, "name", str, where)
    if "input_schema" not in tool:
        # A tool that Anthropic runs stays unchanged.
        return tool
    written = without(tool, ("input_schema", "type"))
    written["parameters"] = tool["input_schema"]
    return written


def _messages(item: dict[str, Any], where: str) -> Iterator[Message]:
    role = item.get("role")
    if role not in ("user", "assistant", "system"):
        raise refuse(f"{where}.role", "one of user, assistant")
    content = item.get("content")
    if isinstance(content, str):
        yield Message(role, content)
        return
    blocks = [
        json_object(block, f"{where}.content[{place}]")
        for place, block in enumerate(field(item, "content", list, where))
    ]
    texts: list[str] = []
    images: list[Image] = []
    calls: list[ToolCall] = []
    thoughts: list[str] = []
    for place, block in enumerate(blocks):
        here = f"{where}.content[{place}]"
        match field(block, "type", str, here):
            case "text":
                texts.append(field(block, "text", str, here))
            case "image":
                images.append(_image(json_object(block.get("source"), f"{here}.source"), here))
            case "tool_use":
                given = as_json(field(block, "input", dict, here))
                name = field(block, "name", str, here)
                calls.append(ToolCall(field(block, "id", str, here), name, given))
            case "tool_result":
                yield Message(
                    "tool",
                    _text(block.get("content", ""), f"{here}.content"),
                    tool_call_id=field(block, "tool_use_id", str, here),
                    status="error" if block.get("is_error") else None,
                )
            case "thinking":
                thoughts.append(field(block, "thinking", str, here))
            case "redacted_thinking" if role == "assistant":
                pass
            case kind:
                raise refuse(f"{here}.type", f"a block that can be passed on; {kind!r} is not")
    native = None
    if role == "assistant" and any(block["type"].endswith("thinking") for block in blocks):
        native = Native.of(DIALECT, blocks)
    if texts or images or calls or thoughts:
        yield Message(
            role,
            "".join(texts),
            images=tuple(images),
            tool_calls=tuple(calls),
            reasoning="".join(thoughts),
            native=native,
        )


def _text(value: Any, where: str, separator: str = "") -> str:
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        raise refuse(where, "a string or an array of text blocks")
    texts = []
    for place, block in enumerate(value):
        here = f"{where}[{place}]"
        block = json_object(block, here)
        if block.get("type") != "text":
            raise refuse(f"{here}.type", '"text": only text can be passed on here')
        texts.append(field(block, "text", str, here))
    return separator.join(texts)


def _image(source: dict[str, Any], where: str) -> Image:
    match source.get("type"):
        case "base64":
            return Image(
                data=field(source, "data", str, f"{where}.source"),
                media_type=field(source, "media_type", str, f"{where}.source"),
            )
        case "url":
            return Image(url=field(source, "url", str, f"{where}.source"))
        case _:
            raise refuse(f"{where}.source.type", '"base64" or "url"')
