"""Encodes messages as the body of an OpenAI Responses request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from chatsdk.dialects.backends.openai_responses.native import CALLS, DIALECT
from chatsdk.dialects.request import (
    given_back,
    new_messages,
    paired,
    system_text,
    whole_arguments,
)
from chatsdk.dialects.tool_calls import declared
from chatsdk.messages import Message

if TYPE_CHECKING:
    from chatsdk.messages.files import File

__all__ = ["CONVERSATION", "write_body"]

# The prefix of a conversation's id; any other id belongs to a response.
CONVERSATION = "conv_"


def write_body(
    messages: Sequence[Message], conversation_id: str | None, options: Mapping[str, Any]
) -> dict[str, Any]:
    """Encode the body; options keep their names, except the tools."""
    messages = paired(messages)
    rest = dict(options)
    tools = rest.pop("tools", None)
    body: dict[str, Any] = {"stream": True}
    # Separate from the conversation, which does not store instructions, so each request has them.
    system = system_text(messages)
    if system:
        body["instructions"] = system
    if conversation_id:
        messages = new_messages(messages)
        if conversation_id.startswith(CONVERSATION):
            body["conversation"] = conversation_id
        else:
            body["previous_response_id"] = conversation_id
    body["input"] = [item for message in messages for item in _items(message)]
    if tools:
        body["tools"] = [_tool(tool) for tool in tools]
    return body | rest


def _items(message: Message) -> Iterator[dict[str, Any]]:
    kept = given_back(message, DIALECT)
    if kept and _says_the_same(kept, message):
        yield from (item for item in kept if item.get("content") != "")
    elif message.role == "tool":
        yield {
            "type": "function_call_output",
            "call_id": message.tool_call_id,
            "output": message.content,
        }
    elif message.role != "system":
        if message.images or message.files:
            text = [{"type": "input_text", "text": message.content}] if message.content else []
            images = [{"type": "input_image", "image_url": i.source} for i in message.images]
            yield {"role": message.role, "content": [*text, *images, *map(_file, message.files)]}
        elif message.content or message.role == "user":
            yield {"role": message.role, "content": message.content}
        for call in message.tool_calls:
            yield {
                "type": "function_call",
                "call_id": call.id,
                "name": call.name,
                "arguments": whole_arguments(call),
            }


def _file(file: File) -> dict[str, Any]:
    if file.media_type != "application/pdf":
        raise ValueError(f"OpenAI Responses takes PDF files, not {file.media_type}")
    return {"type": "input_file", "filename": file.name or "file.pdf", "file_data": file.source}


def _says_the_same(items: list[dict[str, Any]], message: Message) -> bool:
    text = "".join(str(item.get("content")) for item in items if "role" in item)
    calls = [item.get("call_id") for item in items if item.get("type") in CALLS]
    return text == message.content and calls == [call.id for call in message.tool_calls]


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    tool = declared(tool)
    if "type" in tool:
        # One of OpenAI's tools, {"type": "web_search"}.
        return tool
    # The default, strict, refuses optional parameters.
    return {"type": "function", "strict": False, **tool}
