"""Decodes the events of agno's runs, including nested runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from chatsdk.dialects.dialect import Decoder, Dialect
from chatsdk.dialects.payload import (
    as_list,
    as_name,
    as_object,
    as_text,
    as_whole,
    extra_object,
    extra_objects,
    load_object,
)
from chatsdk.parts import (
    Citation,
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

__all__ = ["AgnoDecoder"]


class AgnoDecoder(Decoder):
    """Decodes the events of one run.

    The first event belongs to the outer run. The answer omits the text of a team's members, but
    includes the text of a workflow's steps.
    """

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self._run: str | None = None
        self._steps = False
        self._model: str | None = None
        self._spoken = False
        self._thought = False

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        if not event.data.strip():
            return ()
        frame = load_object(event.data)
        kind = frame.get("event")
        if not isinstance(kind, str):
            return ()
        parts: list[Part] = []
        run = as_name(frame.get("run_id"))
        if self._run is None and run is not None:
            self._run = run
            self._steps = kind.startswith("Workflow")
            session = as_name(frame.get("session_id"))
            self._model = as_name(frame.get("model"))
            parts.append(Identity(id=run, conversation_id=session, model=self._model))
        outer = run is None or run == self._run
        read = _READ.get(kind.removeprefix("Team"))
        if read is not None and (outer or self._steps or read in _OF_ALL):
            parts += read(self, frame, outer)
        return parts

    def _content(self, frame: dict[str, Any], outer: bool) -> Iterator[Part]:
        thought = as_text(frame.get("reasoning_content"), "reasoning_content")
        if thought:
            self._thought = True
            yield Reasoning(thought)
        text = _text(frame.get("content"))
        if text:
            self._spoken = True
            yield Text(text)
        yield from _cited(frame)

    def _call(self, frame: dict[str, Any], outer: bool) -> Iterator[Part]:
        tool = as_object(frame.get("tool"), "tool")
        if tool:
            yield _call(tool)

    def _completed(self, frame: dict[str, Any], outer: bool) -> Iterator[Part]:
        """Decode the complete run, repeated at the end, with the counts of all its model calls."""
        if not outer:
            return
        thought = as_text(frame.get("reasoning_content"), "reasoning_content")
        if thought and not self._thought:
            yield Reasoning(thought)
        text = _text(frame.get("content"))
        if text and not self._spoken:
            yield Text(text)
        yield from _cited(frame)
        metrics = as_object(frame.get("metrics"), "metrics")
        if metrics:
            yield UsageUpdate(
                input=as_whole(metrics.get("input_tokens")),
                output=as_whole(metrics.get("output_tokens")),
                total=as_whole(metrics.get("total_tokens")),
                reasoning=as_whole(metrics.get("reasoning_tokens")),
                cached=as_whole(metrics.get("cache_read_tokens")),
            )
        yield End()

    def _paused(self, frame: dict[str, Any], outer: bool) -> Iterator[Part]:
        """Decode the pause of a run that waits for a person, or for a tool that the client runs."""
        if outer:
            for tool in as_list(frame.get("tools"), "tools"):
                yield _call(as_object(tool, "tools[]"))
            yield Finish("tool_calls", "RunPaused")
            yield End()

    def _cancelled(self, frame: dict[str, Any], outer: bool) -> Iterator[Part]:
        if outer:
            yield Finish("cancelled", "RunCancelled")
            yield End()

    def _error(self, frame: dict[str, Any], outer: bool) -> Iterator[Part]:
        if outer:
            words = _text(frame.get("content")) or as_text(frame.get("error"), "error")
            kind = as_name(frame.get("error_type"))
            yield Failure(words or "the run failed without a message", kind)


_Read = Callable[[AgnoDecoder, dict[str, Any], bool], Iterator[Part]]
# The names of a team's events start with "Team".
_READ: dict[str, _Read] = {
    "RunContent": AgnoDecoder._content,
    "RunIntermediateContent": AgnoDecoder._content,
    "ToolCallStarted": AgnoDecoder._call,
    "RunCompleted": AgnoDecoder._completed,
    "WorkflowCompleted": AgnoDecoder._completed,
    "RunPaused": AgnoDecoder._paused,
    "RunCancelled": AgnoDecoder._cancelled,
    "WorkflowCancelled": AgnoDecoder._cancelled,
    "RunError": AgnoDecoder._error,
    "WorkflowError": AgnoDecoder._error,
}
# Decoded for the members of a team too.
_OF_ALL = (AgnoDecoder._call,)


def _text(content: Any) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    # The agent's answer is an object.
    return json.dumps(content, ensure_ascii=False)


def _call(tool: dict[str, Any]) -> ToolCallDelta:
    id = as_text(tool.get("tool_call_id"), "tool_call_id")
    arguments = json.dumps(tool.get("tool_args") or {}, ensure_ascii=False)
    return ToolCallDelta(id, id or None, as_name(tool.get("tool_name")), arguments, replace=True)


def _cited(frame: dict[str, Any]) -> Iterator[Part]:
    urls = extra_objects(extra_object(frame.get("citations")).get("urls"))
    if urls:
        yield Citations(
            tuple(
                Citation(title=as_name(item.get("title")), url=as_name(item.get("url")))
                for item in urls
            )
        )
