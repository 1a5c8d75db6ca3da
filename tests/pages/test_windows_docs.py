"""The page about windows does what it says; what needs a toolkit is in tests/gui."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chatsdk import ui
from chatsdk.session import ChatSession, notify
from chatsdk.ui import tk_poll

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "docs" / "windows.md").read_text(encoding="utf-8")


def test_the_table() -> None:
    """The page's table names every dispatcher, as it is called."""
    rows = re.findall(r"^\| .*? \| `ui\.(\w+)\((\w*)\)` \|", PAGE, re.M)
    assert sorted(name for name, _ in rows) == sorted(ui.__all__)
    for name, argument in rows:
        code = getattr(ui, name).__code__
        assert [argument] * bool(argument) == list(code.co_varnames[: code.co_argcount])


@pytest.mark.parametrize(
    "said",
    [
        f"{tk_poll.POLL_MS} ms",
        f"1/{round(1 / notify.THROTTLE_SECONDS)} with a dispatcher, 0 without",
    ],
)
def test_the_numbers(said) -> None:
    """What the page says in numbers is what the code has."""
    assert said in PAGE


def test_the_examples() -> None:
    """Every example that the page runs is there, and every application is on the page."""
    named = set(re.findall(r"examples/([\w.]+)", PAGE))
    there = {path.name for path in (REPOSITORY / "examples").glob("*_chat.py")}
    assert named == there | {"notebook.ipynb"}
    assert (REPOSITORY / "examples" / "notebook.ipynb").is_file()


def test_the_page_names_what_there_is() -> None:
    """Each method of a session that the page names exists."""
    called = set(re.findall(r"\b(?:session|chat)\.(\w+)", PAGE)) - {"completions"}
    assert called
    assert [name for name in called if not hasattr(ChatSession, name)] == []
