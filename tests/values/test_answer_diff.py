"""`parts_between`: an answer taken apart again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatsdk.answer import Answer, AnswerBuilder
from chatsdk.answer.diff import parts_between
from chatsdk.parts import (
    Citation,
    Citations,
    Finish,
    Identity,
    Native,
    Reasoning,
    ReasoningSnapshot,
    Text,
    TextSnapshot,
    ToolCallDelta,
    UsageUpdate,
)

texts = st.text(max_size=6)
names = st.none() | st.sampled_from(["a", "b", "c"])
counts = st.none() | st.integers(0, 9)

parts: st.SearchStrategy[Any] = st.one_of(
    texts.map(Text),
    texts.map(TextSnapshot),
    texts.map(Reasoning),
    texts.map(ReasoningSnapshot),
    st.builds(ToolCallDelta, st.integers(0, 2), names, names, texts, st.booleans()),
    st.lists(st.builds(Citation, names, names), max_size=2).map(tuple).map(Citations),
    st.builds(UsageUpdate, counts, counts, counts, counts, counts),
    st.builds(Identity, names, names, names, names),
    st.builds(Finish, st.sampled_from(["stop", "length"]), names),
    st.integers(0, 3).map(lambda value: Native.of("openai", value)),
)


def facts(answer: Answer) -> tuple[Any, ...]:
    """The complete content of an answer, including its backend's own parts."""
    return (answer, answer.task_id, answer.native_finish_reason, answer.native)


@given(st.lists(st.lists(parts, max_size=3), max_size=8), st.data())
def test_rebuilt_from_its_parts(events: list[list[Any]], data: st.DataObject) -> None:
    """Applying the parts between any two steps to a second builder gives the same answer."""
    builder, mirror = AnswerBuilder(), AnswerBuilder()
    seen: Answer | None = None
    for event in events:
        answer = builder.step(event)
        if data.draw(st.booleans()):
            mirror.step(parts_between(seen, answer))
            seen = answer
            assert facts(mirror.answer) == facts(answer)


@given(st.lists(st.lists(parts, max_size=3), max_size=8))
def test_the_rest_after_a_flush(events: list[list[Any]]) -> None:
    """The text that the end of the stream released is among the parts, too."""
    builder = AnswerBuilder()
    for event in events:
        builder.step(event)
    before = builder.answer
    last = builder.flush()
    mirror = AnswerBuilder()
    mirror.step(parts_between(None, before))
    mirror.step(parts_between(before, last))
    assert facts(mirror.answer) == facts(last)


def test_nothing_between_equal_steps() -> None:
    """A step that adds nothing has no parts."""
    builder = AnswerBuilder()
    first = builder.step((Text("a"), Identity(model="m")))
    assert parts_between(first, builder.step((Identity(model="m"),))) == []


@pytest.mark.parametrize("part", [Text("b"), TextSnapshot("ab")])
def test_an_ordinary_step_is_one_delta(part: Any) -> None:
    """Text that only grows is one `Text`, even if the backend repeats all of it."""
    builder = AnswerBuilder()
    first = builder.step((Text("a"),))
    assert parts_between(first, builder.step((part,))) == [Text("b")]
