"""`Answer`: one frozen step of a growing answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

from chatsdk.answer.shared_text import SharedText, Vector, as_bytes, as_text
from chatsdk.answer.values import ArrivalLog, Facts, Step, Timings, ToolCall
from chatsdk.frozen_values import refuse_to_change
from chatsdk.parts import Citation, Native, Usage

if TYPE_CHECKING:
    # Type checkers have it, also where the package is not installed.
    from typing_extensions import TypeVar as TypeVarWithDefault

    Value_co = TypeVarWithDefault("Value_co", default=Any, covariant=True)
else:
    Value_co = TypeVar("Value_co", covariant=True)

__all__ = ["EMPTY", "Answer"]

# Characters of the text shown by repr(); an answer may have hundreds of thousands.
REPR_CHARS = 200

_NO_FACTS = Facts()
_NO_ARRIVALS = ArrivalLog()


class Answer(Step, Generic[Value_co]):
    """The part of an answer received by one step. Frozen; every step is a separate value.

    ``str(answer)`` is its text. Two answers are equal if their content is: text, reasoning, tool
    calls, citations, usage, finish reason and ids. How they arrived (``delta``, ``raw``,
    ``timings``, ``native``) does not count.

    Attributes:
        text: all the text received.
        delta: the text that this step added; ``""`` if it added none or rewrote.
        rewritten: this step replaced earlier text: show ``text`` again instead of adding ``delta``.
        reasoning: all the reasoning received.
        reasoning_delta: the reasoning that this step added.
        tool_calls: a tuple of `ToolCall`.
        citations: a tuple of `Citation`.
        usage: `Usage` in tokens; false until the backend has reported some.
        finish_reason: why the model stopped, one of `chatsdk.parts.FINISH_REASONS`, or ``None``.
        native_finish_reason: the backend's native value of it.
        id: the backend's id of the answer.
        conversation_id: the backend's id of the conversation, if it keeps the history.
        task_id: the backend's id for stopping the answer, if it has one.
        model: the model that answered, as the backend names it.
        native: opaque state that is returned to the backend with this answer, such as signed
            reasoning: a `chatsdk.parts.Native`, or ``None``.
        backend: the URL that gave the answer, without user, password and query; ``None`` for an
            answer that no client received. It does not count for equality.
        raw: the last payload, parsed if it is JSON, else as text; ``None`` before the first.
        timings: `Timings` in seconds, events and bytes.
        value: the object that was asked for with ``output=``; it does not count for equality.
    """

    __slots__ = ()

    def __init__(
        self,
        text: str = "",
        *,
        reasoning: str = "",
        tool_calls: tuple[ToolCall, ...] = (),
        citations: tuple[Citation, ...] = (),
        usage: Usage | None = None,
        finish_reason: str | None = None,
        native_finish_reason: str | None = None,
        id: str | None = None,
        conversation_id: str | None = None,
        task_id: str | None = None,
        model: str | None = None,
        native: Native | None = None,
        backend: str | None = None,
    ) -> None:
        facts = Facts(
            tool_calls=Vector(tool_calls),
            citations=Vector(citations),
            usage=Usage() if usage is None else usage,
            finish_reason=finish_reason,
            native_finish_reason=native_finish_reason,
            id=id,
            conversation_id=conversation_id,
            task_id=task_id,
            model=model,
            native=native,
            backend=backend,
        )
        _fill(
            self,
            _ledger=SharedText([text]),
            _count=1,
            _thoughts=SharedText([reasoning]),
            _thought_count=1,
            _facts=_NO_FACTS if tuple(facts) == tuple(_NO_FACTS) else facts,
            delta=text,
            reasoning_delta=reasoning,
            rewritten=False,
            _payload=None,
            _arrivals=_NO_ARRIVALS,
            _events=0,
            _received=0,
        )

    @property
    def text(self) -> str:
        """All the text received."""
        return self._ledger.upto(self._count)

    @property
    def value(self) -> Value_co:
        """The object of ``output=``; a partial one until the answer is complete.

        It is complete and checked in the answer that ``result()`` returns. ``None`` before anything
        is certain, and without ``output=``.
        """
        growing = self._ledger.growing
        return None if growing is None else growing.value(self.text)  # type: ignore[return-value]

    @property
    def reasoning(self) -> str:
        """All the reasoning received."""
        return self._thoughts.upto(self._thought_count)

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The tool calls received, a tuple of `ToolCall`."""
        return self._facts.tool_calls.whole()

    @property
    def citations(self) -> tuple[Citation, ...]:
        """The citations received, a tuple of `Citation`."""
        return self._facts.citations.whole()

    @property
    def usage(self) -> Usage:
        """Token counts; false, with every count ``None``, until the backend reports them."""
        return self._facts.usage

    @property
    def finish_reason(self) -> str | None:
        """Why the model stopped, one of `chatsdk.parts.FINISH_REASONS`, or ``None``."""
        return self._facts.finish_reason

    @property
    def native_finish_reason(self) -> str | None:
        """The backend's native value of the finish reason, or ``None``."""
        return self._facts.native_finish_reason

    @property
    def id(self) -> str | None:
        """The backend's id of the answer, or ``None``."""
        return self._facts.id

    @property
    def conversation_id(self) -> str | None:
        """The backend's id of the conversation, or ``None``."""
        return self._facts.conversation_id

    @property
    def task_id(self) -> str | None:
        """The backend's id for stopping the answer, or ``None``."""
        return self._facts.task_id

    @property
    def model(self) -> str | None:
        """The model that answered, as the backend names it, or ``None``."""
        return self._facts.model

    @property
    def native(self) -> Native | None:
        """Opaque state that is returned to the backend with this answer, or ``None``."""
        return self._facts.native

    @property
    def backend(self) -> str | None:
        """The URL that gave the answer, without user, password and query, or ``None``."""
        return self._facts.backend

    @property
    def raw(self) -> Any:
        """The last payload: parsed if it is JSON, else text; ``None`` before the first."""
        payload = self._payload
        if payload is None:
            return None
        try:
            return json.loads(payload)
        except (ValueError, RecursionError):
            return payload

    @property
    def timings(self) -> Timings:
        """The times of arrival: `Timings`, in seconds, events and bytes."""
        return self._arrivals.timings(self._events, self._received)

    def since(self, earlier: Answer | None) -> Answer:
        """Return this answer with everything added after `earlier` as its deltas.

        If text was rewritten in between, ``rewritten`` is true and ``delta`` is ``""``.
        `earlier` is an earlier step of the same stream, or ``None`` for before the first.
        """
        ledger, count = (None, 0) if earlier is None else (earlier._ledger, earlier._count)
        thoughts, thought_count = (
            (None, 0) if earlier is None else (earlier._thoughts, earlier._thought_count)
        )
        same = earlier is None or ledger is self._ledger
        answer = Answer.__new__(Answer)
        _fill(
            answer,
            **{name: getattr(self, name) for name in Step.__slots__}
            | {
                "delta": self._ledger.between(count, self._count) if same else "",
                "rewritten": not same,
                "reasoning_delta": (
                    self._thoughts.between(thought_count, self._thought_count)
                    if earlier is None or thoughts is self._thoughts
                    else ""
                ),
            },
        )
        return answer

    def differs_from(self, previous: Answer) -> bool:
        """Whether this step has any content that `previous`, the step before, lacks."""
        return bool(
            self.delta
            or self.reasoning_delta
            or self.rewritten
            or self._facts is not previous._facts
        )

    def __str__(self) -> str:
        return self.text

    def __format__(self, spec: str) -> str:
        return format(self.text, spec)

    if not TYPE_CHECKING:

        def __add__(self, other: object) -> NoReturn:
            raise TypeError("an Answer is not text: use answer.text")

        __radd__ = __add__

    def _repr_markdown_(self) -> str:
        """The display of an answer that is the value of a notebook's cell."""
        from chatsdk.answer.markdown import markdown_of

        return markdown_of(self)

    def __repr__(self) -> str:
        text = self.text
        shown = repr(text) if len(text) <= REPR_CHARS else f"{text[:REPR_CHARS]!r}…"
        parts = [f"text={shown}"]
        if self._thought_count and self.reasoning:
            parts.append(f"reasoning=<{len(self.reasoning)} characters>")
        facts = self._facts
        for name in ("tool_calls", "citations"):
            if found := getattr(facts, name):
                parts.append(f"{name}=<{len(found)}>")
        if facts.usage:
            parts.append(f"usage={facts.usage!r}")
        for name in ("finish_reason", "id", "conversation_id", "model"):
            if (value := getattr(facts, name)) is not None:
                parts.append(f"{name}={value!r}")
        return f"Answer({', '.join(parts)})"

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Answer):
            return NotImplemented
        return (
            self._facts == other._facts
            and self.text == other.text
            and self.reasoning == other.reasoning
        )

    def __hash__(self) -> int:
        return hash((self.text, self.reasoning, self._facts))

    __setattr__ = refuse_to_change
    __delattr__ = refuse_to_change

    def __copy__(self) -> Answer:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Answer:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        arrivals = self._arrivals
        state = {
            "delta": self.delta,
            "reasoning_delta": self.reasoning_delta,
            "rewritten": self.rewritten,
            "payload": self._payload,
            "started": arrivals.started,
            "times": arrivals.times[: self._events].tolist(),
            "first_text": arrivals.first_text,
            "received": self._received,
        }
        if self._ledger.growing is not None:
            state["value"] = self.value
        # Tuples, which a caller can pass to Answer, too.
        facts = self._facts
        facts = facts._replace(
            tool_calls=facts.tool_calls.whole(),  # type: ignore[arg-type]
            citations=facts.citations.whole(),  # type: ignore[arg-type]
        )
        # As bytes, so that equal answers have equal pickles: a pickle records which strings are
        # the same object, and a joined text may or may not be its only delta.
        return (_restore, (as_bytes(self.text), as_bytes(self.reasoning), facts, state))


class Restored:
    """The value of a pickled answer, which replaces the maker of values."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def value(self, text: str) -> Any:
        """Return the value."""
        return self._value

    def fresh(self) -> Restored:
        """Return this, because its text does not change."""
        return self

    def next_round(self, start: int) -> None:
        """Do nothing, because its text does not change."""


def _fill(answer: Answer, **values: Any) -> None:
    for name, value in values.items():
        object.__setattr__(answer, name, value)


def _restore(text: bytes, reasoning: bytes, facts: Facts, state: dict[str, Any]) -> Answer:
    if facts.usage is None:
        # Pickled by 0.1.0.
        facts = facts._replace(usage=Usage())
    arrivals = ArrivalLog(state["started"])
    arrivals.times.extend(state["times"])
    first = state["first_text"]
    arrivals.first_text = first if first is not None and first <= len(arrivals.times) else None
    facts = facts._replace(tool_calls=Vector(facts.tool_calls), citations=Vector(facts.citations))
    answer = Answer.__new__(Answer)
    _fill(
        answer,
        _ledger=SharedText([as_text(text)], Restored(state["value"]) if "value" in state else None),
        _count=1,
        _thoughts=SharedText([as_text(reasoning)]),
        _thought_count=1,
        _facts=facts,
        delta=state["delta"],
        reasoning_delta=state["reasoning_delta"],
        rewritten=state["rewritten"],
        _payload=state["payload"],
        _arrivals=arrivals,
        _events=len(arrivals.times),
        _received=state["received"],
    )
    return answer


# The answer before the first step, for errors and outcomes: making one takes 24 calls.
EMPTY = Answer()
