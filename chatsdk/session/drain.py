"""Drains a stream while yielding the GIL to other threads."""

from __future__ import annotations

import time
from collections.abc import Iterable

__all__ = ["drain"]

# A thread waiting for the GIL requests it after 5 ms, but the timer restarts whenever the holder
# releases it, as a reader does on every read. While data keeps arriving, the reader would always
# win and a window would freeze. So the reader sleeps a tenth of the time, long enough for another
# thread to wake up. Seconds of reading, and seconds of sleep.
BUSY_SECONDS = 0.002
REST_SECONDS = 0.0002


def drain(steps: Iterable[object]) -> None:
    """Read all `steps`; sleep `REST_SECONDS` after each `BUSY_SECONDS`."""
    due = time.monotonic() + BUSY_SECONDS
    for _ in steps:
        if time.monotonic() >= due:
            time.sleep(REST_SECONDS)
            due = time.monotonic() + BUSY_SECONDS
