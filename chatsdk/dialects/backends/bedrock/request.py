"""Decodes Bedrock's requests: the body of ``/model/{model}/converse-stream``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chatsdk.answer import ToolCall
from chatsdk.dialects.asked import AskedFor, as_json, field, json_object, refuse, without
from chatsdk.dialects.backends.bedrock.body import INFERENCE
from chatsdk.dialects.backends.bedrock.converse import DIALECT
from chatsdk.messages import Image, Message
from chatsdk.parts import Native

__all__ = ["read"]


def read(body: Any) -> AskedFor:
    """Decode the body that Amazon's SDKs post."""
    body = json_object(body)
    messages: list[Message] = []
    for place, block in enumerate(field(body, "system", list, default=[])):
        where = f"system[{place}]"
        messages.append(Message("system", field(json_object(block, where), "text", str, where)))
    for place, item in enumerate(field(body, "messages", list)):
        where = f"messages[{place}]"
        messages += _messages(json_object(item, where), where)
    if not any(message.role != "system" for message in messages):
        raise refuse("messages", "an array with at least one message")
    options = without(body, ("messages", "system", "inferenceConfig", "toolConfig"))
    inference = dict(field(body, "inferenceConfig", dict, default={}))
    for name, theirs in INFERENCE.items():
        if theirs in inference:
            options[name] = inference.pop(theirs)
    if inference:
        options["inferenceConfig"] = inference
    config = dict(field(body, "toolConfig", dict, default={}))
    if tools := list(_tools(config)):
        options["tools"] = tools
    return AskedFor(tuple(messages), options, stream=True)


def _tools(config: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for place, value in enumerate(field(config, "tools", list, "toolConfig", [])):
        where = f"toolConfig.tools[{place}]"
        tool = json_object(value, where)
        if "toolSpec" not in tool:
            # For example, the start of a cache.
            continue
        spec = json_object(tool["toolSpec"], f"{where}.toolSpec")
        schema = json_object(spec.get("inputSchema"), f"{where}.toolSpec.inputSchema")
        told = {"name": field(spec, "name", str, f"{where}.toolSpec")}
        if spec.get("description"):
            told["description"] = field(spec, "description", str, f"{where}.toolSpec")
        yield told | {"parameters": schema.get("json", {})}


def _messages(item: dict[str, Any], where: str) -> Iterator[Message]:
    role = item.get("role")
    if role not in ("user", "assistant"):
        raise refuse(f"{where}.role", "one of user, assistant")
    texts: list[str] = []
    images: list[Image] = []
    calls: list[ToolCall] = []
    thoughts: list[dict[str, Any]] = []
    for place, value in enumerate(field(item, "content", list, where)):
        here = f"{where}.content[{place}]"
        block = json_object(value, here)
        if "text" in block:
            texts.append(field(block, "text", str, here))
        elif "image" in block:
            images.append(_image(json_object(block["image"], f"{here}.image"), f"{here}.image"))
        elif "toolUse" in block:
            use, at = json_object(block["toolUse"], f"{here}.toolUse"), f"{here}.toolUse"
            given = as_json(field(use, "input", dict, at))
            calls.append(
                ToolCall(field(use, "toolUseId", str, at), field(use, "name", str, at), given)
            )
        elif "toolResult" in block:
            yield _result(json_object(block["toolResult"], f"{here}.toolResult"), here)
        elif "reasoningContent" in block:
            thoughts.append(json_object(block["reasoningContent"], f"{here}.reasoningContent"))
    if texts or images or calls:
        yield Message(
            role,
            "".join(texts),
            images=tuple(images),
            tool_calls=tuple(calls),
            native=Native.of(DIALECT, thoughts) if thoughts else None,
        )


def _result(result: dict[str, Any], where: str) -> Message:
    where = f"{where}.toolResult"
    told: list[str] = []
    for place, value in enumerate(field(result, "content", list, where, [])):
        here = f"{where}.content[{place}]"
        block = json_object(value, here)
        if "json" in block:
            told.append(as_json(block["json"]))
        elif "text" in block:
            told.append(field(block, "text", str, here))
    status = "error" if result.get("status") == "error" else None
    id = field(result, "toolUseId", str, where)
    return Message("tool", "".join(told), tool_call_id=id, status=status)


def _image(image: dict[str, Any], where: str) -> Image:
    source = json_object(image.get("source"), f"{where}.source")
    kind = field(image, "format", str, where)
    data = field(source, "bytes", str, f"{where}.source")
    return Image(data=data, media_type=f"image/{kind}")
