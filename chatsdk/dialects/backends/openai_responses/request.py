"""Decodes OpenAI Responses requests: the body of ``/v1/responses``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chatsdk.answer import ToolCall
from chatsdk.dialects.asked import AskedFor, field, json_object, refuse, tools_in, without
from chatsdk.dialects.backends.openai_responses.native import DIALECT
from chatsdk.messages import Image, Message
from chatsdk.messages.files import File
from chatsdk.parts import Native

__all__ = ["read"]

_FIELDS = ("input", "instructions", "stream", "tools", "previous_response_id", "conversation")
_ROLES = {
    "user": "user",
    "assistant": "assistant",
    "system": "system",
    "developer": "system",
}


def read(body: Any) -> AskedFor:
    """Decode the body that OpenAI's SDK posts."""
    body = json_object(body)
    messages: list[Message] = []
    if body.get("instructions") is not None:
        messages.append(Message("system", field(body, "instructions", str)))
    given = body.get("input")
    if isinstance(given, str):
        messages.append(Message("user", given))
    else:
        messages += _joined(field(body, "input", list))
    if all(message.role == "system" for message in messages):
        raise refuse("input", "a string, or an array with at least one item")
    options = without(body, _FIELDS)
    if tools := tools_in(body):
        # Tools of other backends are never strict.
        options["tools"] = [
            without(tool, ("strict",)) if tool.get("strict") is False else tool for tool in tools
        ]
    conversation = body.get("conversation")
    if isinstance(conversation, dict):
        conversation = conversation.get("id")
    if conversation is None:
        conversation = field(body, "previous_response_id", str, default=None)
    elif not isinstance(conversation, str):
        raise refuse("conversation", "a string or an object with an id")
    return AskedFor(
        tuple(messages),
        options,
        stream=field(body, "stream", bool, default=False),
        conversation_id=conversation,
    )


def _joined(items: list[Any]) -> Iterator[Message]:
    """Decode the items; an assistant's consecutive text, reasoning and calls are one message."""
    said: list[dict[str, Any]] = []
    for place, value in enumerate(items):
        item = json_object(value, f"input[{place}]")
        kind = item.get("type", "message")
        if kind in ("function_call", "reasoning") or (
            kind == "message" and item.get("role") == "assistant"
        ):
            if said and kind != "function_call" and _has_spoken(said):
                yield _assistant(said)
                said = []
            said.append(item | {"_where": f"input[{place}]"})
            continue
        if said:
            yield _assistant(said)
            said = []
        yield _message(item, f"input[{place}]")
    if said:
        yield _assistant(said)


def _has_spoken(items: list[dict[str, Any]]) -> bool:
    return any(item.get("type", "message") != "reasoning" for item in items)


def _assistant(items: list[dict[str, Any]]) -> Message:
    texts: list[str] = []
    thoughts: list[str] = []
    calls: list[ToolCall] = []
    kept: list[dict[str, Any]] = []
    for marked in items:
        where = marked["_where"]
        item = without(marked, ("_where",))
        match item.get("type", "message"):
            case "message":
                text, images, files = _content(item.get("content"), where)
                if images or files:
                    raise refuse(f"{where}.content", "text in a message of the assistant")
                texts.append(text)
                kept.append({"role": "assistant", "content": text})
            case "reasoning":
                for place, value in enumerate(field(item, "summary", list, where, [])):
                    part = json_object(value, f"{where}.summary[{place}]")
                    thoughts.append(field(part, "text", str, f"{where}.summary[{place}]"))
                kept.append(item)
            case _:
                arguments = field(item, "arguments", str, where, "{}")
                name = field(item, "name", str, where)
                calls.append(ToolCall(field(item, "call_id", str, where), name, arguments))
                kept.append(item)
    signed = any(item.get("encrypted_content") for item in items)
    return Message(
        "assistant",
        "".join(texts),
        tool_calls=tuple(calls),
        reasoning="\n\n".join(thoughts),
        native=Native.of(DIALECT, kept) if signed else None,
    )


def _message(item: dict[str, Any], where: str) -> Message:
    match item.get("type", "message"):
        case "function_call_output":
            output = item.get("output")
            text = output if isinstance(output, str) else _content(output, f"{where}.output")[0]
            return Message("tool", text, tool_call_id=field(item, "call_id", str, where))
        case "message":
            role = _ROLES.get(str(item.get("role")))
            if role is None:
                raise refuse(f"{where}.role", "one of user, assistant, system, developer")
            text, images, files = _content(item.get("content"), where)
            return Message(role, text, images=tuple(images), files=tuple(files))
        case _:
            raise refuse(f"{where}.type", "message, reasoning, function_call or its output")


def _content(content: Any, where: str) -> tuple[str, list[Image], list[File]]:
    if isinstance(content, str):
        return content, [], []
    if not isinstance(content, list):
        raise refuse(f"{where}.content", "a string or an array")
    texts: list[str] = []
    images: list[Image] = []
    files: list[File] = []
    for place, value in enumerate(content):
        here = f"{where}.content[{place}]"
        part = json_object(value, here)
        match part.get("type"):
            case "input_text" | "output_text" | "text":
                texts.append(field(part, "text", str, here))
            case "refusal":
                texts.append(field(part, "refusal", str, here))
            case "input_image":
                images.append(Image(url=field(part, "image_url", str, here)))
            case "input_file":
                files.append(_file(part, here))
            case _:
                raise refuse(f"{here}.type", "input_text, output_text, input_image or input_file")
    return "".join(texts), images, files


def _file(part: dict[str, Any], where: str) -> File:
    head, comma, data = field(part, "file_data", str, where).partition(",")
    if not comma or not head.startswith("data:"):
        raise refuse(f"{where}.file_data", "a data: URL")
    kind = head[len("data:") :].split(";")[0]
    return File(data=data, media_type=kind, name=field(part, "filename", str, where, None))
