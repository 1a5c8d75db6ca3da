"""`BackgroundReader`: reads a slow source on a thread, so that nothing else waits for it."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

from chatsdk.client.outcomes import NOT_YET

__all__ = ["BackgroundReader"]

# Items read and not yet taken.
AHEAD = 100


class BackgroundReader(Iterator[Any]):
    """Iterates over the items that another iterator has produced.

    If none is ready, it yields `NOT_YET`. The other iterator runs on a daemon thread, because
    reading from a pipe or a terminal cannot be interrupted.

    Attributes:
        wake: called on that thread after each item and at the end.
    """

    def __init__(self, items: Iterator[Any]) -> None:
        self._items = items
        # Each an item, or the exception at the end.
        self._read: queue.Queue[tuple[Any, Exception | None]] = queue.Queue(AHEAD)
        self._thread: threading.Thread | None = None
        self._closed = False
        self.wake: Callable[[], object] = bool

    def __next__(self) -> Any:
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._run, name="chatsdk-read-ahead", daemon=True
            )
            self._thread.start()
        try:
            item, end = self._read.get_nowait()
        except queue.Empty:
            return NOT_YET
        if end is not None:
            raise end
        return item

    def close(self) -> None:
        """End the thread, if it is not waiting for the source."""
        self._closed = True
        with contextlib.suppress(queue.Empty):
            while True:
                self._read.get_nowait()

    def _run(self) -> None:
        end: Exception = StopIteration()
        try:
            for item in self._items:
                self._put(item, None)
                if self._closed:
                    return
        except Exception as error:
            end = error
        self._put(None, end)

    def _put(self, item: Any, end: Exception | None) -> None:
        self._read.put((item, end))
        self.wake()
