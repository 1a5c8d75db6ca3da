"""Encodes parts as lines of Vercel's data stream v1."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from chatsdk.answer import Answer
from chatsdk.dialects.backends.vercel_v1.decoder import FINISH
from chatsdk.dialects.encoder import Writer, write
from chatsdk.dialects.encoder_values import CallPieces, around_empty, dump, native_reason, opening
from chatsdk.parts import Citation, Failure, Finish, Identity, Part, ToolCallDelta

__all__ = ["encode"]

NATIVE = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool-calls",
    "content_filter": "content-filter",
    "refusal": "content-filter",
    "error": "error",
    "cancelled": "other",
    "other": "other",
}


def encode(parts: Iterable[Part], *, id: str) -> Iterator[bytes]:
    """Encode the lines of one message with one step."""
    who, rest = opening(parts, id=id, model="")
    return write(_Lines(who), rest)


class _Lines(Writer[bytes]):
    def __init__(self, who: Identity) -> None:
        self._who = who
        self._pieces = CallPieces()
        # The id of each call, in the order of arrival.
        self._calls: dict[int | str, str] = {}
        self._sources = 0

    def begin(self) -> Iterator[bytes]:
        yield _line("f", {"messageId": self._who.id})

    def text(self, added: str, step: Answer) -> Iterator[bytes]:
        yield _line("0", added)

    def around_text(self) -> tuple[bytes, bytes]:
        return around_empty(_line("0", ""))

    def reasoning(self, added: str, step: Answer) -> Iterator[bytes]:
        yield _line("g", added)

    def call(self, part: ToolCallDelta) -> Iterator[bytes]:
        if part.index not in self._calls:
            self._calls[part.index] = id = part.id or f"call-{len(self._calls) + 1}"
            yield _line("b", {"toolCallId": id, "toolName": part.name or ""})
        piece = self._pieces.added(part)
        if piece:
            known = {"toolCallId": self._calls[part.index]}
            yield _line("c", known | {"argsTextDelta": piece})

    def citations(self, items: tuple[Citation, ...], step: Answer) -> Iterator[bytes]:
        for item in items:
            self._sources += 1
            id = item.document or f"source-{self._sources}"
            # The protocol supports only URLs.
            source = {"sourceType": "url", "id": id, "url": item.url or ""}
            yield _line("h", source | ({} if item.title is None else {"title": item.title}))

    def data(self, name: str, value: str) -> Iterator[bytes]:
        yield _line("2", [{name: json.loads(value)}])

    def failure(self, part: Failure, answer: Answer) -> Iterator[bytes]:
        yield _line("3", part.message)
        yield from self._ended(answer, "error")

    def end(self, answer: Answer, finish: Finish | None) -> Iterator[bytes]:
        for call, id in zip(answer.tool_calls, self._calls.values(), strict=True):
            try:
                given = json.loads(call.arguments or "{}")
            except (ValueError, RecursionError):
                given = call.arguments
            yield _line("9", {"toolCallId": id, "toolName": call.name or "", "args": given})
        default = "tool-calls" if answer.tool_calls else "stop"
        yield from self._ended(answer, native_reason(finish, FINISH, NATIVE, default))

    def _ended(self, answer: Answer, reason: str) -> Iterator[bytes]:
        usage = {
            "promptTokens": answer.usage.input,
            "completionTokens": answer.usage.output,
        }
        ended = {"finishReason": reason, "usage": usage}
        yield _line("e", ended | {"isContinued": False})
        yield _line("d", ended)


def _line(code: str, value: Any) -> bytes:
    return f"{code}:{dump(value)}\n".encode()
