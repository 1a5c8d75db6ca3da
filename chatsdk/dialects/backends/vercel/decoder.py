"""Decodes the chunks of one Vercel UI message."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from chatsdk.dialects.backends.vercel.native import DIALECT, Metadata
from chatsdk.dialects.dialect import Decoder, Dialect
from chatsdk.dialects.finish_reasons import reason_of
from chatsdk.dialects.payload import as_name, as_number, as_object, as_text, as_whole, load_object
from chatsdk.parts import (
    Citation,
    Citations,
    Data,
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

__all__ = ["FINISH", "VercelDecoder"]

FINISH = {
    "stop": "stop",
    "length": "length",
    "tool-calls": "tool_calls",
    "content-filter": "content_filter",
    "error": "error",
    "other": "other",
}


class VercelDecoder(Decoder):
    """Decodes the chunks of one UI message; the answer omits ``data-*``, files and steps."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        # For each call, the arguments that were streamed.
        self._pieces: dict[str, list[str]] = {}
        self._finished = False
        # Calls without a result: the client must run their tools.
        self._open: set[str] = set()
        self._metadata = Metadata()

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        data = event.data
        if data[:1] != "{":
            text = data.strip()
            if text in ("[DONE]", '"[DONE]"'):
                return (*self._kept(), End())
            if not text:
                return ()
        chunk = load_object(data)
        kind = chunk.get("type")
        if kind == "text-delta":
            return (Text(as_text(chunk.get("delta"), "delta")),)
        if not isinstance(kind, str):
            return ()
        read = _READ.get(kind)
        if read is not None:
            return read(self, chunk)
        return (Data(kind),) if kind.startswith("data-") or kind == "file" else ()

    def close(self) -> Sequence[Part]:
        # Compatible servers omit [DONE]; the AI SDK itself does not wait for it.
        return (*self._kept(), End()) if self._finished else ()

    def _kept(self) -> Sequence[Part]:
        value = self._metadata.whole()
        return () if value is None else (Native.of(DIALECT, value),)

    def _reasoning(self, chunk: dict[str, Any]) -> Sequence[Part]:
        self._reasoning_edge(chunk)
        delta = as_text(chunk.get("delta"), "delta")
        self._metadata.think(as_name(chunk.get("id")) or "", delta)
        return (Reasoning(delta),)

    def _reasoning_edge(self, chunk: dict[str, Any]) -> Sequence[Part]:
        id = as_name(chunk.get("id")) or ""
        self._metadata.see("reasoning", id, chunk.get("providerMetadata"))
        return ()

    def _text_edge(self, chunk: dict[str, Any]) -> Sequence[Part]:
        # The texts of a message are encoded as one.
        self._metadata.see("text", "", chunk.get("providerMetadata"))
        return ()

    def _call_start(self, chunk: dict[str, Any]) -> Sequence[Part]:
        id = as_text(chunk.get("toolCallId"), "toolCallId")
        self._metadata.see("call", id, chunk.get("providerMetadata"))
        self._pieces[id] = []
        self._open.add(id)
        return (ToolCallDelta(id, id, as_name(chunk.get("toolName"))),)

    def _call_delta(self, chunk: dict[str, Any]) -> Sequence[Part]:
        id = as_text(chunk.get("toolCallId"), "toolCallId")
        piece = as_text(chunk.get("inputTextDelta"), "inputTextDelta")
        self._pieces.setdefault(id, []).append(piece)
        return (ToolCallDelta(id, id, arguments=piece),)

    def _call_whole(self, chunk: dict[str, Any]) -> Sequence[Part]:
        id = as_text(chunk.get("toolCallId"), "toolCallId")
        self._metadata.see("call", id, chunk.get("providerMetadata"))
        self._open.add(id)
        given = chunk.get("input")
        streamed = "".join(self._pieces.pop(id, ()))
        call = ToolCallDelta(id, id, as_name(chunk.get("toolName")))
        # A call that was repaired on the server differs from its streamed arguments.
        if streamed == given or (streamed and _same(streamed, given)):
            return (call,)
        # Malformed arguments stay text.
        text = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
        return (ToolCallDelta(id, id, call.name, text, replace=True),)

    def _call_ended(self, chunk: dict[str, Any]) -> Sequence[Part]:
        self._open.discard(as_text(chunk.get("toolCallId"), "toolCallId"))
        return ()

    def _source(self, chunk: dict[str, Any]) -> Sequence[Part]:
        more = as_object(chunk.get("providerMetadata"), "providerMetadata").get("chatsdk")
        more = more if isinstance(more, dict) else {}
        url = as_name(chunk.get("url"))
        citation = Citation(
            title=as_name(chunk.get("title")) or as_name(chunk.get("filename")),
            url=url,
            document=as_name(chunk.get("sourceId"))
            if url is None
            else as_name(more.get("document")),
            snippet=as_name(more.get("snippet")),
            score=as_number(more.get("score")),
            position=as_whole(more.get("position")),
        )
        return (Citations((citation,)),)

    def _start(self, chunk: dict[str, Any]) -> Sequence[Part]:
        id = as_name(chunk.get("messageId"))
        given = () if id is None else (Identity(id=id),)
        return (*given, *self._message_metadata(chunk))

    def _message_metadata(self, chunk: dict[str, Any]) -> Sequence[Part]:
        # The application defines the metadata, so values that do not fit are not meant for chatsdk.
        found = chunk.get("messageMetadata")
        if not isinstance(found, dict):
            return ()
        parts: list[Part] = []
        model = as_name(found.get("model")) or as_name(found.get("modelId"))
        if model is not None:
            parts.append(Identity(model=model))
        for name in ("usage", "totalUsage"):
            if isinstance(found.get(name), dict):
                found = found[name]
                break
        usage = UsageUpdate(
            input=as_whole(found.get("inputTokens")),
            output=as_whole(found.get("outputTokens")),
            total=as_whole(found.get("totalTokens")),
            reasoning=as_whole(found.get("reasoningTokens")),
            cached=as_whole(found.get("cachedInputTokens")),
        )
        if usage != UsageUpdate():
            parts.append(usage)
        return parts

    def _finish(self, chunk: dict[str, Any]) -> Sequence[Part]:
        self._finished = self.finished = True
        parts = [*self._message_metadata(chunk)]
        native = as_text(chunk.get("finishReason"), "finishReason")
        if native:
            parts.append(Finish(reason_of(native, FINISH), native))
        elif self._open:
            # Version 5 does not send a reason.
            parts.append(Finish("tool_calls"))
        if native == "error":
            parts.append(Failure("the model failed, and its error part is missing"))
        return parts

    def _abort(self, chunk: dict[str, Any]) -> Sequence[Part]:
        return (Finish("cancelled", "abort"),)

    def _error(self, chunk: dict[str, Any]) -> Sequence[Part]:
        if "errorText" not in chunk:
            # Not Vercel's shape; the client decodes the common shapes.
            return ()
        return (Failure(as_text(chunk["errorText"], "errorText")),)


_READ: dict[str, Callable[[VercelDecoder, dict[str, Any]], Sequence[Part]]] = {
    "start": VercelDecoder._start,
    "text-start": VercelDecoder._text_edge,
    "text-end": VercelDecoder._text_edge,
    "reasoning-start": VercelDecoder._reasoning_edge,
    "reasoning-delta": VercelDecoder._reasoning,
    "reasoning-end": VercelDecoder._reasoning_edge,
    "tool-input-start": VercelDecoder._call_start,
    "tool-input-delta": VercelDecoder._call_delta,
    "tool-input-available": VercelDecoder._call_whole,
    "tool-input-error": VercelDecoder._call_whole,
    "tool-output-available": VercelDecoder._call_ended,
    "tool-output-error": VercelDecoder._call_ended,
    "tool-output-denied": VercelDecoder._call_ended,
    "source-url": VercelDecoder._source,
    "source-document": VercelDecoder._source,
    "message-metadata": VercelDecoder._message_metadata,
    "finish": VercelDecoder._finish,
    "abort": VercelDecoder._abort,
    "error": VercelDecoder._error,
}


def _same(streamed: str, given: object) -> bool:
    try:
        return bool(json.loads(streamed) == given)
    except (ValueError, RecursionError):
        return False
