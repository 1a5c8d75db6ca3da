"""Formulas are shown as code, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatsdk.windows.tex import tex_as_code


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (r"So \(a_1 * b\) is", r"So `a_1 * b` is"),
        ("So $a_1 * b_1$, and $x^2$.", "So `a_1 * b_1`, and `x^2`."),
        (r"So $$\frac{a}{b}$$ is", r"So `\frac{a}{b}` is"),
        ("$$\\int_0\\,dx$$", "```math\n\\int_0\\,dx\n```"),
        ("a\n\\[\n  x\n    y\n\\]\nb", "a\n```math\nx\n  y\n```\nb"),
        ("1. a\n   $$\n   x\n   $$", "1. a\n   ```math\n   x\n   ```"),
        ("| $$x$$ | b |", "| `x` | b |"),
        ("\\(a`b\\)", "`` a`b ``"),
        ("_$x_1$_, ${n \\choose k}$", "_`x_1`_, `{n \\choose k}`"),
    ],
)
def test_formulas(text, shown) -> None:
    """A formula in its line is a code span, one by itself a block of code."""
    assert tex_as_code(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "It costs $5 and $10, or $5-$10.",
        "In ${HOME}/${USER} or $HOME_DIR/$USER",
        "US$ or $x$ alone",
        r"An array\[0\] and a \[note\] in a line",
        r"\$a_1\$ and \\(a_1\\)",
        "`$a_1$` and ``\\(`x\\)``",
        "```sh\necho $a_1 $b_2\n```",
        "```sh\necho $a_1$",
        "~~~\n$$x$$\n~~~",
        "$$ without an end, \\( too",
    ],
)
def test_everything_else(text) -> None:
    """Prices, variables, escaped characters, code and half of a formula stay as they are."""
    assert tex_as_code(text) == text


@given(st.text(alphabet="a_ $\\()[]`~\n5^", max_size=60))
def test_twice_is_once(text) -> None:
    """Text that was turned into code stays."""
    assert tex_as_code(tex_as_code(text)) == tex_as_code(text)
