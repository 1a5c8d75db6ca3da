"""`AnswerBuilder`: applies the parts of events, and makes frozen `Answer` steps."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from chatsdk.answer.shared_text import PIECE_BYTES, GrowingValue, SharedText
from chatsdk.answer.step import Answer
from chatsdk.answer.values import ArrivalLog, Facts, Step, ToolCall
from chatsdk.parts import (
    Citation,
    Citations,
    Data,
    End,
    Failure,
    Finish,
    Identity,
    Native,
    Part,
    Reasoning,
    ReasoningSnapshot,
    Text,
    TextSnapshot,
    ToolApproval,
    ToolCallDelta,
    ToolResult,
    UsageUpdate,
)

__all__ = ["AnswerBuilder"]


class TextBuilder:
    """One growing text: the answer's or its reasoning.

    A server that splits text by UTF-16 units sends half of an emoji's surrogate pair in one delta
    and half in the next. The first half is held until the second arrives; an unpaired half becomes
    U+FFFD, so that the text can always be encoded.
    """

    __slots__ = ("count", "held", "ledger", "rewritten", "start")

    def __init__(self, growing: GrowingValue | None = None) -> None:
        self.ledger = SharedText(None, growing)
        self.count = 0
        # The deltas from here on belong to the step under way.
        self.start = 0
        self.rewritten = False
        self.held = ""

    def append(self, piece: str) -> None:
        """Add `piece`."""
        if self.held or not piece.isascii():
            piece = self._whole(piece)
        if piece:
            self.ledger.pieces.append(piece)
            self.count += 1

    def replace(self, text: str) -> None:
        """Set the complete text to `text`, whether that extends or rewrites it."""
        self.held = ""
        if not text.isascii():
            text = self._whole(text)
        now = self.ledger.upto(self.count)
        if text.startswith(now):
            if len(text) > len(now):
                self.ledger.pieces.append(text[len(now) :])
                self.count += 1
        else:
            self.rewrite([text])

    def rewrite(self, pieces: list[str]) -> None:
        """Start again with these deltas, which contain no half of a pair."""
        growing = self.ledger.growing
        self.ledger = SharedText(pieces, None if growing is None else growing.fresh())
        self.count = self.start = len(pieces)
        self.rewritten = True

    def step(self) -> str:
        """Return the text added since the last step."""
        start, self.start = self.start, self.count
        return self.ledger.between(start, self.count) if start < self.count else ""

    def flush(self) -> None:
        """Stop waiting for the second half of a pair."""
        if self.held:
            self.held = ""
            self.append("\ufffd")

    def _whole(self, piece: str) -> str:
        piece = self.held + piece
        self.held = ""
        if piece and "\ud800" <= piece[-1] <= "\udbff":
            self.held = piece[-1]
            piece = piece[:-1]
        try:
            piece.encode()
        except UnicodeEncodeError:
            # UTF-16 joins the two halves of a pair, and replaces unpaired ones.
            return piece.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return piece


class AnswerBuilder:
    """Builds the steps of one answer.

    `apply` takes one part, `step` all parts of one event with the data about its arrival. Both
    return the new `Answer`, which is `answer` until the next one.

    Args:
        started: when the request was sent, on the clock of the events' times.
        backend: see `Answer.backend`.

    Attributes:
        answer: the latest `Answer`.
        ended: the dialect's end marker has arrived.
        failure: the backend's error, a `Failure`, or ``None``.
        over: either `ended` or `failure` is set.
        data: number of events with the application's custom data.
        grown: a step has added something; its reader resets it.
    """

    def __init__(
        self,
        *,
        started: float = 0.0,
        growing: GrowingValue | None = None,
        backend: str | None = None,
    ) -> None:
        self._text = TextBuilder(growing)
        self._reasoning = TextBuilder()
        self._facts = Facts(backend=backend)
        self._calls: dict[Hashable, int] = {}
        # An empty one is not worth showing.
        self._cited = {Citation()}
        # Memory of the calls and citations, in bytes.
        self._rest_size = 0
        self._arrivals = ArrivalLog(started)
        self._payload: str | None = None
        self._received = 0
        self.ended = False
        self.failure: Failure | None = None
        self.over = False
        self.data = 0
        self.grown = False
        self.answer = self.step(())

    def apply(self, part: Part) -> Answer:
        """Apply one part and return the new answer."""
        return self.step((part,))

    def step(
        self,
        parts: Sequence[Part],
        payload: str | None = None,
        at: float | None = None,
        received: int = 0,
    ) -> Answer:
        """Apply the parts of one event and return the new answer.

        Args:
            parts: the parts that the decoder read from the event.
            payload: the event's data, kept for `Answer.raw`.
            at: arrival of the event, in seconds of the clock of `started`.
            received: bytes of the body read.
        """
        text, reasoning, arrivals = self._text, self._reasoning, self._arrivals
        if (
            len(parts) == 1
            and (part := parts[0]).__class__ is Text
            and not text.held
            and (delta := part.text)
            and delta.isascii()
        ):
            # Fast path for nearly every step: `TextBuilder.append` without the call.
            text.ledger.pieces.append(delta)
            text.count += 1
            text.start = text.count
            thought = ""
            rewritten = False
            self.grown = True
        else:
            facts, data = self._facts, self.data
            for part in parts:
                _APPLY[part.__class__](self, part)
            delta, thought, rewritten = text.step(), reasoning.step(), text.rewritten
            text.rewritten = False
            if delta or thought or rewritten or self._facts is not facts or self.data != data:
                self.grown = True
        if at is not None:
            arrivals.times.append(at)
            self._received = received
            self._payload = payload
            if arrivals.first_text is None and (delta or rewritten):
                arrivals.first_text = len(arrivals.times)
        elif payload is not None:
            self._payload = payload
        step: Any = Step()
        step._ledger = text.ledger
        step._count = text.count
        step._thoughts = reasoning.ledger
        step._thought_count = reasoning.count
        step._facts = self._facts
        step.delta = delta
        step.reasoning_delta = thought
        step.rewritten = rewritten
        step._payload = self._payload
        step._arrivals = arrivals
        step._events = len(arrivals.times)
        step._received = self._received
        step.__class__ = Answer
        self.answer = step
        return step  # type: ignore[no-any-return]

    def flush(self) -> Answer:
        """Add the half of a pair that was held back; called at the end of the stream."""
        self._text.flush()
        self._reasoning.flush()
        added = any(channel.start < channel.count for channel in (self._text, self._reasoning))
        return self.step(()) if added else self.answer

    @property
    def understood(self) -> bool:
        """Whether anything but ids and markers was received.

        That is text, reasoning, a call, a citation, a reason, a count, or custom data.
        """
        facts = self._facts
        return bool(
            self.data
            or self._text.count
            or self._reasoning.count
            or facts.tool_calls
            or facts.citations
            or facts.finish_reason
            or (facts.usage is not None and any(count is not None for count in facts.usage))
        )

    @property
    def spoken(self) -> tuple[int, int, int]:
        """The numbers of text deltas, reasoning deltas and tool calls."""
        return self._text.count, self._reasoning.count, len(self._facts.tool_calls)

    @property
    def size(self) -> int:
        """Approximate memory use of the answer in bytes."""
        times = self._arrivals.times
        texts = self._text.ledger.size + self._reasoning.ledger.size
        return texts + self._rest_size + len(times) * times.itemsize

    def rewrite(self, text: list[str] | None, reasoning: list[str] | None) -> None:
        """Start the text, the reasoning or both again with these deltas, in the next step."""
        if text is not None:
            self._text.rewrite(text)
        if reasoning is not None:
            self._reasoning.rewrite(reasoning)

    def grow_like(self, answer: Answer) -> None:
        """Make values of the type that `answer` has."""
        growing = answer._ledger.growing
        if growing is not None:
            self._text.ledger.growing = growing.fresh()

    def next_round(self, start: int) -> None:
        """Make the value of the answer from what follows the first `start` characters."""
        growing = self._text.ledger.growing
        if growing is not None:
            growing.next_round(start)

    def _text_snapshot(self, part: TextSnapshot) -> None:
        self._text.replace(part.text)

    def _reasoning_delta(self, part: Reasoning) -> None:
        self._reasoning.append(part.text)

    def _reasoning_snapshot(self, part: ReasoningSnapshot) -> None:
        self._reasoning.replace(part.text)

    def _tool_call(self, part: ToolCallDelta) -> None:
        calls = self._facts.tool_calls
        place = self._calls.setdefault(part.index, len(calls))
        if place == len(calls):
            call = ToolCall(part.id, part.name, part.arguments)
        else:
            call = calls[place]
            self._rest_size -= call.size
            call = call.extended(part.id, part.name, part.arguments, part.replace)
        self._rest_size += call.size
        self._facts = self._facts._replace(tool_calls=calls.put(place, call))

    def _citations(self, part: Citations) -> None:
        citations = self._facts.citations
        for item in part.items:
            if item not in self._cited:
                self._cited.add(item)
                self._rest_size += _size(item)
                citations = citations.add(item)
        if citations is not self._facts.citations:
            self._facts = self._facts._replace(citations=citations)

    def _usage(self, part: UsageUpdate) -> None:
        known = self._facts.usage
        given = {
            name: value
            for name in ("input", "output", "total", "reasoning", "cached")
            # Counts only grow, but some gateways append a usage of zeros.
            if (value := getattr(part, name)) is not None and (value or not getattr(known, name))
        }
        usage = known._replace(**given)
        if not part.total and usage.input is not None and usage.output is not None:
            usage = usage._replace(total=usage.input + usage.output)
        if usage != known:
            self._facts = self._facts._replace(usage=usage)

    def _finish(self, part: Finish) -> None:
        self._facts = self._facts._replace(
            finish_reason=part.reason, native_finish_reason=part.native
        )

    def _identity(self, part: Identity) -> None:
        facts = self._facts
        id = part.id or facts.id
        conversation_id = part.conversation_id or facts.conversation_id
        task_id = part.task or facts.task_id
        model = part.model or facts.model
        # Most backends repeat their ids in every frame.
        if (id, conversation_id, task_id, model) != (
            facts.id,
            facts.conversation_id,
            facts.task_id,
            facts.model,
        ):
            self._facts = facts._replace(
                id=id, conversation_id=conversation_id, task_id=task_id, model=model
            )

    def _native(self, part: Native) -> None:
        self._facts = self._facts._replace(native=part)

    def _data(self, part: Data) -> None:
        self.data += 1

    def _end(self, part: End) -> None:
        self.ended = self.over = True

    def _fail(self, part: Failure) -> None:
        self.failure = self.failure or part
        self.over = True


def _size(citation: Citation) -> int:
    return PIECE_BYTES + sum(len(value) for value in citation if isinstance(value, str))


_APPLY: dict[type, Any] = {
    Text: lambda builder, part: builder._text.append(part.text),
    TextSnapshot: AnswerBuilder._text_snapshot,
    Reasoning: AnswerBuilder._reasoning_delta,
    ReasoningSnapshot: AnswerBuilder._reasoning_snapshot,
    ToolCallDelta: AnswerBuilder._tool_call,
    ToolResult: lambda builder, part: None,
    ToolApproval: lambda builder, part: None,
    Citations: AnswerBuilder._citations,
    UsageUpdate: AnswerBuilder._usage,
    Identity: AnswerBuilder._identity,
    Native: AnswerBuilder._native,
    Data: AnswerBuilder._data,
    Finish: AnswerBuilder._finish,
    End: AnswerBuilder._end,
    Failure: AnswerBuilder._fail,
}
