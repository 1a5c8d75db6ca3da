"""A growing Markdown text is cut into blocks that later text cannot change."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatsdk.windows.markdown_blocks import OPEN_CHARS, Block, MarkdownBlocks

TEXT = """# Title

A paragraph
of two lines.
```python
x = 1

y = 2
```
After the code.

- one

  still one
- two

1. first

1. second

| a | b |
|---|---|
| 1 | 2 |

The end."""


def blocks_of(text: str, step: int = 0) -> tuple[list[Block], Block]:
    blocks = MarkdownBlocks()
    done: list[Block] = []
    for end in range(step, len(text), step) if step else ():
        done += blocks.update(text[:end])[0]
    new, rest = blocks.update(text)
    return [*done, *new], rest


def test_blocks() -> None:
    """Headings, paragraphs, code, lists and tables are blocks; ordered lists count on."""
    done, rest = blocks_of(TEXT)
    assert [block.text.strip() for block in done] == [
        "# Title",
        "A paragraph\nof two lines.",
        "```python\nx = 1\n\ny = 2\n```",
        "After the code.",
        "- one\n\n  still one\n- two",
        "1. first",
        "2. second",
        "| a | b |\n|---|---|\n| 1 | 2 |",
    ]
    assert rest.text == "The end."


@pytest.mark.parametrize("step", [1, 2, 7])
def test_the_blocks_do_not_depend_on_the_cutting(step) -> None:
    """However the text arrives, the blocks are the same."""
    assert blocks_of(TEXT, step) == blocks_of(TEXT)


@given(st.text(alphabet="ab`|-1.# \n>", max_size=200), st.integers(1, 9))
def test_any_text_in_any_pieces(text, step) -> None:
    """The blocks of any text do not depend on how it arrives."""
    assert blocks_of(text, step) == blocks_of(text)


@pytest.mark.parametrize(
    ("text", "beginning"),
    [
        ("```python\n" + "x = 1\n" * 5000, "```python\nx = 1"),
        ("| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 3000, "| a | b |\n|---|---|\n| 1 | 2 |"),
        ("- item\n" * 4000, "- item"),
        ("word " * 5000, "word word"),
        ("x" * 30_000, "xxx"),
        ("> quote\n" * 4000, "> quote"),
    ],
)
def test_a_long_block_is_cut(text, beginning) -> None:
    """No block is longer than a window can draw at once, and each piece is Markdown by itself."""
    done, rest = blocks_of(text, 997)
    assert len(done) >= 3
    for block in (*done[1:], rest):
        assert block.continued
        assert block.text.startswith(beginning)
        assert len(block.text) <= OPEN_CHARS + 100
    bare = [block.text.removeprefix("```python\n") for block in (*done, rest)]
    if not text.startswith("|"):
        assert "".join(bare) == text.removeprefix("```python\n")


def test_a_long_ordered_list_counts_on() -> None:
    """The pieces of a long list keep its numbers, although the model wrote 1 each time."""
    done, rest = blocks_of("1. item\n" * 2000)
    total = 0
    for block in (*done, rest):
        assert block.text.startswith(f"{total + 1}. item")
        total += block.text.count("item")
    assert total == 2000
