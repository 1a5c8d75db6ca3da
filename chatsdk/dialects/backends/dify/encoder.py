"""Encodes parts as the events of one Dify message or workflow run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from chatsdk import sse
from chatsdk.answer import Answer, ToolCall
from chatsdk.dialects.encoder import Writer, write
from chatsdk.dialects.encoder_values import CREATED, dump, opening
from chatsdk.parts import Citation, Failure, Finish, Identity, Part

__all__ = ["encode"]

# Dify's clients require the price fields.
FREE = {
    "prompt_unit_price": "0",
    "prompt_price_unit": "0.001",
    "prompt_price": "0",
    "completion_unit_price": "0",
    "completion_price_unit": "0.001",
    "completion_price": "0",
    "total_price": "0",
    "currency": "USD",
    "latency": 0.0,
}

# The HTTP status that an error inside the stream repeats, if the real one is unknown.
INTERNAL = 500


# A workflow run's final status, by finish reason.
STATUS = {"cancelled": "stopped"}


def encode(parts: Iterable[Part], *, id: str, workflow: bool = False) -> Iterator[bytes]:
    """Encode the events of one message or workflow run; tool calls follow when complete."""
    who, rest = opening(parts, id=id, model="")
    return write(_Run(who) if workflow else _Message(who), rest)


class _Message(Writer[bytes]):
    def __init__(self, who: Identity) -> None:
        self._who = who

    def text(self, added: str, step: Answer) -> Iterator[bytes]:
        yield _frame(self._who, "message", answer=added)

    def rewritten(self, step: Answer) -> Iterator[bytes]:
        reason = "output_moderation"
        yield _frame(self._who, "message_replace", answer=step.text, reason=reason)

    def reasoning(self, added: str, step: Answer) -> Iterator[bytes]:
        data = {"message_id": self._who.id, "node_id": "llm", "reasoning": added, "is_final": False}
        yield _frame(self._who, "reasoning_chunk", data=data)

    def calls(self, calls: tuple[ToolCall, ...], first: int) -> Iterator[bytes]:
        for position, call in enumerate(calls, first + 1):
            thought = _thought(call, position)
            yield _frame(self._who, "agent_thought", position=position, **thought)

    def failure(self, part: Failure, answer: Answer) -> Iterator[bytes]:
        yield _error(self._who, part)

    def end(self, answer: Answer, finish: Finish | None) -> Iterator[bytes]:
        yield _frame(self._who, "message_end", id=self._who.id, metadata=_metadata(answer))


class _Run(Writer[bytes]):
    """The events of a workflow with one node, a model; they can contain only text."""

    def __init__(self, who: Identity) -> None:
        self._head = {"task_id": who.task or f"task-{who.id}", "workflow_run_id": who.id}
        self._run = {"id": who.id, "workflow_id": "workflow-1", "created_at": CREATED}

    def begin(self) -> Iterator[bytes]:
        yield self._event("workflow_started", self._run | {"inputs": {}})

    def text(self, added: str, step: Answer) -> Iterator[bytes]:
        yield self._event("text_chunk", {"text": added, "from_variable_selector": ["llm", "text"]})

    def rewritten(self, step: Answer) -> Iterator[bytes]:
        yield self._event("text_replace", {"text": step.text})

    def failure(self, part: Failure, answer: Answer) -> Iterator[bytes]:
        yield self._finished(answer, "failed", part.message)

    def end(self, answer: Answer, finish: Finish | None) -> Iterator[bytes]:
        reason = "stop" if finish is None else finish.reason
        yield self._finished(answer, STATUS.get(reason, "succeeded"), None)

    def _finished(self, answer: Answer, status: str, error: str | None) -> bytes:
        usage = answer.usage
        ended = {
            "status": status,
            "outputs": {"text": answer.text},
            "error": error,
            "elapsed_time": 0.0,
            "total_tokens": usage.total or 0,
            "total_steps": 1,
            "finished_at": CREATED,
        }
        return self._event("workflow_finished", self._run | ended)

    def _event(self, event: str, data: dict[str, Any]) -> bytes:
        return sse.encode(dump({"event": event} | self._head | {"data": data}))


def _frame(who: Identity, event: str, **fields: Any) -> bytes:
    head = {
        "event": event,
        "task_id": who.task or f"task-{who.id}",
        "message_id": who.id,
        "conversation_id": who.conversation_id or f"conversation-{who.id}",
        "created_at": CREATED,
    }
    return sse.encode(dump(head | fields))


def _thought(call: ToolCall, position: int) -> dict[str, Any]:
    name, given = call.name or "", call.parsed
    return {
        "id": call.id or f"thought-{position}",
        "thought": "",
        "observation": "",
        "tool": name,
        "tool_input": call.arguments if given is None else dump({name: given}),
        "message_files": [],
    }


def _metadata(answer: Answer) -> dict[str, Any] | None:
    usage, metadata = answer.usage, dict[str, Any]()
    if usage:
        metadata["usage"] = {
            "prompt_tokens": usage.input or 0,
            "completion_tokens": usage.output or 0,
            "total_tokens": usage.total or 0,
            **FREE,
        }
    if answer.citations:
        sources = [_source(item, place) for place, item in enumerate(answer.citations, 1)]
        metadata["retriever_resources"] = sources
    return metadata or None


def _source(item: Citation, place: int) -> dict[str, Any]:
    source: dict[str, Any] = {
        "position": place if item.position is None else item.position,
        "dataset_id": "",
        "dataset_name": "",
        "document_id": item.document or "",
        "document_name": item.title or "",
        "segment_id": "",
        "content": item.snippet or "",
    }
    if item.score is not None:
        source["score"] = item.score
    return source if item.url is None else source | {"url": item.url}


def _error(who: Identity, failure: Failure) -> bytes:
    code = failure.code
    return _frame(
        who,
        "error",
        status=code if isinstance(code, int) else INTERNAL,
        code=code if isinstance(code, str) else "internal_server_error",
        message=failure.message,
    )
