"""Runs a callback and logs what it raises; for all dispatchers."""

from __future__ import annotations

import logging
from collections.abc import Callable

__all__ = ["Function", "milliseconds", "run"]

logger = logging.getLogger("chatsdk")

Function = Callable[[], object]


def run(function: Function) -> None:
    """Call `function`, and log its exception, because toolkits do not handle one."""
    try:
        function()
    except Exception:
        logger.exception("a function on the user interface's thread raised")


def milliseconds(delay: float) -> int:
    """Convert a delay in seconds for a toolkit's timer, which does not accept 0."""
    return max(1, round(delay * 1000))
