"""Partial objects grow, take nothing back, and do not depend on the cutting."""

from __future__ import annotations

import json
import sys
from itertools import pairwise
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from output_kinds import KINDS, Recipe, extends

from chatsdk.output import growing, shape_of
from chatsdk.output.growing import EVERY_CHARS, STEPS, Growing, checkpoint

pytest.importorskip("cattrs")
pytest.importorskip("jiter")

pytestmark = pytest.mark.fuzz

# Each example tries a hundred prefixes.
a_few = settings(max_examples=max(settings.default.max_examples // 5, 10))


def documents(name: str) -> st.SearchStrategy[str]:
    """JSON documents of a kind, as models write them: spaced, escaped, or in a fence."""
    kind = KINDS[name]

    def written(value, ascii_only, indent, around):
        document = {"value": value} if kind.wrapped else value
        text = json.dumps(document, ensure_ascii=ascii_only, indent=indent)
        return around.replace("JSON", text)

    around = st.sampled_from(
        [
            *("JSON", " \n JSON \n", "Here {it} is:\n```json\nJSON\n```\nEnjoy {x}!"),
            '<think>Is it {"title": 1}?</think>\nJSON',
        ]
    )
    return st.builds(written, kind.values, st.booleans(), st.sampled_from([None, 2]), around)


def sparse(data):
    """Sometimes try only a few lengths, as in a long text."""
    every = data.draw(st.sampled_from([growing.EVERY_CHARS, 6]))
    return mock.patch.multiple(growing, EVERY_CHARS=every, STEPS=4)


def values_of(output, text, lengths):
    made = Growing(shape_of(output))
    return [made.value(text[:length]) for length in lengths]


@pytest.mark.parametrize("name", KINDS)
@a_few
@given(data=st.data())
def test_every_prefix_is_extended_by_the_next(name, data):
    """Each prefix of a valid document gives an object that the next one extends."""
    text = data.draw(documents(name))
    output = KINDS[name].output
    with sparse(data):
        values = values_of(output, text, range(len(text) + 1))
    assert values[0] is None
    for before, after in pairwise(values):
        assert extends(before, after)
    made = Growing(shape_of(output))
    made.check(text)
    assert values[-1] == made.value(text)


@pytest.mark.parametrize("name", KINDS)
@a_few
@given(data=st.data())
def test_any_cutting_gives_the_same_objects(name, data):
    """The object at a length is the same, whatever was asked for before, and in any order."""
    text = data.draw(documents(name))
    output = KINDS[name].output
    lengths = data.draw(st.lists(st.integers(0, len(text)), max_size=12))
    with sparse(data):
        whole = values_of(output, text, range(len(text) + 1))
        for cut in (lengths, sorted(lengths)):
            assert values_of(output, text, cut) == [whole[length] for length in cut]


@given(
    name=st.sampled_from(list(KINDS)),
    text=st.text(alphabet='{}[]":,\\truefalsn0-1.e \n', max_size=60),
)
def test_no_text_breaks_it(name, text):
    """Text that is not JSON gives some object or none, and no exception."""
    values_of(KINDS[name].output, text, range(len(text) + 1))


def test_numbers_and_literals_appear_when_they_are_complete():
    """A number, ``true`` and an enum's member are there once nothing can follow."""
    text = '{"title": "a", "minutes": 12, "colour": "reddish", "steps": ["b"]}'
    seen = []
    for value in values_of(Recipe, text, range(len(text) + 1)):
        if value is not None and (value.minutes, value.colour) not in seen:
            seen.append((value.minutes, value.colour))
    assert [(minutes, colour and colour.name) for minutes, colour in seen] == [
        (None, None),
        (12, None),
        (12, "REDDISH"),
    ]


@given(st.integers(0, 10**7))
def test_checkpoints_are_a_small_part_of_the_length_apart(length):
    """A partial object lags behind its text by less than a 64th."""
    at = checkpoint(length)
    assert at <= length
    assert at == length or length - at < length / STEPS
    assert checkpoint(at) == at


def test_the_work_is_linear_in_the_length():
    """Four times the text, read after each delta, takes about four times the calls."""

    def calls(items):
        text = json.dumps({"title": "a", "steps": ["word " * 40] * items})
        made = Growing(shape_of(Recipe))
        count = 0

        def note(frame, event, argument):
            nonlocal count
            count += event == "call"

        sys.setprofile(note)
        try:
            for length in range(0, len(text), 20):
                made.value(text[:length])
        finally:
            sys.setprofile(None)
        return count, len(text)

    calls(8)
    few, short = calls(4 * EVERY_CHARS // 200 + 20)
    many, long = calls(16 * EVERY_CHARS // 200 + 80)
    assert many / few < 1.8 * long / short
