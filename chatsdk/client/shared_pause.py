"""`SharedPause`: pauses all workers while the backend refuses requests for now."""

from __future__ import annotations

import threading

from chatsdk.transport import Cancel
from chatsdk.transport.bell import Bell
from chatsdk.transport.clock import now

__all__ = ["SharedPause"]


class SharedPause:
    """A pause of all workers, which any of them may begin or extend."""

    def __init__(self) -> None:
        # Guards all below. Never held while waiting.
        self._lock = threading.Lock()
        # The end of the latest pause, in seconds of the monotonic clock.
        self._until = 0.0
        # The number of pauses in a row after which every request was refused again.
        self._fruitless = 0
        self._accepted = True

    def wait(self, switch: Cancel) -> float:
        """Wait until no pause is under way, or `switch` is set; return the time."""
        while self._until > (at := now()) and not switch.is_set():
            bell = Bell()
            switch.link(bell)
            try:
                bell.wait(switch.is_set, self._until)
            finally:
                switch.unlink(bell)
        return at

    @property
    def left(self) -> float:
        """Seconds until the pause under way ends; 0 or less without one."""
        return self._until - now()

    def accepted(self) -> None:
        """Record that the backend has accepted a request."""
        self._accepted = True

    def refused(self, asked_at: float) -> int:
        """Record a refusal, and return the number of successive pauses that did not help.

        Args:
            asked_at: when the request was sent. A request sent before the latest pause ended
                belongs to that pause.
        """
        with self._lock:
            if asked_at >= self._until:
                self._fruitless = 1 if self._accepted else self._fruitless + 1
                self._accepted = False
                # Requests that were sent before now belong to this pause, however short it is.
                self._until = now()
            return self._fruitless

    def extend(self, seconds: float) -> None:
        """Pause for `seconds` from now on, unless a longer pause is under way."""
        with self._lock:
            self._until = max(self._until, now() + seconds)
