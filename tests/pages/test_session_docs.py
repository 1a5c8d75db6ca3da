"""The page about the hook describes the actual behaviour."""

from __future__ import annotations

import re
from pathlib import Path

import chatsdk.session
from chatsdk.session import Status
from chatsdk.session.status import TRANSITIONS

PAGE = (Path(__file__).parents[2] / "docs" / "session.md").read_text(encoding="utf-8")


def test_the_table():
    """The page's table of statuses is the one that the code has."""
    table = PAGE.partition("| status | may become |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", table, re.M)
    real = {status.value: set() for status in Status}
    for (status, _), after in TRANSITIONS.items():
        real[status.value] |= {after.value} - {status.value}
    assert {status: set(re.findall(r"\w+", after)) for status, after in rows} == real


def test_the_page_names_what_there_is():
    """Every public method and property of a session is on the page."""
    names = [name for name in dir(chatsdk.session.ChatSession) if not name.startswith("_")]
    assert [name for name in names if not re.search(rf"\b{name}\b", PAGE)] == []
