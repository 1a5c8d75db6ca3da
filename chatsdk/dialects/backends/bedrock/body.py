"""Encodes messages as the body of a Bedrock Converse request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chatsdk.dialects.backends.bedrock.converse import DIALECT
from chatsdk.dialects.request import (
    arguments_of,
    embedded,
    failed,
    given_back,
    paired,
    plain_id,
    system_text,
)
from chatsdk.dialects.tool_calls import declared
from chatsdk.messages import Image, Message

__all__ = ["write_body"]

# Common names of options, and Bedrock's.
INFERENCE = {
    "max_tokens": "maxTokens",
    "temperature": "temperature",
    "top_p": "topP",
    "stop": "stopSequences",
}


def write_body(messages: Sequence[Message], options: Mapping[str, Any]) -> dict[str, Any]:
    """Encode the body; other options keep their names."""
    rest = dict(options)
    if rest.pop("model", None) is not None:
        raise ValueError(
            "Bedrock has its model in the URL, .../model/NAME/converse-stream: name it there"
        )
    tools = rest.pop("tools", None)
    body: dict[str, Any] = {"messages": _turns(messages)}
    system = system_text(messages)
    if system.strip():
        body["system"] = [{"text": system}]
    inference = {INFERENCE[name]: rest.pop(name) for name in INFERENCE if name in rest}
    if isinstance(inference.get("stopSequences"), str):
        inference["stopSequences"] = [inference["stopSequences"]]
    if inference:
        body["inferenceConfig"] = inference | dict(rest.pop("inferenceConfig", None) or {})
    if tools:
        body["toolConfig"] = {"tools": [_tool(declared(tool)) for tool in tools]}
    return body | rest


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    schema = tool.get("parameters") or {"type": "object", "properties": {}}
    told = {"name": tool["name"], "inputSchema": {"json": schema}}
    described = {"description": tool["description"]} if tool.get("description") else {}
    return {"toolSpec": told | described}


def _turns(messages: Sequence[Message]) -> list[dict[str, Any]]:
    turns: list[dict[str, Any]] = []
    for message in paired(messages):
        if message.role == "system":
            continue
        role = "assistant" if message.role == "assistant" else "user"
        content = [_result(message)] if message.role == "tool" else _content(message)
        if not content:
            # The API refuses empty messages, such as an answer that was stopped early.
            continue
        if turns and turns[-1]["role"] == role:
            # The roles must alternate, and all results of a round must be in one message.
            turns[-1]["content"] += content
        else:
            turns.append({"role": role, "content": content})
    return turns


def _content(message: Message) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = [
        {"reasoningContent": block} for block in given_back(message, DIALECT)
    ]
    blocks += [_image(image) for image in message.images]
    # The API refuses text that is only white space.
    if message.content.strip():
        blocks.append({"text": message.content})
    for call in message.tool_calls:
        use = {"toolUseId": plain_id(call.id), "name": call.name, "input": arguments_of(call)}
        blocks.append({"toolUse": use})
    return blocks


def _result(message: Message) -> dict[str, Any]:
    result = {"toolUseId": plain_id(message.tool_call_id), "content": [{"text": message.content}]}
    return {"toolResult": result | ({"status": "error"} if failed(message) else {})}


def _image(image: Image) -> dict[str, Any]:
    found = embedded(image)
    if found is None:
        raise ValueError(
            "Bedrock takes pictures by their content: give Image(data=..., media_type=...)"
        )
    kind = found[0].rpartition("/")[2]
    return {"image": {"format": {"jpg": "jpeg"}.get(kind, kind), "source": {"bytes": found[1]}}}
