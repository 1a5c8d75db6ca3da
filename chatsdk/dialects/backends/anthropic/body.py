"""Encodes messages as the body of an Anthropic Messages request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from chatsdk.dialects.backends.anthropic.native import DIALECT
from chatsdk.dialects.request import (
    arguments_of,
    embedded,
    failed,
    given_back,
    more_of,
    paired,
    plain_id,
    system_text,
)
from chatsdk.dialects.tool_calls import declared
from chatsdk.messages import Image, Message

if TYPE_CHECKING:
    from chatsdk.messages.files import File

__all__ = ["MAX_TOKENS", "write_body"]


# Tokens. The API requires a limit and refuses one above the model's: every model from Claude 3.5 on
# accepts 8192, which is four times an ordinary answer.
MAX_TOKENS = 8192


def write_body(messages: Sequence[Message], options: Mapping[str, Any]) -> dict[str, Any]:
    """Encode the body; options keep their names, except the tools."""
    rest = dict(options)
    tools = rest.pop("tools", None)
    body: dict[str, Any] = {"max_tokens": MAX_TOKENS, "stream": True}
    system = _system(messages)
    if system.strip() if isinstance(system, str) else system:
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


def _system(messages: Sequence[Message]) -> str | list[dict[str, Any]]:
    """The system messages as text, or as blocks if a part has more fields, such as caching."""
    found = [message for message in messages if message.role == "system"]
    if not any(message.more for message in found):
        return system_text(messages)
    return [block for message in found for block in _own_parts(message)]


def _turns(messages: Sequence[Message]) -> list[dict[str, Any]]:
    turns: list[dict[str, Any]] = []
    results: list[dict[str, Any]] | None = None
    for message in paired(messages):
        if message.role == "tool":
            # All results of one round must be in one message.
            if results is None:
                results = []
                turns.append({"role": "user", "content": results})
            content = message.content if message.content.strip() else ""
            results.append(
                {
                    "type": "tool_result",
                    "tool_use_id": plain_id(message.tool_call_id),
                    "content": _own_parts(message) if message.more else content,
                }
                | ({"is_error": True} if failed(message) else {})
            )
        elif message.role != "system":
            results = None
            found = _content(message)
            # The API refuses empty messages, such as an answer that was stopped early.
            if found or (message.role == "user" and not message.content):
                turns.append({"role": message.role, "content": found})
    return turns


def _content(message: Message) -> str | list[dict[str, Any]]:
    blocks = given_back(message, DIALECT)
    if blocks and _says_the_same(blocks, message):
        return [block for block in blocks if _may_go_back(block, message)]
    # The API refuses text that is only white space.
    text = message.content if message.content.strip() else ""
    if message.more is None and not (message.images or message.files or message.tool_calls):
        return text
    said = [{"type": "text", "text": text}] if text else []
    return [
        *(
            _own_parts(message)
            if message.more is not None
            else [*map(_image, message.images), *map(_file, message.files), *said]
        ),
        *(
            {
                "type": "tool_use",
                "id": plain_id(call.id),
                "name": call.name,
                "input": arguments_of(call),
            }
            for call in message.tool_calls
        ),
    ]


def _own_parts(message: Message) -> list[dict[str, Any]]:
    """The parts of a message as the caller wrote them, in OpenAI's or in Anthropic's shape."""
    fields, parts = more_of(message)
    if fields:
        raise ValueError(
            f"Anthropic takes no {', '.join(fields)} in a message: leave it out; cache_control "
            "belongs into a part of the content"
        )
    return [block for part in parts or () if (block := _own_part(part)) is not None]


def _own_part(part: dict[str, Any]) -> dict[str, Any] | None:
    if "text" in part and not str(part["text"]).strip():
        return None
    inner = part.get("image_url")
    if inner is None:
        return part | {"type": part.get("type", "text")}
    url = inner.get("url") if isinstance(inner, dict) else inner
    more = {name: held for name, held in part.items() if name not in ("type", "image_url")}
    if isinstance(inner, dict) and inner.keys() - {"url"}:
        names = ", ".join(sorted(inner.keys() - {"url"}))
        raise ValueError(f"Anthropic takes no {names} of a picture: leave it out")
    return _image(Image(url=url)) | more


def _file(file: File) -> dict[str, Any]:
    if file.media_type != "application/pdf":
        raise ValueError(f"Anthropic takes PDF files, not {file.media_type}")
    source = {"type": "base64", "media_type": file.media_type, "data": file.data}
    return {"type": "document", "source": source} | ({"title": file.name} if file.name else {})


def _says_the_same(blocks: list[dict[str, Any]], message: Message) -> bool:
    texts = [str(block.get("text")) for block in blocks if block.get("type") == "text"]
    calls = [block.get("id") for block in blocks if block.get("type") == "tool_use"]
    return "".join(texts) == message.content and calls == [call.id for call in message.tool_calls]


def _may_go_back(block: dict[str, Any], message: Message) -> bool:
    # The API refuses blocks without text, although models sometimes start with one.
    if not str(block.get("text", "-")).strip():
        return False
    # Gateways drop the signature. With calls the API needs the reasoning anyway.
    unsigned = block.get("type") == "thinking" and not block.get("signature")
    return not unsigned or bool(message.tool_calls)


def _image(image: Image) -> dict[str, Any]:
    found = embedded(image)
    if found is None:
        return {"type": "image", "source": {"type": "url", "url": image.url}}
    source = {"type": "base64", "media_type": found[0], "data": found[1]}
    return {"type": "image", "source": source}
