from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatsdk.dialects.think_tags import Flagged, LeadingThinking, Thinking, split_thinking
from chatsdk.parts import Reasoning, Text

TEXT = "a <think>b < c</think> d <th <think></think><think>e</thin"


def joined(parts: list[Text | Reasoning]) -> tuple[str, str]:
    thought = "".join(part.text for part in parts if isinstance(part, Reasoning))
    return thought, "".join(part.text for part in parts if isinstance(part, Text))


@pytest.mark.parametrize("final", [False, True])
def test_a_whole_text(final):
    """Text between the tags is reasoning; an unfinished tag at the end is text."""
    assert split_thinking(TEXT, final=final) == ("b < ce</thin" if final else "b < ce", "a  d <th ")


def test_only_the_beginning_of_a_tag_is_held_back():
    """Text that cannot become a tag comes at once."""
    thinking = Thinking()
    assert thinking.split("a <") == [Text("a ")]
    assert thinking.split("b <thin") == [Text("<b ")]
    assert thinking.split("g") == [Text("<thing")]
    assert thinking.split("<think") == []
    assert thinking.split(">c</") == [Reasoning("c")]
    assert thinking.flush() == [Reasoning("</")]


def test_each_cut():
    """The tags are found wherever the pieces are cut."""
    for first in range(len(TEXT) + 1):
        for second in (first, first + 1, first + 5, len(TEXT)):
            thinking = Thinking()
            parts = []
            for piece in (TEXT[:first], TEXT[first:second], TEXT[second:]):
                parts += thinking.split(piece)
            parts += thinking.flush()
            assert joined(parts) == split_thinking(TEXT, final=True)


@pytest.mark.fuzz
@given(st.lists(st.sampled_from(["<", "<think", ">", "<think>", "</think>", "</", "a", "think"])))
def test_any_pieces(pieces):
    """Pieces give the same as the whole, and nothing but tags is lost."""
    thinking = Thinking()
    parts = [part for piece in pieces for part in thinking.split(piece)] + thinking.flush()
    whole = "".join(pieces)
    assert joined(parts) == split_thinking(whole, final=True)
    rest = whole.replace("<think>", "").replace("</think>", "")
    assert sum(len(part.text) for part in parts) >= len(rest)


LEADING = {
    "<think>a</think>b": ("a", "b"),
    " \n<think>a</think>b": ("a", " \nb"),
    "The <think> tag": ("", "The <think> tag"),
    "See:\n<think>x": ("", "See:\n<think>x"),
    "One\n<think>\ntwo</think>three": ("\ntwo", "One\nthree"),
    "<think>a</think>\n\n<think>\nb</think>c": ("a\nb", "\n\nc"),
    "<br> or </think>": ("", "<br> or </think>"),
    "a <think>": ("", "a <think>"),
    "a\n<think>": ("", "a\n<think>"),
    "<thin": ("", "<thin"),
}


@pytest.mark.parametrize("text", sorted(LEADING))
def test_tags_where_a_model_begins_to_speak(text):
    """However the text is cut, only a tag that leads is thinking."""
    for cut in range(len(text) + 1):
        thinking = LeadingThinking()
        parts = [*thinking.split(text[:cut]), *thinking.split(text[cut:]), *thinking.flush()]
        thought = "".join(part.text for part in parts if isinstance(part, Reasoning))
        said = "".join(part.text for part in parts if isinstance(part, Text))
        assert (thought, said) == LEADING[text], cut


FLAGGED = [
    ([("<thought>They", True), (" greet.", True), ("</thought>Good", False), (" day", False)]),
    ([("<thought>They greet.</thought>", True), ("Good day", False)]),
    ([("They greet.", True), ("Good day", False)]),
]


@pytest.mark.parametrize("pieces", FLAGGED)
def test_flagged_thoughts_however_they_are_cut(pieces):
    """Google's tags are in neither the thoughts nor the text, cut into single characters."""
    flagged = Flagged()
    parts = []
    for text, thought in pieces:
        for char in text:
            parts += [Text(char)] if flagged.closed else flagged.split(char, thought=thought)
    parts += flagged.flush()
    assert "".join(part.text for part in parts if isinstance(part, Reasoning)) == "They greet."
    assert "".join(part.text for part in parts if isinstance(part, Text)) == "Good day"
