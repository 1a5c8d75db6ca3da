"""Decodes JSON events by the fields that were named."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from chatsdk.dialects.dialect import Decoder, Dialect
from chatsdk.dialects.field_path import condition, find, keys_of
from chatsdk.dialects.payload import as_name, as_text, failure_in, load
from chatsdk.errors import ProtocolError
from chatsdk.parts import (
    End,
    Failure,
    Identity,
    Part,
    Reasoning,
    ReasoningSnapshot,
    Text,
    TextSnapshot,
)
from chatsdk.sse import ServerSentEvent

__all__ = ["DONE", "FieldsDecoder"]


DONE = ("[DONE]", '"[DONE]"')


class FieldsDecoder(Decoder):
    """Decodes the chosen fields; other events are ignored."""

    def __init__(
        self,
        dialect: Dialect,
        *,
        text: str,
        delta: bool,
        when: str | None,
        reasoning: str | None,
        end: str | None,
        error: str,
        conversation: str | None,
    ) -> None:
        self.dialect = dialect
        self._text = keys_of(text)
        self._delta = delta
        self._when = None if when is None else condition(when)
        self._reasoning = None if reasoning is None else keys_of(reasoning)
        self._end = None if end is None else condition(end)
        self._error = keys_of(error)
        self._conversation = None if conversation is None else keys_of(conversation)
        self._known: str | None = None

    def decode(self, event: ServerSentEvent) -> Sequence[Part]:
        data = event.data
        end = self._end
        if data in DONE:
            return (End(),)
        if not data.strip():
            return (End(),) if end is not None and end.fits(event.event, None) else ()
        if end is not None and end.event is not None and event.event == end.event:
            # The last event may contain anything, even plain text.
            try:
                return (*self._read(event.event, load(data)), End())
            except ProtocolError:
                return (End(),)
        value = load(data)
        parts = self._read(event.event, value)
        return [*parts, End()] if end is not None and end.fits(event.event, value) else parts

    def _read(self, name: str, value: Any) -> list[Part]:
        if self._text and value.__class__ is not dict and value.__class__ is not list:
            raise ProtocolError(
                f"an event is not an object with the field {'.'.join(self._text)!r}; if the JSON "
                "value is the text itself, use dialects.json(text='')"
            )
        parts: list[Part] = []
        failed = value if name == "error" else find(value, self._error)
        if failed and (self._error or name == "error"):
            return [_failure(failed)]
        if self._conversation is not None:
            id = as_name(find(value, self._conversation))
            if id is not None and id != self._known:
                self._known = id
                parts.append(Identity(conversation_id=id))
        if self._when is not None and not self._when.fits(name, value):
            return parts
        if self._reasoning is not None:
            thought = as_text(find(value, self._reasoning), ".".join(self._reasoning))
            if thought:
                parts.append(Reasoning(thought) if self._delta else ReasoningSnapshot(thought))
        said = as_text(find(value, self._text), ".".join(self._text) or "the value")
        if said:
            parts.append(Text(said) if self._delta else TextSnapshot(said))
        return parts


def _failure(value: Any) -> Failure:
    if isinstance(value, dict):
        inner = value.get("error")
        return failure_in(value if inner else {"error": value})
    return Failure(value if isinstance(value, str) else json.dumps(value))
