"""A listening port: accepts connections, runs a thread for each, and ends them all."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import warnings
from collections.abc import Callable

from chatsdk.testing.connection import Connection, ConnectionEnded
from chatsdk.testing.waitable import WAIT_SECONDS
from chatsdk.testing.waker import Waker, wait_for_socket

__all__ = ["Listener"]

# Connections that the kernel queues for accept(): a thousand clients may connect at once.
BACKLOG = 1024

# Seconds that close() waits for the threads of connections. They end at once, unless a user's
# handler or generator of steps is running in one of them.
CLOSE_SECONDS = 5.0

# Seconds to wait before accepting again when the process is out of descriptors.
ACCEPT_AGAIN_SECONDS = 0.05


class Listener:
    """Listens from construction until `close`.

    `serve` is called with each connection on a daemon thread and may raise ConnectionEnded; the
    connection is closed when it returns.
    """

    def __init__(
        self, serve: Callable[[Connection], None], *, host: str, port: int, name: str
    ) -> None:
        self._serve = serve
        self._name = name
        self._waker = Waker()
        # Guards _threads, _accepted and _closing; notified at each change. Never held while
        # waiting for a thread or a socket.
        self._changed = threading.Condition()
        self._threads: dict[Connection, threading.Thread] = {}
        self._accepted = 0
        self._closing = False
        self._socket = socket.create_server((host, port), backlog=BACKLOG)
        self._socket.setblocking(False)
        self.host: str
        self.port: int
        self.host, self.port = self._socket.getsockname()[:2]
        self._acceptor = threading.Thread(target=self._accept, name=f"{name}-accept", daemon=True)
        self._acceptor.start()

    @property
    def accepted(self) -> int:
        """How many connections have been accepted."""
        with self._changed:
            return self._accepted

    @property
    def open(self) -> list[Connection]:
        """The connections that are open now."""
        with self._changed:
            return list(self._threads)

    def wait_for_accepted(self, count: int, timeout: float) -> None:
        """Wait until `count` connections have been accepted in all; else TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._accepted >= count, timeout):
                raise TimeoutError(f"{self._accepted} of {count} connections within {timeout} s")

    def wait_until_none_open(self, timeout: float) -> None:
        """Wait until no connection is open; else TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: not self._threads, timeout):
                raise TimeoutError(f"{len(self._threads)} connections open after {timeout} s")

    def close(self) -> None:
        """Stop listening, end every connection and every thread; twice is harmless."""
        with self._changed:
            if self._closing:
                return
            self._closing = True
        self._waker.set()
        self._acceptor.join(WAIT_SECONDS)
        with contextlib.suppress(OSError):
            # close() alone leaves the port open while a forked child holds the descriptor too.
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._waker.close()
        with self._changed:
            threads = dict(self._threads)
        for connection in threads:
            connection.abort()
        deadline = time.monotonic() + CLOSE_SECONDS
        for thread in threads.values():
            # A handler may close its own server.
            if thread is not threading.current_thread():
                thread.join(max(0.0, deadline - time.monotonic()))
                if thread.is_alive():
                    warnings.warn(
                        f"{thread.name} is still in its handler", ResourceWarning, stacklevel=3
                    )

    def _accept(self) -> None:
        while True:
            wait_for_socket(self._socket, waker=self._waker)
            if self._closing:
                return
            try:
                sock, _ = self._socket.accept()
            except BlockingIOError:
                continue
            except OSError:
                # No descriptor left, or a client that left while it waited.
                wait_for_socket(None, waker=self._waker, timeout=ACCEPT_AGAIN_SECONDS)
                continue
            self._start(sock)

    def _start(self, sock: socket.socket) -> None:
        with self._changed:
            number = self._accepted + 1
            try:
                connection = Connection(sock, number=number)
            except OSError:
                # Reset by the client before its address could be read.
                sock.close()
                return
            thread = threading.Thread(
                target=self._run, args=(connection,), name=f"{self._name}-{number}", daemon=True
            )
            self._accepted = number
            self._threads[connection] = thread
            self._changed.notify_all()
        thread.start()

    def _run(self, connection: Connection) -> None:
        try:
            self._serve(connection)
        except ConnectionEnded:
            # The normal end: the client has gone, or the server closes.
            pass
        finally:
            connection.close()
            with self._changed:
                del self._threads[connection]
                self._changed.notify_all()
