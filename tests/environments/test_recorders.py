"""Packages that record an answer, and replay it without the backend."""

from __future__ import annotations

import pytest
from backend import TEXT
from rows import Row

ROWS = [
    Row("vcrpy", ("vcrpy",), "record an answer and a refusal, replay with the backend gone"),
    Row("betamax", ("betamax",), "record an answer and a refusal, replay with the backend gone"),
    Row(
        "requests-cache",
        ("requests-cache",),
        "an answer from the cache, with the backend gone",
        "`allowable_methods` must have POST",
    ),
]


@pytest.mark.parametrize("package", ["vcrpy", "betamax", "requests_cache"])
def test_record_and_replay(programs, backend, package):
    """The recording answers as the backend did."""
    said = programs.both("recorded", package, "record")
    assert said == f"{TEXT}\nan error of the wire"
    sent = len(backend.server.requests)
    assert sent == 4
    assert programs.both("recorded", package, "replay") == TEXT
    assert len(backend.server.requests) == sent
