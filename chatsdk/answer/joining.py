"""`Joined`: the answers of several rounds as one that runs on."""

from __future__ import annotations

from chatsdk.answer.builder import AnswerBuilder
from chatsdk.answer.step import Answer
from chatsdk.answer.values import Facts
from chatsdk.parts import Part, Reasoning, ReasoningSnapshot, Text, TextSnapshot, Usage

__all__ = ["Joined"]


class Joined:
    """Makes of the steps of one answer after the other the steps of one.

    Text and reasoning run on, citations add up, and so does the usage. Tool calls, finish reason
    and ids are those of the newest round; an id of the conversation stays until there is another.

    Attributes:
        answer: the newest `Answer`.
    """

    def __init__(self) -> None:
        self._builder = AnswerBuilder()
        self.answer = self._builder.answer
        self._begun = False
        self._newest: Answer | None = None
        self._before = self.answer

    def next_round(self) -> None:
        """Let what is taken from now on stand after what there is."""
        self._before = self.answer
        self._newest = None

    def take(self, answer: Answer) -> Answer:
        """Return the next step, given the next step of the round under way."""
        newest = self._newest
        if answer is newest:
            return self.answer
        self._newest = answer
        builder, before = self._builder, self._before
        if not self._begun:
            self._begun = True
            builder._arrivals.started = answer._arrivals.started
        parts: list[Part] = []
        if answer.rewritten:
            parts.append(TextSnapshot(before.text + answer.text))
        elif answer.delta:
            parts.append(Text(answer.delta))
        if newest is not None and answer._thoughts is not newest._thoughts:
            parts.append(ReasoningSnapshot(before.reasoning + answer.reasoning))
        elif answer.reasoning_delta:
            parts.append(Reasoning(answer.reasoning_delta))
        if newest is None or answer._facts is not newest._facts:
            builder._facts = _facts(before._facts, answer._facts)
        known = 0 if newest is None else newest._events
        times = answer._arrivals.times[known : answer._events]
        self.answer = builder.step(
            parts,
            answer._payload,
            times[-1] if times else None,
            before._received + answer._received,
        )
        return self.answer


def _facts(before: Facts, now: Facts) -> Facts:
    if before == Facts():
        return now
    return now._replace(
        citations=(
            *before.citations,
            *(item for item in now.citations if item not in before.citations),
        ),
        usage=_sum(before.usage, now.usage),
        conversation_id=now.conversation_id or before.conversation_id,
    )


def _sum(before: Usage, now: Usage) -> Usage:
    counts = {}
    for name in ("input", "output", "total", "reasoning", "cached"):
        one, other = getattr(before, name), getattr(now, name)
        counts[name] = one if other is None else other if one is None else one + other
    return Usage(**counts)
