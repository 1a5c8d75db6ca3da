"""What every dispatcher needs: a function that is called must not bring the toolkit down."""

from __future__ import annotations

import logging
from collections.abc import Callable

__all__ = ["Function", "run", "seconds"]

logger = logging.getLogger("chatsdk")

Function = Callable[[], object]


def run(function: Function) -> None:
    """Call `function`; what it raises is logged, for no toolkit knows what to do with it."""
    try:
        function()
    except Exception:
        logger.exception("a function on the user interface's thread raised")


def seconds(delay: float) -> float:
    """Return a delay that a toolkit's timer takes: a time that has passed is now."""
    return max(0.0, delay)
