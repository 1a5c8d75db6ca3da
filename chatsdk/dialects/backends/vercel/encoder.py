"""Encodes parts as the chunks of one Vercel UI message."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from chatsdk import sse
from chatsdk.answer import Answer, ToolCall, Usage
from chatsdk.dialects.backends.vercel.decoder import FINISH
from chatsdk.dialects.encoder import Writer, write
from chatsdk.dialects.encoder_values import (
    CallPieces,
    around_empty,
    dump,
    native_reason,
    opening,
)
from chatsdk.parts import (
    Citation,
    Failure,
    Finish,
    Identity,
    Part,
    ToolApproval,
    ToolCallDelta,
    ToolResult,
)

__all__ = ["encode"]

NATIVE = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool-calls",
    "content_filter": "content-filter",
    "refusal": "content-filter",
    "error": "error",
    "other": "other",
}


def encode(parts: Iterable[Part], *, id: str, model: str) -> Iterator[bytes]:
    """Encode the chunks of one message, each as soon as its part is available.

    An error is followed only by ``[DONE]``, as in the AI SDK if the model fails at once.
    """
    who, rest = opening(parts, id=id, model=model)
    return write(_Chunks(who), rest)


class _Chunks(Writer[bytes]):
    """The parts of the message: one text or reasoning is open at a time."""

    def __init__(self, who: Identity) -> None:
        self._who = who
        self._count = 0
        self._open: tuple[str, str] | None = None
        self._pieces = CallPieces()
        # The id of each call, in the order of arrival.
        self._calls: dict[int | str, str] = {}
        self._names: dict[str, str | None] = {}
        # The ids of the calls whose complete input was sent.
        self._available: set[str] = set()
        # A step ends with the results of its tools; any later part starts the next step.
        self._step_over = False
        self._in_step = False
        # Results that come first belong to the last step of the continued message.
        self._goes_on = False
        self._sources = 0

    def begin(self) -> Iterator[bytes]:
        known = {"messageId": self._who.id, "messageMetadata": {"model": self._who.model}}
        yield _frame({"type": "start", **known})

    def text(self, added: str, step: Answer) -> Iterator[bytes]:
        return self._say("text", added)

    def around_text(self) -> tuple[bytes, bytes] | None:
        (frame,) = self._say("text", "")
        return around_empty(frame)

    def reasoning(self, added: str, step: Answer) -> Iterator[bytes]:
        return self._say("reasoning", added)

    def call(self, part: ToolCallDelta) -> Iterator[bytes]:
        if part.index not in self._calls:
            yield from self._begin_step()
            yield from self._close()
            self._calls[part.index] = id = part.id or f"call-{len(self._calls) + 1}"
            self._names[id] = part.name
            start = {"type": "tool-input-start", "toolCallId": id, "toolName": part.name or ""}
            yield _frame(start)
        piece = self._pieces.added(part)
        if piece:
            id = self._calls[part.index]
            yield _frame({"type": "tool-input-delta", "toolCallId": id, "inputTextDelta": piece})

    def result(self, part: ToolResult) -> Iterator[bytes]:
        yield from self._close()
        yield from self._inputs()
        known = {"toolCallId": part.id or ""}
        if part.rejected:
            yield _frame({"type": "tool-output-denied", **known})
        elif part.failed:
            yield _frame({"type": "tool-output-error", **known, "errorText": part.content})
        else:
            yield _frame({"type": "tool-output-available", **known, "output": part.content})
        self._step_over = self._in_step
        self._goes_on = not self._in_step

    def approval(self, part: ToolApproval) -> Iterator[bytes]:
        yield from self._close()
        yield from self._inputs()
        self._goes_on = not self._in_step
        request = {"type": "tool-approval-request", "approvalId": part.id}
        yield _frame({**request, "toolCallId": part.call_id or ""})

    def citations(self, items: tuple[Citation, ...], step: Answer) -> Iterator[bytes]:
        yield from self._first_step()
        yield from map(self._source, items)

    def data(self, name: str, value: str) -> Iterator[bytes]:
        # The page replaces a data part that has the same id.
        yield _frame({"type": f"data-{name}", "id": name, "data": json.loads(value)})

    def failure(self, part: Failure, answer: Answer) -> Iterator[bytes]:
        yield from self._first_step()
        yield from self._close()
        yield _frame({"type": "error", "errorText": part.message})
        yield sse.encode("[DONE]")

    def end(self, answer: Answer, finish: Finish | None) -> Iterator[bytes]:
        if not self._goes_on:
            yield from self._first_step()
        yield from self._close()
        yield from self._inputs()
        if finish is not None and finish.reason == "cancelled":
            yield _frame({"type": "abort"})
        else:
            if self._in_step:
                yield _frame({"type": "finish-step"})
            default = "tool-calls" if answer.tool_calls else "stop"
            reason = native_reason(finish, FINISH, NATIVE, default)
            last: dict[str, Any] = {"type": "finish", "finishReason": reason}
            if answer.usage:
                last["messageMetadata"] = {"usage": _usage(answer.usage)}
            yield _frame(last)
        yield sse.encode("[DONE]")

    def _begin_step(self) -> Iterator[bytes]:
        if self._step_over:
            self._step_over = self._in_step = False
            yield _frame({"type": "finish-step"})
        yield from self._first_step()

    def _first_step(self) -> Iterator[bytes]:
        if not self._in_step:
            self._in_step = True
            yield _frame({"type": "start-step"})

    def _inputs(self) -> Iterator[bytes]:
        """Return the complete input of each call for which it was not sent yet."""
        for index, id in self._calls.items():
            if id not in self._available:
                self._available.add(id)
                yield _frame(_whole(ToolCall(id, self._names[id], self._pieces.whole(index)), id))

    def _say(self, kind: str, text: str) -> Iterator[bytes]:
        if self._open is None or self._open[0] != kind:
            yield from self._begin_step()
            yield from self._close()
            self._count += 1
            self._open = (kind, f"{kind}-{self._count}")
            yield _frame({"type": f"{kind}-start", "id": self._open[1]})
        yield _frame({"type": f"{kind}-delta", "id": self._open[1], "delta": text})

    def _close(self) -> Iterator[bytes]:
        if self._open is not None:
            kind, id = self._open
            self._open = None
            yield _frame({"type": f"{kind}-end", "id": id})

    def _source(self, item: Citation) -> bytes:
        self._sources += 1
        more = {
            name: value
            for name, value in item._asdict().items()
            if value is not None and name not in ("title", "url")
        }
        if item.url is not None:
            source: dict[str, Any] = {
                "type": "source-url",
                "sourceId": f"source-{self._sources}",
                "url": item.url,
            }
            if item.title is not None:
                source["title"] = item.title
        else:
            more.pop("document", None)
            source = {
                "type": "source-document",
                "sourceId": item.document or f"source-{self._sources}",
                "mediaType": "text/plain",
                "title": item.title or item.document or "",
            }
        if more:
            # The protocol has no fields for the rest of a citation; this one is for extensions.
            source["providerMetadata"] = {"chatsdk": more}
        return _frame(source)


def _whole(call: ToolCall, id: str) -> dict[str, Any]:
    known = {"toolCallId": id, "toolName": call.name or ""}
    try:
        given = json.loads(call.arguments or "{}")
    except (ValueError, RecursionError):
        error = {"errorText": "the arguments are no JSON", "input": call.arguments}
        return {"type": "tool-input-error", **known, **error}
    return {"type": "tool-input-available", **known, "input": given}


def _usage(usage: Usage) -> dict[str, Any]:
    names = {
        "inputTokens": usage.input,
        "outputTokens": usage.output,
        "totalTokens": usage.total,
        "reasoningTokens": usage.reasoning,
        "cachedInputTokens": usage.cached,
    }
    return {name: value for name, value in names.items() if value is not None}


def _frame(chunk: dict[str, Any]) -> bytes:
    return sse.encode(dump(chunk))
