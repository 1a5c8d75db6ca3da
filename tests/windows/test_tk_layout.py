"""Layout that the Tk view does itself: Markdown as runs, tables, Arabic and Hebrew."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("tkinter", reason="this Python has no Tk")
pytest.importorskip("markdown_it")

from chatsdk.windows.tk.markdown_runs import (
    LINE_CHARS,
    MarkdownRuns,
    Table,
    is_right_to_left,
    plain_runs,
)
from chatsdk.windows.tk.table_layout import GAP, columns_of, words_of, wrapped
from chatsdk.windows.tk.visual_order import has_right_to_left, visual_lines


def measure(run: tuple[str, tuple[str, ...]]) -> int:
    """Each letter is ten pixels wide."""
    return 10 * len(run[0])


def seen(text: str, width: int = 10_000) -> list[str]:
    lines = visual_lines([(text, ())], width, measure, right_to_left=is_right_to_left(text))
    return ["".join(text for text, _ in line) for line in lines]


@pytest.mark.parametrize(
    ("written", "drawn"),
    [
        ("שלום עולם", "םלוע םולש"),
        ("שלום (world) 42!", "!42 (world) םולש"),
        ("The word שלום means peace.", "The word םולש means peace."),
        ("a (שלום) b", "a (םולש) b"),
        ("(שלום)", "(םולש)"),
        # Lam and alef are one letter; each letter has the form that its neighbours ask for.
        ("سلام", "\ufee1\ufefc\ufeb3"),
        ("لا", "\ufefb"),
        ("ببب", "\ufe90\ufe92\ufe91"),
        ("دب", "\ufe8f\ufea9"),
        # A vowel mark stays on its letter, and does not separate the letters around it.
        ("بَب", "\ufe90\ufe91\u064e"),
    ],
)
def test_the_order_in_which_it_is_seen(written, drawn) -> None:
    """Hebrew and Arabic are put into visual order, with numbers and Latin words as they are."""
    assert seen(written) == [drawn]


def test_lines_are_broken_before_they_are_turned() -> None:
    """The first words of a paragraph are in its first line."""
    assert seen("אחת שתים שלוש", 90) == ["םיתש תחא", "שולש"]


@given(st.text(alphabet="אבג abc12()بلاسَ .", max_size=40))
def test_nothing_is_lost(text) -> None:
    """Every letter is drawn, in one form or another."""
    drawn = "".join(seen(" ".join(text.split())))
    letters = unicodedata.normalize("NFKC", drawn).replace(" ", "")
    wanted = unicodedata.normalize("NFKC", text).replace(" ", "")
    mirrored = str.maketrans("()", "((")
    assert sorted(letters.translate(mirrored)) == sorted(wanted.translate(mirrored))


def test_right_to_left() -> None:
    """The first letter with a direction decides about a paragraph."""
    assert is_right_to_left("1. שלום world")
    assert not is_right_to_left("A שלום")
    assert has_right_to_left("A שלום")
    assert not has_right_to_left("Ä 中文 🎉")


def test_columns() -> None:
    """Columns keep their natural width, else their longest words; if those do not fit, none."""
    natural, words = [[50, 400], [80, 100]], [[50, 60], [80, 40]]
    assert columns_of(natural, words, 600) == [80, 400]
    assert columns_of(natural, words, 300) == [80, 300 - GAP - 80]
    assert columns_of(natural, words, 100) is None
    assert columns_of([], [], 100) == []


def test_cells_are_wrapped() -> None:
    """A cell is broken between words, and a word that is too long anywhere."""
    bold = ("bold",)
    cell = [("one two ", ()), ("three", bold), (" abcdefghijkl", ())]
    assert wrapped(cell, 80, measure) == [
        [("one ", ()), ("two", ())],
        [("three", bold), ("", ())],
        [("abcdefgh", ())],
        [("ijkl", ())],
    ]
    assert [[text for text, _ in word] for word in words_of(cell)] == [
        ["one"],
        ["two"],
        ["three"],
        ["abcdefghijkl"],
    ]


def runs_of(text: str, *, continued: bool = False) -> list[tuple[str, tuple[str, ...]]]:
    pieces = MarkdownRuns().render(text, lambda: "code-1", continued=continued)
    return [piece for piece in pieces if not isinstance(piece, Table)]


def drawn(text: str) -> str:
    return "".join(text for text, _ in runs_of(text))


def tags_of(text: str, piece: str) -> tuple[str, ...]:
    return next(tags for run, tags in runs_of(text) if run == piece)


@pytest.mark.parametrize(
    ("markdown", "piece", "tags"),
    [
        ("# A *b*", "b", ("text", "h1", "italic")),
        ("**a *b***", "b", ("text", "bold-italic")),
        ("~~a~~", "a", ("text", "strike")),
        ("`a`", "a", ("text", "code")),
        ("[a](https://example.com)", "a", ("text", "link", "url:https://example.com")),
        ("[a](relative)", "a", ("text",)),
        (
            "see https://example.com.",
            "https://example.com",
            ("text", "link", "url:https://example.com"),
        ),
        (
            "![a](https://example.com/a.png)",
            "Image: a",
            ("text", "link", "url:https://example.com/a.png"),
        ),
        ("![a](data:image/png;base64,AA)", "Image: a", ("text",)),
        ("<b>a</b>", "<b>a</b>", ("text",)),
        ("- a\n  - b", "b", ("text", "li1")),
        ("> a", "a", ("text", "quote")),
        ("```py\na\n```", "a", ("block", "code-1")),
        ("    a", "a", ("block", "code-1")),
    ],
)
def test_markdown_as_runs(markdown, piece, tags) -> None:
    """Each piece of text has the tags of its block and its style, and only safe links."""
    assert tags_of(markdown, piece) == tags


def test_lists_are_numbered() -> None:
    """A list counts on from its first number, and paragraphs of an item are below its text."""
    assert drawn("3. a\n4. b\n\n   c") == "3.\ta\n\n4.\tb\n\nc\n"
    assert drawn("- a\n- b") == "•\ta\n•\tb\n"


def test_an_item_below_code_has_a_gap() -> None:
    """Code within an item of a dense list keeps a distance from the next item."""
    runs = runs_of("- a\n  ```\n  b\n  ```\n- c")
    place = next(place for place, (text, _) in enumerate(runs) if text == "•\t" and place)
    assert runs[place - 1] == ("\n", ("gap",))
    assert runs[place - 2][1][-1] == "pad"


def test_task_lists() -> None:
    """The items of a task list have boxes."""
    assert drawn("- [ ] a\n- [x] **b**") == "☐\ta\n☑\tb\n"


def test_links_that_are_defined_elsewhere() -> None:
    """The target of a link may be in another block."""
    known: dict[str, object] = {}
    runs = MarkdownRuns()
    runs.render("[1]: https://example.com", str, known=known)
    pieces = runs.render("See [a][1].", str, known=known)
    assert ("a", ("text", "link", "url:https://example.com")) in pieces


def test_code_that_continues_has_no_head() -> None:
    """The rest of a long block of code is drawn without another name and button."""
    assert ("py\t", ("block", "block-head")) in runs_of("```py\na\n```")
    assert [text for text, _ in runs_of("```py\na\n```", continued=True)] == ["a", "\n", "\n"]


@pytest.mark.parametrize("text", ["word " * 1000, "x" * 5000, "`" + "y" * 5000 + "`"])
def test_long_lines_are_broken(text) -> None:
    """No line is so long that Tk takes long to lay it out, and nothing is lost."""
    for shown in (drawn(text), "".join(run for run, _ in plain_runs(text))):
        assert max(map(len, shown.split("\n"))) <= LINE_CHARS
        assert "".join(shown.split()).strip("`") == "".join(text.split()).strip("`")


def test_a_break_in_code_is_not_copied() -> None:
    """A break that was made for Tk does not belong to the code."""
    runs = runs_of("```\n" + "x" * 5000 + "\n```")
    copied = "".join(text for text, tags in runs if "code-1" in tags)
    assert copied == "x" * 5000
