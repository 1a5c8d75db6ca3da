"""Decodes Dify's events, for all kinds of apps."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from chatsdk.dialects.dialect import Decoder, Dialect
from chatsdk.dialects.payload import (
    as_name,
    as_number,
    as_object,
    as_text,
    as_whole,
    extra_object,
    extra_objects,
    failure_in,
    load_object,
)
from chatsdk.dialects.think_tags import LeadingThinking, split_thinking
from chatsdk.dialects.usage import counted
from chatsdk.parts import (
    Citation,
    Citations,
    End,
    Failure,
    Finish,
    Identity,
    Part,
    Reasoning,
    ReasoningSnapshot,
    TextSnapshot,
    ToolCallDelta,
    UsageUpdate,
)
from chatsdk.sse import ServerSentEvent

__all__ = ["DifyDecoder"]


class DifyDecoder(Decoder):
    """Decodes the events of one answer, by the ``event`` in their JSON."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self._identity: tuple[object, object, object] = (None, None, None)
        # Text since the last thought, and whether an agent sent it.
        self._said: list[str] = []
        self._agent = False
        # The reasoning of each step, and whether any of it is in the answer.
        self._thoughts: dict[str | None, str] = {}
        self._thinking = False
        # Dify puts a model's reasoning into the answer, between tags.
        self._tags = LeadingThinking()
        # The number of each call, by its step and the tool's name.
        self._calls: dict[tuple[str | None, str], int] = {}
        # Whether there is a message: a workflow run has none, and is not followed by
        # ``message_end``.
        self._message_id = False
        self._run_id: object = None
        # Whether a workflow run streamed text.
        self._streamed = False
        # The error of a failed chatflow; the error event after it has more details.
        self._failed: Failure | None = None
        self._succeeded = False

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        return self.read(load_object(event.data)) if event.data.strip() else ()

    def close(self) -> Sequence[Part]:
        """Return the failure of the workflow; if it succeeded, the end, which some servers lose."""
        held = self._tags.flush()
        if self._failed is not None:
            return (*held, self._failed)
        return (*held, End()) if self._succeeded else held

    def read(self, payload: dict[str, Any]) -> Sequence[Part]:
        """Return the parts of one parsed event."""
        parts: list[Part] = []
        ids = (payload.get("message_id"), payload.get("conversation_id"), payload.get("task_id"))
        if ids != self._identity and any(ids):
            self._identity = ids
            message, conversation, task = map(as_name, ids)
            self._message_id = self._message_id or message is not None
            parts.append(Identity(id=message, conversation_id=conversation, task=task))
        run = payload.get("workflow_run_id")
        if run is not None and run != self._run_id and not self._message_id:
            self._run_id = run
            parts.append(Identity(id=as_name(run)))
        kind = payload.get("event")
        if isinstance(kind, str):
            read = _READ.get(kind)
            if read is not None:
                parts += read(self, payload)
        elif payload.get("code") and payload.get("message"):
            # The body of an HTTP error, sent after the stream began.
            parts.append(failure_in(payload))
        return parts

    def _message(self, payload: dict[str, Any]) -> Sequence[Part]:
        text = as_text(payload.get("answer"), "answer")
        if self._agent:
            # The new type of agent repeats its complete answer at the end.
            _, said = split_thinking(text, final=True, thinking=LeadingThinking())
            return (TextSnapshot(said),) if said else ()
        return self._tags.split(text)

    def _agent_message(self, payload: dict[str, Any]) -> Sequence[Part]:
        text = as_text(payload.get("answer"), "answer")
        self._agent = True
        self._said.append(text)
        return self._tags.split(text)

    def _replaced(self, payload: dict[str, Any]) -> Sequence[Part]:
        return self._whole(as_text(payload.get("answer"), "answer"))

    def _whole(self, text: str) -> Sequence[Part]:
        """Return the parts of text that replaces all earlier text."""
        self._tags = LeadingThinking()
        thought, said = split_thinking(text, final=True, thinking=self._tags)
        return (*([ReasoningSnapshot(thought)] if thought else ()), TextSnapshot(said))

    def _reasoning(self, payload: dict[str, Any]) -> Sequence[Part]:
        data = as_object(payload.get("data"), "data")
        text = as_text(data.get("reasoning"), "reasoning")
        return (Reasoning(text),) if text else ()

    def _thought(self, payload: dict[str, Any]) -> Sequence[Part]:
        """Decode a step of an agent. It is sent again, complete, whenever it has new data."""
        id = as_name(payload.get("id"))
        thought = as_text(payload.get("thought"), "thought")
        known = self._thoughts.get(id, "")
        parts: list[Part] = []
        if thought != known and thought.startswith(known):
            self._thoughts[id] = thought
            # Text of the model before a tool call is streamed as text and repeated here.
            if known or thought.strip() != "".join(self._said).strip():
                if not known and self._thinking:
                    parts.append(Reasoning("\n\n"))
                parts.append(Reasoning(thought[len(known) :]))
                self._thinking = True
            self._said.clear()
        return [*parts, *self._tool_calls(payload, id)]

    def _tool_calls(self, payload: dict[str, Any], id: str | None) -> Iterator[Part]:
        """Decode the calls of a step, ``"a;b"`` with the input ``{"a": {...}, "b": {...}}``."""
        tools = as_text(payload.get("tool"), "tool")
        given = payload.get("tool_input") or ""
        text = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
        try:
            inputs = json.loads(text)
        except (ValueError, RecursionError):
            inputs = None
        # A repeated name has only one input, so the input's text is encoded once.
        for name in dict.fromkeys(filter(None, tools.split(";"))):
            if isinstance(inputs, dict) and name in inputs:
                arguments = json.dumps(inputs[name], ensure_ascii=False)
            else:
                arguments = text
            index = self._calls.setdefault((id, name), len(self._calls))
            yield ToolCallDelta(index, id=id, name=name, arguments=arguments, replace=True)

    def _end(self, payload: dict[str, Any]) -> Sequence[Part]:
        return self.ended(payload)

    def ended(self, payload: dict[str, Any]) -> Sequence[Part]:
        """Return the parts that come with the end of the answer."""
        parts: list[Part] = []
        id = as_name(payload.get("message_id")) or as_name(payload.get("id"))
        parts.append(Identity(id=id))
        metadata = extra_object(payload.get("metadata"))
        usage = extra_object(metadata.get("usage"))
        if usage:
            parts.append(counted(usage))
        sources = extra_objects(metadata.get("retriever_resources"))
        if sources:
            parts.append(Citations(tuple(map(_citation, sources))))
        return [*self._tags.flush(), *parts, End()]

    def _workflow_finished(self, payload: dict[str, Any]) -> Sequence[Part]:
        data = as_object(payload.get("data"), "data")
        status = data.get("status")
        if status == "stopped":
            return (Finish("cancelled", "stopped"), End())
        if status == "failed":
            failed = Failure(as_name(data.get("error")) or "the workflow failed", "failed")
            if not self._message_id:
                return (failed,)
            self._failed = failed
        self._succeeded = status in ("succeeded", "partial-succeeded")
        return () if self._message_id else self._run_ended(data)

    def _run_ended(self, data: dict[str, Any]) -> Sequence[Part]:
        """Return the parts at the end of a workflow run: its result, unless it was streamed."""
        parts: list[Part] = []
        outputs = as_object(data.get("outputs"), "outputs")
        if outputs and not self._streamed:
            parts += self._tags.split(_result(outputs))
        parts += self._tags.flush()
        total = as_whole(data.get("total_tokens"))
        if total is not None:
            parts.append(UsageUpdate(total=total))
        status = as_name(data.get("status"))
        if status is not None:
            parts.append(Finish("stop", status))
        return [*parts, End()]

    def _chunk(self, payload: dict[str, Any]) -> Sequence[Part]:
        text = _data_text(payload)
        self._streamed = self._streamed or bool(text)
        return self._tags.split(text)

    def _chunk_replaced(self, payload: dict[str, Any]) -> Sequence[Part]:
        self._streamed = True
        return self._whole(_data_text(payload))

    def _paused(self, payload: dict[str, Any]) -> Sequence[Part]:
        # The run continues in another stream, after a person has filled in a form.
        return (Finish("other", "workflow_paused"), End())

    def _error(self, payload: dict[str, Any]) -> Sequence[Part]:
        message = as_text(payload.get("message"), "message")
        code = as_name(payload.get("code")) or as_whole(payload.get("status"))
        return (Failure(message or "Dify reports an error without a message", code),)


_READ: dict[str, Callable[[DifyDecoder, dict[str, Any]], Sequence[Part]]] = {
    "message": DifyDecoder._message,
    "agent_message": DifyDecoder._agent_message,
    "message_replace": DifyDecoder._replaced,
    "reasoning_chunk": DifyDecoder._reasoning,
    "agent_thought": DifyDecoder._thought,
    "message_end": DifyDecoder._end,
    "text_chunk": DifyDecoder._chunk,
    "text_replace": DifyDecoder._chunk_replaced,
    "workflow_finished": DifyDecoder._workflow_finished,
    "workflow_paused": DifyDecoder._paused,
    "error": DifyDecoder._error,
}


def _data_text(payload: dict[str, Any]) -> str:
    return as_text(as_object(payload.get("data"), "data").get("text"), "text")


def _result(outputs: dict[str, Any]) -> str:
    """Return a workflow's outputs as text; the app's author chose their names."""
    words = [value for value in outputs.values() if isinstance(value, str)]
    return words[0] if len(words) == 1 else json.dumps(outputs, ensure_ascii=False)


def _citation(source: dict[str, Any]) -> Citation:
    return Citation(
        title=as_name(source.get("document_name")) or as_name(source.get("title")),
        url=as_name(source.get("url")),
        document=as_name(source.get("document_id")) or as_name(source.get("segment_id")),
        snippet=as_name(source.get("content")),
        score=as_number(source.get("score")),
        position=as_whole(source.get("position")),
    )
