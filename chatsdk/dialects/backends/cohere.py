"""Cohere's chat API, version 2."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from chatsdk.dialects.dialect import About, Decoder, Dialect
from chatsdk.dialects.finish_reasons import reason_of
from chatsdk.dialects.payload import (
    as_name,
    as_object,
    as_text,
    as_whole,
    extra_object,
    extra_objects,
    failure_in,
    load_object,
)
from chatsdk.dialects.request import paired
from chatsdk.dialects.tool_calls import written_calls, written_tools
from chatsdk.messages import Message
from chatsdk.parts import (
    Citation,
    Citations,
    End,
    Failure,
    Finish,
    Identity,
    Part,
    Reasoning,
    Text,
    ToolCallDelta,
    UsageUpdate,
)
from chatsdk.sse import ServerSentEvent

__all__ = ["Cohere"]

FINISH = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR": "error",
    "TIMEOUT": "error",
}


class Cohere(Dialect):
    """Cohere's ``/v2/chat``, also served by vLLM at ``/cohere/v2/chat``.

    A model's plan before its tool calls is reasoning, like its thoughts.
    """

    about = About(
        name="cohere",
        backend="Cohere",
        version="cohere 7.3.1, v2 chat",
        page="https://docs.cohere.com/v2/docs/streaming",
        endpoint="POST /v2/chat",
        end_marker="event: message-end",
        finish_reason=True,
        reasoning=True,
        tools=True,
        citations=True,
        usage=True,
    )

    output_ways = ("schema", "json", "tool", "words")
    output_field = "response_format.json_schema"
    # "Your message should always explicitly instruct the model to generate a JSON."
    output_words = frozenset({"schema", "json", "words"})

    def decoder(self, content_type: str = "") -> Decoder:
        return CohereDecoder(self)

    def body(
        self, messages: Sequence[Message], *, conversation_id: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Encode the body; the option ``model`` is required, ``documents`` is optional."""
        if not options.get("model"):
            raise ValueError("Cohere needs a model: pass model='...'")
        tools = options.pop("tools", None)
        body: dict[str, Any] = {"messages": [_message(item) for item in paired(messages)]}
        if tools:
            body["tools"] = written_tools(tools)
        return body | {"stream": True} | options

    def with_schema(
        self, body: dict[str, Any], schema: dict[str, Any], name: str
    ) -> dict[str, Any] | None:
        """Return the body with the schema; the API rejects it with tools or documents."""

        from chatsdk.output.strict import for_cohere

        found = for_cohere(schema)
        if found is None or body.get("tools") or body.get("documents"):
            return None
        return body | {"response_format": {"type": "json_object", "json_schema": found}}

    def with_json(self, body: dict[str, Any]) -> dict[str, Any]:
        return body | {"response_format": {"type": "json_object"}}

    def with_forced_tool(self, body: dict[str, Any], name: str | None) -> dict[str, Any]:
        return body | {"tool_choice": "REQUIRED"}


def _message(message: Message) -> dict[str, Any]:
    content: Any = message.content
    if message.images:
        content = [{"type": "text", "text": message.content}] if message.content else []
        content += [
            {"type": "image_url", "image_url": {"url": image.source}} for image in message.images
        ]
    written: dict[str, Any] = {"role": message.role, "content": content}
    if message.role == "tool":
        return written | {"tool_call_id": message.tool_call_id}
    if message.tool_calls:
        written["tool_calls"] = written_calls(message)
        if message.reasoning:
            written["tool_plan"] = message.reasoning
        if not message.content:
            del written["content"]
    return written


class CohereDecoder(Decoder):
    """Decodes the events of one message, by their ``type``."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        data = event.data
        if data[:1] != "{" and data.strip() in ("", "[DONE]"):
            return ()
        payload = load_object(data)
        kind = payload.get("type")
        read = _READ.get(kind) if isinstance(kind, str) else None
        if read is None:
            return (failure_in(payload),) if payload.get("error") else ()
        return read(self, payload, as_object(payload.get("delta"), "delta"))

    def _start(self, payload: dict[str, Any], delta: dict[str, Any]) -> Sequence[Part]:
        return (Identity(id=as_name(payload.get("id"))),)

    def _content(self, payload: dict[str, Any], delta: dict[str, Any]) -> Sequence[Part]:
        content = as_object(_said(delta).get("content"), "content")
        parts: list[Part] = []
        if thought := as_text(content.get("thinking"), "thinking"):
            parts.append(Reasoning(thought))
        if text := as_text(content.get("text"), "text"):
            parts.append(Text(text))
        return parts

    def _plan(self, payload: dict[str, Any], delta: dict[str, Any]) -> Sequence[Part]:
        plan = as_text(_said(delta).get("tool_plan"), "tool_plan")
        return (Reasoning(plan),) if plan else ()

    def _call(self, payload: dict[str, Any], delta: dict[str, Any]) -> Sequence[Part]:
        index = payload.get("index")
        call = as_object(_said(delta).get("tool_calls"), "tool_calls")
        function = as_object(call.get("function"), "function")
        piece = ToolCallDelta(
            index if isinstance(index, (int, str)) else 0,
            as_name(call.get("id")),
            as_name(function.get("name")),
            as_text(function.get("arguments"), "arguments"),
        )
        return (piece,)

    def _cited(self, payload: dict[str, Any], delta: dict[str, Any]) -> Sequence[Part]:
        citation = extra_object(_said(delta).get("citations"))
        found = tuple(_sources(citation))
        return (Citations(found),) if found else ()

    def _end(self, payload: dict[str, Any], delta: dict[str, Any]) -> Sequence[Part]:
        parts: list[Part] = []
        usage = extra_object(delta.get("usage"))
        # The billed counts, which omit Cohere's own prompts, are separate.
        counted = extra_object(usage.get("tokens")) or extra_object(usage.get("billed_units"))
        if counted:
            parts.append(
                UsageUpdate(
                    input=as_whole(counted.get("input_tokens")),
                    output=as_whole(counted.get("output_tokens")),
                    cached=as_whole(usage.get("cached_tokens")),
                )
            )
        native = as_text(delta.get("finish_reason"), "finish_reason")
        error = delta.get("error")
        if error:
            words = error if isinstance(error, str) else failure_in({"error": error}).message
            return [*parts, Failure(words, native or None)]
        if native:
            parts.append(Finish(reason_of(native, FINISH), native))
        return [*parts, End()]


_READ: dict[str, Callable[[CohereDecoder, dict[str, Any], dict[str, Any]], Sequence[Part]]] = {
    "message-start": CohereDecoder._start,
    "content-start": CohereDecoder._content,
    "content-delta": CohereDecoder._content,
    "tool-plan-delta": CohereDecoder._plan,
    "tool-call-start": CohereDecoder._call,
    "tool-call-delta": CohereDecoder._call,
    "citation-start": CohereDecoder._cited,
    "message-end": CohereDecoder._end,
}


def _said(delta: dict[str, Any]) -> dict[str, Any]:
    return as_object(delta.get("message"), "message")


def _sources(citation: dict[str, Any]) -> Iterator[Citation]:
    for source in extra_objects(citation.get("sources")):
        # A document of the request or the output of a tool; the caller chose its fields.
        held = source.get("document", source.get("tool_output"))
        held = held if isinstance(held, dict) else {}
        yield Citation(
            title=as_name(held.get("title")),
            url=as_name(held.get("url")),
            document=as_name(source.get("id")),
            snippet=as_name(held.get("snippet")) or as_name(held.get("text")),
        )
