"""Where and how often a session calls back, as a user says it."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from typing import Protocol

__all__ = ["THROTTLE_SECONDS", "Dispatch", "check_dispatch", "seconds_between"]

# Seconds between two updates of a window: as often as an eye follows text.
THROTTLE_SECONDS = 1 / 30


class Dispatch(Protocol):
    """Runs `function` on the thread of a user interface, `delay` seconds from now.

    It is called from any thread, may be called in a garbage collection, and must not block.
    """

    def __call__(self, function: Callable[[], None], delay: float = 0.0, /) -> object: ...


def check_dispatch(dispatch: object) -> None:
    """Look whether a dispatcher can be called as one.

    Raises:
        TypeError: it cannot.
    """
    if not callable(dispatch):
        raise TypeError(f"dispatch is a function, not {type(dispatch).__name__}")
    try:
        signature = inspect.signature(dispatch)
    except (TypeError, ValueError):
        # Some that are written in C do not tell.
        return
    try:
        signature.bind(print, 0.0)
    except TypeError as error:
        raise TypeError(
            "dispatch is called as dispatch(function, delay), which this one does not take "
            f"({error}): chatsdk.ui has them for many toolkits"
        ) from None


def seconds_between(throttle: float | None, dispatch: Dispatch | None) -> float:
    """Return how many seconds are to lie between two updates at least.

    Raises:
        TypeError, ValueError: `throttle` is not a number of seconds.
    """
    if throttle is None:
        return 0.0 if dispatch is None else THROTTLE_SECONDS
    if isinstance(throttle, bool) or not isinstance(throttle, (int, float)):
        raise TypeError(f"throttle is a number of seconds, not {type(throttle).__name__}")
    if not 0 <= throttle <= threading.TIMEOUT_MAX:
        raise ValueError("throttle must be 0 seconds or more, and no more than a timer can wait")
    return throttle
