"""Mastra's agents: encodes requests; decoder and encoder are separate files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from chatsdk.dialects.backends.mastra.decoder import MastraDecoder
from chatsdk.dialects.dialect import About, Decoder, Dialect
from chatsdk.dialects.request import new_messages
from chatsdk.dialects.tool_calls import declared
from chatsdk.messages import Message
from chatsdk.parts import Part

if TYPE_CHECKING:
    from chatsdk.dialects.asked import AskedFor

__all__ = ["Mastra"]

# The default owner of a thread's memory.
RESOURCE = "chatsdk"


class Mastra(Dialect):
    """The stream of a Mastra agent, ``/api/agents/{agent}/stream``.

    ``tool_calls`` includes calls that the server runs and calls for the client; ``finish_reason``
    shows whether some wait for the client. Without a `conversation_id` all messages are sent; with
    one, only the new messages and the thread of the agent's memory.
    """

    about = About(
        name="mastra",
        backend="Mastra",
        version="@mastra/core 1.71",
        page="https://mastra.ai/docs/streaming/overview",
        endpoint="POST /api/agents/{agent_id}/stream",
        end_marker='"type": "finish"',
        finish_reason=True,
        reasoning=True,
        tools=True,
        citations=True,
        usage=True,
        runs_tools=True,
    )

    def decoder(self, content_type: str = "") -> Decoder:
        return MastraDecoder(self)

    def body(
        self, messages: Sequence[Message], *, conversation_id: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Encode the body; the client runs ``tools``, and ``resource`` owns the thread."""
        tools = options.pop("tools", None)
        resource = options.pop("resource", None)
        told = messages if conversation_id is None else new_messages(messages)
        body: dict[str, Any] = {"messages": [_message(message) for message in told]}
        if conversation_id is not None:
            body["memory"] = {"thread": conversation_id, "resource": resource or RESOURCE}
        elif resource is not None:
            raise ValueError("resource= owns a thread: give conversation_id='...' too")
        if tools:
            body["clientTools"] = {tool["name"]: _tool(tool) for tool in map(declared, tools)}
        return body | options

    def read_request(self, body: Any) -> AskedFor:
        from chatsdk.dialects.backends.mastra.request import read

        return read(body)

    def encode(
        self, parts: Iterable[Part], *, id: str = "answer-1", model: str = "built-in"
    ) -> Iterator[bytes]:
        from chatsdk.dialects.backends.mastra.encoder import encode

        return encode(parts, id=id, model=model)


def _message(message: Message) -> dict[str, Any]:
    if message.role == "tool":
        result = {
            "type": "tool-result",
            "toolCallId": message.tool_call_id or "",
            "toolName": message.name or "",
            "output": {"type": "text", "value": message.content},
        }
        return {"role": "tool", "content": [result]}
    if not message.images and not message.tool_calls:
        return {"role": message.role, "content": message.content}
    content: list[dict[str, Any]] = []
    if message.content:
        content.append({"type": "text", "text": message.content})
    content += [{"type": "image", "image": image.source} for image in message.images]
    content += [
        {
            "type": "tool-call",
            "toolCallId": call.id or "",
            "toolName": call.name or "",
            "input": _given(call.arguments),
        }
        for call in message.tool_calls
    ]
    return {"role": message.role, "content": content}


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": tool["name"],
        "description": tool.get("description") or "",
        "inputSchema": tool.get("parameters") or {"type": "object", "properties": {}},
    }


def _given(arguments: str) -> Any:
    try:
        return json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        return {}
