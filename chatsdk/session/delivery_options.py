"""The `dispatch=` and `throttle=` options."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from typing import Protocol

from chatsdk.keywords import check_plain

__all__ = ["THROTTLE_SECONDS", "Dispatch", "check_dispatch", "seconds_between"]

# Seconds between two updates of a user interface: about as fast as the eye follows text.
THROTTLE_SECONDS = 1 / 30


class Dispatch(Protocol):
    """Runs `function` on the thread of a user interface, `delay` seconds from now.

    It is called from any thread, possibly during a garbage collection, and must not block.
    """

    def __call__(self, function: Callable[[], None], delay: float = 0.0, /) -> object: ...


def check_dispatch(dispatch: object) -> None:
    """Check that a dispatcher can be called with a function and a delay.

    Raises:
        TypeError: it cannot.
    """
    if not callable(dispatch):
        raise TypeError(f"dispatch is a function, not {type(dispatch).__name__}")
    check_plain("dispatch", dispatch)
    try:
        signature = inspect.signature(dispatch)
    except (TypeError, ValueError):
        # Some callables written in C have no signature.
        return
    try:
        signature.bind(print, 0.0)
    except TypeError as error:
        raise TypeError(
            "dispatch is called as dispatch(function, delay), which this one does not take "
            f"({error}): chatsdk.ui has them for many toolkits"
        ) from None


def seconds_between(throttle: float | None, dispatch: Dispatch | None) -> float:
    """Return the minimum number of seconds between two updates.

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
