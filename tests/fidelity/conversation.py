"""One conversation and its answer, for the tests against the backends' own software."""

from __future__ import annotations

from collections.abc import Sequence

from chatsdk.answer import Answer, AnswerBuilder
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
    UsageUpdate,
)

# An answer with all that one can carry, written piece by piece.
PARTS: Sequence[Part] = (
    Identity(id="answer_7", model="tiny"),
    Reasoning("The city is "),
    Reasoning("Zürich."),
    Text("It is\u2028"),
    Text("8 °C 🙂"),
    Citations((Citation("Weather", "https://weather.example/z", snippet="8 °C", position=0),)),
    ToolCallDelta("a", id="call_1", name="wind"),
    ToolCallDelta("a", arguments='{"city": "Zü'),
    ToolCallDelta("a", arguments='rich"}'),
    ToolCallDelta("b", id="call_2", name="now", arguments="{}"),
    Finish("tool_calls"),
    UsageUpdate(input=40, output=12, total=52, reasoning=5, cached=30),
)

# An answer that breaks off.
FAILING: Sequence[Part] = (Text("Half an "), Failure("the model is overloaded", "server_error"))


def answer_of(parts: Sequence[Part]) -> Answer:
    """The answer that the parts add up to."""
    builder = AnswerBuilder()
    builder.step(parts)
    return builder.flush()
