"""Markdown of a model without anything that a browser would fetch or run."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies
from markdown_it import MarkdownIt

from chatsdk.answer.harmless import harmless

# A browser's notebook and Streamlit read more than CommonMark; both read this.
RENDERER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])

PIECES = [
    *("![a](http://127.0.0.1/x)", '<img src="x">', "![a][b]", "\n[b]: http://127.0.0.1/x\n"),
    *("`", "``", "```", "~~~", "\n```\n", "\n~~~\n", "\n\n", "\n", "\\", "$", "$$", "|", "> "),
    *("- ", "1. ", "  ", "    ", "# ", "a", " ", "*", "<https://127.0.0.1/", ">", "<!--", "-->"),
    *("\n| - | - |\n", "\n---\n", "<div>", "]", "[", "(", ")", "\t", "<b", "\r\n", "\u2028"),
]


def fetched(text: str) -> list[str]:
    """The kinds of what a renderer would fetch or run."""
    found = []
    for token in RENDERER.parse(text):
        for one in (token, *(token.children or ())):
            if one.type in ("image", "html_block", "html_inline"):
                found.append(one.type)
    return found


@pytest.mark.fuzz
@given(strategies.lists(strategies.sampled_from(PIECES), max_size=30).map("".join))
def test_nothing_is_left_to_fetch(text) -> None:
    """No image and no HTML is left, wherever backticks, fences and lists begin and end."""
    assert fetched(harmless(text)) == []


@pytest.mark.parametrize(
    "code",
    [
        "```rust\nvec![1]; // <T>\n```\n",
        "~~~\n![a](b)\n~~~\n",
        "Use `vec![1]` and ``a ` ![b]``.",
        "| `Vec<T>` | `![a](b)` |",
    ],
)
def test_code_is_unchanged(code) -> None:
    """Code may hold what would be an image or a tag elsewhere."""
    assert harmless(code) == code


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("![a](b)", r"\![a](b)"),
        (r"\![a](b)", r"\![a](b)"),
        ("a <b>c</b>", "a &lt;b>c&lt;/b>"),
        ("1 < 2 and <https://127.0.0.1/>", "1 < 2 and <https://127.0.0.1/>"),
        ("` ![a](b)\n` ![a](b) `", "` \\![a](b)\n` \\![a](b) `"),
    ],
)
def test_text_is_escaped(text, shown) -> None:
    """An image becomes a link, and a tag is shown as it is written."""
    assert harmless(text) == shown
