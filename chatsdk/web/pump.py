"""`Pump`: produces frames on a background thread, into a bounded buffer."""

from __future__ import annotations

import contextvars
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator

__all__ = ["Pump"]

_log = logging.getLogger("chatsdk.web")

# Bytes that may wait for a browser that reads slowly. At this limit nothing more is read from the
# backend, whose own writes then block.
BUFFER_BYTES = 64 * 1024

# Bytes of frames to collect, of those that arrived together, before the consumer gets them.
BATCH_BYTES = 16 * 1024


class Pump:
    """Runs an iterator of frames on a daemon thread and hands the frames on.

    A consumer takes them with a timeout, so a server can send heartbeats while the model is silent.

    Args:
        frames: the iterator to run.
        stop: called by `close` on the closing thread, to wake the producer.
        finish: called once when the production is over, even if it never began.
        on_wait: the `on_wait` of the stream that the frames are made from. Frames are then handed
            on when the stream has to wait for more, so the consumer wakes once for all that
            arrived together. Without it, or if it returns False, each frame is handed on by itself.
        name: the thread's name.
    """

    def __init__(
        self,
        frames: Iterator[bytes],
        stop: Callable[[], object],
        finish: Callable[[], object],
        *,
        on_wait: Callable[[Callable[[], object] | None], bool] | None = None,
        name: str = "chatsdk-relay",
    ) -> None:
        self._frames = frames
        self._stop = stop
        self._finish = finish
        self._on_wait = on_wait
        # Frames that the consumer does not have yet; only the pump's thread uses it.
        self._batch: list[bytes] = []
        # Guards all attributes below; never held while frames are produced or handed on. Its lock
        # is reentrant, because a finalizer may call `close` on a thread that holds it.
        self._changed = threading.Condition()
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._over = False
        self._closed = False
        self._wake: Callable[[], object] | None = None
        # With the context variables of the request, such as the span of a tracer.
        context = contextvars.copy_context()
        self._thread = threading.Thread(
            target=context.run, args=(self._run,), name=name, daemon=True
        )
        self._started = False

    def start(self) -> None:
        """Start the thread; a second call does nothing."""
        with self._changed:
            if self._started or self._closed:
                return
            self._started = True
        self._thread.start()

    def take(self, timeout: float | None) -> bytes | None:
        """Return all waiting frames, joined; wait for the first one.

        Returns:
            ``b""`` if none arrived within `timeout` seconds, ``None`` if there will be no more.
        """
        with self._changed:
            if not self._waiting and not self._over and not self._closed:
                self._changed.wait(timeout)
            return self._taken()

    def take_now(self, wake: Callable[[], object]) -> bytes | None:
        """Return the waiting frames like `take`; if there are none, call `wake` once there are.

        `wake` is called on the pump's thread.
        """
        with self._changed:
            if not self._waiting and not self._over and not self._closed:
                self._wake = wake
                return b""
            return self._taken()

    def close(self) -> None:
        """End the production. Calling it twice is harmless."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self._waiting.clear()
            started, over = self._started, self._over
            self._changed.notify_all()
        if not over:
            self._stop()
        if not started:
            self._finish()

    def join(self, timeout: float) -> bool:
        """Wait until the thread has ended; return whether it has."""
        if self._started:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _taken(self) -> bytes | None:
        if self._closed:
            return None
        waiting = self._waiting
        if not waiting:
            return None if self._over else b""
        data = waiting.popleft() if len(waiting) == 1 else b"".join(waiting)
        waiting.clear()
        if self._size >= BUFFER_BYTES:
            self._changed.notify_all()
        self._size = 0
        return data

    def _run(self) -> None:
        add, size, most = self._batch.append, 0, 0
        try:
            if self._on_wait is not None and self._on_wait(self._hand_on):
                most = BATCH_BYTES
            for frame in self._frames:
                add(frame)
                size += len(frame)
                if size >= most:
                    size = 0
                    self._hand_on()
                    if self._closed:
                        break
        except Exception:
            _log.exception("the frames of an answer could not be produced")
        finally:
            self._hand_on()
            if self._on_wait is not None:
                # The stream must not refer to this object, which refers to the stream.
                self._on_wait(None)
            self._finish()
            with self._changed:
                self._over = True
                self._changed.notify_all()
                wake, self._wake = self._wake, None
            if wake is not None:
                wake()

    def _hand_on(self) -> None:
        """Give the batch to the consumer, once there is room; drop it after `close`."""
        batch = self._batch
        if not batch:
            return
        data = batch[0] if len(batch) == 1 else b"".join(batch)
        batch.clear()
        with self._changed:
            while self._size >= BUFFER_BYTES and not self._closed:
                self._changed.wait()
            if self._closed:
                return
            self._waiting.append(data)
            self._size += len(data)
            wake, self._wake = self._wake, None
            if wake is None and len(self._waiting) == 1:
                self._changed.notify_all()
        if wake is not None:
            wake()
