"""`now` and `since_boot`: clocks that keep running when a test freezes time."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable

__all__ = ["now", "since_boot"]


def _late() -> float:
    return time.monotonic()


# Seconds of the monotonic clock. Tools that freeze time replace time.monotonic in every module that
# refers to it, which would stop deadlines and timings, or make them jump.
now: Callable[[], float] = (
    functools.partial(time.clock_gettime, time.CLOCK_MONOTONIC)
    if hasattr(time, "clock_gettime")
    else _late
)

# The same, but on Linux it counts the time during which the computer was asleep, too. Elsewhere the
# monotonic clock does.
since_boot: Callable[[], float] = (
    functools.partial(time.clock_gettime, time.CLOCK_BOOTTIME)
    if hasattr(time, "CLOCK_BOOTTIME")
    else now
)
