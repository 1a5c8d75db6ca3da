"""Decodes the AG-UI events of one run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from chatsdk.dialects.backends.agui.native import DIALECT, Encrypted
from chatsdk.dialects.dialect import Decoder, Dialect
from chatsdk.dialects.payload import (
    as_list,
    as_name,
    as_number,
    as_object,
    as_text,
    as_whole,
    load_object,
)
from chatsdk.dialects.tool_calls import whole_call
from chatsdk.dialects.usage import sum_of
from chatsdk.parts import (
    Citation,
    Citations,
    Data,
    End,
    Failure,
    Finish,
    Identity,
    Native,
    Part,
    Reasoning,
    Text,
    TextSnapshot,
    ToolCallDelta,
    UsageUpdate,
)
from chatsdk.sse import ServerSentEvent

__all__ = ["CITATIONS", "COUNTS", "AGUIDecoder"]

# The protocol has no citations. The encoder writes them as a CUSTOM event with this name: a list of
# objects with the fields of `chatsdk.parts.Citation`.
CITATIONS = "chatsdk.citations"


class AGUIDecoder(Decoder):
    """Decodes the events of one run; unknown events are ignored."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        # Ids of messages by a user or developer.
        self._not_ours: set[str] = set()
        self._message = ""
        self._call: str | None = None
        # Calls without a result: the client must run their tools.
        self._open_calls: dict[str, None] = {}
        # Calls whose arguments are complete; some agents send their last delta again.
        self._complete: set[str] = set()
        self._streamed = False
        self._thought = ""
        self._encrypted = Encrypted()

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        if not event.data.strip():
            return ()
        payload = load_object(event.data)
        kind = payload.get("type")
        if not isinstance(kind, str):
            return ()
        read = _READ.get(kind)
        if read is not None:
            return read(self, payload)
        return (Data(kind),) if kind.startswith(("STATE_", "ACTIVITY_")) else ()

    def _run_started(self, payload: dict[str, Any]) -> Sequence[Part]:
        thread, run = as_name(payload.get("threadId")), as_name(payload.get("runId"))
        return (Identity(id=run, conversation_id=thread),)

    def _text_start(self, payload: dict[str, Any]) -> Sequence[Part]:
        self._message = as_text(payload.get("messageId"), "messageId") or self._message
        if payload.get("role") not in (None, "assistant"):
            self._not_ours.add(self._message)
        return ()

    def _text(self, payload: dict[str, Any]) -> Sequence[Part]:
        # A chunk without an id continues the previous message.
        self._text_start(payload)
        delta = as_text(payload.get("delta"), "delta")
        if not delta or self._message in self._not_ours:
            return ()
        self._streamed = True
        return (Text(delta),)

    def _reasoning(self, payload: dict[str, Any]) -> Sequence[Part]:
        self._thought = as_name(payload.get("messageId")) or self._thought
        delta = as_text(payload.get("delta"), "delta")
        if not delta:
            return ()
        self._encrypted.think(self._thought, delta)
        return (Reasoning(delta),)

    def _encrypted_value(self, payload: dict[str, Any]) -> Sequence[Part]:
        id, value = as_name(payload.get("entityId")), as_name(payload.get("encryptedValue"))
        if id is not None and value is not None:
            self._encrypted.see(as_name(payload.get("subtype")), id, value)
        return ()

    def _call_piece(self, payload: dict[str, Any]) -> Sequence[Part]:
        id = as_name(payload.get("toolCallId")) or self._call
        if id is None:
            return ()
        self._call = id
        self._streamed = True
        name = as_name(payload.get("toolCallName"))
        if name is not None:
            self._open_calls[id] = None
        elif id in self._complete:
            return ()
        return (ToolCallDelta(id, id, name, as_text(payload.get("delta"), "delta")),)

    def _call_end(self, payload: dict[str, Any]) -> Sequence[Part]:
        self._complete.add(as_name(payload.get("toolCallId")) or self._call or "")
        return ()

    def _call_result(self, payload: dict[str, Any]) -> Sequence[Part]:
        self._open_calls.pop(as_text(payload.get("toolCallId"), "toolCallId"), None)
        return ()

    def _snapshot(self, payload: dict[str, Any]) -> Sequence[Part]:
        """Decode the messages of agents that send only complete ones."""
        if self._streamed:
            return ()
        parts: list[Part] = []
        said: list[str] = []
        self._open_calls.clear()
        for item in as_list(payload.get("messages"), "messages"):
            message = as_object(item, "messages[]")
            role = message.get("role")
            if role == "user":
                parts, said = [], []
            elif role == "assistant":
                said.append(as_text(message.get("content"), "content"))
                for item in as_list(message.get("toolCalls"), "toolCalls"):
                    call = whole_call(as_object(item, "toolCalls[]"), len(parts))
                    parts.append(call)
                    self._open_calls[str(call.index)] = None
            elif role == "tool":
                self._call_result(message)
        text = "".join(said)
        return [TextSnapshot(text), *parts] if text else parts

    def _custom(self, payload: dict[str, Any]) -> Sequence[Part]:
        if payload.get("name") == "usage" and isinstance(payload.get("value"), dict):
            # Microsoft's framework sends the counts of the run up to now here.
            value = payload["value"]
            names = ("input_token_count", "output_token_count", "total_token_count")
            counts = [as_whole(value.get(name)) for name in names]
            if any(count is not None for count in counts):
                return (UsageUpdate(*counts),)
        if payload.get("name") != CITATIONS:
            return (Data(as_name(payload.get("name"))),)
        items = [as_object(item, "value[]") for item in as_list(payload.get("value"), "value")]
        return (Citations(tuple(_citation(item) for item in items)),)

    def _run_finished(self, payload: dict[str, Any]) -> Sequence[Part]:
        outcome = as_object(payload.get("outcome"), "outcome")
        native = as_name(outcome.get("type"))
        if native in (None, "success"):
            # A missing outcome means success (AG-UI 1.0, RunFinishedEvent).
            waiting = outcome.get("pendingToolCallIds") or self._open_calls
            reason = "tool_calls" if waiting else "stop"
        else:
            reason = "cancelled" if native == "cancelled" else "other"
        kept = self._encrypted.whole()
        given = () if kept is None else (Native.of(DIALECT, kept),)
        return (*_usage(payload), *given, Finish(reason, native), End())

    def _run_error(self, payload: dict[str, Any]) -> Sequence[Part]:
        message = as_text(payload.get("message"), "message")
        return (*_usage(payload), Failure(message, as_name(payload.get("code"))))


_READ: dict[str, Callable[[AGUIDecoder, dict[str, Any]], Sequence[Part]]] = {
    "RUN_STARTED": AGUIDecoder._run_started,
    "TEXT_MESSAGE_START": AGUIDecoder._text_start,
    "TEXT_MESSAGE_CONTENT": AGUIDecoder._text,
    "TEXT_MESSAGE_CHUNK": AGUIDecoder._text,
    "REASONING_MESSAGE_CONTENT": AGUIDecoder._reasoning,
    "REASONING_MESSAGE_CHUNK": AGUIDecoder._reasoning,
    # Their names before 1.0.
    "THINKING_TEXT_MESSAGE_CONTENT": AGUIDecoder._reasoning,
    "REASONING_ENCRYPTED_VALUE": AGUIDecoder._encrypted_value,
    "TOOL_CALL_START": AGUIDecoder._call_piece,
    "TOOL_CALL_ARGS": AGUIDecoder._call_piece,
    "TOOL_CALL_END": AGUIDecoder._call_end,
    "TOOL_CALL_CHUNK": AGUIDecoder._call_piece,
    "TOOL_CALL_RESULT": AGUIDecoder._call_result,
    "MESSAGES_SNAPSHOT": AGUIDecoder._snapshot,
    "CUSTOM": AGUIDecoder._custom,
    "RUN_FINISHED": AGUIDecoder._run_finished,
    "RUN_ERROR": AGUIDecoder._run_error,
}


def _citation(item: dict[str, Any]) -> Citation:
    return Citation(
        title=as_name(item.get("title")),
        url=as_name(item.get("url")),
        document=as_name(item.get("document")),
        snippet=as_name(item.get("snippet")),
        score=as_number(item.get("score")),
        position=as_whole(item.get("position")),
    )


COUNTS = {
    "input": "inputTokens",
    "output": "outputTokens",
    "total": "totalTokens",
    "reasoning": "reasoningTokens",
    "cached": "cachedInputTokens",
}


def _usage(payload: dict[str, Any]) -> Sequence[Part]:
    """Add up the entries, one for each model."""
    entries = [as_object(item, "usage[]") for item in as_list(payload.get("usage"), "usage")]
    if not entries:
        return ()
    total: dict[str, int] = {}
    for name, native in COUNTS.items():
        count = sum_of(item.get(native) for item in entries)
        if count is not None:
            total[name] = count
    return (Identity(model=as_name(entries[0].get("model"))), UsageUpdate(**total))
