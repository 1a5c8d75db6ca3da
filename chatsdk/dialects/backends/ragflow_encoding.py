"""RAGFlow's frames, written: parts in, what its chats and agents send out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from chatsdk.answer import Answer, AnswerBuilder
from chatsdk.dialects.writing import CREATED, added_text, dump, leftover, opening
from chatsdk.parts import Citation, Failure, Finish, Identity, Part, UsageUpdate

__all__ = ["agent", "deltas", "snapshots"]


def deltas(parts: Iterable[Part], *, id: str) -> Iterator[bytes]:
    """Write the frames of a chat as of 0.24: pieces of text, marks around the thinking."""
    who, rest = opening(parts, id=id, model="")
    chat, builder = _Chat(who), AnswerBuilder()
    for part in rest:
        step = builder.apply(part)
        yield from chat.marked.grow(step.reasoning_delta, added_text(step))
        if isinstance(part, Failure):
            yield chat.failure(part)
            yield chat.end()
            return
    text, reasoning = leftover(builder)
    yield from chat.marked.grow(reasoning, text)
    yield from chat.marked.mark(thinking=False)
    yield chat.frame("", _reference(builder.answer), final=True)
    yield chat.end()


def snapshots(parts: Iterable[Part], *, id: str) -> Iterator[bytes]:
    """Write the frames of a chat up to 0.23: each has the whole text, thinking between tags."""
    who, rest = opening(parts, id=id, model="")
    chat, builder = _Chat(who), AnswerBuilder()
    shown = ""
    for part in rest:
        step = builder.apply(part)
        whole = _tagged(step)
        if whole != shown:
            shown = whole
            yield chat.frame(whole, {})
        if isinstance(part, Failure):
            yield chat.failure(part)
            yield chat.end()
            return
    yield chat.frame(_tagged(builder.flush()), _reference(builder.answer))
    yield chat.end()


def agent(parts: Iterable[Part], *, id: str) -> Iterator[bytes]:
    """Write the events of an agent with one message."""
    who, rest = opening(parts, id=id, model="")
    run, builder = _Run(who), AnswerBuilder()
    yield run.event("workflow_started", {"inputs": {}})
    for part in rest:
        step = builder.apply(part)
        yield from run.marked.grow(step.reasoning_delta, added_text(step))
        if isinstance(part, Failure):
            yield _data({"code": 500, "message": part.message, "data": False})
            yield _data("[DONE]")
            return
        if isinstance(part, Finish) and part.reason == "cancelled":
            run.outputs = "Task has been canceled"
        if isinstance(part, UsageUpdate):
            run.usage = {"total_tokens": step.usage.total if step.usage else None}
    text, reasoning = leftover(builder)
    yield from run.marked.grow(reasoning, text)
    yield from run.marked.mark(thinking=False)
    reference = _reference(builder.answer)
    numbered = {str(place): chunk for place, chunk in enumerate(reference["chunks"])}
    yield run.event("message_end", {"reference": reference | {"chunks": numbered}})
    finished: dict[str, Any] = {"outputs": run.outputs, "elapsed_time": 1.0}
    if run.usage is not None:
        finished["usage"] = run.usage
    yield run.event("workflow_finished", finished)
    yield _data("[DONE]")


class _Marked:
    """Text and thinking in one field, told apart by marks before and after the thinking."""

    def __init__(self, piece: Callable[..., bytes]) -> None:
        self._piece = piece
        self._thinking = False

    def grow(self, reasoning: str, text: str) -> Iterator[bytes]:
        if reasoning:
            yield from self.mark(thinking=True)
            yield self._piece(reasoning)
        if text:
            yield from self.mark(thinking=False)
            yield self._piece(text)

    def mark(self, *, thinking: bool) -> Iterator[bytes]:
        if thinking != self._thinking:
            self._thinking = thinking
            yield self._piece("", **{"start_to_think" if thinking else "end_to_think": True})


class _Chat:
    def __init__(self, who: Identity) -> None:
        self.marked = _Marked(self.piece)
        self._ids = {"id": who.id, "session_id": who.conversation_id or "session-1"}

    def piece(self, text: str, **marks: bool) -> bytes:
        return self.frame(text, {"chunks": []}, final=False, **marks)

    def frame(self, text: str, reference: object, **marks: bool) -> bytes:
        data = {"answer": text, "reference": reference, "audio_binary": None}
        return _data({"code": 0, "message": "", "data": data | marks | self._ids})

    def failure(self, part: Failure) -> bytes:
        code = part.code if isinstance(part.code, int) and part.code else 500
        data = {"answer": f"**ERROR**: {part.message}", "reference": []}
        return _data({"code": code, "message": part.message, "data": data})

    def end(self) -> bytes:
        return _data({"code": 0, "message": "", "data": True})


class _Run:
    def __init__(self, who: Identity) -> None:
        self.marked = _Marked(self.piece)
        self.outputs = ""
        self.usage: dict[str, Any] | None = None
        self._ids = {
            "message_id": who.id,
            "created_at": CREATED,
            "task_id": who.task or "task-1",
            "session_id": who.conversation_id or "session-1",
        }

    def piece(self, text: str, **marks: bool) -> bytes:
        return self.event("message", {"content": text, **marks})

    def event(self, name: str, data: dict[str, Any]) -> bytes:
        return _data({"event": name, **self._ids, "data": data})


def _data(value: object) -> bytes:
    # RAGFlow puts no space after the colon.
    text = value if isinstance(value, str) else dump(value)
    return f"data:{text}\n\n".encode()


def _tagged(step: Answer) -> str:
    if not step.reasoning:
        return step.text
    return f"<think>{step.reasoning}{'</think>' if step.text else ''}{step.text}"


def _reference(answer: Answer) -> dict[str, Any]:
    chunks = [_chunk(item) for item in answer.citations]
    return {"total": len(chunks), "chunks": chunks, "doc_aggs": []}


def _chunk(item: Citation) -> dict[str, Any]:
    return {
        "document_id": item.document,
        "document_name": item.title,
        "url": item.url,
        "content": item.snippet or "",
        "similarity": item.score,
    }
