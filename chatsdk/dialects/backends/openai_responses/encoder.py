"""Encodes parts as the events of one OpenAI response."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from chatsdk import sse
from chatsdk.answer import Answer, Usage
from chatsdk.dialects.backends.openai_responses.decoder import INCOMPLETE
from chatsdk.dialects.encoder import Writer, write
from chatsdk.dialects.encoder_values import (
    CREATED,
    CallPieces,
    counts,
    dump,
    native_reason,
    opening,
)
from chatsdk.parts import Citation, Failure, Finish, Identity, Part, ToolCallDelta

__all__ = ["encode"]

# The native value for each reason for an incomplete response.
NATIVE = {reason: native for native, reason in reversed(INCOMPLETE.items())}

Frame = dict[str, Any]


def encode(parts: Iterable[Part], *, id: str, model: str) -> Iterator[bytes]:
    """Encode the events of one response, each as soon as its part is available."""
    who, rest = opening(parts, id=id, model=model)
    for number, frame in enumerate(write(_Items(who), rest)):
        frame["sequence_number"] = number
        yield sse.encode(dump(frame), event=frame["type"])


class _Items(Writer[Frame]):
    """The items of the output. One message or reasoning is open at a time; calls stay open."""

    def __init__(self, who: Identity) -> None:
        self._who = who
        # In the order of their indexes; an item changes until it is done.
        self._items: list[dict[str, Any]] = []
        self._open: int | None = None
        self._pieces: list[str] = []
        self._notes: list[dict[str, Any]] = []
        self._length = 0
        self._arguments = CallPieces()
        self._calls: dict[int | str, int] = {}

    def begin(self) -> Iterator[Frame]:
        for kind in ("response.created", "response.in_progress"):
            yield {"type": kind, "response": _response(self._who, "in_progress")}

    def text(self, added: str, step: Answer) -> Iterator[Frame]:
        yield from self._message()
        self._pieces.append(added)
        self._length += len(added)
        yield self._part("response.output_text.delta", delta=added, logprobs=[])

    def citations(self, items: tuple[Citation, ...], step: Answer) -> Iterator[Frame]:
        yield from self._message()
        for citation in items:
            note = _annotation(citation, self._length)
            place = len(self._notes)
            self._notes.append(note)
            yield self._part(
                "response.output_text.annotation.added", annotation_index=place, annotation=note
            )

    def reasoning(self, added: str, step: Answer) -> Iterator[Frame]:
        if self._kind() != "reasoning":
            yield from self._close()
            yield self._begin({"id": self._id("rs"), "type": "reasoning", "summary": []})
            part = {"type": "summary_text", "text": ""}
            yield self._summary("response.reasoning_summary_part.added", part=part)
        self._pieces.append(added)
        yield self._summary("response.reasoning_summary_text.delta", delta=added)

    def call(self, part: ToolCallDelta) -> Iterator[Frame]:
        if part.index not in self._calls:
            yield from self._close()
            item = {
                "id": self._id("fc"),
                "type": "function_call",
                "status": "in_progress",
                "call_id": part.id or self._id("call"),
                "name": part.name or "",
                "arguments": "",
            }
            self._calls[part.index] = len(self._items)
            yield self._begin(item)
            self._open = None
        piece = self._arguments.added(part)
        if piece:
            yield self._call("response.function_call_arguments.delta", part.index, delta=piece)

    def failure(self, part: Failure, answer: Answer) -> Iterator[Frame]:
        code = "server_error" if part.code is None else str(part.code)
        yield from self._last("failed", answer, error={"code": code, "message": part.message})

    def end(self, answer: Answer, finish: Finish | None) -> Iterator[Frame]:
        reason = None if finish is None else finish.reason
        if reason == "cancelled":
            yield from self._last("cancelled", answer)
        elif reason in NATIVE:
            native = native_reason(finish, INCOMPLETE, NATIVE, reason)
            yield from self._last("incomplete", answer, incomplete_details={"reason": native})
        else:
            yield from self._last("completed", answer)

    def _last(self, status: str, answer: Answer, **more: Any) -> Iterator[Frame]:
        yield from self._close(calls=True)
        response = _response(self._who, status) | {"output": self._items}
        response |= {"usage": _usage(answer.usage)} | more
        yield {"type": f"response.{status}", "response": response}

    def _close(self, *, calls: bool = False) -> Iterator[Frame]:
        """Close the open item, and with `calls` the open calls too."""
        kind, item = self._kind(), self._items[self._open] if self._open is not None else {}
        text = "".join(self._pieces)
        if kind == "message":
            part = {"type": "output_text", "text": text, "annotations": self._notes}
            part["logprobs"] = []
            yield self._part("response.output_text.done", text=text, logprobs=[])
            yield self._part("response.content_part.done", part=part)
            item |= {"status": "completed", "content": [part]}
        elif kind == "reasoning":
            part = {"type": "summary_text", "text": text}
            yield self._summary("response.reasoning_summary_text.done", text=text)
            yield self._summary("response.reasoning_summary_part.done", part=part)
            item["summary"] = [part]
        if self._open is not None:
            yield self._item("response.output_item.done", self._open)
        self._open, self._pieces, self._notes, self._length = None, [], [], 0
        for index, place in self._calls.items() if calls else ():
            whole = self._arguments.whole(index)
            self._items[place] |= {"status": "completed", "arguments": whole}
            name = self._items[place]["name"]
            yield self._call(
                "response.function_call_arguments.done", index, arguments=whole, name=name
            )
            yield self._item("response.output_item.done", place)

    def _kind(self) -> str | None:
        return None if self._open is None else str(self._items[self._open]["type"])

    def _message(self) -> Iterator[Frame]:
        if self._kind() == "message":
            return
        yield from self._close()
        item = {"id": self._id("msg"), "type": "message", "role": "assistant"}
        yield self._begin(item | {"status": "in_progress", "content": []})
        part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
        yield self._part("response.content_part.added", part=part)

    def _id(self, prefix: str) -> str:
        return f"{prefix}_{len(self._items) + 1}"

    def _begin(self, item: dict[str, Any]) -> Frame:
        self._open = len(self._items)
        self._items.append(item)
        return self._item("response.output_item.added", self._open)

    def _item(self, kind: str, place: int) -> Frame:
        return {"type": kind, "output_index": place, "item": dict(self._items[place])}

    def _within(self, kind: str, place: int | None, **rest: Any) -> Frame:
        place = 0 if place is None else place
        return {
            "type": kind,
            "item_id": self._items[place]["id"],
            "output_index": place,
            **rest,
        }

    def _part(self, kind: str, **rest: Any) -> Frame:
        return self._within(kind, self._open, content_index=0, **rest)

    def _summary(self, kind: str, **rest: Any) -> Frame:
        return self._within(kind, self._open, summary_index=0, **rest)

    def _call(self, kind: str, index: int | str, **rest: Any) -> Frame:
        return self._within(kind, self._calls[index], **rest)


def _response(who: Identity, status: str) -> dict[str, Any]:
    response: dict[str, Any] = {
        "id": who.id,
        "object": "response",
        "created_at": CREATED,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": who.model,
        "output": [],
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": None,
    }
    if who.conversation_id is not None and who.conversation_id != who.id:
        response["conversation"] = {"id": who.conversation_id}
    return response


def _annotation(citation: Citation, at: int) -> dict[str, Any]:
    if citation.url is None:
        return {
            "type": "file_citation",
            "file_id": citation.document or "",
            "filename": citation.title or "",
            "index": at,
        }
    return {
        "type": "url_citation",
        "url": citation.url,
        "title": citation.title or "",
        "start_index": at,
        "end_index": at,
    }


def _usage(usage: Usage) -> dict[str, Any] | None:
    if not usage:
        return None
    into, out, total = counts(usage)
    return {
        "input_tokens": into,
        "input_tokens_details": {"cached_tokens": usage.cached or 0, "cache_write_tokens": 0},
        "output_tokens": out,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning or 0},
        "total_tokens": total,
    }
