"""What every dispatcher needs: a function that is called must not bring the toolkit down."""

from __future__ import annotations

import logging
from collections.abc import Callable

__all__ = ["Function", "milliseconds", "run"]

logger = logging.getLogger("chatsdk")

Function = Callable[[], object]


def run(function: Function) -> None:
    """Call `function`; what it raises is logged, for no toolkit knows what to do with it."""
    try:
        function()
    except Exception:
        logger.exception("a function on the user interface's thread raised")


def milliseconds(delay: float) -> int:
    """Return a delay in seconds as a toolkit's timer takes it, which is not 0."""
    return max(1, round(delay * 1000))
