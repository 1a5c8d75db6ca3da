"""MCP over streamable HTTP: calls one tool; its result is the answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from chatsdk.dialects.dialect import About, Decoder, Dialect
from chatsdk.dialects.encoder_values import dump
from chatsdk.dialects.payload import (
    as_list,
    as_name,
    as_object,
    as_text,
    failure_in,
    load_object,
)
from chatsdk.dialects.request import OptionMissing, user_prompt
from chatsdk.messages import Message
from chatsdk.parts import (
    Citation,
    Citations,
    Data,
    End,
    Failure,
    Part,
    Reasoning,
    Text,
    TextSnapshot,
)
from chatsdk.sse import ServerSentEvent

__all__ = ["MCP"]

# The id of the request and of its progress; a stream has only one request.
REQUEST = 1

PROGRESS = ("reasoning", "text")


class MCP(Dialect):
    """``tools/call`` of the Model Context Protocol, for servers without sessions.

    A server with sessions needs an ``initialize`` request first; pass the id from its response as
    ``headers={"Mcp-Session-Id": ...}``. The tool's progress is reasoning, and its result is the
    text.

    Args:
        prompt: the tool's argument for the prompt.
        progress: ``"text"`` for tools that stream their text as progress.
    """

    about = About(
        name="mcp",
        backend="Model Context Protocol, tools/call",
        version="mcp 2.3.0",
        page="https://modelcontextprotocol.io/specification/2025-11-25/server/tools",
        endpoint="POST /mcp",
        end_marker="the response to the request",
        history="server",
        reasoning=True,
        citations=True,
    )

    def __init__(self, *, prompt: str = "prompt", progress: str = "reasoning") -> None:
        if progress not in PROGRESS:
            raise ValueError(f"progress is one of {', '.join(PROGRESS)}, not {progress!r}")
        self._prompt = prompt
        self._progress = progress

    def decoder(self, content_type: str = "") -> Decoder:
        return MCPDecoder(self, self._progress)

    def headers(self, token: str | None) -> dict[str, str]:
        """Return the accepted content types; the server refuses requests without both."""
        return {"Accept": "application/json, text/event-stream"} | super().headers(token)

    def body(
        self, messages: Sequence[Message], *, conversation_id: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Encode the call of ``tool_name``; options are arguments next to the prompt."""
        tool = options.pop("tool_name", None)
        if not tool:
            raise OptionMissing("MCP calls a tool", "tool_name")
        if options.pop("tools", None):
            raise ValueError("an MCP server has its tools: leave tools out")
        message = user_prompt(messages, "MCP")
        if message.images:
            raise ValueError("a tool of MCP takes arguments: use client.send(body) for pictures")
        return {
            "jsonrpc": "2.0",
            "id": REQUEST,
            "method": "tools/call",
            "params": {
                "name": tool,
                "arguments": {self._prompt: message.content} | options,
                "_meta": {"progressToken": REQUEST},
            },
        }

    def document(self, payload: Any) -> Sequence[Part] | None:
        """Decode a result that is one JSON document."""
        if not isinstance(payload, dict) or payload.get("jsonrpc") != "2.0":
            return None
        return MCPDecoder(self, self._progress).read(payload) or None


class MCPDecoder(Decoder):
    """Decodes the progress of one call, and its result."""

    def __init__(self, dialect: Dialect, progress: str) -> None:
        self.dialect = dialect
        self._streams = progress == "text"

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        return self.read(load_object(event.data)) if event.data.strip() else ()

    def read(self, frame: dict[str, Any]) -> Sequence[Part]:
        """Return the parts of one parsed message."""
        method = frame.get("method")
        if method == "notifications/progress":
            words = as_text(as_object(frame.get("params"), "params").get("message"), "message")
            if not words:
                return ()
            return (Text(words),) if self._streams else (Reasoning(f"{words}\n"),)
        if method is not None:
            if "id" not in frame:
                return ()
            return (Failure(f"the tool asks for {method}, which only a client of MCP can answer"),)
        if frame.get("error"):
            return (failure_in(frame),)
        if "result" not in frame:
            return ()
        return self._result(as_object(frame["result"], "result"))

    def _result(self, result: dict[str, Any]) -> list[Part]:
        content = [
            as_object(item, "content[]") for item in as_list(result.get("content"), "content")
        ]
        texts = [
            as_text(item.get("text"), "text") for item in content if item.get("type") == "text"
        ]
        text = "\n".join(texts)
        if result.get("isError") is True:
            return [Failure(text or "the tool failed without a message")]
        structured = result.get("structuredContent")
        if not text and structured is not None:
            text = dump(structured)
        cited = tuple(_resources(content))
        parts: list[Part] = [Citations(cited)] if cited else []
        # Some tools do their work and return nothing.
        said: Part = TextSnapshot(text) if self._streams else Text(text)
        return [*parts, said if text else Data("result"), End()]


def _resources(content: list[dict[str, Any]]) -> Iterator[Citation]:
    for item in content:
        if item.get("type") == "resource_link":
            yield Citation(
                title=as_name(item.get("title")) or as_name(item.get("name")),
                url=as_name(item.get("uri")),
                snippet=as_name(item.get("description")),
            )
        elif item.get("type") == "resource":
            resource = as_object(item.get("resource"), "resource")
            yield Citation(url=as_name(resource.get("uri")), snippet=as_name(resource.get("text")))
