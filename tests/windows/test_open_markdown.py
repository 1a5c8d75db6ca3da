"""Half-written Markdown is shown as what it will probably be."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatsdk.windows.open_markdown import completed


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Plain", "Plain"),
        ("A **bold", "A **bold**"),
        ("A **bold*", "A **bold**"),
        ("A **", "A"),
        ("A *word", "A *word*"),
        ("A ~~word", "A ~~word~~"),
        ("**a** and *b", "**a** and *b*"),
        ("***both", "***both***"),
        ("snake_case_name", "snake_case_name"),
        ("2 * 3 is 6", "2 * 3 is 6"),
        ("- item", "- item"),
        ("* item with *stress", "* item with *stress*"),
        ("Use `code", "Use `code`"),
        ("Use ``a`b", "Use ``a`b``"),
        ("Use `*args", "Use `*args`"),
        ("see [the docs", "see the docs"),
        ("see [the docs](https://exa", "see the docs"),
        ("see [the docs](https://example.com)", "see [the docs](https://example.com)"),
        ("see ![a pic](https://exa", "see "),
        ("Text\n#", "Text"),
        ("Text\n-", "Text"),
        ("Text\n--", "Text"),
        ("Text\n==", "Text"),
        ("Text\n``", "Text"),
        ("- one\n-", "- one"),
        ("1. one\n2.", "1. one"),
        ("1. one\n2", "1. one"),
        ("```", "```\n"),
        ("```py", "```py\n"),
        ("```py\nx = 1", "```py\nx = 1"),
        ("```py\nx = 1\n``", "```py\nx = 1"),
        ("```py\n**kwargs", "```py\n**kwargs"),
        ("| a | b", "| a | b\n| --- | --- |"),
        ("| a | b |", "| a | b |\n| --- | --- |"),
        ("| a | b |\n|--", "| a | b |\n| --- | --- |"),
        ("| a | b |\n|---|---|\n| 1 |", "| a | b |\n|---|---|\n| 1 |"),
        ("Text:\n\n|", "Text:\n"),
    ],
)
def test_completed(written, shown) -> None:
    """Open Markdown is closed, and undecided parts are omitted."""
    assert completed(written) == shown


def test_a_long_url_takes_no_time() -> None:
    """The time for a link that has only begun grows with its length, not with its square."""

    def seconds(length: int) -> float:
        began = time.process_time()
        completed("[a](" + "x" * length + "((")
        return time.process_time() - began

    # Squared it would take 100 times as long, and more than half a minute.
    assert min(seconds(50_000) for _ in range(3)) < 1.0


@given(st.text(alphabet="ab *_~`[]()|#-!\n1.>\\:", max_size=60))
def test_any_text_can_be_completed(text) -> None:
    """No half-written text raises, and no letter of it is lost."""
    shown = completed(text)
    kept = [letter for letter in text if letter == "a"]
    # The target of a link is not shown before its end, nor is an image or a table's second row.
    if "[" not in text and "|" not in text:
        assert [letter for letter in shown if letter == "a"] == kept
