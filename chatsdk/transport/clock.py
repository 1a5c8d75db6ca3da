"""`now`: the monotonic clock, which keeps running when a test freezes time."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable

__all__ = ["now"]


def _late() -> float:
    return time.monotonic()


# Seconds of the monotonic clock. Tools that freeze time replace time.monotonic in every module that
# refers to it, which would stop deadlines and timings, or make them jump.
now: Callable[[], float] = (
    functools.partial(time.clock_gettime, time.CLOCK_MONOTONIC)
    if hasattr(time, "clock_gettime")
    else _late
)
