"""`Cancel`: ends a request from any thread, in every phase; `Wire`: what it reaches."""

from __future__ import annotations

import contextlib
import os
import socket
import threading

__all__ = ["STOPPED", "Cancel", "Wire"]

# The cause of a wire that the user ended; every other cause is a phase of `chatsdk.Timeout`.
STOPPED = "stopped"


class Cancel:
    """A switch that ends one request, from any thread and in every phase of it.

    Make one beforehand and pass it to ``send(body, cancel=cancel)``; ``cancel.set()`` then ends
    the request even while ``send`` is still connecting or waiting for the response's headers.
    It never blocks and takes no lock: it may be called in a signal handler, or by the garbage
    collector. A switch that is set stays set: make a new one for each request.
    """

    def __init__(self) -> None:
        self._set = False
        # Append, remove and copy of a list are atomic, so no lock is needed.
        self._wires: list[Wire] = []

    def set(self) -> None:
        """End the request. Twice is harmless; before it has begun it never begins."""
        self._set = True
        for wire in self._wires.copy():
            wire.abort(STOPPED)

    def is_set(self) -> bool:
        """Whether `set` was called."""
        return self._set

    def link(self, wire: Wire) -> None:
        """Let `set` reach this wire, until `unlink`."""
        self._wires.append(wire)
        if self._set:
            wire.abort(STOPPED)

    def unlink(self, wire: Wire) -> None:
        """Forget this wire."""
        with contextlib.suppress(ValueError):
            self._wires.remove(wire)

    def __repr__(self) -> str:
        return f"<Cancel {'set' if self._set else 'not set'}>"


class Wire:
    """The connection of one stream, as far as others may touch it: they may end it.

    It holds duplicates of the sockets in use. Shutting down a duplicate wakes the thread that
    blocks on the original, and the original stays that thread's own to close. `abort` takes no
    lock, so it may run in a signal handler or a garbage collection, at any bytecode.

    Attributes:
        limits: the deadline of each phase under way, in seconds of the monotonic clock.
        sock: the socket that the reader reads from, once there is one.
        written: the request may have reached the backend.
        first_event: seconds from then on to the first event, or ``None``.
    """

    __slots__ = (
        "_bell",
        "_causes",
        "_pid",
        "_sockets",
        "first_event",
        "limits",
        "sock",
        "written",
    )

    def __init__(self, *, first_event: float | None = None) -> None:
        self._causes: list[str] = []
        self._sockets: list[socket.socket] = []
        # A bell rather than an Event: releasing a bare lock is safe in a signal handler.
        self._bell = threading.Lock()
        self._bell.acquire()
        self._pid = os.getpid()
        self.limits: dict[str, float] = {}
        self.sock: socket.socket | None = None
        self.written = False
        self.first_event = first_event

    @property
    def cause(self) -> str | None:
        """Why this wire was ended: ``"stopped"`` or the phase that took too long."""
        causes = self._causes
        return causes[0] if causes else None

    def abort(self, cause: str) -> None:
        """End whatever goes on, from any thread; the first cause counts."""
        self._causes.append(cause)
        # After a fork the connection is the parent's: shutting it down would end its stream.
        if os.getpid() == self._pid:
            for duplicate in self._sockets.copy():
                _shut_down(duplicate)
        with contextlib.suppress(RuntimeError):
            self._bell.release()

    def forgive(self, *phases: str) -> None:
        """Begin anew after one of these phases ended it; any other cause stays."""
        for phase in phases:
            while phase in self._causes:
                self._causes.remove(phase)
        self.detach()
        self.written = False
        if not self._causes:
            self._bell.acquire(blocking=False)

    def expire(self, phase: str, when: float) -> None:
        """End it because `phase` lasts until `when`; nothing if that no longer holds."""
        if self.limits.get(phase) == when:
            self.abort(phase)

    def attach(self, sock: socket.socket) -> None:
        """Let `abort` reach this socket. For the thread that owns it."""
        try:
            # SSLSocket.dup() is not implemented: the file descriptor is what has to be shared.
            duplicate = socket.socket(fileno=socket.dup(sock.fileno()))
        except (OSError, ValueError):
            return  # closed meanwhile: there is nothing left to reach
        self._sockets.append(duplicate)
        if self._causes:
            _shut_down(duplicate)

    def detach(self) -> None:
        """Give the duplicates back; the sockets themselves are untouched."""
        self.sock = None
        while self._sockets:
            try:
                duplicate = self._sockets.pop()
            except IndexError:
                return
            duplicate.close()

    def wait(self, seconds: float) -> None:
        """Sleep, until `abort` at the latest."""
        if not self._causes and seconds > 0:
            self._bell.acquire(timeout=seconds)


def _shut_down(duplicate: socket.socket) -> None:
    # ENOTCONN: not connected yet, or no longer; then there is nobody to wake.
    with contextlib.suppress(OSError):
        duplicate.shutdown(socket.SHUT_RDWR)
