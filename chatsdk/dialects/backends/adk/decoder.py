"""Decodes ADK's events: deltas, then each turn again in one piece."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from chatsdk.dialects.backends.gemini.decoder import UNSET, grounds, usage_update
from chatsdk.dialects.dialect import Decoder, Dialect
from chatsdk.dialects.finish_reasons import GOOGLE, reason_of
from chatsdk.dialects.payload import (
    as_list,
    as_name,
    as_object,
    as_text,
    extra_object,
    failure_in,
    load_object,
)
from chatsdk.parts import (
    Citations,
    End,
    Failure,
    Finish,
    Identity,
    Part,
    Reasoning,
    Text,
    ToolCallDelta,
    UsageUpdate,
)
from chatsdk.sse import ServerSentEvent

__all__ = ["ADKDecoder"]


class ADKDecoder(Decoder):
    """Decodes the events of one run. Agents may send turns in parallel."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self._identity: tuple[object, object] = (None, None)
        # For each author, the kinds of deltas (text, thoughts) in the current turn.
        self._pieces: dict[str, set[str]] = {}
        self._calls = 0
        self._usage = UsageUpdate()
        # The finish reason of the last turn, and whether a call waits for the client.
        self._reason: Finish | None = None
        self._waiting = False
        # Whether the last event left no open turn and no running tool.
        self._complete = False

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        data = event.data
        if data[:1] != "{" and data.strip() in ("", "[DONE]"):
            return ()
        frame = load_object(data)
        if isinstance(frame.get("error"), (dict, bool)) and frame["error"]:
            # The error of a gateway.
            return (failure_in(frame),)
        if frame.get("error"):
            return (Failure(_words(frame["error"]), _kind(frame)),)
        code = as_name(frame.get("errorCode"))
        if code is not None and GOOGLE.get(code, "error") == "error":
            return (Failure(as_text(frame.get("errorMessage"), "errorMessage") or code, code),)
        parts: list[Part] = []
        self._identify(frame, parts)
        if code is not None:
            self._reason = Finish(GOOGLE[code], code)
            self._complete = True
        author = as_name(frame.get("author")) or ""
        content = as_object(frame.get("content"), "content")
        values = as_list(content.get("parts"), "parts")
        if author == "user":
            return parts
        if frame.get("partial") is True:
            pieces = self._pieces.setdefault(author, set())
            for value in values:
                self._said(as_object(value, "parts[]"), pieces, parts)
            return parts
        self._whole(frame, values, self._pieces.pop(author, set()), parts)
        return parts

    def close(self) -> Sequence[Part]:
        """Return the end, unless a turn is open or results of tools are missing."""
        if self._waiting:
            native = None if self._reason is None else self._reason.native
            return (Finish("tool_calls", native), End())
        if not self._complete or self._pieces:
            return ()
        return (End(),) if self._reason is None else (self._reason, End())

    def _identify(self, frame: dict[str, Any], parts: list[Part]) -> None:
        identity = (frame.get("invocationId"), frame.get("modelVersion"))
        if identity != self._identity and any(identity):
            self._identity = identity
            parts.append(Identity(id=as_name(identity[0]), model=as_name(identity[1])))

    def _said(self, part: dict[str, Any], pieces: set[str], parts: list[Part]) -> None:
        text = as_text(part.get("text"), "text")
        if text:
            thought = part.get("thought") is True
            pieces.add("thought" if thought else "text")
            parts.append(Reasoning(text) if thought else Text(text))

    def _whole(
        self, frame: dict[str, Any], values: list[Any], pieces: set[str], parts: list[Part]
    ) -> None:
        """Decode the event with a complete turn, without repeating its deltas."""
        ids = as_list(frame.get("longRunningToolIds"), "longRunningToolIds")
        waiting = {id for id in ids if isinstance(id, str)}
        running = False
        for value in values:
            part = as_object(value, "parts[]")
            if ("thought" if part.get("thought") is True else "text") not in pieces:
                self._said(part, set(), parts)
            if part.get("functionCall") is not None:
                call = as_object(part["functionCall"], "functionCall")
                self._waiting = self._waiting or as_name(call.get("id")) in waiting
                parts.append(self._call(call))
                running = True
            if part.get("functionResponse") is not None:
                actions = as_object(frame.get("actions"), "actions")
                running = actions.get("skipSummarization") is not True
        if values or "finishReason" in frame:
            self._complete = not running
        cited = tuple(grounds(frame))
        if cited:
            parts.append(Citations(cited))
        usage = extra_object(frame.get("usageMetadata"))
        if usage:
            parts.append(self._counted(usage_update(usage)))
        native = as_text(frame.get("finishReason"), "finishReason")
        if native and native != UNSET:
            self._reason = Finish(reason_of(native, GOOGLE), native)

    def _call(self, call: dict[str, Any]) -> ToolCallDelta:
        self._calls += 1
        arguments = json.dumps(as_object(call.get("args"), "args"), ensure_ascii=False)
        name = as_text(call.get("name"), "name")
        return ToolCallDelta(self._calls, as_name(call.get("id")), name, arguments)

    def _counted(self, turn: UsageUpdate) -> UsageUpdate:
        # Each turn of the model is counted separately.
        sums = [
            count if before is None else before if count is None else before + count
            for before, count in zip(self._usage, turn, strict=True)
        ]
        self._usage = UsageUpdate(*sums)
        return self._usage


def _words(error: Any) -> str:
    if isinstance(error, dict):
        error = error.get("message") or error
    return error if isinstance(error, str) else json.dumps(error, ensure_ascii=False)


def _kind(frame: dict[str, Any]) -> str | None:
    details = frame.get("error_details")
    return as_name(details.get("error_type")) if isinstance(details, dict) else None
