"""The one helper thread of a process: it ends wires whose time has run out.

A read timeout is the silence between two reads, so it never ends a byte a second, a flood of
``100 Continue`` or dripping headers; only somebody outside the reader can. The thread holds wires,
never streams, so a stream that is dropped is still collected. It lives while there is something
to watch.
"""

from __future__ import annotations

import heapq
import itertools
import os
import queue
import threading
import time
from collections import deque

from chatsdk.transport.cancel import IDLE, Wire

__all__ = ["watch"]

# How long the thread outlives its last deadline, in seconds: requests tend to follow each other,
# and a thread for each would cost more than all that it does.
LINGER_SECONDS = 0.2

# How long the thread sleeps at most, in seconds: a deadline that no longer holds must not keep it,
# and what it watches, until then.
LOOK_AGAIN_SECONDS = 0.5

# The heap is searched for deadlines that no longer hold once it has so many entries, and again
# whenever it has grown to twice what was left.
STALE_ENTRIES = 256

_Entry = tuple[float, int, Wire, str]


class Watcher:
    """The thread and what it watches.

    A queue, and a deque for what is not urgent, are all that other threads touch: adding to them is
    safe in a signal handler and in a garbage collection.
    """

    def __init__(self) -> None:
        self._arrivals: queue.SimpleQueue[_Entry] = queue.SimpleQueue()
        # Deadlines that are far off: the thread need not be woken, it finds them in time.
        self._far: deque[_Entry] = deque()
        self._order = itertools.count()
        # Guards _thread. Reentrant: a signal handler may send a request of its own.
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None

    def watch(self, wire: Wire, phase: str, when: float, *, far: bool) -> None:
        entry = (when, next(self._order), wire, phase)
        if far:
            self._far.append(entry)
        else:
            self._arrivals.put(entry)
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="chatsdk-deadlines", daemon=True
                )
                try:
                    self._thread.start()
                except RuntimeError:
                    # The system has no thread left. The next request may be luckier.
                    self._thread = None
                    raise

    def _run(self) -> None:
        heap: list[_Entry] = []
        search_at = STALE_ENTRIES
        while True:
            while self._far:
                heapq.heappush(heap, self._far.popleft())
            # Lifting a deadline only takes it off the wire, which needs no lock; here it is
            # noticed.
            while heap and not _holds(heap[0]):
                heapq.heappop(heap)
            if len(heap) > search_at:
                heap = list(filter(_holds, heap))
                heapq.heapify(heap)
                search_at = max(STALE_ENTRIES, 2 * len(heap))
            try:
                if heap:
                    left = heap[0][0] - time.monotonic()
                    entry = self._arrivals.get(timeout=max(0.0, min(left, LOOK_AGAIN_SECONDS)))
                else:
                    entry = self._arrivals.get(timeout=LINGER_SECONDS)
            except queue.Empty:
                if not heap:
                    with self._lock:
                        if self._arrivals.empty() and not self._far:
                            self._thread = None
                            return
                    continue
            else:
                heapq.heappush(heap, entry)
            now = time.monotonic()
            while heap and heap[0][0] <= now:
                when, _, wire, phase = heapq.heappop(heap)
                again = wire.expire(phase, when)
                if again is not None:
                    heapq.heappush(heap, (again, next(self._order), wire, phase))


def _holds(entry: _Entry) -> bool:
    when, _, wire, phase = entry
    return wire.holds(phase, when)


_watcher = Watcher()


def watch(wire: Wire, phase: str, seconds: float | None) -> None:
    """Give a phase of a wire so many seconds from now; ``None`` lifts its limit.

    Of `IDLE` it is what each wait may take: `Wire.waiting` says when one began.

    Raises:
        RuntimeError: the system has no thread left.
    """
    if seconds is None:
        wire.limits.pop(phase, None)
        return
    when = time.monotonic() + seconds
    wire.limits[phase] = seconds if phase == IDLE else when
    _watcher.watch(wire, phase, when, far=seconds > 2 * LOOK_AGAIN_SECONDS)


def _forget() -> None:
    global _watcher
    # The child of a fork has no thread, and its parent's wires are not its own.
    _watcher = Watcher()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
