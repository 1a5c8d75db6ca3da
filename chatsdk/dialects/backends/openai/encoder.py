"""Encodes parts as OpenAI's ``chat.completion.chunk`` frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from chatsdk import sse
from chatsdk.answer import Answer
from chatsdk.dialects.encoder import Writer, write
from chatsdk.dialects.encoder_values import (
    CREATED,
    CallPieces,
    around_empty,
    counts,
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
    ToolCallDelta,
    UsageUpdate,
)

__all__ = ["NATIVE", "Chunks", "annotation", "encode", "usage_fields"]

NATIVE = {"length": "length", "tool_calls": "tool_calls", "content_filter": "content_filter"}


def encode(
    parts: Iterable[Part], *, id: str, model: str, finish: Mapping[str, str], snapshot: bool = False
) -> Iterator[bytes]:
    """Encode the frames of one answer, each as soon as its part is available.

    Args:
        parts: the parts of the answer.
        id, model: defaults, unless the parts begin with an `Identity`.
        finish: the native finish reasons, each with its decoded reason.
        snapshot: whether each frame has the complete text up to now, as from some compatible
            servers.
    """
    who, rest = opening(parts, id=id, model=model)
    return write(Chunks(who, finish, snapshot=snapshot), rest)


class Chunks(Writer[bytes]):
    """Encodes chunks, as named events if the compatible server uses them."""

    def __init__(
        self,
        who: Identity,
        finish: Mapping[str, str],
        *,
        snapshot: bool = False,
        event: str | None = None,
    ) -> None:
        self._who = who
        self._finish = finish
        self._snapshot = snapshot
        self._event = event
        self._places: dict[int | str, int] = {}
        self._pieces = CallPieces()
        self._usage: dict[str, Any] | None = None
        self._finished = False

    def begin(self) -> Iterator[bytes]:
        yield self._chunk({"role": "assistant", "content": ""})

    def text(self, added: str, step: Answer) -> Iterator[bytes]:
        yield self._chunk({"content": step.text if self._snapshot else added})

    def around_text(self) -> tuple[bytes, bytes] | None:
        return None if self._snapshot else around_empty(self._chunk({"content": ""}))

    def reasoning(self, added: str, step: Answer) -> Iterator[bytes]:
        yield self._chunk({"reasoning_content": step.reasoning if self._snapshot else added})

    def call(self, part: ToolCallDelta) -> Iterator[bytes]:
        yield self._chunk({"tool_calls": [self._call(part)]})

    def citations(self, items: tuple[Citation, ...], step: Answer) -> Iterator[bytes]:
        yield self._chunk({"annotations": [annotation(item) for item in items]})

    def usage(self, part: UsageUpdate, step: Answer) -> Iterator[bytes]:
        # OpenAI sends a chunk without a choice only on request, and programs that access
        # `choices[0]` fail on one. Counts that come before the finish reason are sent with it.
        self._usage = usage_fields(part)
        if self._finished:
            yield from self._counts()

    def finish(self, part: Finish) -> Iterator[bytes]:
        self._finished = True
        found, self._usage = self._usage, None
        yield self._chunk({}, native_reason(part, self._finish, NATIVE, "stop"), found)

    def failure(self, part: Failure, answer: Answer) -> Iterator[bytes]:
        # Nothing follows an error, not even an end marker.
        error = {"message": part.message, "type": "server_error", "code": part.code, "param": None}
        yield sse.encode(dump({"error": error}))

    def end(self, answer: Answer, finish: Finish | None) -> Iterator[bytes]:
        yield from self._counts()
        yield sse.encode("[DONE]", event=self._event)

    def _counts(self) -> Iterator[bytes]:
        found, self._usage = self._usage, None
        if found is not None:
            yield self._frame({"choices": [], "usage": found})

    def _chunk(
        self,
        delta: dict[str, Any],
        finish: str | None = None,
        usage: dict[str, Any] | None = None,
    ) -> bytes:
        chunk: dict[str, Any] = {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
        if usage is not None:
            chunk["usage"] = usage
        return self._frame(chunk)

    def _call(self, part: ToolCallDelta) -> dict[str, Any]:
        place = self._places.setdefault(part.index, len(self._places))
        function: dict[str, Any] = {"arguments": self._pieces.added(part)}
        call: dict[str, Any] = {"index": place, "function": function}
        if part.name is not None:
            function["name"] = part.name
        if part.id is not None:
            call |= {"id": part.id, "type": "function"}
        return call

    def _frame(self, rest: dict[str, Any]) -> bytes:
        head = {
            "id": self._who.id,
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": self._who.model,
        }
        return sse.encode(dump(head | rest), event=self._event)


def annotation(item: Citation) -> dict[str, Any]:
    """Encode a citation."""
    source: dict[str, Any] = {
        "url": item.url or "",
        "title": item.title or "",
        "content": item.snippet or "",
    }
    # Clients require a range, but the real one is unknown.
    source |= {"start_index": 0, "end_index": 0}
    return {"type": "url_citation", "url_citation": source}


def usage_fields(usage: UsageUpdate) -> dict[str, Any]:
    """Encode token counts."""
    into, out, total = counts(usage)
    written: dict[str, Any] = {
        "prompt_tokens": into,
        "completion_tokens": out,
        "total_tokens": total,
    }
    if usage.reasoning is not None:
        written["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning}
    if usage.cached is not None:
        written["prompt_tokens_details"] = {"cached_tokens": usage.cached}
    return written
