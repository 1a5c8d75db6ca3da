"""The process's deadline thread: cancels scopes whose time has expired.

`Exchange.read` limits each wait at the socket, which ends a silence. Only another thread can end a
byte per second, a flood of ``100 Continue`` or slow headers. The thread refers to scopes, never to
streams, so a dropped stream is still collected. It exists only while there are deadlines.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import logging
import os
import threading
from collections import deque

from chatsdk.transport.cancel import WAITS, CancelScope
from chatsdk.transport.clock import now

__all__ = ["watch"]

logger = logging.getLogger("chatsdk")

# Seconds that the thread outlives its last deadline: requests tend to follow each other, and a
# thread for each would cost more than all its work.
LINGER_SECONDS = 0.2

# Longest sleep of the thread, in seconds: an obsolete deadline must not keep the thread and its
# scopes alive until it is due.
LOOK_AGAIN_SECONDS = 0.5

# Number of heap entries at which obsolete deadlines are removed; it then becomes twice the number
# of entries left.
STALE_ENTRIES = 256

_Entry = tuple[float, int, CancelScope, str]


class Watcher:
    """The deadline thread and its heap.

    Other threads touch only a deque and a lock, which are safe in a signal handler and in a
    garbage collection.
    """

    def __init__(self) -> None:
        self._arrivals: deque[_Entry] = deque()
        # A bare lock that is released to wake the thread; releasing it twice is harmless.
        self._bell = threading.Lock()
        self._bell.acquire()
        self._order = itertools.count()
        self._heap: list[_Entry] = []
        self._search_at = STALE_ENTRIES
        # Guards _thread. Reentrant, because a signal handler may send a request.
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None

    def watch(self, scope: CancelScope, phase: str, when: float, *, far: bool) -> None:
        self._arrivals.append((when, next(self._order), scope, phase))
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                thread = threading.Thread(target=self._run, name="chatsdk-deadlines", daemon=True)
                try:
                    thread.start()
                except RuntimeError:
                    # The system cannot start a thread. The next request may succeed.
                    self._drop_stale()
                    raise
                self._thread = thread
        if not far:
            # The thread finds a distant deadline in time without being woken.
            self._ring()

    def _drop_stale(self) -> None:
        for _ in range(len(self._arrivals)):
            entry = self._arrivals.popleft()
            if _holds(entry):
                self._arrivals.append(entry)

    def _ring(self) -> None:
        with contextlib.suppress(RuntimeError):
            self._bell.release()

    def _run(self) -> None:
        while True:
            try:
                if not self._sleep():
                    return
                self._expire()
            except Exception:
                # The failed entry is off the heap; the other deadlines still hold.
                logger.exception("a deadline could not be watched")

    def _sleep(self) -> bool:
        """Wait for the next deadline or arrival; False if there is nothing to wait for."""
        heap = self._heap
        self._take_arrivals()
        # Lifting a deadline only removes it from the scope, without a lock; the heap drops it here.
        while heap and not _holds(heap[0]):
            heapq.heappop(heap)
        if len(heap) > self._search_at:
            heap[:] = filter(_holds, heap)
            heapq.heapify(heap)
            self._search_at = max(STALE_ENTRIES, 2 * len(heap))
        left = min(heap[0][0] - now(), LOOK_AGAIN_SECONDS) if heap else LINGER_SECONDS
        rung = self._bell.acquire(timeout=max(0.0, left))
        if not rung and not heap:
            with self._lock:
                if not self._arrivals:
                    self._thread = None
                    return False
        self._take_arrivals()
        return True

    def _take_arrivals(self) -> None:
        while self._arrivals:
            heapq.heappush(self._heap, self._arrivals.popleft())

    def _expire(self) -> None:
        heap = self._heap
        at = now()
        while heap and heap[0][0] <= at:
            when, _, scope, phase = heapq.heappop(heap)
            again = scope.expire(phase, when)
            if again is not None:
                heapq.heappush(heap, (again, next(self._order), scope, phase))


def _holds(entry: _Entry) -> bool:
    when, _, scope, phase = entry
    return scope.holds(phase, when)


def _world() -> tuple[object, ...]:
    """Identifies the process and its kind of threads: a fork or greenlets need a new watcher."""
    return os.getpid(), threading.Lock


_watcher = Watcher()
_made_in = _world()


def watch(scope: CancelScope, phase: str, seconds: float | None) -> None:
    """Limit a phase of a scope to `seconds` from now; ``None`` lifts the limit.

    For the phases in `WAITS` it limits each wait, whose start the `CancelScope` records. If the
    system cannot start a thread, the limit applies only to each wait of the socket, as set by its
    reader.
    """
    if seconds is None:
        scope.limits.pop(phase, None)
        return
    when = now() + seconds
    scope.limits[phase] = seconds if phase in WAITS else when
    if _made_in != _world():
        _renew()
    try:
        _watcher.watch(scope, phase, when, far=seconds > 2 * LOOK_AGAIN_SECONDS)
    except RuntimeError as error:
        logger.debug(
            "no thread for deadlines (%s): Timeout.%s cannot end a response that drips",
            error,
            phase,
        )


def _renew() -> None:
    global _watcher, _made_in
    # A forked child has no thread, and the parent's scopes are not its own. A watcher made before
    # greenlets replaced the threads keeps working with its thread.
    _watcher = Watcher()
    _made_in = _world()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
