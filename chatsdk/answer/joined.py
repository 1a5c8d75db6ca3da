"""`JoinedAnswer`: joins the answers of several rounds into one."""

from __future__ import annotations

from chatsdk.answer.builder import AnswerBuilder
from chatsdk.answer.step import Answer
from chatsdk.answer.values import Facts
from chatsdk.parts import Citation, Part, Reasoning, Text, Usage

__all__ = ["JoinedAnswer"]


class JoinedAnswer:
    """Combines the steps of consecutive answers into the steps of one.

    Text and reasoning are concatenated, citations and usage add up. Tool calls, finish reason and
    ids are those of the latest round; a conversation id remains until there is another.

    Attributes:
        answer: the latest `Answer`.
    """

    def __init__(self) -> None:
        self._builder = AnswerBuilder()
        self.answer = self._builder.answer
        self._begun = False
        self._newest: Answer | None = None
        self._before = self.answer
        # The text of the previous rounds; cached, because each rewrite needs it.
        self._text = self._reasoning = ""
        self._cited: set[Citation] = set()
        # Number of citations taken from the current round.
        self._taken = 0

    def next_round(self) -> None:
        """Start a new round: append all later parts to the current answer."""
        before = self._before = self.answer
        self._newest = None
        self._text, self._reasoning = before.text, before.reasoning
        self._cited.update(before.citations)
        self._taken = 0
        self._builder.next_round(len(self._text))

    def take(self, answer: Answer) -> Answer:
        """Return the next joined step, given the next step of the current round."""
        newest = self._newest
        if answer is newest:
            return self.answer
        self._newest = answer
        builder, before = self._builder, self._before
        if not self._begun:
            self._begun = True
            builder._arrivals.started = answer._arrivals.started
            builder.grow_like(answer)
        parts: list[Part] = []
        rethought = newest is not None and answer._thoughts is not newest._thoughts
        builder.rewrite(
            [self._text, answer.text] if answer.rewritten else None,
            [self._reasoning, answer.reasoning] if rethought else None,
        )
        if answer.rewritten:
            builder.next_round(len(self._text))
        if answer.delta and not answer.rewritten:
            parts.append(Text(answer.delta))
        if answer.reasoning_delta and not rethought:
            parts.append(Reasoning(answer.reasoning_delta))
        if newest is None or answer._facts is not newest._facts:
            builder._facts = self._facts(builder._facts, answer._facts)
        known = 0 if newest is None else newest._events
        times = answer._arrivals.times[known : answer._events]
        self.answer = builder.step(
            parts,
            answer._payload,
            times[-1] if times else None,
            before._received + answer._received,
        )
        return self.answer

    def _facts(self, shown: Facts, now: Facts) -> Facts:
        before = self._before._facts
        citations = shown.citations
        # A round only ever adds citations.
        for place in range(self._taken, len(now.citations)):
            citation = now.citations[place]
            if citation not in self._cited:
                citations = citations.add(citation)
        self._taken = len(now.citations)
        return now._replace(
            citations=citations,
            usage=_sum(before.usage, now.usage),
            conversation_id=now.conversation_id or before.conversation_id,
        )


def _sum(before: Usage, now: Usage) -> Usage:
    counts = {}
    for name in ("input", "output", "total", "reasoning", "cached"):
        one, other = getattr(before, name), getattr(now, name)
        counts[name] = one if other is None else other if one is None else one + other
    return Usage(**counts)
