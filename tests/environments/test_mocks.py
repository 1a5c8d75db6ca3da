"""Packages that answer in the backend's place."""

from __future__ import annotations

from rows import Row

ROWS = [
    Row("responses", ("responses",), "an answer, a ConnectionError, a session of the caller's"),
]


def test_responses(programs, backend):
    """What `responses` registers answers, and nothing is sent."""
    assert programs.both("mocked", "responses") == "mocked 1\nmocked 2\nan error of the wire"
    assert backend.server.requests == []
