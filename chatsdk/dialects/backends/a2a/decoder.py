"""Decodes A2A's tasks, statuses, artifacts and messages, of both versions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chatsdk.dialects.dialect import Decoder, Dialect
from chatsdk.dialects.payload import as_list, as_name, as_object, as_text, failure_in, load_object
from chatsdk.parts import Data, End, Failure, Finish, Identity, Part, Text, TextSnapshot
from chatsdk.sse import ServerSentEvent

__all__ = ["A2ADecoder"]

# Version 1.0's name of each object, by the `kind` of 0.3.
KINDS = {
    "task": "task",
    "message": "message",
    "status-update": "statusUpdate",
    "artifact-update": "artifactUpdate",
}

PREFIX = "TASK_STATE_"

# Up to this many characters in all artifacts, every rewrite sends the complete text at once; and
# the overhead of an artifact, in characters.
FREE_CHARS = 4096
ARTIFACT_CHARS = 32


class A2ADecoder(Decoder):
    """Decodes the events of one task, bare or inside JSON-RPC."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self._artifacts = Artifacts()
        self._ids: tuple[object, object] = (None, None)
        # The text of the last status.
        self._said = ""

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        return self.read(load_object(event.data)) if event.data.strip() else ()

    def read(self, payload: dict[str, Any]) -> Sequence[Part]:
        """Return the parts of one parsed event."""
        if payload.get("error"):
            return (*self._artifacts.take(final=True), _refused(payload))
        result = as_object(payload.get("result"), "result") if "jsonrpc" in payload else payload
        kind = result.get("kind")
        if isinstance(kind, str) and kind in KINDS:
            return self._read(KINDS[kind], result)
        for name in KINDS.values():
            # An error's message is a string, not an object.
            if result.get(name) is not None and not isinstance(result[name], str):
                return self._read(name, as_object(result[name], name))
        return ()

    def _read(self, name: str, value: dict[str, Any]) -> Sequence[Part]:
        parts: list[Part] = []
        if name == "message":
            return self._message(value)
        self._identify(value.get("id" if name == "task" else "taskId"), value, parts)
        if name == "artifactUpdate":
            append = value.get("append") is True
            self._artifact(as_object(value.get("artifact"), "artifact"), append, parts)
            return parts
        for item in as_list(value.get("artifacts"), "artifacts"):
            self._artifact(as_object(item, "artifacts[]"), False, parts)
        self._status(as_object(value.get("status"), "status"), value.get("final") is True, parts)
        return parts

    def _identify(self, task: object, value: dict[str, Any], parts: list[Part]) -> None:
        ids = (task, value.get("contextId"))
        if ids != self._ids:
            self._ids = ids
            known, context = map(as_name, ids)
            parts.append(Identity(id=known, conversation_id=context, task=known))

    def _message(self, value: dict[str, Any]) -> Sequence[Part]:
        if _by_user(value):
            return ()
        context, task = as_name(value.get("contextId")), as_name(value.get("taskId"))
        id = as_name(value.get("messageId"))
        words = _words(value)
        return (
            Identity(id=id, conversation_id=context, task=task),
            *((Text(words),) if words else (Data("message"),)),
            Finish("stop"),
            End(),
        )

    def _artifact(self, artifact: dict[str, Any], append: bool, parts: list[Part]) -> None:
        words = _words(artifact)
        if not words and not append:
            # Files and data belong to the application.
            parts.append(Data(as_name(artifact.get("name")) or "artifact"))
        id = as_name(artifact.get("artifactId")) or ""
        parts += self._artifacts.put(id, words, append=append)

    def _status(self, status: dict[str, Any], final: bool, parts: list[Part]) -> None:
        state = as_text(status.get("state"), "state")
        state = state.removeprefix(PREFIX).lower().replace("_", "-")
        message = as_object(status.get("message"), "message")
        words = "" if _by_user(message) else _words(message)
        self._said = words or self._said
        if state in ("failed", "rejected"):
            parts += self._artifacts.take(final=True)
            parts.append(Failure(words or f"the task was {state}", state))
        elif state == "completed":
            parts += self._artifacts.take(final=True)
            if not self._artifacts and self._said:
                # Some agents send their answer only here.
                parts.append(Text(self._said))
            parts += [Finish("stop", state), End()]
        elif state == "canceled":
            parts += [*self._artifacts.take(final=True), Finish("cancelled", state), End()]
        elif state in ("input-required", "auth-required"):
            parts += self._artifacts.take(final=True)
            if words:
                parts.append(Text(f"\n\n{words}" if self._artifacts else words))
            parts += [Finish("other", state), End()]
        elif final:
            parts += [*self._artifacts.take(final=True), End()]
        elif words:
            parts.append(Data(state))


class Artifacts:
    """The texts of the artifacts, joined in the order in which they first arrived.

    Usually an artifact is extended, which takes only a delta. One that starts again rewrites the
    complete text. Many rewrites would take quadratic time. So a long text is rewritten only after
    as many characters have arrived as it has, or at the end.
    """

    def __init__(self) -> None:
        self._texts: dict[str, list[str]] = {}
        self._cost = 0
        self._paid = 0
        self._stale = False

    def __bool__(self) -> bool:
        return any(any(pieces) for pieces in self._texts.values())

    def put(self, id: str, words: str, *, append: bool) -> Sequence[Part]:
        """Append to an artifact or start it again, and return the parts for it."""
        self._paid += len(words) + ARTIFACT_CHARS
        pieces = self._texts.setdefault(id, [])
        if not append and any(pieces):
            self._cost -= sum(map(len, pieces))
            pieces.clear()
            self._stale = True
        pieces.append(words)
        self._cost += len(words) + ARTIFACT_CHARS
        if self._stale:
            return self.take()
        return (Text(words),) if words else ()

    def take(self, *, final: bool = False) -> Sequence[Part]:
        """Return the complete text if it was rewritten and the rewrite does not wait."""
        if not self._stale or (not final and self._cost > FREE_CHARS and self._paid < self._cost):
            return ()
        self._stale, self._paid = False, 0
        return (TextSnapshot("".join(map("".join, self._texts.values()))),)


def _by_user(message: dict[str, Any]) -> bool:
    return message.get("role") in ("user", "ROLE_USER")


def _words(value: dict[str, Any]) -> str:
    parts = [as_object(part, "parts[]") for part in as_list(value.get("parts"), "parts")]
    return "".join(as_text(part.get("text"), "text") for part in parts)


def _refused(payload: dict[str, Any]) -> Failure:
    error = payload["error"]
    if isinstance(error, dict):
        return failure_in({"error": error})
    return Failure(error) if isinstance(error, str) else failure_in(payload)
