"""Reading to the end on a thread of its own, without keeping the interpreter from the others."""

from __future__ import annotations

import time
from collections.abc import Iterable

__all__ = ["drain"]

# A thread that waits for the interpreter asks for it after 5 ms, but begins to count anew whenever
# the one that has it lets go of it for a moment, and a reader does so for each read. While data
# keeps coming, it would always be the reader that takes it again, and a window would stand still.
# So the reader rests in earnest: a tenth of the time, and long enough for another to wake up.
BUSY_SECONDS = 0.002
REST_SECONDS = 0.0002


def drain(steps: Iterable[object]) -> None:
    """Take all `steps`, and after each `BUSY_SECONDS` of it rest for `REST_SECONDS`."""
    due = time.monotonic() + BUSY_SECONDS
    for _ in steps:
        if time.monotonic() >= due:
            time.sleep(REST_SECONDS)
            due = time.monotonic() + BUSY_SECONDS
