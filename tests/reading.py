"""A body read without a network: framing, decoder, answer. And the transcripts to read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from chatsdk.answer import Answer, AnswerBuilder, Citation, ToolCall, Usage
from chatsdk.client.completeness import proof, trailing_error
from chatsdk.dialects import Dialect
from chatsdk.dialects.error_bodies import failure_said, told
from chatsdk.dialects.explanation import misread
from chatsdk.dialects.payload import DONE
from chatsdk.errors import ChatError, ProtocolError
from chatsdk.framing import parser_for
from chatsdk.parts import Failure, Identity
from chatsdk.sse import ServerSentEvent

TRANSCRIPTS = Path(__file__).parent / "transcripts"


class Reading(NamedTuple):
    """The result of a body; `steps` are the answers, one for each event."""

    answer: Answer
    steps: tuple[Answer, ...]
    end: str | None
    error: dict[str, Any] | None
    dialect: str | None

    @property
    def deltas(self) -> list[str]:
        return [step.delta for step in self.steps if step.delta]

    @property
    def essence(self) -> tuple[object, ...]:
        """All that must not depend on how the network cut the bytes."""
        steps = [(step.delta, step.reasoning_delta, step.rewritten) for step in self.steps]
        if self.dialect == "text":
            # Its words come as the network cuts them.
            steps = []
        return (self.answer, steps, self.end, self.error, self.dialect)


class Framing:
    """Cuts a body into events as the dialect wants it, and knows whether an event was left over."""

    def __init__(self, dialect: Dialect, content_type: str) -> None:
        self._parser = parser_for(dialect.framing(content_type), dataless=dialect.dataless)

    def events(self, chunks: Iterable[bytes]) -> Iterator[ServerSentEvent]:
        for chunk in chunks:
            yield from self._parser.feed(chunk)
        yield from self._parser.finish()

    @property
    def pending(self) -> bool:
        return self._parser.pending

    def error(self, body: bytes, end: str | None) -> Failure | None:
        """The error outside of events."""
        if self._parser.errors:
            return failure_said(self._parser.errors[0])
        return trailing_error(body) if end is None or self.pending else None


def events_of(
    dialect: Dialect, chunks: Iterable[bytes], content_type: str
) -> Iterator[ServerSentEvent]:
    """Cut a body into events as the dialect wants it."""
    return Framing(dialect, content_type).events(chunks)


def read(dialect: Dialect, chunks: Iterable[bytes], content_type: str) -> Reading:
    """Read a body that came in `chunks`, up to the dialect's end or the first error."""
    chunks = list(chunks)
    dialect = dialect.for_response(content_type, {}, b"".join(chunks)[:4096])
    framing = Framing(dialect, content_type)
    decoder = dialect.decoder(content_type)
    builder = AnswerBuilder()
    steps: list[Answer] = []
    unread: list[ServerSentEvent] = []
    error: dict[str, Any] | None = None
    end: str | None = None
    try:
        for event in framing.events(chunks):
            try:
                parts = decoder.decode(event)
            except ProtocolError:
                if event.data.strip() in DONE:
                    continue
                found = told(event)
                if found is None:
                    raise
                parts = (found,)
            if not parts and event.data:
                unread.append(event)
                found = told(event)
                parts = () if found is None else (found,)
            elif parts and parts[-1].__class__ is Identity:
                found = told(event)
                parts = parts if found is None else (*parts, found)
            steps.append(builder.step(parts, payload=event.data))
            if builder.failure is not None:
                break
            if builder.ended and not (decoder.dialect or dialect).about.more_after_end:
                break
        else:
            steps.append(builder.step(decoder.close()))
    except ChatError as failure:
        # Nothing that goes wrong after the end marker is an error.
        if not builder.ended:
            error = {"type": type(failure).__name__, "message": str(failure), "code": None}
    answer = builder.flush()
    if builder.failure is not None:
        error = {
            "type": "BackendError",
            "message": builder.failure.message,
            "code": builder.failure.code,
        }
    if error is None:
        about = (decoder.dialect or dialect).about
        end = proof(about, answer, builder.ended, delimited=True, pending=framing.pending)
        failure = framing.error(b"".join(chunks), end)
        if failure is not None:
            error = {
                "type": "BackendError",
                "message": failure.message,
                "code": failure.code,
            }
        elif not builder.understood:
            why = misread(unread, decoder.dialect)
            kind = "StreamInterrupted" if why is None else "NotAStreamError"
            error = {"type": kind, "message": why or "", "code": None}
        elif end is None:
            error = {"type": "StreamInterrupted", "message": "", "code": None}
        if error is not None:
            end = None
    decided = decoder.dialect
    return Reading(answer, tuple(steps), end, error, None if decided is None else decided.name)


class Transcript(NamedTuple):
    """One pair of files under ``tests/transcripts``; README.md there describes its content."""

    name: str
    body: bytes
    facts: dict[str, Any]

    @property
    def dialect(self) -> str:
        return str(self.facts["dialect"])

    @property
    def content_type(self) -> str:
        return str(self.facts.get("content_type", "text/event-stream"))

    @property
    def options(self) -> dict[str, Any]:
        return dict(self.facts.get("options", {}))

    def expected(self, *, auto: bool = False) -> dict[str, Any]:
        """Return the result of reading it; for ``auto`` with its differences."""
        facts = {name: self.facts.get(name) for name in ("answer", "end", "error", "deltas")}
        if auto:
            facts |= self.facts.get("auto_differs", {})
        return facts


def transcripts(dialect: str | None = None) -> Sequence[Transcript]:
    """Read all transcripts, or those of one dialect, in the order of their names."""
    found = []
    for path in sorted(TRANSCRIPTS.glob(f"{dialect or '*'}/*.json")):
        facts = json.loads(path.read_text(encoding="utf-8"))
        body = path.with_suffix(".txt").read_bytes()
        found.append(Transcript(f"{path.parent.name}/{path.stem}", body, facts))
    return found


ANSWER_FIELDS = (
    "text",
    "reasoning",
    "tool_calls",
    "citations",
    "usage",
    "finish_reason",
    "native_finish_reason",
    "id",
    "conversation_id",
    "task_id",
    "model",
)


def answer_of(facts: dict[str, Any]) -> Answer:
    """Build the answer that a transcript's JSON describes."""
    unknown = facts.keys() - set(ANSWER_FIELDS)
    assert not unknown, f"an answer has no {unknown}"
    given = dict(facts)
    given["tool_calls"] = tuple(ToolCall(**call) for call in facts.get("tool_calls", ()))
    given["citations"] = tuple(Citation(**item) for item in facts.get("citations", ()))
    usage = facts.get("usage")
    given["usage"] = Usage(**(usage or {}))
    return Answer(given.pop("text", ""), **given)


def as_facts(answer: Answer) -> dict[str, Any]:
    """Write an answer as a transcript's JSON does, without the defaults."""
    facts: dict[str, Any] = {}
    for name in ANSWER_FIELDS:
        value = getattr(answer, name)
        if name == "tool_calls":
            value = [
                {"id": call.id, "name": call.name, "arguments": call.arguments} for call in value
            ]
        elif name == "citations":
            value = [_known(item._asdict()) for item in value]
        elif name == "usage":
            value = _known(value._asdict())
        if value:
            facts[name] = value
    return facts


def _known(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
