"""Encodes FastGPT's named OpenAI chunks, with citations after the end marker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from chatsdk import sse
from chatsdk.answer import Answer
from chatsdk.dialects.backends.openai.encoder import Chunks
from chatsdk.dialects.encoder import write
from chatsdk.dialects.encoder_values import dump, opening
from chatsdk.parts import Citation, Failure, Finish, Identity, Part, ToolCallDelta, UsageUpdate

__all__ = ["encode"]


def encode(
    parts: Iterable[Part], *, id: str, model: str, finish: Mapping[str, str]
) -> Iterator[bytes]:
    """Encode the events of one answer with its details."""
    who, rest = opening(parts, id=id, model=model)
    return write(_Details(who, finish), rest)


class _Details(Chunks):
    """The tools belong to the application, so they are reported, not called."""

    def __init__(self, who: Identity, finish: Mapping[str, str]) -> None:
        super().__init__(who, finish, event="answer")
        self._ids: dict[int | str, str] = {}

    def call(self, part: ToolCallDelta) -> Iterator[bytes]:
        if part.index not in self._ids:
            self._ids[part.index] = id = part.id or f"call-{len(self._ids) + 1}"
            tool = {"id": id, "toolName": part.name or "", "functionName": part.name or ""}
            yield sse.encode(dump({"tool": tool | {"params": ""}}), event="toolCall")
        piece = self._pieces.added(part)
        if piece:
            tool = {"id": self._ids[part.index], "params": piece}
            yield sse.encode(dump({"tool": tool}), event="toolParams")

    def citations(self, items: tuple[Citation, ...], step: Answer) -> Iterator[bytes]:
        return iter(())

    def usage(self, part: UsageUpdate, step: Answer) -> Iterator[bytes]:
        return iter(())

    def failure(self, part: Failure, answer: Answer) -> Iterator[bytes]:
        error = {"message": part.message} | ({} if part.code is None else {"code": part.code})
        yield sse.encode(dump(error), event="error")

    def end(self, answer: Answer, finish: Finish | None) -> Iterator[bytes]:
        yield from super().end(answer, finish)
        nodes: list[dict[str, Any]] = []
        if answer.citations:
            quotes = [_quote(item, place) for place, item in enumerate(answer.citations)]
            nodes.append({"moduleType": "datasetSearchNode", "quoteList": quotes})
        usage = answer.usage
        if usage:
            counts = {"inputTokens": usage.input, "outputTokens": usage.output}
            known = {name: count for name, count in counts.items() if count is not None}
            nodes.append({"moduleType": "chatNode", **known})
        yield sse.encode(dump(nodes), event="flowResponses")


def _quote(item: Citation, place: int) -> dict[str, Any]:
    quote: dict[str, Any] = {
        "id": item.document or f"quote-{place + 1}",
        "q": item.snippet or "",
        "a": "",
        "sourceName": item.title or item.url or "",
    }
    return quote if item.score is None else quote | {"score": item.score}
