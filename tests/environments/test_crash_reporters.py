"""Crash reporters that write the variables of every frame."""

from __future__ import annotations

import re

import pytest
from rows import Row

TRIED = "failed requests, with local variables: no token, header, cookie or query"
ROWS = [
    Row(
        "Sentry, errors",
        ("sentry-sdk",),
        f"{TRIED}, with `include_local_variables`",
        "its breadcrumbs have the query of each request, also those of plain requests",
    ),
    Row("rich", ("rich",), f"{TRIED}, with `show_locals`"),
    Row("pytest", ("pytest",), f"{TRIED}, with `--showlocals`"),
]


@pytest.mark.parametrize("prompt", ["hold", "silent", "cut", "refuse", "unauthorized"])
@pytest.mark.parametrize("reporter", ["sentry", "rich", "pytest"])
def test_no_secret(programs, reporter, prompt):
    """The report names the error and the frame of the program, and shows no secret."""
    said = programs.run("failing", "chatsdk", reporter, prompt)
    assert "view" in said
    assert "Error" in said or "ChatTimeout" in said or "StreamInterrupted" in said
    # Sentry itself records the query of every request.
    assert "SECRET-4711" not in re.sub(r'"http\.query":"[^"]*"', "", said)
