"""Facts about a connection that a test can wait for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from chatsdk.testing.connection import ConnectionEnded

__all__ = ["Waitable", "WAIT_SECONDS"]

# Longest wait for a fact, in seconds. On loopback a fact takes milliseconds; only a failing test
# waits this long, or one on a busy machine.
WAIT_SECONDS = 10.0


class Waitable:
    """Facts about one connection; if several share them, each fact comes from the first."""

    def __init__(self) -> None:
        # Guards everything below and in subclasses; notified at each change. Never held while
        # reading or writing.
        self._facts = threading.Condition()
        self._ended = False
        self._disconnected_at: float | None = None
        self._end_message: str | None = None

    def wait_until_ended(self, timeout: float = WAIT_SECONDS) -> None:
        """Wait until nothing more will be sent, for any reason; else TimeoutError."""
        self._wait(lambda: self._ended, timeout, "it is not at its end")

    def wait_for_disconnect(self, timeout: float = WAIT_SECONDS) -> float:
        """Wait until the client has ended the connection; return when that was noticed.

        The return value is a `time.monotonic()` in seconds. A client that only closes its sending
        side counts as gone. Raises TimeoutError if the client stays, and ConnectionError if the
        server ended the connection itself.
        """

        def known() -> bool:
            return self._disconnected_at is not None or self._end_message is not None

        self._wait(known, timeout, "the client is still there")
        if self._disconnected_at is None:
            raise ConnectionError(self._end_message)
        return self._disconnected_at

    def connection_ended(self, end: ConnectionEnded) -> None:
        """Record how the connection ended; called by the server."""
        with self._facts:
            self._ended = True
            if end.by_client and self._disconnected_at is None:
                self._disconnected_at = time.monotonic()
            elif not end.by_client:
                self._end_message = str(end)
            self._facts.notify_all()

    def _wait(self, fact: Callable[[], bool], timeout: float, failure: str) -> None:
        with self._facts:
            if not self._facts.wait_for(fact, timeout):
                raise TimeoutError(f"{failure} within {timeout} s")
