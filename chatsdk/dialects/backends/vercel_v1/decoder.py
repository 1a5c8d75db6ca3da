"""Decodes Vercel's data stream v1: lines of code, colon and JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from chatsdk.dialects.dialect import Decoder, Dialect
from chatsdk.dialects.finish_reasons import reason_of
from chatsdk.dialects.payload import as_name, as_object, as_text, as_whole, extra_object, load
from chatsdk.errors import ProtocolError
from chatsdk.parts import (
    Citation,
    Citations,
    Data,
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

__all__ = ["FINISH", "VercelV1Decoder"]

FINISH = {
    "stop": "stop",
    "length": "length",
    "tool-calls": "tool_calls",
    "content-filter": "content_filter",
    "error": "error",
    "other": "other",
    "unknown": "other",
}

# Characters of a bad line to show in an error.
SHOWN_CHARS = 80


class VercelV1Decoder(Decoder):
    """Decodes the lines of one message. All its steps are one answer."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        # For each call, whether its arguments were streamed.
        self._streamed: dict[str, bool] = {}
        # Calls without a result: the client must run their tools.
        self._open: set[str] = set()
        # The finish reason of the latest step, and the counts of all steps.
        self._reason: str | None = None
        self._counts: list[int | None] = [None, None]

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        data = event.data
        code, colon, rest = data.partition(":")
        if code == "0":
            return (Text(as_text(load(rest), "0")),)
        if not colon or len(code) > SHOWN_CHARS:
            raise ProtocolError(
                f"a line should be a code, a colon and JSON, not {data[:SHOWN_CHARS]!r}"
            )
        read = _READ.get(code)
        return () if read is None else read(self, load(rest))

    def close(self) -> Sequence[Part]:
        """Return the end of a stream without ``d``, as from assistant-stream."""
        if self._reason is None or (self._reason == "tool-calls" and not self._open):
            # Another step must follow the results of tools.
            return ()
        return (*self._usage(*self._counts), *_finish(self._reason))

    def _reasoning(self, value: Any) -> Sequence[Part]:
        return (Reasoning(as_text(value, "g")),)

    def _text_delta(self, value: Any) -> Sequence[Part]:
        return (Text(as_text(as_object(value, "delta").get("textDelta"), "textDelta")),)

    def _reasoning_delta(self, value: Any) -> Sequence[Part]:
        words = as_text(as_object(value, "delta").get("reasoningDelta"), "reasoningDelta")
        return (Reasoning(words),)

    def _call_start(self, value: Any) -> Sequence[Part]:
        call = as_object(value, "b")
        id = as_text(call.get("toolCallId"), "toolCallId")
        self._streamed[id] = False
        self._open.add(id)
        return (ToolCallDelta(id, id, as_name(call.get("toolName"))),)

    def _call_delta(self, value: Any) -> Sequence[Part]:
        call = as_object(value, "c")
        id = as_text(call.get("toolCallId"), "toolCallId")
        self._streamed[id] = True
        piece = as_text(call.get("argsTextDelta"), "argsTextDelta")
        return (ToolCallDelta(id, id, arguments=piece),)

    def _call(self, value: Any) -> Sequence[Part]:
        call = as_object(value, "9")
        id = as_text(call.get("toolCallId"), "toolCallId")
        name = as_name(call.get("toolName"))
        self._open.add(id)
        if self._streamed.get(id):
            # The arguments were streamed, and are repeated here.
            return (ToolCallDelta(id, id, name),)
        self._streamed[id] = True
        given = call.get("args")
        text = given if isinstance(given, str) else json.dumps(given or {}, ensure_ascii=False)
        return (ToolCallDelta(id, id, name, text, replace=True),)

    def _result(self, value: Any) -> Sequence[Part]:
        self._open.discard(as_text(as_object(value, "a").get("toolCallId"), "toolCallId"))
        return ()

    def _source(self, value: Any) -> Sequence[Part]:
        source = as_object(value, "h")
        url = as_name(source.get("url"))
        id = as_name(source.get("id"))
        title = as_name(source.get("title"))
        return (Citations((Citation(title=title, url=url, document=None if url else id),)),)

    def _data(self, value: Any) -> Sequence[Part]:
        return (Data("data"),)

    def _step(self, value: Any) -> Sequence[Part]:
        self._reason = None
        return (Identity(id=as_name(as_object(value, "f").get("messageId"))),)

    def _step_end(self, value: Any) -> Sequence[Part]:
        step = as_object(value, "e")
        into, out = _counted(step)
        for place, count in enumerate((into, out)):
            if count is not None:
                self._counts[place] = (self._counts[place] or 0) + count
        self._reason = as_text(step.get("finishReason"), "finishReason") or "unknown"
        if step.get("isContinued") is True:
            self._reason = None
        return ()

    def _end(self, value: Any) -> Sequence[Part]:
        end = as_object(value, "d")
        into, out = _counted(end)
        if into is None and out is None:
            into, out = self._counts
        reason = as_text(end.get("finishReason"), "finishReason")
        return (*self._usage(into, out), *(_finish(reason) if reason else ()), End())

    def _error(self, value: Any) -> Sequence[Part]:
        return (Failure(value if isinstance(value, str) else json.dumps(value)),)

    def _usage(self, into: int | None, out: int | None) -> Sequence[Part]:
        return () if into is None and out is None else (UsageUpdate(input=into, output=out),)


def _counted(value: dict[str, Any]) -> tuple[int | None, int | None]:
    usage = extra_object(value.get("usage"))
    into = usage.get("promptTokens", usage.get("inputTokens"))
    return as_whole(into), as_whole(usage.get("completionTokens", usage.get("outputTokens")))


def _finish(native: str) -> Sequence[Part]:
    return (Finish(reason_of(native, FINISH), native),)


_READ: dict[str, Callable[[VercelV1Decoder, Any], Sequence[Part]]] = {
    "g": VercelV1Decoder._reasoning,
    "h": VercelV1Decoder._source,
    "k": VercelV1Decoder._data,
    "2": VercelV1Decoder._data,
    "b": VercelV1Decoder._call_start,
    "c": VercelV1Decoder._call_delta,
    "9": VercelV1Decoder._call,
    "a": VercelV1Decoder._result,
    "f": VercelV1Decoder._step,
    "e": VercelV1Decoder._step_end,
    "d": VercelV1Decoder._end,
    "3": VercelV1Decoder._error,
    # Codes of assistant-stream for nested messages.
    "aui-text-delta": VercelV1Decoder._text_delta,
    "aui-reasoning-delta": VercelV1Decoder._reasoning_delta,
    "aui-state": VercelV1Decoder._data,
}
