"""Anthropic Messages, asked: messages in, the body of the request out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chatsdk.dialects.asking import arguments_of, embedded, failed, given_back, system_text
from chatsdk.dialects.backends.anthropic_content import DIALECT
from chatsdk.dialects.calling import declared
from chatsdk.messages import Image, Message

__all__ = ["MAX_TOKENS", "write_body"]

# Tokens. The API insists on a limit and refuses one that the model cannot reach: 8192 is what every
# model from Claude 3.5 on accepts, and four times what an ordinary answer takes.
MAX_TOKENS = 8192


def write_body(messages: Sequence[Message], options: Mapping[str, Any]) -> dict[str, Any]:
    """Write the body; the options stand in it under their own names, but for the tools."""
    rest = dict(options)
    tools = rest.pop("tools", None)
    body: dict[str, Any] = {"max_tokens": MAX_TOKENS, "stream": True}
    system = system_text(messages)
    if system:
        body["system"] = system
    body["messages"] = _turns(messages)
    if tools:
        body["tools"] = [_tool(tool) for tool in tools]
    return body | rest


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    written = declared(tool)
    if "parameters" in written:
        written["input_schema"] = written.pop("parameters")
    return written


def _turns(messages: Sequence[Message]) -> list[dict[str, Any]]:
    turns: list[dict[str, Any]] = []
    results: list[dict[str, Any]] | None = None
    for message in messages:
        if message.role == "tool":
            # All results of one round have to stand in one message.
            if results is None:
                results = []
                turns.append({"role": "user", "content": results})
            results.append(
                {
                    "type": "tool_result",
                    "tool_use_id": message.tool_call_id,
                    "content": message.content,
                }
                | ({"is_error": True} if failed(message) else {})
            )
        elif message.role != "system":
            results = None
            content = _content(message)
            # The API refuses empty messages; an answer that was stopped early is one.
            if content or message.role == "user":
                turns.append({"role": message.role, "content": content})
    return turns


def _content(message: Message) -> str | list[dict[str, Any]]:
    blocks = given_back(message, DIALECT)
    if blocks and _says_the_same(blocks, message):
        return [block for block in blocks if _may_go_back(block, message)]
    if not message.images and not message.tool_calls:
        return message.content
    return [
        *(_image(image) for image in message.images),
        *([{"type": "text", "text": message.content}] if message.content else []),
        *(
            {"type": "tool_use", "id": call.id, "name": call.name, "input": arguments_of(call)}
            for call in message.tool_calls
        ),
    ]


def _says_the_same(blocks: list[dict[str, Any]], message: Message) -> bool:
    texts = [str(block.get("text")) for block in blocks if block.get("type") == "text"]
    calls = [block.get("id") for block in blocks if block.get("type") == "tool_use"]
    return "".join(texts) == message.content and calls == [call.id for call in message.tool_calls]


def _may_go_back(block: dict[str, Any], message: Message) -> bool:
    # The API refuses blocks without text, though models begin with one now and then.
    if not str(block.get("text", "-")).strip():
        return False
    # Gateways lose the signature. Beside calls a thought is wanted all the same.
    unsigned = block.get("type") == "thinking" and not block.get("signature")
    return not unsigned or bool(message.tool_calls)


def _image(image: Image) -> dict[str, Any]:
    found = embedded(image)
    if found is None:
        return {"type": "image", "source": {"type": "url", "url": image.url}}
    source = {"type": "base64", "media_type": found[0], "data": found[1]}
    return {"type": "image", "source": source}
