"""Strands agents on Amazon Bedrock AgentCore, ``/invocations``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chatsdk.dialects.backends.bedrock.converse import ConverseReader
from chatsdk.dialects.dialect import About, Decoder, Dialect
from chatsdk.dialects.payload import as_name, as_object, as_text, failure_in, load
from chatsdk.dialects.request import new_messages
from chatsdk.errors import ProtocolError
from chatsdk.messages import Message
from chatsdk.parts import End, Failure, Part, Text
from chatsdk.sse import ServerSentEvent

__all__ = ["Strands"]


class Strands(Dialect):
    """The events of a Strands agent, as an AgentCore entry point forwards them.

    They are Bedrock's events, one turn of the model after the other, as server-sent events. An
    entry point that yields text instead of events is supported too. AgentCore selects a session by
    a header field: ``ChatClient(headers={"X-Amzn-Bedrock-AgentCore-Runtime-Session-Id": ...})``.
    """

    about = About(
        name="strands",
        backend="Strands Agents on Bedrock AgentCore",
        version="strands-agents 1.62.0, bedrock-agentcore 1.25.0",
        page="https://strandsagents.com/latest/documentation/docs/user-guide/concepts/streaming/overview/",
        endpoint="POST /invocations",
        end_marker="the end of a turn without calls",
        finish_reason=True,
        history="server",
        reasoning=True,
        tools=True,
        citations=True,
        usage=True,
        runs_tools=True,
    )

    def decoder(self, content_type: str = "") -> Decoder:
        return StrandsDecoder(self)

    def body(
        self, messages: Sequence[Message], *, conversation_id: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Encode the body: the text of the new message as ``prompt``, with options next to it."""
        if conversation_id is not None:
            raise ValueError(
                "AgentCore names its sessions in a header field: leave conversation_id out, and "
                "give ChatClient(headers={'X-Amzn-Bedrock-AgentCore-Runtime-Session-Id': ...})"
            )
        if options.pop("tools", None):
            raise ValueError("a Strands agent has its own tools: add them to the agent")
        if any(message.role == "system" for message in messages):
            raise ValueError("a Strands agent has its own instructions: leave system messages out")
        new = new_messages(messages)
        if not new or new[-1].role != "user" or new[-1].images:
            raise ValueError(
                "a Strands agent answers text: the last message must be a user's, without images"
            )
        return {"prompt": new[-1].content} | options


class StrandsDecoder(Decoder):
    """Decodes the events of one run."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self._reader = ConverseReader()
        self._events = False
        self._words = False

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        if not event.data.strip():
            return ()
        value = load(event.data)
        if value.__class__ is str:
            return self._said(value)
        if value.__class__ is not dict:
            raise ProtocolError("an event should be a JSON object or a string")
        if isinstance(value.get("error"), dict):
            # A gateway's error, in the usual shape.
            return (failure_in(value),)
        if value.get("error"):
            words = as_text(value["error"], "error")
            return (Failure(words, as_name(value.get("error_type"))),)
        parts: list[Part] = []
        for name, inner in as_object(value.get("event"), "event").items():
            self._events = True
            parts += self._reader.read(name, as_object(inner, name))
        return parts

    def close(self) -> Sequence[Part]:
        stopped = self._reader.stopped
        if stopped is None:
            return (End(),) if self._words and not self._events else ()
        # Another turn follows a turn with tool calls.
        return () if stopped.reason == "tool_calls" else (stopped, End())

    def _said(self, words: str) -> Sequence[Part]:
        # Each event is repeated as the repr of a Python dict.
        if self._events or words.startswith("{'") or not words:
            return ()
        self._words = True
        return (Text(words),)
