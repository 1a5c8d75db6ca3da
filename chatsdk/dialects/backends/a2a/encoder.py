"""Encodes parts as the events of one A2A task with one artifact."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from chatsdk import sse
from chatsdk.answer import Answer
from chatsdk.dialects.encoder import Writer, write
from chatsdk.dialects.encoder_values import dump, opening
from chatsdk.parts import Failure, Finish, Identity, Part

__all__ = ["encode"]

# A fixed time (2026-09-21), so that equal answers have equal bytes.
TIME = "2026-09-21T15:33:20Z"


def encode(parts: Iterable[Part], *, id: str, version: str, rest: bool) -> Iterator[bytes]:
    """Encode the events of one task; they can contain only text."""
    who, left = opening(parts, id=id, model="")
    return write(_Task(who, old=version == "0.3", rest=rest), left)


class _Task(Writer[bytes]):
    def __init__(self, who: Identity, *, old: bool, rest: bool) -> None:
        self._task = who.task or f"task-{who.id}"
        self._context = who.conversation_id or f"context-{who.id}"
        self._old = old
        self._rest = rest
        self._begun = False

    def begin(self) -> Iterator[bytes]:
        task = {"id": self._task, "contextId": self._context, "status": self._state("submitted")}
        yield self._event("task", task)

    def text(self, added: str, step: Answer) -> Iterator[bytes]:
        yield self._artifact(added, append=self._begun)
        self._begun = True

    def rewritten(self, step: Answer) -> Iterator[bytes]:
        yield self._artifact(step.text, append=False)

    def failure(self, part: Failure, answer: Answer) -> Iterator[bytes]:
        yield self._ended("failed", part.message)

    def end(self, answer: Answer, finish: Finish | None) -> Iterator[bytes]:
        cancelled = finish is not None and finish.reason == "cancelled"
        yield self._ended("canceled" if cancelled else "completed", None)

    def _artifact(self, words: str, *, append: bool) -> bytes:
        artifact = {"artifactId": "artifact-1", "name": "answer", "parts": [self._words(words)]}
        update: dict[str, Any] = {"artifact": artifact}
        if append or self._old:
            # Version 1.0 omits false values.
            update["append"] = append
        return self._event("artifactUpdate", self._ids() | update)

    def _ended(self, state: str, words: str | None) -> bytes:
        status = self._state(state)
        if words is not None:
            role = {"role": "agent", "kind": "message"} if self._old else {"role": "ROLE_AGENT"}
            said = {"messageId": f"message-{self._task}", "parts": [self._words(words)]}
            status["message"] = said | role
        final = {"final": True} if self._old else {}
        return self._event("statusUpdate", self._ids() | {"status": status} | final)

    def _ids(self) -> dict[str, Any]:
        return {"taskId": self._task, "contextId": self._context}

    def _state(self, state: str) -> dict[str, Any]:
        return {"state": state if self._old else f"TASK_STATE_{state.upper()}", "timestamp": TIME}

    def _words(self, words: str) -> dict[str, Any]:
        return {"kind": "text", "text": words} if self._old else {"text": words}

    def _event(self, name: str, value: dict[str, Any]) -> bytes:
        kinds = {"task": "task", "statusUpdate": "status-update"}
        kind = kinds.get(name, "artifact-update")
        result = {"kind": kind} | value if self._old else {name: value}
        if not self._rest:
            result = {"jsonrpc": "2.0", "id": "1", "result": result}
        return sse.encode(dump(result))
