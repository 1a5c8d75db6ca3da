"""The sequence that steps of an answer share."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatsdk.answer import AnswerBuilder, Citation
from chatsdk.answer.shared_text import WIDTH, Vector
from chatsdk.parts import Citations, Reasoning, Text, ToolCallDelta

SIZES = [0, 1, WIDTH - 1, WIDTH, WIDTH + 1, WIDTH**2 - 1, WIDTH**2, WIDTH**2 + 1]


@pytest.mark.parametrize("size", SIZES)
def test_vector_of_any_size(size):
    """A vector made at once and one made item by item hold the same items."""
    whole = Vector(range(size))
    grown = Vector()
    for number in range(size):
        grown = grown.add(number)
    for vector in (whole, grown):
        assert list(vector) == [vector[place] for place in range(size)] == list(range(size))
        assert vector.whole() == tuple(range(size))
        assert len(vector) == size
        with pytest.raises(IndexError):
            vector[size]
    assert whole == grown
    assert hash(whole) == hash(grown)
    assert pickle.loads(pickle.dumps(grown)) == whole


@pytest.mark.fuzz
@given(st.sampled_from(SIZES), st.lists(st.tuples(st.floats(0, 1), st.integers()), max_size=40))
def test_changed_copies_leave_the_others_alone(size, changes):
    """Each copy has its change, and every earlier one is as it was."""
    vector, model = Vector(range(size)), list(range(size))
    kept = [(vector, tuple(model))]
    for where, item in changes:
        place = round(where * len(model))
        vector = vector.put(place, item)
        model[place : place + 1] = [item]
        kept.append((vector, tuple(model)))
    for made, items in kept:
        assert tuple(made) == made.whole() == items


@given(st.sampled_from(SIZES), st.lists(st.floats(0, 1), max_size=40))
def test_changes_are_the_places_put_since(size, where):
    """The places that differ between two copies are those that were put in between."""
    first = vector = Vector([object() for _ in range(size)])
    put = set()
    for share in where:
        place = round(share * len(vector))
        vector = vector.put(place, object())
        put.add(place)
    assert list(vector.changes(first)) == sorted(put)
    assert list(vector.changes(vector)) == []
    assert list(vector.changes(Vector())) == list(range(len(vector)))


def test_a_step_of_many_pieces_has_them_all_in_its_delta():
    """One event with thousands of pieces gives one delta of text and one of reasoning."""
    parts = [kind(f"{number} ") for number in range(5000) for kind in (Text, Reasoning)]
    answer = AnswerBuilder().step(parts)
    whole = "".join(f"{number} " for number in range(5000))
    assert answer.delta == answer.text == answer.reasoning_delta == answer.reasoning == whole


def test_size_counts_citations_and_ids():
    """Sources and the names of calls count as memory of the answer, a repeated source once."""
    builder = AnswerBuilder()
    for _ in range(3):
        builder.apply(Citations((Citation(url="u" * 1000, snippet="s" * 2000),)))
    assert 3000 <= builder.size <= 3200
    before = builder.size
    builder.apply(ToolCallDelta(0, "i" * 500, "n" * 500))
    builder.apply(ToolCallDelta(0, arguments="{}", replace=True))
    assert before + 1000 <= builder.size <= before + 1200


def test_size_counts_the_times_of_events():
    """Events without content take memory, too: a flood of them reaches the limit."""
    builder = AnswerBuilder()
    before = builder.size
    for _ in range(1000):
        builder.step((), payload="1", at=1.0, received=1)
    assert builder.size == before + 8000
