"""Decodes Flowise's events."""

from __future__ import annotations

import json
from collections.abc import Sequence
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
    Text,
    ToolCallDelta,
    UsageUpdate,
)
from chatsdk.sse import ServerSentEvent

__all__ = ["FlowiseDecoder"]


class FlowiseDecoder(Decoder):
    """Decodes the events of one prediction; the JSON contains their names."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        # Calls already reported, by their index in a list and their content.
        self._calls: dict[tuple[int, str, str], int] = {}
        self._aborted = False

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        if not event.data.strip():
            return ()
        frame = load_object(event.data)
        kind, data = frame.get("event"), frame.get("data")
        if kind == "token":
            text = as_text(data, "data")
            return (Text(text),) if text else ()
        if kind == "end":
            return (Finish("cancelled", "abort"), End()) if self._aborted else (End(),)
        if kind == "error":
            if data is None:
                # Not Flowise's shape; the client decodes the common shapes.
                return ()
            words = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
            return (Failure(words or "the flow failed without a message"),)
        if kind == "abort":
            self._aborted = True
        elif kind == "metadata":
            return self.metadata(extra_object(data))
        elif kind in ("usedTools", "calledTools"):
            return self.tools(data)
        elif kind == "sourceDocuments":
            return self.sources(data)
        elif kind == "usageMetadata":
            return _usage(extra_object(data))
        # `start` contains the first token, which is then repeated.
        return ()

    def metadata(self, data: dict[str, Any]) -> list[Part]:
        """Return the ids."""
        id = as_name(data.get("chatMessageId"))
        session = as_name(data.get("sessionId")) or as_name(data.get("chatId"))
        if id is None and session is None:
            return []
        return [Identity(id=id, conversation_id=session)]

    def tools(self, data: Any) -> list[Part]:
        """Return the tool calls in a list that may include calls already reported."""
        parts: list[Part] = []
        for place, item in enumerate(as_list(data, "usedTools")):
            if item is None:
                continue
            tool = as_object(item, "usedTools[]")
            name = as_text(tool.get("tool"), "tool")
            given = tool.get("toolInput")
            text = given if isinstance(given, str) else json.dumps(given or {}, ensure_ascii=False)
            key = (place, name, text)
            if key not in self._calls:
                self._calls[key] = number = len(self._calls)
                parts.append(ToolCallDelta(number, f"call-{number + 1}", name, text))
        return parts

    def sources(self, data: Any) -> list[Part]:
        """Return the answer's citations."""
        cited = []
        for document in extra_objects(data):
            facts = extra_object(document.get("metadata"))
            source = as_name(facts.get("source"))
            is_url = source is not None and source.startswith(("https://", "http://"))
            cited.append(
                Citation(
                    title=as_name(facts.get("title")),
                    url=source if is_url else as_name(facts.get("url")),
                    document=None if is_url else source or as_name(document.get("id")),
                    snippet=as_name(document.get("pageContent")),
                )
            )
        return [Citations(tuple(cited))] if cited else []


def _usage(data: dict[str, Any]) -> list[Part]:
    return [
        UsageUpdate(
            input=as_whole(data.get("input_tokens")),
            output=as_whole(data.get("output_tokens")),
            total=as_whole(data.get("total_tokens")),
        )
    ]
