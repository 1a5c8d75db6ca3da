"""Encodes messages as the body of a Gemini request."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chatsdk.dialects.backends.gemini.native import DIALECT, SIGNATURE
from chatsdk.dialects.request import (
    arguments_of,
    embedded,
    given_back,
    system_text,
    tool_name,
)
from chatsdk.dialects.tool_calls import declared
from chatsdk.messages import Image, Message

__all__ = ["write_body"]

# From version 3 on, the models refuse function calls without their thought signature. For calls of
# another backend or a program, Google defines this value to skip the check
# (https://ai.google.dev/gemini-api/docs/thought-signatures).
NO_SIGNATURE = "skip_thought_signature_validator"


def write_body(messages: Sequence[Message], options: Mapping[str, Any]) -> dict[str, Any]:
    """Encode the body; options keep their names, except the tools."""
    rest = dict(options)
    if rest.pop("model", None) is not None:
        raise ValueError(
            "Gemini has its model in the URL, "
            ".../models/NAME:streamGenerateContent?alt=sse: name it there, and no other"
        )
    tools = rest.pop("tools", None)
    body: dict[str, Any] = {"contents": _contents(messages)}
    system = system_text(messages)
    if system:
        body["systemInstruction"] = {"parts": [{"text": system}]}
    if tools:
        body["tools"] = _tools(tools)
    return body | rest


def _tools(tools: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    written, functions = [], []
    for tool in map(declared, tools):
        if "name" not in tool:
            # One of Google's tools, {"googleSearch": {}}.
            written.append(tool)
            continue
        if "parameters" in tool:
            # The field `parameters` accepts only Google's variant of JSON schema.
            tool["parametersJsonSchema"] = tool.pop("parameters")
        functions.append(tool)
    return [*written, {"functionDeclarations": functions}] if functions else written


def _contents(messages: Sequence[Message]) -> list[dict[str, Any]]:
    contents: list[dict[str, Any]] = []
    results: list[dict[str, Any]] | None = None
    for message in messages:
        if message.role == "tool":
            # All results of one round must be in one content.
            if results is None:
                results = []
                contents.append({"role": "user", "parts": results})
            results.append(_result(message, messages))
        elif message.role != "system":
            results = None
            parts = list(_parts(message))
            if parts:
                role = "model" if message.role == "assistant" else "user"
                contents.append({"role": role, "parts": parts})
    return contents


def _parts(message: Message) -> Iterator[dict[str, Any]]:
    kept = given_back(message, DIALECT)
    if kept and _says_the_same(kept, message):
        yield from kept
        return
    for image in message.images:
        yield _image(image)
    for file in message.files:
        yield {"inlineData": {"mimeType": file.media_type, "data": file.data}}
    if message.content:
        yield {"text": message.content}
    for place, call in enumerate(message.tool_calls):
        function = {"name": call.name, "args": arguments_of(call)}
        part: dict[str, Any] = {"functionCall": function | ({"id": call.id} if call.id else {})}
        if not place:
            # Only the first of several parallel calls has a signature.
            part[SIGNATURE] = NO_SIGNATURE
        yield part


def _says_the_same(parts: list[dict[str, Any]], message: Message) -> bool:
    texts = [part.get("text") or "" for part in parts if part.get("thought") is not True]
    calls = [part["functionCall"] for part in parts if part.get("functionCall")]
    return "".join(map(str, texts)) == message.content and [
        (call.get("name"), call.get("args") or {}) for call in calls if isinstance(call, dict)
    ] == [(call.name, arguments_of(call)) for call in message.tool_calls]


def _result(message: Message, messages: Sequence[Message]) -> dict[str, Any]:
    result = {"name": tool_name(message, messages), "response": _response(message.content)}
    return {
        "functionResponse": result | ({"id": message.tool_call_id} if message.tool_call_id else {})
    }


def _response(content: str) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        value = content
    return value if isinstance(value, dict) else {"result": value}


def _image(image: Image) -> dict[str, Any]:
    found = embedded(image)
    if found is not None:
        return {"inlineData": {"mimeType": found[0], "data": found[1]}}
    kind = {"mimeType": image.media_type} if image.media_type else {}
    return {"fileData": {"fileUri": image.url, **kind}}
