"""Decodes FastGPT's chunks, and its events between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chatsdk.dialects.backends.openai.decoder import OpenAIDecoder
from chatsdk.dialects.payload import (
    as_list,
    as_name,
    as_number,
    as_object,
    as_text,
    extra_objects,
    failure_in,
    load,
    load_object,
)
from chatsdk.dialects.usage import sum_of
from chatsdk.parts import Citation, Citations, Part, ToolCallDelta, UsageUpdate
from chatsdk.sse import ServerSentEvent

__all__ = ["FastGPTDecoder"]


class FastGPTDecoder(OpenAIDecoder):
    """Decodes the events by name; those that only show progress are ignored."""

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        name = event.event
        if name in ("answer", "fastAnswer", "message"):
            return super().decode(event)
        if name == "error":
            return (failure_in(load_object(event.data)),)
        if name in ("flowResponses", "appStreamResponse"):
            return _nodes(as_list(load(event.data), name))
        if name == "flowNodeResponse":
            return _nodes([load(event.data)])
        if name in ("toolCall", "toolParams"):
            return _tool(as_object(load_object(event.data).get("tool"), "tool"))
        return ()


def _nodes(nodes: list[Any]) -> Sequence[Part]:
    """Decode the reports of the application's nodes: retrieved passages and cost."""
    found: list[Citation] = []
    into, out = [], []
    for item in nodes:
        node = as_object(item, "node")
        found += map(_citation, extra_objects(node.get("quoteList")))
        into.append(node.get("inputTokens"))
        out.append(node.get("outputTokens"))
    parts: list[Part] = [Citations(tuple(found))] if found else []
    usage = UsageUpdate(input=sum_of(into), output=sum_of(out))
    if usage != UsageUpdate():
        parts.append(usage)
    return parts


def _citation(quote: dict[str, Any]) -> Citation:
    texts = [as_text(quote.get(name), name) for name in ("q", "a")]
    score = quote.get("score")
    if isinstance(score, list):
        # Newer releases have one score for each search method; the first is the best method's.
        first = score[0] if score else None
        score = first.get("value") if isinstance(first, dict) else None
    return Citation(
        title=as_name(quote.get("sourceName")),
        document=as_name(quote.get("id")),
        snippet="\n".join(text for text in texts if text) or None,
        score=as_number(score),
    )


def _tool(tool: dict[str, Any]) -> Sequence[Part]:
    id = as_name(tool.get("id"))
    if id is None:
        return ()
    name = as_name(tool.get("functionName")) or as_name(tool.get("toolName"))
    return (ToolCallDelta(id, id=id, name=name, arguments=as_text(tool.get("params"), "params")),)
