"""Mistral's conversations: encodes requests; the decoder is a separate file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chatsdk.dialects.backends.mistral_conversations.decoder import ConversationsDecoder
from chatsdk.dialects.dialect import About, Decoder, Dialect
from chatsdk.dialects.request import new_messages, system_text
from chatsdk.dialects.tool_calls import written_tools
from chatsdk.messages import Message

__all__ = ["MistralConversations"]

# Fields that start a conversation, and that a request to continue it does not accept.
BEGINNING = (
    *("model", "agent_id", "agent_version", "instructions", "tools", "name", "description"),
    *("metadata", "guardrails"),
)


class MistralConversations(Dialect):
    """Mistral's ``/v1/conversations``, which keeps the conversation and runs connectors.

    A conversation starts with a ``model`` or an ``agent_id``. The server keeps this, the
    instructions and the tools, so requests that continue the conversation omit them. Pass settings
    such as the temperature as ``completion_args={...}``. The answer includes calls of Mistral's
    connectors; ``finish_reason`` shows whether functions wait for the client.
    """

    about = About(
        name="mistral_conversations",
        backend="Mistral conversations and agents",
        version="mistralai 3.7.0",
        page="https://docs.mistral.ai/agents/agents_basics/",
        endpoint="POST /v1/conversations",
        end_marker="event: conversation.response.done",
        history="server",
        reasoning=True,
        tools=True,
        citations=True,
        usage=True,
        runs_tools=True,
    )

    output_ways = ("schema", "json", "words")
    output_field = "completion_args.response_format"

    def decoder(self, content_type: str = "") -> Decoder:
        return ConversationsDecoder(self)

    def url(self, url: str, *, conversation_id: str | None = None) -> str:
        """Return the URL of the conversation to continue, or `url` for a new one."""
        path, mark, query = url.partition("?")
        if conversation_id is None or not path.rstrip("/").endswith("/conversations"):
            return url
        return f"{path.rstrip('/')}/{conversation_id}{mark}{query}"

    def body(
        self, messages: Sequence[Message], *, conversation_id: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Encode the new input: the user's messages, or the results of functions."""
        tools = options.pop("tools", None)
        told = [m for m in new_messages(messages) if m.role != "system"]
        if not told or told[-1].role == "assistant":
            raise ValueError(
                "Mistral needs a user's message or a tool's result as the last message"
            )
        inputs: Any = [_entry(message) for message in told if message.role != "assistant"]
        if len(told) == 1 and told[0].role == "user" and not told[0].images:
            inputs = told[0].content
        body: dict[str, Any] = {"inputs": inputs, "stream": True}
        if conversation_id is not None:
            kept = {name: value for name, value in options.items() if name not in BEGINNING}
            return body | kept
        if not options.get("model") and not options.get("agent_id"):
            raise ValueError("a conversation begins with model='...' or agent_id='...'")
        instructions = system_text(messages)
        if instructions:
            body["instructions"] = instructions
        if tools:
            body["tools"] = written_tools(tools)
        return body | options

    def with_schema(
        self, body: dict[str, Any], schema: dict[str, Any], name: str
    ) -> dict[str, Any]:
        from chatsdk.output.strict import for_openai

        strict = for_openai(schema)
        described = {"name": name, "schema": strict or schema, "strict": strict is not None}
        return _with_format(body, {"type": "json_schema", "json_schema": described})

    def with_json(self, body: dict[str, Any]) -> dict[str, Any]:
        return _with_format(body, {"type": "json_object"})


def _with_format(body: dict[str, Any], form: dict[str, Any]) -> dict[str, Any]:
    given = body.get("completion_args") or {}
    return body | {"completion_args": given | {"response_format": form}}


def _entry(message: Message) -> dict[str, Any]:
    if message.role == "tool":
        id = message.tool_call_id or ""
        return {"type": "function.result", "tool_call_id": id, "result": message.content}
    content: Any = message.content
    if message.images:
        content = [{"type": "text", "text": message.content}] if message.content else []
        content += [{"type": "image_url", "image_url": image.source} for image in message.images]
    return {"type": "message.input", "role": "user", "content": content}
