"""`Bell`: a wait for a person or another thread, not for a socket, that `Cancel` ends."""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Callable
from typing import TYPE_CHECKING

from chatsdk.transport.clock import now

if TYPE_CHECKING:
    from chatsdk.transport.cancel import Cancel

__all__ = ["Bell", "Forward"]

# Longest sleep, in seconds: a signal that arrives just before the system call does not interrupt
# it, so the handler would run only at the end of the wait.
NAP_SECONDS = 0.5


class Bell:
    """A bell that one thread waits for.

    `ring` and `cancel` take no lock of Python's, so they may run in a signal handler or a garbage
    collection, at any bytecode.
    """

    __slots__ = ("_rings",)

    def __init__(self) -> None:
        # Its `put` is reentrant, unlike the methods of an Event.
        self._rings: queue.SimpleQueue[None] = queue.SimpleQueue()

    def ring(self) -> None:
        """Make the waiting thread check again."""
        self._rings.put(None)

    def cancel(self, reason: str) -> None:
        """Like `ring`; called by `Cancel`."""
        self._rings.put(None)

    def wait(self, over: Callable[[], bool], deadline: float | None) -> bool:
        """Wait until `over()` is true, which is checked after each ring; return whether it is.

        Args:
            over: the fact to wait for. The thread that makes it true rings afterwards.
            deadline: on the clock `chatsdk.transport.clock.now`; ``None``: no limit.
        """
        while not over():
            left = NAP_SECONDS if deadline is None else deadline - now()
            if left <= 0:
                return False
            with contextlib.suppress(queue.Empty):
                self._rings.get(timeout=min(left, NAP_SECONDS))
        return True


class Forward(Bell):
    """Sets another `Cancel`, once linked to one that is set."""

    __slots__ = ("_to",)

    def __init__(self, to: Cancel) -> None:
        super().__init__()
        self._to = to

    def cancel(self, reason: str) -> None:
        """Set the other `Cancel`."""
        self._to.set()
