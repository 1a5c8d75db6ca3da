"""Packages that stop the clock."""

from __future__ import annotations

import pytest
from backend import TEXT
from rows import Row

MIND = "limits of a silence hold; `Timeout.total` needs a clock that runs"
ROWS = [
    Row("freezegun", ("freezegun",), "an answer, one that is frozen midway, a silence", MIND),
    Row("time-machine", ("time-machine",), "an answer, one that is frozen midway, a silence", MIND),
]


@pytest.mark.parametrize("package", ["freezegun", "time_machine"])
def test_stopped(programs, package):
    """An answer comes, also if the clock stops midway, and a silent backend is given up."""
    assert programs.both("clocks", package, "fast") == TEXT
    assert programs.both("clocks", package, "drip").endswith(" w9")
    assert programs.both("clocks", package, "silent") == "an error of the wire in time"
