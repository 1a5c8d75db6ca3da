"""Encodes parts as the frames of RAGFlow's chats and agents."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any

from chatsdk.answer import Answer
from chatsdk.dialects.encoder import Writer, write
from chatsdk.dialects.encoder_values import CREATED, dump, opening
from chatsdk.parts import Citation, Failure, Finish, Identity, Part

__all__ = ["agent", "deltas", "snapshots"]

# The output of a cancelled run.
CANCELLED = "Task has been canceled"


def deltas(parts: Iterable[Part], *, id: str) -> Iterator[bytes]:
    """Encode the frames of a chat from 0.24 on: text deltas, with marks around the reasoning."""
    who, rest = opening(parts, id=id, model="")
    return write(_Deltas(who), rest)


def snapshots(parts: Iterable[Part], *, id: str) -> Iterator[bytes]:
    """Encode the frames of a chat up to 0.23: each has the complete text, reasoning in tags."""
    who, rest = opening(parts, id=id, model="")
    return write(_Snapshots(who), rest)


def agent(parts: Iterable[Part], *, id: str) -> Iterator[bytes]:
    """Encode the events of an agent with one message."""
    who, rest = opening(parts, id=id, model="")
    return write(_Run(who), rest)


class _Marked(Writer[bytes], ABC):
    """Text and reasoning in one field, with marks before and after the reasoning."""

    def __init__(self) -> None:
        self._thinking = False

    def text(self, added: str, step: Answer) -> Iterator[bytes]:
        yield from self._mark(thinking=False)
        yield self._piece(added)

    def reasoning(self, added: str, step: Answer) -> Iterator[bytes]:
        yield from self._mark(thinking=True)
        yield self._piece(added)

    @abstractmethod
    def _piece(self, text: str, **marks: bool) -> bytes:
        """Encode a delta, with or without marks."""

    def _mark(self, *, thinking: bool) -> Iterator[bytes]:
        if thinking != self._thinking:
            self._thinking = thinking
            yield self._piece("", **{"start_to_think" if thinking else "end_to_think": True})


class _Chat(Writer[bytes]):
    """Frames that chats of all releases share."""

    def __init__(self, who: Identity) -> None:
        self._ids = {"id": who.id, "session_id": who.conversation_id or "session-1"}

    def failure(self, part: Failure, answer: Answer) -> Iterator[bytes]:
        code = part.code if isinstance(part.code, int) and part.code else 500
        data = {"answer": f"**ERROR**: {part.message}", "reference": []}
        yield _data({"code": code, "message": part.message, "data": data})
        yield self._last()

    def _frame(self, text: str, reference: object, **marks: bool) -> bytes:
        data = {"answer": text, "reference": reference, "audio_binary": None}
        return _data({"code": 0, "message": "", "data": data | marks | self._ids})

    def _last(self) -> bytes:
        return _data({"code": 0, "message": "", "data": True})


class _Deltas(_Chat, _Marked):
    def __init__(self, who: Identity) -> None:
        _Chat.__init__(self, who)
        _Marked.__init__(self)

    def end(self, answer: Answer, finish: Finish | None) -> Iterator[bytes]:
        yield from self._mark(thinking=False)
        yield self._frame("", _reference(answer), final=True)
        yield self._last()

    def _piece(self, text: str, **marks: bool) -> bytes:
        return self._frame(text, {"chunks": []}, final=False, **marks)


class _Snapshots(_Chat):
    def text(self, added: str, step: Answer) -> Iterator[bytes]:
        yield self._frame(_tagged(step), {})

    def reasoning(self, added: str, step: Answer) -> Iterator[bytes]:
        return self.text(added, step)

    def rewritten(self, step: Answer) -> Iterator[bytes]:
        return self.text(step.text, step)

    def end(self, answer: Answer, finish: Finish | None) -> Iterator[bytes]:
        yield self._frame(_tagged(answer), _reference(answer))
        yield self._last()


class _Run(_Marked):
    """A run of an agent."""

    def __init__(self, who: Identity) -> None:
        super().__init__()
        self._ids = {
            "message_id": who.id,
            "created_at": CREATED,
            "task_id": who.task or "task-1",
            "session_id": who.conversation_id or "session-1",
        }

    def begin(self) -> Iterator[bytes]:
        yield self._event("workflow_started", {"inputs": {}})

    def failure(self, part: Failure, answer: Answer) -> Iterator[bytes]:
        yield _data({"code": 500, "message": part.message, "data": False})
        yield _data("[DONE]")

    def end(self, answer: Answer, finish: Finish | None) -> Iterator[bytes]:
        yield from self._mark(thinking=False)
        reference = _reference(answer)
        numbered = {str(place): chunk for place, chunk in enumerate(reference["chunks"])}
        yield self._event("message_end", {"reference": reference | {"chunks": numbered}})
        cancelled = finish is not None and finish.reason == "cancelled"
        finished: dict[str, Any] = {"outputs": CANCELLED if cancelled else "", "elapsed_time": 1.0}
        if answer.usage:
            finished["usage"] = {"total_tokens": answer.usage.total}
        yield self._event("workflow_finished", finished)
        yield _data("[DONE]")

    def _piece(self, text: str, **marks: bool) -> bytes:
        return self._event("message", {"content": text, **marks})

    def _event(self, name: str, data: dict[str, Any]) -> bytes:
        return _data({"event": name, **self._ids, "data": data})


def _data(value: object) -> bytes:
    # RAGFlow does not put a space after the colon.
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
