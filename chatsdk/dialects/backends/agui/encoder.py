"""Encodes parts as the AG-UI events of one run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from chatsdk import sse
from chatsdk.answer import Answer, Usage
from chatsdk.dialects.backends.agui.decoder import CITATIONS, COUNTS
from chatsdk.dialects.encoder import Writer, write
from chatsdk.dialects.encoder_values import CallPieces, dump, opening
from chatsdk.parts import Citation, Failure, Finish, Identity, Part, ToolCallDelta, ToolResult

__all__ = ["encode"]


def encode(parts: Iterable[Part], *, id: str, model: str) -> Iterator[bytes]:
    """Encode the events of one run, each as soon as its part is available.

    The only outcomes are success and cancellation; the protocol cannot report that a limit or a
    filter ended the answer.
    """
    who, rest = opening(parts, id=id, model=model)
    return write(_Run(who), rest)


class _Run(Writer[bytes]):
    """Messages, one open at a time, and calls."""

    def __init__(self, who: Identity) -> None:
        self._model = who.model
        self._run = {"threadId": who.conversation_id or f"thread-{who.id}", "runId": who.id}
        self._count = 0
        self._open: tuple[str, str] | None = None
        self._pieces = CallPieces()
        # The id of each call, in the order of arrival.
        self._calls: dict[int | str, str] = {}
        # Ids of the calls that were closed, and of those with a result.
        self._closed: set[str] = set()
        self._answered: set[str] = set()

    def begin(self) -> Iterator[bytes]:
        yield _frame("RUN_STARTED", self._run)

    def text(self, added: str, step: Answer) -> Iterator[bytes]:
        return self._say("TEXT", "assistant", added)

    def reasoning(self, added: str, step: Answer) -> Iterator[bytes]:
        return self._say("REASONING", "reasoning", added)

    def call(self, part: ToolCallDelta) -> Iterator[bytes]:
        if part.index not in self._calls:
            yield from self._close_message()
            self._calls[part.index] = id = part.id or f"call-{len(self._calls) + 1}"
            yield _frame("TOOL_CALL_START", {"toolCallId": id, "toolCallName": part.name or ""})
        piece = self._pieces.added(part)
        if piece:
            id = self._calls[part.index]
            yield _frame("TOOL_CALL_ARGS", {"toolCallId": id, "delta": piece})

    def result(self, part: ToolResult) -> Iterator[bytes]:
        yield from self._close()
        id = part.id or ""
        self._answered.add(id)
        said = {"messageId": f"result-{id}", "toolCallId": id, "content": part.content}
        yield _frame("TOOL_CALL_RESULT", said | {"role": "tool"})

    def citations(self, items: tuple[Citation, ...], step: Answer) -> Iterator[bytes]:
        value = [_known(item._asdict()) for item in items]
        yield _frame("CUSTOM", {"name": CITATIONS, "value": value})

    def data(self, name: str, value: str) -> Iterator[bytes]:
        yield _frame("STATE_SNAPSHOT", {"snapshot": {name: json.loads(value)}})

    def failure(self, part: Failure, answer: Answer) -> Iterator[bytes]:
        yield from self._close()
        error: dict[str, Any] = {"message": part.message}
        if part.code is not None:
            error["code"] = str(part.code)
        yield _frame("RUN_ERROR", error | _usage(answer.usage, self._model))

    def end(self, answer: Answer, finish: Finish | None) -> Iterator[bytes]:
        yield from self._close()
        outcome: dict[str, Any] = {"type": "success"}
        if finish is not None and finish.reason == "cancelled":
            outcome = {"type": "cancelled"}
        elif self._calls and (finish is None or finish.reason == "tool_calls"):
            waiting = [id for id in self._calls.values() if id not in self._answered]
            outcome["pendingToolCallIds"] = waiting
        usage = _usage(answer.usage, self._model)
        yield _frame("RUN_FINISHED", self._run | {"outcome": outcome} | usage)

    def _say(self, kind: str, role: str, text: str) -> Iterator[bytes]:
        if self._open is None or self._open[0] != kind:
            yield from self._close_message()
            self._count += 1
            id = f"message-{self._count}"
            self._open = (kind, id)
            if kind == "REASONING":
                yield _frame("REASONING_START", {"messageId": id})
            yield _frame(f"{kind}_MESSAGE_START", {"messageId": id, "role": role})
        yield _frame(f"{kind}_MESSAGE_CONTENT", {"messageId": self._open[1], "delta": text})

    def _close(self) -> Iterator[bytes]:
        yield from self._close_message()
        # Several calls may be open at once; only now are they known to be complete.
        for id in self._calls.values():
            if id not in self._closed:
                self._closed.add(id)
                yield _frame("TOOL_CALL_END", {"toolCallId": id})

    def _close_message(self) -> Iterator[bytes]:
        if self._open is None:
            return
        kind, id = self._open
        self._open = None
        yield _frame(f"{kind}_MESSAGE_END", {"messageId": id})
        if kind == "REASONING":
            yield _frame("REASONING_END", {"messageId": id})


def _usage(usage: Usage, model: str | None) -> dict[str, Any]:
    if not usage:
        return {}
    counts = {native: getattr(usage, name) for name, native in COUNTS.items()}
    return {"usage": [_known({"model": model} | counts)]}


def _known(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _frame(kind: str, fields: dict[str, Any]) -> bytes:
    return sse.encode(dump({"type": kind} | fields))
