"""Decodes Gemini's requests: the body of ``:streamGenerateContent``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chatsdk.answer import ToolCall
from chatsdk.dialects.asked import AskedFor, as_json, field, json_object, refuse, without
from chatsdk.dialects.backends.gemini.body import NO_SIGNATURE
from chatsdk.dialects.backends.gemini.native import DIALECT, SIGNATURE
from chatsdk.messages import Image, Message
from chatsdk.messages.files import File
from chatsdk.parts import Native

__all__ = ["messages_of", "read"]


def read(body: Any) -> AskedFor:
    """Decode the body that Google's SDK posts."""
    body = json_object(body)
    messages: list[Message] = []
    system = _either(body, "systemInstruction", "system_instruction")
    if system is not None:
        texts = [
            field(json_object(part, f"systemInstruction.parts[{place}]"), "text", str)
            for place, part in enumerate(_parts(system, "systemInstruction"))
        ]
        messages.append(Message("system", "\n\n".join(texts)))
    for place, item in enumerate(field(body, "contents", list)):
        messages += messages_of(item, f"contents[{place}]", messages)
    if all(message.role == "system" for message in messages):
        raise refuse("contents", "an array with at least one content")
    options = without(body, ("contents", "systemInstruction", "system_instruction", "tools"))
    if tools := list(_tools(body)):
        options["tools"] = tools
    return AskedFor(tuple(messages), options)


def messages_of(value: Any, where: str, before: list[Message]) -> Iterator[Message]:
    """Decode one content: a message, or the results of tools."""
    content = json_object(value, where)
    role = content.get("role", "user")
    if role not in ("user", "model", "function"):
        raise refuse(f"{where}.role", "user or model")
    texts: list[str] = []
    thoughts: list[str] = []
    images: list[Image] = []
    files: list[File] = []
    calls: list[ToolCall] = []
    signed = False
    parts = _parts(content, where)
    for place, item in enumerate(parts):
        here = f"{where}.parts[{place}]"
        part = json_object(item, here)
        signed = signed or part.get(SIGNATURE) not in (None, NO_SIGNATURE)
        if "text" in part:
            (thoughts if part.get("thought") is True else texts).append(
                field(part, "text", str, here)
            )
        elif (call := _either(part, "functionCall", "function_call")) is not None:
            call = json_object(call, f"{here}.functionCall")
            id = field(call, "id", str, here, f"call-{len(before)}-{len(calls)}")
            name = field(call, "name", str, f"{here}.functionCall")
            calls.append(ToolCall(id, name, as_json(call.get("args") or {})))
        elif (result := _either(part, "functionResponse", "function_response")) is not None:
            yield _result(json_object(result, f"{here}.functionResponse"), here, before)
        elif (data := _either(part, "inlineData", "inline_data")) is not None:
            data = json_object(data, f"{here}.inlineData")
            kind = field(data, "mimeType" if "mimeType" in data else "mime_type", str, here)
            given = field(data, "data", str, here)
            if kind.startswith("image/"):
                images.append(Image(data=given, media_type=kind))
            else:
                files.append(File(data=given, media_type=kind))
        elif (found := _either(part, "fileData", "file_data")) is not None:
            found = json_object(found, f"{here}.fileData")
            url = field(found, "fileUri" if "fileUri" in found else "file_uri", str, here)
            images.append(Image(url=url, media_type=field(found, "mimeType", str, here, None)))
        else:
            raise refuse(here, "text, data or a function's call or result")
    if texts or thoughts or images or files or calls or not parts:
        yield Message(
            "assistant" if role == "model" else "user",
            "".join(texts),
            images=tuple(images),
            files=tuple(files),
            tool_calls=tuple(calls),
            reasoning="".join(thoughts),
            native=Native.of(DIALECT, parts) if signed and role == "model" else None,
        )


def _result(result: dict[str, Any], where: str, before: list[Message]) -> Message:
    name = field(result, "name", str, where)
    id = field(result, "id", str, where, None)
    if id is None:
        answered = {message.tool_call_id for message in before}
        id = next(
            (
                call.id
                for message in before
                for call in message.tool_calls
                if call.name == name and call.id not in answered
            ),
            None,
        )
    response = result.get("response")
    if isinstance(response, dict) and set(response) == {"result"}:
        response = response["result"]
    content = response if isinstance(response, str) else as_json(response)
    return Message("tool", content, tool_call_id=id, name=name)


def _tools(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for place, item in enumerate(field(body, "tools", list, default=[])):
        tool = json_object(item, f"tools[{place}]")
        declared = _either(tool, "functionDeclarations", "function_declarations")
        if declared is None:
            yield tool
            continue
        for number, value in enumerate(declared):
            function = json_object(value, f"tools[{place}].functionDeclarations[{number}]")
            field(function, "name", str, f"tools[{place}].functionDeclarations[{number}]")
            schema = function.get("parametersJsonSchema", function.get("parameters"))
            written = without(function, ("parametersJsonSchema", "parameters"))
            yield written if schema is None else written | {"parameters": schema}


def _parts(content: Any, where: str) -> list[Any]:
    parts: list[Any] = field(json_object(content, where), "parts", list, where)
    return parts


def _either(source: dict[str, Any], name: str, other: str) -> Any:
    """Return a field by its JSON name or its Python name; Google accepts both."""
    return source.get(name, source.get(other))
