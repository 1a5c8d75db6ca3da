"""Decodes Langflow's events: tokens, and growing snapshots of messages."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from chatsdk.dialects.dialect import Decoder, Dialect
from chatsdk.dialects.growing_text import Running
from chatsdk.dialects.payload import (
    as_list,
    as_name,
    as_object,
    as_text,
    as_whole,
    extra_object,
    failure_in,
    load_object,
)
from chatsdk.parts import (
    End,
    Failure,
    Identity,
    Part,
    Text,
    TextSnapshot,
    ToolCallDelta,
    UsageUpdate,
)
from chatsdk.sse import ServerSentEvent

__all__ = ["LangflowDecoder"]


class LangflowDecoder(Decoder):
    """Decodes the events of one run."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self._text = Running[Text, TextSnapshot](Text, TextSnapshot)
        self._spoken = False
        # For each message that came before its tokens: its text, and how much of it the tokens have
        # repeated. They start again with the text's first word.
        self._repeated: dict[str, tuple[str, int]] = {}
        self._identity: tuple[str | None, str | None] = (None, None)
        # The known data of each call, by its message and its position in it.
        self._calls: dict[tuple[str, int, int], ToolCallDelta] = {}
        # Counts of each message, and of all together.
        self._counts: dict[str, tuple[int, int]] = {}
        self._total = [0, 0]

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        if not event.data.strip():
            return ()
        frame = load_object(event.data)
        kind = frame.get("event")
        if kind is None and "outputs" in frame:
            return self.document(frame)
        data = as_object(frame.get("data"), "data")
        if kind == "token":
            piece = as_text(data.get("chunk"), "chunk")
            self._spoken = self._spoken or bool(piece)
            id = as_name(data.get("id")) or ""
            self._text.add(id, self._news(id, piece))
            return self._text.take()
        if kind == "add_message":
            return self._message(data)
        if kind == "remove_message":
            self._text.put(as_name(data.get("id")) or "", "")
            return self._text.take()
        if kind == "error":
            return (_failure(data),)
        if kind == "end":
            return [*self._result(as_object(data.get("result"), "result")), End()]
        return ()

    def document(self, payload: dict[str, Any]) -> list[Part]:
        """Return the parts of a complete answer."""
        return [*self._result(payload), End()]

    def close(self) -> Sequence[Part]:
        return self._text.take(final=True)

    def _message(self, data: dict[str, Any]) -> list[Part]:
        if data.get("sender") == "User":
            return self._identify(None, data)
        if data.get("category") == "error" or data.get("error") is True:
            return [_failure(data)]
        id = as_name(data.get("id"))
        parts = self._identify(id, data)
        text = as_text(data.get("text"), "text")
        self._spoken = self._spoken or bool(text)
        # The message contains the tokens before it; later tokens continue it.
        self._repeated.setdefault(id or "", (text, 0))
        self._text.put(id or "", text)
        parts += self._text.take()
        for at, block in enumerate(as_list(data.get("content_blocks"), "content_blocks")):
            contents = as_object(block, "content_blocks[]").get("contents")
            for place, item in enumerate(as_list(contents, "contents")):
                content = as_object(item, "contents[]")
                if content.get("type") == "tool_use":
                    parts += self._call((id or "", at, place), content)
        properties = as_object(data.get("properties"), "properties")
        usage = extra_object(properties.get("usage"))
        if usage:
            parts.append(self._counted(id or "", usage))
        return parts

    def _news(self, id: str, piece: str) -> str:
        """Return the part of a token that the message before all tokens did not contain."""
        text, at = self._repeated.setdefault(id, ("", 0))
        if at == len(text):
            return piece
        if text.startswith(piece, at):
            self._repeated[id] = (text, at + len(piece))
            return ""
        self._repeated[id] = ("", 0)
        rest = text[at:]
        return piece[len(rest) :] if piece.startswith(rest) else piece

    def _identify(self, id: str | None, data: dict[str, Any]) -> list[Part]:
        session = as_name(data.get("session_id"))
        known = self._identity
        self._identity = (id or known[0], session or known[1])
        return [] if self._identity == known else [Identity(*self._identity)]

    def _call(self, key: tuple[str, int, int], content: dict[str, Any]) -> list[Part]:
        known = self._calls.get(key)
        number = len(self._calls) if known is None else int(known.index)
        given = content.get("tool_input", content.get("input"))
        text = given if isinstance(given, str) else json.dumps(given or {}, ensure_ascii=False)
        name = as_name(content.get("name"))
        call = ToolCallDelta(number, f"call-{number + 1}", name, text, replace=True)
        if call == known:
            return []
        self._calls[key] = call
        return [call]

    def _counted(self, id: str, usage: dict[str, Any]) -> UsageUpdate:
        counts = (
            as_whole(usage.get("input_tokens")) or 0,
            as_whole(usage.get("output_tokens")) or 0,
        )
        known = self._counts.get(id, (0, 0))
        self._counts[id] = counts
        self._total = [
            total + new - old for total, new, old in zip(self._total, counts, known, strict=True)
        ]
        return UsageUpdate(input=self._total[0], output=self._total[1])

    def _result(self, result: dict[str, Any]) -> list[Part]:
        """Decode the run's result, whose text repeats that of the messages if there were any."""
        parts = self._identify(None, result)
        if not self._spoken:
            for place, text in enumerate(_texts(result)):
                self._text.put(f"output {place}", text)
        return [*parts, *self._text.take(final=True)]


def _texts(result: dict[str, Any]) -> Iterator[str]:
    for item in as_list(result.get("outputs"), "outputs"):
        for output in as_list(as_object(item, "outputs[]").get("outputs"), "outputs"):
            results = as_object(as_object(output, "outputs[]").get("results"), "results")
            message = results.get("message")
            if isinstance(message, dict):
                message = message.get("text")
            if isinstance(message, str) and message:
                yield message


def _failure(data: dict[str, Any]) -> Failure:
    for name in ("text", "error", "message"):
        if isinstance(data.get(name), str) and data[name]:
            return Failure(data[name])
    return failure_in(data)
