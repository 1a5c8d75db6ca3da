"""Answers in a backend's format: their parts, and scripts that encode them in a dialect."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from chatsdk import dialects
from chatsdk.answer import ToolCall
from chatsdk.dialects import Dialect
from chatsdk.framing import CONTENT_TYPES
from chatsdk.parts import (
    Citation,
    Citations,
    Failure,
    Finish,
    Identity,
    Part,
    Reasoning,
    Text,
    ToolCallDelta,
    Usage,
    UsageUpdate,
)
from chatsdk.testing import steps
from chatsdk.testing.connection import ConnectionEnded
from chatsdk.testing.script import Script
from chatsdk.testing.server_exchange import Exchange, Framing, Head, HeaderLines, header_pairs
from chatsdk.testing.steps import Pause, Step

__all__ = ["AnswerScript", "Put", "Spoken", "answer_frames", "answer_parts"]

# A text split into the given pieces, or a text to split into words.
Spoken = str | Sequence[str] | None


def pieces_of(text: Spoken, count: int | None = None) -> list[str]:
    """Split a text into `count` pieces of about equal length, or into words."""
    if not isinstance(text, str):
        return list(text or ())
    if count is None:
        return re.findall(r"\s*\S+\s*$|\s*\S+|\s+$", text)
    if count < 1:
        raise ValueError("pieces= is a number of pieces, from 1 on")
    bounds = [len(text) * number // count for number in range(count + 1)]
    return [text[begin:end] for begin, end in itertools.pairwise(bounds) if end > begin]


def answer_parts(
    text: Spoken = None,
    *,
    reasoning: Spoken = None,
    tool_calls: Iterable[ToolCall | Mapping[str, Any]] = (),
    citations: Iterable[Citation] = (),
    usage: Usage | None = None,
    finish_reason: str | None = None,
    failure: Failure | None = None,
    pieces: int | None = None,
    id: str = "answer-1",
    conversation_id: str | None = None,
    model: str = "built-in",
) -> list[Part]:
    """Return the parts of an answer in the order in which backends send them.

    Text and reasoning are strings, split into `pieces` or into words, or lists of pieces. A tool
    call is a `ToolCall` or a mapping with `name`, `arguments` (JSON text, or a value to encode as
    JSON) and optionally `id`. `finish_reason` is one of `chatsdk.parts.FINISH_REASONS`; None means
    "tool_calls" if there are such calls, else "stop". With a `failure`, the answer ends in it.
    """
    parts: list[Part] = [Identity(id=id, conversation_id=conversation_id, model=model)]
    parts += [Reasoning(piece) for piece in pieces_of(reasoning, pieces)]
    parts += [Text(piece) for piece in pieces_of(text, pieces)]
    calls = list(tool_calls)
    for index, call in enumerate(calls):
        parts += _call_deltas(index, call)
    items = tuple(citations)
    if items:
        parts.append(Citations(items))
    if failure is not None:
        return [*parts, failure]
    parts.append(Finish(finish_reason or ("tool_calls" if calls else "stop")))
    if usage is not None:
        parts.append(UsageUpdate(**usage._asdict()))
    return parts


def _call_deltas(index: int, call: ToolCall | Mapping[str, Any]) -> Iterator[ToolCallDelta]:
    if isinstance(call, ToolCall):
        id, name, arguments = call.id, call.name, call.arguments
    else:
        id, name = call.get("id", f"call-{index + 1}"), call["name"]
        given = call.get("arguments", {})
        arguments = given if isinstance(given, str) else json.dumps(given)
    # In two halves, so that a client that takes the first piece for the complete JSON fails.
    half = len(arguments) // 2
    yield ToolCallDelta(index, id=id, name=name, arguments=arguments[:half])
    yield ToolCallDelta(index, arguments=arguments[half:])


def answer_frames(dialect: str | Dialect, text: Spoken = None, **said: Any) -> list[bytes]:
    """Return the frames of an answer in a dialect, for `ChatServer.stream` and `cut_after`.

    Takes the arguments of `answer_parts`.
    """
    parts = answer_parts(text, **said)
    names = {key: said[key] for key in ("id", "model") if key in said}
    return list(dialects.get(dialect).encode(parts, **names))


@attrs.frozen
class Put(Step):
    """Send one part, in the dialect of an `AnswerScript`."""

    part: Part

    def perform(self, exchange: Exchange) -> None:
        raise TypeError(
            "Put needs an AnswerScript, which has a dialect: use server.answer(dialect)"
        )


class AnswerScript(Script):
    """A script that sends an answer in a dialect; made by `ChatServer.answer`.

    Without parts, a test drives it with `say`, `think`, `put` and the steps of a `Script`. Raises
    ValueError for an unknown dialect, and for one that chatsdk can only decode.
    """

    def __init__(
        self,
        dialect: str | Dialect,
        parts: Iterable[Part] | None = None,
        *,
        pace: float = 0.0,
        id: str = "answer-1",
        model: str = "built-in",
        headers: HeaderLines = (),
        framing: Framing = "chunked",
        encoding: str | None = None,
    ) -> None:
        self.dialect = dialects.get(dialect)
        self._names = {"id": id, "model": model}
        # A dialect that cannot encode raises here, not in the middle of the answer.
        self.dialect.encode(())
        head = Head(
            content_type=CONTENT_TYPES[self.dialect.framing()],
            headers=_with(headers, self.dialect.about.response_headers),
            framing=framing,
            encoding=encoding,
        )
        super().__init__(head, steps=None if parts is None else _paced(tuple(parts), pace))

    def say(self, text: str) -> None:
        """Send a piece of the text."""
        self.put(Text(text))

    def think(self, text: str) -> None:
        """Send a piece of the reasoning."""
        self.put(Reasoning(text))

    def put(self, part: Part) -> None:
        """Send any part; its frames are sent before the next part is requested."""
        self.add(Put(part))

    def finish(self, reason: str | None = "stop") -> None:
        """Send the finish reason, unless `reason` is None, then the dialect's end marker."""
        if reason is not None:
            self.put(Finish(reason))
        super().finish()

    def fail(self, message: str, code: str | int | None = None) -> None:
        """End the answer with the backend's own error."""
        self.put(Failure(message, code))
        super().finish()

    def play(self, exchange: Exchange) -> None:
        """Send the parts until a step ends the exchange."""
        exchange.send_head()
        with contextlib.closing(self._next_steps(exchange)) as todo:
            for frame in self.dialect.encode(self._parts(todo, exchange), **self._names):
                exchange.send(frame)
            exchange.finish()
            self._note_done(exchange)

    def _parts(self, todo: Iterator[Step], exchange: Exchange) -> Iterator[Part]:
        for step in todo:
            if isinstance(step, steps.Finish):
                return
            if isinstance(step, Put):
                yield step.part
            else:
                step.perform(exchange)
            self._note_done(exchange)
            if exchange.ended:
                raise ConnectionEnded("the server ended the connection", by_client=False)


def _with(headers: HeaderLines, own: HeaderLines) -> list[tuple[str, str]]:
    """Add the backend's own header lines after those that were given."""
    given = header_pairs(headers)
    names = {name.lower() for name, _ in given}
    return [*given, *(pair for pair in header_pairs(own) if pair[0].lower() not in names)]


def _paced(parts: tuple[Part, ...], pace: float) -> list[Step]:
    paced: list[Step] = []
    spoken = False
    for part in parts:
        if isinstance(part, Text | Reasoning):
            if spoken and pace:
                paced.append(Pause(pace))
            spoken = True
        paced.append(Put(part))
    return paced
