"""Decodes Mastra's events, whose payload contains everything but the type."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from chatsdk.dialects.dialect import Decoder, Dialect
from chatsdk.dialects.finish_reasons import reason_of
from chatsdk.dialects.payload import (
    as_name,
    as_object,
    as_text,
    as_whole,
    failure_in,
    load_object,
)
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
    TextSnapshot,
    ToolCallDelta,
    UsageUpdate,
)
from chatsdk.sse import ServerSentEvent

__all__ = ["FINISH", "MastraDecoder"]

FINISH = {
    "stop": "stop",
    "length": "length",
    "tool-calls": "tool_calls",
    "content-filter": "content_filter",
    "tripwire": "content_filter",
    "error": "error",
    "other": "other",
}

DONE = ("[DONE]", '"[DONE]"')


class MastraDecoder(Decoder):
    """Decodes the events of one run of an agent."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        # For each call, whether its arguments were streamed.
        self._streamed: dict[str, bool] = {}
        # The deltas of the text, and their number before the current step.
        self._said: list[str] = []
        self._id: str | None = None
        self._before_step = 0

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        data = event.data
        if data in DONE:
            return ()
        if not data.strip():
            return ()
        frame = load_object(data)
        kind = frame.get("type")
        read = _READ.get(kind) if isinstance(kind, str) else None
        return () if read is None else read(self, as_object(frame.get("payload"), "payload"))

    def _start(self, payload: dict[str, Any]) -> Sequence[Part]:
        id = as_name(payload.get("messageId"))
        if id is None or id == self._id:
            return ()
        self._id = id
        return (Identity(id=id),)

    def _step(self, payload: dict[str, Any]) -> Sequence[Part]:
        self._before_step = len(self._said)
        return self._start(payload)

    def _text(self, payload: dict[str, Any]) -> Sequence[Part]:
        text = as_text(payload.get("text"), "text")
        self._said.append(text)
        return (Text(text),) if text else ()

    def _reasoning(self, payload: dict[str, Any]) -> Sequence[Part]:
        text = as_text(payload.get("text"), "text")
        return (Reasoning(text),) if text else ()

    def _call_start(self, payload: dict[str, Any]) -> Sequence[Part]:
        id = as_text(payload.get("toolCallId"), "toolCallId")
        self._streamed[id] = False
        return (ToolCallDelta(id, id, as_name(payload.get("toolName"))),)

    def _call_delta(self, payload: dict[str, Any]) -> Sequence[Part]:
        id = as_text(payload.get("toolCallId"), "toolCallId")
        self._streamed[id] = True
        piece = as_text(payload.get("argsTextDelta"), "argsTextDelta")
        return (ToolCallDelta(id, id, as_name(payload.get("toolName")), piece),)

    def _call(self, payload: dict[str, Any]) -> Sequence[Part]:
        id = as_text(payload.get("toolCallId"), "toolCallId")
        name = as_name(payload.get("toolName"))
        if self._streamed.get(id):
            # The arguments were streamed, and are repeated here.
            return (ToolCallDelta(id, id, name),)
        self._streamed[id] = True
        given = payload.get("args")
        text = given if isinstance(given, str) else json.dumps(given or {}, ensure_ascii=False)
        return (ToolCallDelta(id, id, name, text, replace=True),)

    def _source(self, payload: dict[str, Any]) -> Sequence[Part]:
        url = as_name(payload.get("url"))
        id = as_name(payload.get("id"))
        title = as_name(payload.get("title")) or as_name(payload.get("filename"))
        citation = Citation(title=title, url=url, document=id if url is None else None)
        return (Citations((citation,)),)

    def _tripwire(self, payload: dict[str, Any]) -> Sequence[Part]:
        # A processor stopped the step; its text is not part of the result.
        if len(self._said) == self._before_step:
            return ()
        del self._said[self._before_step :]
        return (TextSnapshot("".join(self._said)),)

    def _finish(self, payload: dict[str, Any]) -> Sequence[Part]:
        result = as_object(payload.get("stepResult"), "stepResult")
        usage = as_object(as_object(payload.get("output"), "output").get("usage"), "usage")
        parts: list[Part] = []
        model = as_name(as_object(payload.get("metadata"), "metadata").get("modelId"))
        if model is not None:
            parts.append(Identity(model=model))
        if usage:
            parts.append(
                UsageUpdate(
                    input=as_whole(usage.get("inputTokens")),
                    output=as_whole(usage.get("outputTokens")),
                    total=as_whole(usage.get("totalTokens")),
                    reasoning=as_whole(usage.get("reasoningTokens")),
                    cached=as_whole(usage.get("cachedInputTokens")),
                )
            )
        reason = as_text(result.get("reason"), "reason")
        if reason:
            parts.append(Finish(reason_of(reason, FINISH), reason))
        return [*parts, End()]

    def _abort(self, payload: dict[str, Any]) -> Sequence[Part]:
        return (Finish("cancelled", "abort"), End())

    def _error(self, payload: dict[str, Any]) -> Sequence[Part]:
        error = payload.get("error")
        if error is None:
            # Not Mastra's shape; the client decodes the common shapes.
            return ()
        if isinstance(error, dict):
            # The stack next to the message contains paths of the server.
            words = as_name(error.get("message"))
            code = error.get("code")
            known = code if isinstance(code, str) else as_whole(code)
            return (failure_in({"error": error}) if words is None else Failure(words, known),)
        return (Failure(as_text(error, "error") or "the agent failed without a message"),)


_READ: dict[str, Callable[[MastraDecoder, dict[str, Any]], Sequence[Part]]] = {
    "start": MastraDecoder._start,
    "step-start": MastraDecoder._step,
    "text-delta": MastraDecoder._text,
    "reasoning-delta": MastraDecoder._reasoning,
    "tool-call-input-streaming-start": MastraDecoder._call_start,
    "tool-call-delta": MastraDecoder._call_delta,
    "tool-call": MastraDecoder._call,
    "tool-call-approval": MastraDecoder._call,
    "source": MastraDecoder._source,
    "tripwire": MastraDecoder._tripwire,
    "finish": MastraDecoder._finish,
    "abort": MastraDecoder._abort,
    "error": MastraDecoder._error,
}
