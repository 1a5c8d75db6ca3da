"""Decodes and encodes LangChain's messages as JSON; LangServe and LangGraph stream them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from chatsdk.dialects.finish_reasons import reason_of
from chatsdk.dialects.growing_text import Running
from chatsdk.dialects.payload import as_list, as_name, as_object, as_text, as_whole, extra_object
from chatsdk.dialects.request import paired
from chatsdk.messages import Image, Message
from chatsdk.parts import (
    Citation,
    Finish,
    Identity,
    Part,
    Reasoning,
    ReasoningSnapshot,
    Text,
    TextSnapshot,
    ToolCallDelta,
    UsageUpdate,
)

__all__ = ["MessageReader", "documents", "written"]

# The model's maker chooses the value, and LangChain passes it on.
FINISH = {
    **dict.fromkeys(("stop", "end_turn", "stop_sequence"), "stop"),
    **dict.fromkeys(("length", "max_tokens"), "length"),
    **dict.fromkeys(("tool_calls", "tool_use", "function_call"), "tool_calls"),
    **dict.fromkeys(("content_filter", "safety"), "content_filter"),
    "refusal": "refusal",
}
FINISH_FIELDS = ("finish_reason", "stop_reason", "done_reason")

ROLES = {"system": "system", "user": "human", "assistant": "ai", "tool": "tool"}


class MessageReader:
    """Decodes the messages of one run, sent as deltas or as growing snapshots.

    The texts of several messages are joined unchanged; their usage is added up.
    """

    def __init__(self) -> None:
        self._text = Running[Text, TextSnapshot](Text, TextSnapshot)
        self._reasoning = Running[Reasoning, ReasoningSnapshot](Reasoning, ReasoningSnapshot)
        # Counts of each message, by its id, and of all together.
        self._usage: dict[str, dict[str, int]] = {}
        self._total: dict[str, int] = {}
        self._calls: dict[int | str, ToolCallDelta] = {}
        # Calls, identified by their message and their index in it.
        self._keys: dict[tuple[str, object], int] = {}
        self._finish: tuple[str, str] | None = None
        self._model: str | None = None

    def piece(self, message: dict[str, Any]) -> list[Part]:
        """Return the parts that an ``AIMessageChunk`` adds; an ``ai`` message is one delta."""
        id = as_name(message.get("id")) or ""
        text, reasoning = _said(message)
        parts: list[Part] = []
        if reasoning:
            parts.append(Reasoning(reasoning))
        if text:
            parts.append(Text(text))
        calls = message.get("tool_call_chunks")
        if message.get("type") == "ai":
            parts += [self._call(call, id, place) for place, call in enumerate(_calls(message))]
        elif calls:
            for place, item in enumerate(as_list(calls, "tool_call_chunks")):
                call = as_object(item, "tool_call_chunks[]")
                index = call.get("index")
                key = self._key(id, index if isinstance(index, (int, str)) else place)
                parts.append(_call_piece(call, key))
        if message.get("usage_metadata") or message.get("response_metadata"):
            parts += self._metadata(message, id, add=True)
        return parts

    def whole(self, messages: Iterable[dict[str, Any]]) -> list[Part]:
        """Return the parts of message snapshots; messages from earlier events are kept."""
        parts: list[Part] = []
        for message in messages:
            id = as_name(message.get("id")) or ""
            text, reasoning = _said(message)
            self._text.put(id, text)
            self._reasoning.put(id, reasoning)
            for place, item in enumerate(_calls(message)):
                call = self._call(item, id, place)
                if self._calls.get(call.index) != call:
                    self._calls[call.index] = call
                    parts.append(call)
            parts += self._metadata(message, id, add=False)
        return [*self._text.take(), *self._reasoning.take(), *parts]

    def flush(self) -> tuple[Part, ...]:
        """Return the text that waited because messages replaced others; call it at the end."""
        return (*self._text.take(final=True), *self._reasoning.take(final=True))

    def _metadata(self, message: dict[str, Any], id: str, *, add: bool) -> list[Part]:
        parts: list[Part] = []
        response = as_object(message.get("response_metadata"), "response_metadata")
        model = as_name(response.get("model_name")) or as_name(response.get("model"))
        if model is not None and model != self._model:
            self._model = model
            parts.append(Identity(model=model))
        for field in FINISH_FIELDS:
            native = as_name(response.get(field))
            if native is not None and (id, native) != self._finish:
                self._finish = (id, native)
                parts.append(Finish(reason_of(native, FINISH), native))
        usage = extra_object(message.get("usage_metadata"))
        if usage:
            # Counts of deltas are added up, as LangChain does when it joins chunks.
            known = {} if add else self._usage.get(id, {})
            counts = _counts(usage)
            if add or known != counts:
                self._usage[id] = counts
                for name in known | counts:
                    change = counts.get(name, 0) - known.get(name, 0)
                    self._total[name] = self._total.get(name, 0) + change
                parts.append(UsageUpdate(**self._total))
        return parts

    def _call(self, call: dict[str, Any], id: str, place: int) -> ToolCallDelta:
        arguments = json.dumps(as_object(call.get("args"), "args"), ensure_ascii=False)
        name, call_id = as_name(call.get("name")), as_name(call.get("id"))
        key = call_id or self._key(id, place)
        return ToolCallDelta(key, call_id, name, arguments, replace=True)

    def _key(self, id: str, place: object) -> int:
        # A number, because a text with the message's id would be copied for each delta.
        return self._keys.setdefault((id, place), len(self._keys))


def _said(message: dict[str, Any]) -> tuple[str, str]:
    """Return the text and the reasoning of a message or a chunk."""
    content = message.get("content")
    extra = message.get("additional_kwargs")
    thought = ""
    if extra:
        extra = as_object(extra, "additional_kwargs")
        thought = thought_in(extra.get("reasoning_content") or extra.get("reasoning"))
    if content.__class__ is str:
        return content, thought
    texts = []
    thoughts = [thought]
    for block in as_list(content, "content"):
        if isinstance(block, str):
            texts.append(block)
            continue
        block = as_object(block, "content[]")
        kind = block.get("type")
        if kind == "text":
            texts.append(as_text(block.get("text"), "text"))
        elif kind in ("thinking", "reasoning", "reasoning_content"):
            thoughts.append(thought_in(block.get(kind, block)))
    return "".join(texts), "".join(thoughts)


def thought_in(value: object) -> str:
    """Return reasoning that is text, an object that contains one, or a list of such objects.

    Its shape is the model provider's: OpenAI's item with a summary, Bedrock's with a text.
    """
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, dict):
        held = (value.get(name) for name in ("text", "reasoning", "thinking", "summary", "content"))
        return thought_in(next((item for item in held if item), None))
    return "".join(map(thought_in, as_list(value, "reasoning")))


def _call_piece(call: dict[str, Any], index: int) -> ToolCallDelta:
    return ToolCallDelta(
        index,
        id=as_name(call.get("id")),
        name=as_name(call.get("name")),
        arguments=as_text(call.get("args"), "args"),
    )


def _calls(message: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        as_object(call, "tool_calls[]") for call in as_list(message.get("tool_calls"), "tool_calls")
    ]


def _counts(usage: dict[str, Any]) -> dict[str, int]:
    into = extra_object(usage.get("input_token_details"))
    out = extra_object(usage.get("output_token_details"))
    found = {
        "input": as_whole(usage.get("input_tokens")),
        "output": as_whole(usage.get("output_tokens")),
        "total": as_whole(usage.get("total_tokens")),
        "reasoning": as_whole(out.get("reasoning")),
        "cached": as_whole(into.get("cache_read")),
    }
    return {name: value for name, value in found.items() if value is not None}


def documents(value: object) -> tuple[Citation, ...]:
    """Return the citations in a list of LangChain documents; any other value has none."""
    if not isinstance(value, list):
        return ()
    found = []
    for item in value:
        if not isinstance(item, dict) or not isinstance(item.get("page_content"), str):
            return ()
        facts = item.get("metadata")
        facts = facts if isinstance(facts, dict) else {}
        source = as_name(facts.get("source"))
        is_url = source is not None and source.startswith(("https://", "http://"))
        score = facts.get("score")
        found.append(
            Citation(
                title=as_name(facts.get("title")),
                url=source if is_url else None,
                document=as_name(item.get("id")) if is_url else source or as_name(item.get("id")),
                snippet=item["page_content"],
                score=score if isinstance(score, float) else None,
            )
        )
    return tuple(found)


def written(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Encode messages as LangChain takes them."""
    return [_written(message) for message in paired(messages)]


def _written(message: Message) -> dict[str, Any]:
    kind = ROLES[message.role]
    content: str | list[dict[str, Any]] = message.content
    if message.images:
        content = [{"type": "text", "text": message.content}] if message.content else []
        content += [_image(image) for image in message.images]
    result: dict[str, Any] = {"type": kind, "content": content}
    if message.tool_calls:
        result["tool_calls"] = [
            {"name": call.name, "args": call.parsed or {}, "id": call.id, "type": "tool_call"}
            for call in message.tool_calls
        ]
    if kind == "tool":
        result["tool_call_id"] = message.tool_call_id
        if message.name:
            result["name"] = message.name
    return result


def _image(image: Image) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": image.source}}
