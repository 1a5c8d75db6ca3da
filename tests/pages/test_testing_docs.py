"""The page about testing names what there is; `test_documents` runs it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from documents import program

import chatsdk.testing
from chatsdk.testing.faults import Faults

PAGE = (Path(__file__).parents[2] / "docs" / "testing.md").read_text(encoding="utf-8")


def test_fixture_of_the_page(monkeypatch) -> None:
    """The fixture on the page gives a server that listens, and closes it."""
    monkeypatch.setattr(pytest, "fixture", lambda function: function)
    module, _ = program("docs/testing.md").run()
    generator = module["backend"]()
    server = next(generator)
    assert server.url.startswith("http://127.0.0.1:")
    with pytest.raises(StopIteration):
        next(generator)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((server.host, server.port), timeout=10)


def test_page_names_every_fault() -> None:
    """Each named fault is in the page's table."""
    faults = [name for name, value in vars(Faults).items() if callable(value) and name[0] != "_"]
    assert len(faults) >= 15
    assert [name for name in faults if f"| `{name}(" not in PAGE] == []


def test_every_public_name_has_a_docstring() -> None:
    """Everything in chatsdk.testing is documented, down to its public methods."""
    missing = []
    for name in chatsdk.testing.__all__:
        value = getattr(chatsdk.testing, name)
        if not value.__doc__:
            missing.append(name)
        for member, function in vars(value).items() if isinstance(value, type) else ():
            if member[0] != "_" and callable(function) and not function.__doc__:
                if member != "perform":
                    missing.append(f"{name}.{member}")
    assert missing == []
