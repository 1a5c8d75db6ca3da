"""OpenAI Responses, written: parts in, the events of one response out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from chatsdk import sse
from chatsdk.answer import AnswerBuilder, Usage
from chatsdk.dialects.backends.openai_responses_decoding import INCOMPLETE
from chatsdk.dialects.writing import (
    CREATED,
    CallPieces,
    added_text,
    dump,
    leftover,
    native_reason,
    opening,
)
from chatsdk.parts import (
    Citation,
    Citations,
    Failure,
    Finish,
    Identity,
    Part,
    Reasoning,
    ReasoningSnapshot,
    Text,
    TextSnapshot,
    ToolCallDelta,
)

__all__ = ["encode"]

# For each reason that a response can be incomplete for, the word for it.
NATIVE = {reason: native for native, reason in reversed(INCOMPLETE.items())}

Frame = dict[str, Any]


def encode(parts: Iterable[Part], *, id: str, model: str) -> Iterator[bytes]:
    """Write the events of one response, each as soon as its part is there."""
    who, rest = opening(parts, id=id, model=model)
    for number, frame in enumerate(_frames(who, rest)):
        frame["sequence_number"] = number
        yield sse.encode(dump(frame), event=frame["type"])


def _frames(who: Identity, parts: Iterator[Part]) -> Iterator[Frame]:
    for kind in ("response.created", "response.in_progress"):
        yield {"type": kind, "response": _response(who, "in_progress")}
    builder, items = AnswerBuilder(), _Items()
    finish: Finish | None = None
    failure: Failure | None = None
    for part in parts:
        step = builder.apply(part)
        match part:
            case Text() | TextSnapshot():
                yield from items.text(added_text(step))
            case Reasoning() | ReasoningSnapshot():
                yield from items.thought(step.reasoning_delta)
            case ToolCallDelta():
                yield from items.call(part)
            case Citations(found):
                yield from items.citations(found)
            case Finish():
                finish = part
            case Failure():
                failure = part
                break
            case _:
                pass
    text, thought = leftover(builder)
    yield from items.thought(thought)
    yield from items.text(text)
    yield from items.close(calls=True)
    yield _last(who, items.done(), builder.answer.usage, finish, failure)


def _last(
    who: Identity,
    output: list[dict[str, Any]],
    usage: Usage | None,
    finish: Finish | None,
    failure: Failure | None,
) -> Frame:
    status, more = "completed", {}
    if failure is not None:
        code = "server_error" if failure.code is None else str(failure.code)
        status, more = "failed", {"error": {"code": code, "message": failure.message}}
    elif finish is not None and finish.reason == "cancelled":
        status = "cancelled"
    elif finish is not None and finish.reason in NATIVE:
        native = native_reason(finish, INCOMPLETE, NATIVE, finish.reason)
        status, more = "incomplete", {"incomplete_details": {"reason": native}}
    response = _response(who, status) | {"output": output, "usage": _usage(usage)} | more
    return {"type": f"response.{status}", "response": response}


class _Items:
    """The items of the output. One message or reasoning is open at a time; calls stay open."""

    def __init__(self) -> None:
        # In the order of their places; an item is changed until it is done.
        self._items: list[dict[str, Any]] = []
        self._open: int | None = None
        self._pieces: list[str] = []
        self._notes: list[dict[str, Any]] = []
        self._length = 0
        self._arguments = CallPieces()
        self._calls: dict[int | str, int] = {}

    def text(self, text: str) -> Iterator[Frame]:
        if text:
            yield from self._message()
            self._pieces.append(text)
            self._length += len(text)
            yield self._part("response.output_text.delta", delta=text, logprobs=[])

    def citations(self, found: Iterable[Citation]) -> Iterator[Frame]:
        yield from self._message()
        for citation in found:
            note = _annotation(citation, self._length)
            place = len(self._notes)
            self._notes.append(note)
            yield self._part(
                "response.output_text.annotation.added", annotation_index=place, annotation=note
            )

    def thought(self, text: str) -> Iterator[Frame]:
        if not text:
            return
        if self._kind() != "reasoning":
            yield from self.close()
            yield self._begin({"id": self._id("rs"), "type": "reasoning", "summary": []})
            part = {"type": "summary_text", "text": ""}
            yield self._summary("response.reasoning_summary_part.added", part=part)
        self._pieces.append(text)
        yield self._summary("response.reasoning_summary_text.delta", delta=text)

    def call(self, part: ToolCallDelta) -> Iterator[Frame]:
        if part.index not in self._calls:
            yield from self.close()
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

    def close(self, *, calls: bool = False) -> Iterator[Frame]:
        """End the open item, and with `calls` those too."""
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

    def done(self) -> list[dict[str, Any]]:
        """Return the items as they stand in the end."""
        return self._items

    def _kind(self) -> str | None:
        return None if self._open is None else str(self._items[self._open]["type"])

    def _message(self) -> Iterator[Frame]:
        if self._kind() == "message":
            return
        yield from self.close()
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


def _usage(usage: Usage | None) -> dict[str, Any] | None:
    if usage is None:
        return None
    given = (usage.input or 0, usage.output or 0)
    return {
        "input_tokens": given[0],
        "input_tokens_details": {"cached_tokens": usage.cached or 0, "cache_write_tokens": 0},
        "output_tokens": given[1],
        "output_tokens_details": {"reasoning_tokens": usage.reasoning or 0},
        "total_tokens": sum(given) if usage.total is None else usage.total,
    }
