"""`Guard`: the one lock of a session, which makes no finalizer and no signal handler wait."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

__all__ = ["Guard"]


class Guard:
    """A lock, and what has to wait until it is free.

    It is held within ``with guard, guard.lock:``. The lock is entered by itself, since a Ctrl-C in
    a method of ours might come when it is taken and the block that frees it is not yet entered.

    A finalizer or a signal handler may run while its own thread holds the lock, at any bytecode,
    and would wait for ever. It uses `when_free`: the work is done at once if nobody holds the
    lock, else by the holder, as soon as the lock is released.

    Attributes:
        lock: the lock itself.
        waiting: the work that waits.
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
            self.settle()

    def when_free(self, work: Callable[[], object]) -> None:
        """Do `work`, which may take the lock, now or when it is released. Never waits for it."""
        self.waiting.append(work)
        self.settle()

    def settle(self) -> None:
        """Do what waits, unless somebody holds the lock: that one will do it."""
        # If it is free this thread does not hold it; that another one may take it is no danger.
        while self.waiting and not self.lock.locked():
            try:
                work = self.waiting.popleft()
            except IndexError:
                return
            work()
