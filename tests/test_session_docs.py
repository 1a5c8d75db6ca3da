"""The page about the hook does what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import chatsdk.session
from chatsdk.session import Status, use_chat
from chatsdk.session.status import TRANSITIONS
from chatsdk.testing import ChatServer

PAGE = (Path(__file__).parent.parent / "docs" / "session.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"^```python\n(.*?)^```\n+^```text\n(.*?)^```", PAGE, re.M | re.S)


@pytest.mark.parametrize("number", range(len(SNIPPETS)))
def test_snippet(number, capsys):
    """Each snippet prints what the page shows under it."""
    source, output = SNIPPETS[number]
    with ChatServer() as server, ChatServer() as tools:
        for _ in range(3):
            server.answer("openai", "Good day to you.")
        call = {"name": "weather", "arguments": {"city": "Rome"}}
        tools.answer("openai", "Let me look. ", tool_calls=[call])
        tools.answer("openai", "Yes, you do.")
        # What the first snippet imports, and addresses.
        names = {"use_chat": use_chat, "url": server.url + "/chat", "tools_url": tools.url}
        exec(compile(source, "docs/session.md", "exec"), names)
    assert capsys.readouterr().out == output


def test_every_snippet_is_run():
    """No snippet of the page is without its output."""
    assert len(SNIPPETS) == PAGE.count("```python\n") > 3


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
