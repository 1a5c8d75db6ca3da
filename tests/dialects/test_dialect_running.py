"""Texts that are put together: messages sent again as they grow, and pieces of one text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatsdk.answer import AnswerBuilder
from chatsdk.dialects.growing_text import FREE_CHARS, Running, Trimmed
from chatsdk.parts import Text, TextSnapshot

texts = st.builds(
    lambda text, times: text * times,
    st.text("ab", max_size=3),
    st.sampled_from([1, 1, 1, FREE_CHARS]),
)


@pytest.mark.fuzz
@given(st.lists(st.tuples(st.sampled_from("xyz"), texts, st.booleans()), max_size=30))
def test_the_texts_of_all_messages_in_order(changes):
    """However messages change or grow, the answer is their texts in the order they began."""
    running = Running[Text, TextSnapshot](Text, TextSnapshot)
    builder = AnswerBuilder()
    model: dict[str, str] = {}
    for id, text, piece in changes:
        if piece:
            running.add(id, text)
            model[id] = model.get(id, "") + text
        else:
            running.put(id, text)
            model[id] = text
        answer = builder.step(running.take())
        if len(model) * 100 + sum(map(len, model.values())) < FREE_CHARS and any(model.values()):
            assert answer.text == "".join(model.values())
    answer = builder.step(running.take(final=True))
    if any(model.values()):
        assert answer.text == "".join(model.values())


def test_small_messages_do_not_rewrite_a_long_text_again_and_again():
    """A long text is written again only after as much has come as it has characters."""
    running = Running[Text, TextSnapshot](Text, TextSnapshot)
    running.put("small", "0")
    running.put("long", "x" * 100_000)
    assert running.take() == [Text("0" + "x" * 100_000)]
    written = []
    for number in range(1, 1001):
        running.put("small", str(number))
        written += running.take()
    assert 0 < sum(len(part.text) for part in written) < 500_000
    assert running.take(final=True) == [TextSnapshot("1000" + "x" * 100_000)]


@pytest.mark.fuzz
@given(st.lists(st.text("a \n", max_size=4), max_size=12), st.text("a \n", max_size=12))
def test_a_text_is_compared_without_the_white_space_around_it(pieces, other):
    """Pieces equal a text if they do when joined and stripped."""
    trimmed = Trimmed()
    for piece in pieces:
        trimmed.add(piece)
    whole = "".join(pieces)
    assert bool(trimmed) == bool(pieces)
    for text in (other, whole, whole.strip(), f" {whole}\n", f"{whole}a"):
        assert trimmed.says(text) == (text.strip() == whole.strip())
