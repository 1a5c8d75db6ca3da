"""Decodes Anthropic's events: the blocks of one message."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from chatsdk.dialects.backends.anthropic.native import DIALECT, Content
from chatsdk.dialects.dialect import Decoder, Dialect
from chatsdk.dialects.finish_reasons import reason_of
from chatsdk.dialects.frame_template import Alike
from chatsdk.dialects.payload import (
    UNSCANNABLE,
    as_index,
    as_name,
    as_object,
    as_text,
    as_whole,
    extra_object,
    extra_objects,
    failure_in,
    load_object,
    scan,
)
from chatsdk.parts import (
    Citation,
    Citations,
    End,
    Failure,
    Finish,
    Identity,
    Native,
    Part,
    Reasoning,
    Text,
    ToolCallDelta,
    UsageUpdate,
)
from chatsdk.sse import ServerSentEvent

__all__ = ["FINISH", "AnthropicDecoder"]

FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "refusal",
    "pause_turn": "other",
}

# The sum of all three is the input of the request.
INPUT_COUNTS = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


class AnthropicDecoder(Decoder):
    """Decodes the events of one ``message``; unknown events are ignored."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        # For each tool call without arguments yet, the start of its block.
        self._inputs: dict[int, dict[str, Any]] = {}
        # The key of the current call at each index, and the number of calls.
        self._calls: dict[int, int] = {}
        self._called = 0
        self._counts: dict[str, int] = {}
        self._content = Content()
        self._alike = Alike("text")

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        data = event.data
        # Nearly every event is a text delta: two shortcuts with the same result as `read`.
        piece: str | None = self._alike.text(data)
        if piece:
            self._content.text.append(piece)
            return (Text(piece),)
        try:
            payload, end = scan(data, 0)
        except UNSCANNABLE:
            end = -1
        if end != len(data) or payload.__class__ is not dict:
            # Not a JSON object, or one with white space around it.
            text = data.strip()
            if event.event == "error" and text and data[:1] != "{":
                return (Failure(text),)
            # Gateways add OpenAI's end marker to every API.
            if text in ("", "[DONE]"):
                return ()
            payload = load_object(data)
        kind = payload.get("type")
        if kind == "content_block_delta":
            piece = _piece(payload)
            if piece:
                self._alike.learn(data, _piece)
                self._content.text.append(piece)
                return (Text(piece),)
        return self.read(kind if isinstance(kind, str) else event.event, payload)

    def close(self) -> Sequence[Part]:
        blocks = self._content.whole()
        return () if blocks is None else (Native.of(DIALECT, blocks),)

    def read(self, kind: str, payload: dict[str, Any]) -> Sequence[Part]:
        """Return the parts of one parsed event of the type `kind`."""
        read = _READ.get(kind)
        if read is not None:
            return read(self, payload)
        return (failure_in(payload),) if payload.get("error") else ()

    def _message_start(self, payload: dict[str, Any]) -> Sequence[Part]:
        message = as_object(payload.get("message"), "message")
        identity = Identity(id=as_name(message.get("id")), model=as_name(message.get("model")))
        usage = extra_object(message.get("usage"))
        return (identity, self._usage(usage)) if usage else (identity,)

    def _block_start(self, payload: dict[str, Any]) -> Sequence[Part]:
        block = as_object(payload.get("content_block"), "content_block")
        kind = block.get("type")
        self._content.begin(payload.get("index"), block)
        # A start begins a new block, even at the index of the previous one.
        before = self._block_stop(payload)
        if _is_index(payload):
            self._calls.pop(payload["index"], None)
        if kind == "text":
            parts: list[Part] = []
            parts += before
            if text := as_text(block.get("text"), "text"):
                parts.append(Text(text))
            if found := extra_objects(block.get("citations")):
                parts.append(Citations(tuple(_citation(item) for item in found)))
            return parts
        if kind == "thinking":
            thinking = as_text(block.get("thinking"), "thinking")
            return (*before, Reasoning(thinking)) if thinking else before
        if kind == "tool_use":
            index = as_index(payload.get("index"), "index")
            key = self._calls[index] = self._called
            self._called += 1
            self._inputs[index] = as_object(block.get("input"), "input")
            name = as_text(block.get("name"), "name")
            return (*before, ToolCallDelta(key, id=as_name(block.get("id")), name=name))
        return before

    def _block_delta(self, payload: dict[str, Any]) -> Sequence[Part]:
        delta = as_object(payload.get("delta"), "delta")
        kind = delta.get("type")
        if kind == "text_delta":
            piece = as_text(delta.get("text"), "text")
            self._content.text.append(piece)
            return (Text(piece),)
        self._content.add(payload.get("index"), delta)
        if kind == "thinking_delta":
            return (Reasoning(as_text(delta.get("thinking"), "thinking")),)
        if kind == "input_json_delta":
            index = as_index(payload.get("index"), "index")
            piece = as_text(delta.get("partial_json"), "partial_json")
            # Server-side tools stream their arguments too.
            if piece and index in self._calls:
                self._inputs.pop(index, None)
                return (ToolCallDelta(self._calls[index], arguments=piece),)
        elif kind == "citations_delta":
            return (Citations((_citation(delta.get("citation")),)),)
        return ()

    def _block_stop(self, payload: dict[str, Any]) -> Sequence[Part]:
        # A call without arguments has no deltas; compatible servers send complete arguments at its
        # start.
        given = self._inputs.pop(payload["index"], None) if _is_index(payload) else None
        if given is None:
            return ()
        arguments = json.dumps(given, ensure_ascii=False)
        return (ToolCallDelta(self._calls[payload["index"]], arguments=arguments),)

    def _message_delta(self, payload: dict[str, Any]) -> Sequence[Part]:
        delta = as_object(payload.get("delta"), "delta")
        parts: list[Part] = []
        usage = extra_object(payload.get("usage"))
        if usage:
            parts.append(self._usage(usage))
        native = as_text(delta.get("stop_reason"), "stop_reason")
        if native:
            parts.append(Finish(reason_of(native, FINISH), native))
            self.finished = True
        return parts

    def _message_stop(self, payload: dict[str, Any]) -> Sequence[Part]:
        return (*self.close(), End())

    def _error(self, payload: dict[str, Any]) -> Sequence[Part]:
        return (failure_in(payload),)

    def _usage(self, usage: dict[str, Any]) -> UsageUpdate:
        # Counts are totals up to now; missing ones are unchanged.
        for name in INPUT_COUNTS:
            count = as_whole(usage.get(name))
            if count is not None:
                self._counts[name] = count
        details = extra_object(usage.get("output_tokens_details"))
        return UsageUpdate(
            input=sum(self._counts.values()) if self._counts else None,
            output=as_whole(usage.get("output_tokens")),
            reasoning=as_whole(details.get("thinking_tokens")),
            cached=self._counts.get("cache_read_input_tokens"),
        )


_READ: dict[str, Callable[[AnthropicDecoder, dict[str, Any]], Sequence[Part]]] = {
    "message_start": AnthropicDecoder._message_start,
    "content_block_start": AnthropicDecoder._block_start,
    "content_block_delta": AnthropicDecoder._block_delta,
    "content_block_stop": AnthropicDecoder._block_stop,
    "message_delta": AnthropicDecoder._message_delta,
    "message_stop": AnthropicDecoder._message_stop,
    "error": AnthropicDecoder._error,
}


def _piece(payload: dict[str, Any]) -> str | None:
    """Return the text of a text delta, ``None`` for any other event."""
    delta = payload.get("delta")
    if (
        payload.get("type") == "content_block_delta"
        and delta.__class__ is dict
        and delta.get("type") == "text_delta"
    ):
        text = delta.get("text")
        if text.__class__ is str:
            return text
    return None


def _is_index(payload: dict[str, Any]) -> bool:
    return payload.get("index").__class__ is int


def _citation(value: object) -> Citation:
    item = extra_object(value)
    url, document = as_name(item.get("url")), as_name(item.get("file_id"))
    source = as_name(item.get("source"))
    if source is not None and source.startswith(("https://", "http://")):
        url = url or source
    else:
        document = document or source
    if document is None and isinstance(item.get("document_index"), int):
        # The documents of a request are identified only by their index.
        document = str(item["document_index"])
    return Citation(
        title=as_name(item.get("title")) or as_name(item.get("document_title")),
        url=url,
        document=document,
        snippet=as_name(item.get("cited_text")),
    )
