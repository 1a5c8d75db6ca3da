"""Decodes the events of Bedrock's Converse API, which Strands' agents also send."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from chatsdk.dialects.finish_reasons import reason_of
from chatsdk.dialects.payload import (
    as_name,
    as_object,
    as_text,
    as_whole,
    extra_object,
    extra_objects,
)
from chatsdk.dialects.request import Room
from chatsdk.parts import (
    Citation,
    Citations,
    Finish,
    Native,
    Part,
    Reasoning,
    Text,
    ToolCallDelta,
    UsageUpdate,
)

__all__ = ["DIALECT", "FINISH", "ConverseReader"]

# The name in `chatsdk.parts.Native`.
DIALECT = "bedrock"

FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "malformed_model_output": "error",
    "malformed_tool_use": "error",
}


class ConverseReader:
    """Decodes the events of one or more turns of a model.

    Attributes:
        stopped: the finish reason of the last turn, ``None`` during a turn or before the first.
    """

    def __init__(self) -> None:
        self.stopped: Finish | None = None
        self._turn = 0
        # The latest block, and the calls by their turn and block.
        self._block: object = None
        self._calls: dict[tuple[int, object], int] = {}
        self._usage = UsageUpdate()
        # Reasoning with its signature, to be sent back with the results of tools.
        self._thoughts: dict[object, dict[str, list[str]]] = {}
        self._room = Room()

    def read(self, name: str, value: dict[str, Any]) -> Sequence[Part]:
        """Return the parts of one event."""
        read = _READ.get(name)
        return () if read is None else read(self, value)

    def _start(self, value: dict[str, Any]) -> Sequence[Part]:
        self._turn += 1
        self.stopped, self._block = None, None
        self._thoughts.clear()
        return ()

    def _block_start(self, value: dict[str, Any]) -> Sequence[Part]:
        self._block = key = value.get("contentBlockIndex", object())
        use = as_object(as_object(value.get("start"), "start").get("toolUse"), "toolUse")
        if not use:
            return ()
        index = self._calls.setdefault((self._turn, _key(key)), len(self._calls))
        return (ToolCallDelta(index, as_name(use.get("toolUseId")), as_name(use.get("name"))),)

    def _delta(self, value: dict[str, Any]) -> Sequence[Part]:
        delta = as_object(value.get("delta"), "delta")
        key = _key(value.get("contentBlockIndex", self._block))
        parts: list[Part] = []
        text = as_text(delta.get("text"), "text")
        if text:
            parts.append(Text(text))
        if delta.get("reasoningContent"):
            parts += self._thought(as_object(delta["reasoningContent"], "reasoningContent"), key)
        if delta.get("toolUse"):
            piece = as_text(as_object(delta["toolUse"], "toolUse").get("input"), "input")
            index = self._calls.setdefault((self._turn, key), len(self._calls))
            parts.append(ToolCallDelta(index, arguments=piece))
        if delta.get("citation"):
            parts.append(Citations((_citation(extra_object(delta["citation"])),)))
        return parts

    def _thought(self, thought: dict[str, Any], key: object) -> Sequence[Part]:
        kept = self._thoughts.setdefault(key, {})
        for name in ("text", "signature", "redactedContent"):
            piece = as_text(thought.get(name), name)
            if piece and self._room.take(piece):
                kept.setdefault(name, []).append(piece)
        text = as_text(thought.get("text"), "text")
        return (Reasoning(text),) if text else ()

    def _stop(self, value: dict[str, Any]) -> Sequence[Part]:
        native = as_text(value.get("stopReason"), "stopReason")
        self.stopped = Finish(reason_of(native, FINISH), native or None)
        blocks = [_signed(thought) for thought in self._thoughts.values()]
        signed = [block for block in blocks if block is not None]
        return (Native.of(DIALECT, signed),) if signed and self._room else ()

    def _metadata(self, value: dict[str, Any]) -> Sequence[Part]:
        usage = extra_object(value.get("usage"))
        if not usage:
            return ()
        turn = (
            *map(as_whole, (usage.get("inputTokens"), usage.get("outputTokens"))),
            *(
                as_whole(usage.get("totalTokens")),
                None,
                as_whole(usage.get("cacheReadInputTokens")),
            ),
        )
        sums = [
            count if before is None else before if count is None else before + count
            for before, count in zip(self._usage, turn, strict=True)
        ]
        self._usage = UsageUpdate(*sums)
        return (self._usage,)


_READ: dict[str, Callable[[ConverseReader, dict[str, Any]], Sequence[Part]]] = {
    "messageStart": ConverseReader._start,
    "contentBlockStart": ConverseReader._block_start,
    "contentBlockDelta": ConverseReader._delta,
    "messageStop": ConverseReader._stop,
    "metadata": ConverseReader._metadata,
}


def _key(value: object) -> object:
    """Return a block's key; a list or an object is not a valid key."""
    return None if isinstance(value, (list, dict)) else value


def _signed(thought: dict[str, list[str]]) -> dict[str, Any] | None:
    """Return a block of reasoning for a request, ``None`` if it does not have a signature."""
    if "redactedContent" in thought:
        return {"redactedContent": "".join(thought["redactedContent"])}
    if "signature" not in thought:
        return None
    text = "".join(thought.get("text", ()))
    return {"reasoningText": {"text": text, "signature": "".join(thought["signature"])}}


def _citation(citation: dict[str, Any]) -> Citation:
    location = extra_object(citation.get("location"))
    web = extra_object(location.get("web"))
    source = as_name(citation.get("source"))
    is_url = source is not None and source.startswith(("https://", "http://"))
    passages = [
        as_name(item.get("text")) or "" for item in extra_objects(citation.get("sourceContent"))
    ]
    return Citation(
        title=as_name(citation.get("title")),
        url=as_name(web.get("url")) or (source if is_url else None),
        document=None if is_url else source,
        snippet="".join(passages) or None,
    )
