"""The session's lock; finalizers and signal handlers defer work instead of waiting."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

__all__ = ["DeferringLock"]


class DeferringLock:
    """A lock, and the work that is deferred until the lock is free.

    Use it as ``with guard, guard.lock:``. The lock is entered separately because Ctrl-C might
    interrupt a method of `DeferringLock` after it took the lock and before the block that releases
    it is entered.

    A finalizer or a signal handler may run at any bytecode while its own thread holds the lock, and
    would deadlock if it waited. So it calls `run_when_free`: the work is done at once if the lock
    is free, else by the holder as soon as it has released the lock.

    Attributes:
        lock: the lock itself.
        waiting: the deferred work.
    """

    __slots__ = ("lock", "waiting")

    def __init__(self) -> None:
        self.lock = threading.Lock()
        # Append and popleft are atomic.
        self.waiting: deque[Callable[[], object]] = deque()

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        if self.waiting:
            self._run_deferred()

    def run_when_free(self, work: Callable[[], object]) -> None:
        """Do `work`, which may take the lock, now or on its release. Never waits for the lock."""
        self.waiting.append(work)
        self._run_deferred()

    def _run_deferred(self) -> None:
        """Do the deferred work, unless the lock is held: then the holder will do it."""
        # A free lock is not held by this thread. If another thread takes it now, that is safe.
        while self.waiting and not self.lock.locked():
            try:
                work = self.waiting.popleft()
            except IndexError:
                return
            work()
