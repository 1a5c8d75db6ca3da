"""Decodes RAGFlow's frames: chats with deltas, chats with snapshots, agents."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from chatsdk.dialects.citations import passages
from chatsdk.dialects.dialect import Decoder, Dialect
from chatsdk.dialects.growing_text import Trimmed
from chatsdk.dialects.payload import as_name, as_object, as_text, load, load_object, unwrapped
from chatsdk.dialects.think_tags import Thinking, split_thinking
from chatsdk.dialects.usage import counted
from chatsdk.parts import (
    Citations,
    End,
    Failure,
    Finish,
    Identity,
    Part,
    Reasoning,
    ReasoningSnapshot,
    Text,
    TextSnapshot,
)
from chatsdk.sse import ServerSentEvent

__all__ = ["RAGFlowDecoder", "error_in_text"]

# RAGFlow's prefix for a model's failure, which it then streams as text: alone in a delta, perhaps
# with a kind such as QUOTA_EXCEEDED before the message.
ERROR = re.compile(r"\s*\*\*ERROR\*\*:?\s*(?:([A-Z][A-Z_]+) - )?(.*)", re.DOTALL)

# Keys that only releases with deltas send.
DELTA_KEYS = frozenset({"final", "start_to_think", "end_to_think"})

CANCELED = "Task has been canceled"


def error_in_text(piece: str) -> Failure | None:
    """Return the error in text that starts with RAGFlow's ``**ERROR**``, else ``None``."""
    if "**ERROR**" not in piece:
        return None
    found = ERROR.match(piece)
    return None if found is None else Failure(found[2].strip(), found[1])


class RAGFlowDecoder(Decoder):
    """Decodes all RAGFlow dialects.

    Args:
        text: ``"delta"`` or ``"snapshot"``; ``None`` decides for the complete stream by the first
            frame with text: only releases that stream deltas send the key ``final``.
    """

    def __init__(self, dialect: Dialect, *, text: str | None = None) -> None:
        self.dialect = dialect
        self._text = text
        self._thinking = Thinking()
        self._ids: tuple[object, ...] = ()
        # Deltas: the text up to now. Snapshots: the last one, including reasoning.
        self._said = Trimmed()
        self._snapshot = ""
        self._agent = _Agent()

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        data = event.data
        if data[:1] != "{":
            data = unwrapped(data)
            if data == "[DONE]":
                return self._end()
            if not data:
                return ()
        return self.read(load_object(data))

    def read(self, frame: dict[str, Any]) -> Sequence[Part]:
        """Return the parts of one parsed frame."""
        # Before 0.12, the names were ``retcode`` and ``retmsg``.
        code = frame.get("code", frame.get("retcode"))
        if code not in (0, None):
            return (*self.close(), _refused(frame, code))
        data = frame.get("data")
        if data is True:
            return self._end()
        if "event" in frame:
            return self._event(frame)
        parts: list[Part] = []
        data = as_object(data, "data")
        ids = (data.get("id"), data.get("session_id") or frame.get("session_id"))
        self._identify(ids, parts)
        if self._text is None:
            if not DELTA_KEYS.isdisjoint(data):
                self._text = "delta"
            elif data.get("answer"):
                self._text = "snapshot"
        if self._text == "snapshot":
            self._whole(as_text(data.get("answer"), "answer"), parts)
        else:
            self._piece(data, parts)
        _cite(data.get("reference"), parts)
        return parts

    def close(self) -> Sequence[Part]:
        parts: list[Part] = []
        self._say(self._thinking.flush(), parts)
        if self._snapshot:
            _split(self._snapshot, parts, final=True)
        return parts

    def _end(self) -> Sequence[Part]:
        failure = self._agent.failure(bool(self._said))
        return (*self.close(), End() if failure is None else failure)

    def _identify(self, ids: tuple[object, ...], parts: list[Part]) -> None:
        if ids != self._ids and any(ids):
            self._ids = ids
            id, conversation, *task = map(as_name, ids)
            parts.append(Identity(id, conversation_id=conversation, task=task[0] if task else None))

    def _piece(self, data: dict[str, Any], parts: list[Part]) -> None:
        """Decode a chat frame of a release that streams deltas."""
        text = as_text(data.get("answer"), "answer")
        thought = data.get("reasoning")
        if thought and isinstance(thought, str):
            parts.append(Reasoning(thought))
        if text:
            error = error_in_text(text)
            if error is not None:
                parts.append(error)
            elif data.get("final"):
                self._final(text, parts)
            else:
                self._say(self._thinking.split(text), parts)
        self._mark(data)

    def _final(self, text: str, parts: list[Part]) -> None:
        """Decode the final frame; its text is empty or, in some releases, complete."""
        self._say(self._thinking.flush(), parts)
        thought, said = split_thinking(text, final=True)
        if thought and not said:
            # The reasoning was not closed, so this is not the answer.
            return
        if not self._said and thought:
            parts.append(ReasoningSnapshot(thought))
        if not self._said.says(said):
            # Decorated text, with citations inserted.
            parts.append(TextSnapshot(said))
            self._said = Trimmed()
            self._said.add(said)

    def _mark(self, data: dict[str, Any]) -> None:
        if data.get("start_to_think"):
            self._thinking.inside = True
        elif data.get("end_to_think"):
            self._thinking.inside = False

    def _say(self, said: Sequence[Text | Reasoning], parts: list[Part]) -> None:
        for part in said:
            if isinstance(part, Text):
                self._said.add(part.text)
            parts.append(part)

    def _whole(self, text: str, parts: list[Part]) -> None:
        """Decode a chat frame of a release that streams the complete text up to now."""
        if not text:
            return
        known = len(self._snapshot) if text.startswith(self._snapshot) else 0
        error = None
        if text.find("**ERROR**", known) >= 0:
            # The error is all of the new text, or on a separate line after it.
            error, kept = error_in_text(text[known:]), known
            if error is None:
                kept = text.find("\n**ERROR**", known)
                error = error_in_text(text[kept:]) if kept >= 0 else None
            if error is not None:
                text = text[:kept]
        if text:
            self._snapshot = text
            _split(text, parts)
        if error is not None:
            parts.append(error)

    def _event(self, frame: dict[str, Any]) -> Sequence[Part]:
        """Decode an agent's frame, which has the event's name in its JSON."""
        name = frame["event"]
        data = frame.get("data")
        if name == "waiting_for_user" and isinstance(data, str):
            # The Go server sends its JSON as a string.
            data = load(data) if data.strip() else None
        data = as_object(data, "data")
        parts: list[Part] = []
        ids = (frame.get("message_id"), frame.get("session_id"), frame.get("task_id"))
        self._identify(ids, parts)
        self._agent.see(name, data)
        if name == "message":
            thought = data.get("thinking")
            if thought and isinstance(thought, str):
                parts.append(Reasoning(thought))
            text = as_text(data.get("content"), "content")
            error = error_in_text(text)
            if error is not None:
                parts.append(error)
                return parts
            self._say(self._thinking.split(text), parts)
            self._mark(data)
        elif name == "workflow_finished":
            outputs = data.get("outputs")
            if isinstance(outputs, str) and CANCELED in outputs:
                parts.append(Finish("cancelled", outputs))
            if (usage := data.get("usage")) and isinstance(usage, dict):
                parts.append(counted(usage))
        elif name in ("user_inputs", "waiting_for_user"):
            # The run waits for a form; `raw` has the form.
            parts.append(Finish("other", name))
        elif name == "error":
            parts.append(Failure(as_text(data.get("message"), "message")))
        _cite(data.get("reference"), parts)
        return parts


class _Agent:
    """Tracks whether an agent's run failed, which RAGFlow does not report as an error."""

    def __init__(self) -> None:
        self._error: str | None = None
        self._whole = False

    def see(self, name: object, data: dict[str, Any]) -> None:
        if name == "workflow_started":
            self._whole = True
        error = data.get("error")
        if name == "node_finished" and error:
            self._error = error if isinstance(error, str) else "a component failed"
        elif name in (
            "message",
            "node_started",
            "workflow_finished",
            "user_inputs",
            "waiting_for_user",
        ):
            # The run continued: the component's failure was handled.
            self._error = None

    def failure(self, said: bool) -> Failure | None:
        """Return the failure that ended the run.

        A continued session omits events, so missing events do not prove a failure once there is
        text.
        """
        if self._error is None or (said and not self._whole):
            return None
        return Failure(self._error)


def _refused(frame: dict[str, Any], code: object) -> Failure:
    words = filter(None, map(frame.get, ("message", "msg", "retmsg")))
    message = as_text(next(words, None), "message")
    data = frame.get("data")
    if not message and isinstance(data, dict):
        message = as_text(data.get("answer"), "answer")
    error = error_in_text(message)
    known = code if isinstance(code, (int, str)) and not isinstance(code, bool) else None
    return Failure(message if error is None else error.message, known)


def _split(text: str, parts: list[Part], *, final: bool = False) -> None:
    thought, said = split_thinking(text, final=final)
    if thought:
        parts.append(ReasoningSnapshot(thought))
    parts.append(TextSnapshot(said))


def _cite(reference: object, parts: list[Part]) -> None:
    if reference and isinstance(reference, (dict, list)):
        found = tuple(passages(reference))
        if found:
            parts.append(Citations(found))
