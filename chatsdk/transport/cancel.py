"""`Cancel`: ends a request from any thread, in every phase; `Wire`: what it reaches."""

from __future__ import annotations

import _socket
import contextlib
import errno
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from chatsdk.transport.clock import now
from chatsdk.transport.foreign import Quietly

__all__ = ["FINISHED", "IDLE", "PROGRESS", "STOPPED", "WAITS", "Cancel", "Wire", "check_process"]

# The cause of a wire that the user ended; every other cause is a phase of `chatsdk.Timeout`.
STOPPED = "stopped"

# The phase whose limit, in seconds, holds for each wait anew.
IDLE = "idle"

# The phase without an event that adds to the answer, and the one after the last finish reason.
PROGRESS = "progress"
FINISHED = "finished"

# Phases whose limit is in seconds, and that go on only while the reader waits.
WAITS = frozenset({IDLE, PROGRESS, FINISHED})

# Whoever looks at a wait so many seconds later than agreed was kept from running, by a thread that
# held the interpreter, or by a suspension of the process. Then the reader was, too.
LATE_SECONDS = 0.05

# So many seconds a reader has for taking what has come, once it can run again.
CATCH_UP_SECONDS = 0.2

# Seconds to sleep at a time. A signal that arrives just before the system sleeps does not wake it,
# so its handler would run only at the end of the wait.
NAP_SECONDS = 0.5

# Makes one `recv` return at once. Windows has no such flag; there a peek at an idle socket would
# wait, so that no wait is looked into.
DONT_WAIT = getattr(_socket, "MSG_DONTWAIT", 0)

# Phases of one attempt: another one has time of its own for them.
ATTEMPT_PHASES = ("connect", "first_event", "body")


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


class _Duplicate(_socket.socket):
    """A second descriptor of a connection, closed with the last reference to it.

    Nobody closes it by hand: a thread that is about to shut it down holds a reference, so that
    the number cannot meanwhile belong to a connection of somebody else. It is of the class in C,
    which nothing replaces: a test that forbids sockets, or greenlets.
    """

    __slots__ = ()

    # A function in Python would be a place for signal handlers to run in, and what they raise in a
    # finalizer is lost.
    __del__ = _socket.socket.close


class Wire:
    """The connection of one stream, as far as others may touch it: they may end it.

    It holds duplicates of the sockets in use. Shutting down a duplicate wakes the thread that
    blocks on the original, and the original stays that thread's own to close. `abort` takes no
    lock, so it may run in a signal handler or a garbage collection, at any bytecode.

    Attributes:
        causes: why it was ended, the first one first; empty while it goes on. For those who look
            after each event, for whom a call of `cause` is dear.
        limits: the deadline of each phase under way, in seconds of the monotonic clock; of
            `WAITS` the seconds that each may take.
        waiting: since when the reader waits for more of the body, by the same clock; ``None``
            while it does not.
        moved: something was added to the answer since the last read; the next one notes it.
        progress: when that was, by the same clock, the time left out in which nobody waited.
        settling: the last finish reason came, or a word after it; the next read notes it.
        settled: when that was, in the same way.
        sock: the socket that the reader reads from, once there is one.
        carried: the request goes over connections of ours, which note when it is written.
        written: the request may have reached the backend. Known only if it is `carried`.
        first_event: seconds from then on to the first event, or ``None``.
        header_lines: how many a response may have.
        on_wire: is called with the bytes of each read of a response and their time, or ``None``.
        inherited: this is a child of the process that made the connection.
        url: where the request goes. Only its host and port may be shown.
        proxy: the URL of the proxy that it goes through, or ``""``. The same holds for it.
        shaking: a TLS handshake with the peer has begun and has not succeeded.
        hidden: takes out of a text what must not be shown.
        seen: is given the header fields that are sent.
    """

    __slots__ = (
        "_bell",
        "_late",
        "_sockets",
        "carried",
        "causes",
        "first_event",
        "header_lines",
        "hidden",
        "inherited",
        "limits",
        "moved",
        "on_wire",
        "progress",
        "proxy",
        "seen",
        "settled",
        "settling",
        "shaking",
        "sock",
        "url",
        "waiting",
        "written",
    )

    def __init__(
        self,
        *,
        first_event: float | None = None,
        header_lines: int = 100,
        hidden: Callable[[str], str] = str,
        seen: Callable[[Mapping[str, str | bytes]], object] = len,
    ) -> None:
        self.causes: list[str] = []
        self._sockets: list[_Duplicate] = []
        # A bell rather than an Event: releasing a bare lock is safe in a signal handler.
        self._bell = threading.Lock()
        self._bell.acquire()
        self.inherited = False
        self.limits: dict[str, float] = {}
        self.waiting: float | None = None
        self.moved = self.settling = False
        self.progress = self.settled = 0.0
        # The wait that was last looked at too late.
        self._late: float | None = None
        self.sock: Any = None
        self.on_wire: Callable[[bytes, float], object] | None = None
        self.carried = False
        self.written = False
        self.url = ""
        self.proxy = ""
        self.shaking = False
        self.first_event = first_event
        self.header_lines = header_lines
        self.hidden = hidden
        self.seen = seen

    @property
    def cause(self) -> str | None:
        """Why this wire was ended: ``"stopped"`` or the phase that took too long."""
        causes = self.causes
        return causes[0] if causes else None

    @property
    def sockets(self) -> int:
        """How many sockets are in reach."""
        return len(self._sockets)

    def abort(self, cause: str) -> None:
        """End whatever goes on, from any thread; the first cause counts."""
        # Before the sockets are looked at: see `detach`.
        self.causes.append(cause)
        self.hang_up()
        with contextlib.suppress(RuntimeError):
            self._bell.release()

    def hang_up(self) -> None:
        """Shut the connection down, whoever else may have a descriptor of it."""
        # In a child it is the parent's: shutting it down would end the parent's stream.
        if not self.inherited:
            for duplicate in self._sockets.copy():
                _shut_down(duplicate)

    def renew(self) -> None:
        """Make ready for sending once more; a cause that concerns the last attempt only goes."""
        for phase in ATTEMPT_PHASES:
            self.limits.pop(phase, None)
            while phase in self.causes:
                self.causes.remove(phase)
        self.detach()
        self.carried = self.written = self.shaking = False
        if not self.causes:
            self._bell.acquire(blocking=False)

    def expire(self, phase: str, when: float) -> float | None:
        """End it because `phase` lasts until `when`; nothing if that no longer holds.

        A wait that had not begun yet, or not so long ago, gives the time to ask again: that is so
        after each silence, so nobody has to be told of each event.
        """
        limit = self.limits.get(phase)
        if limit is None:
            return None
        if phase in WAITS:
            since = self.waiting
            at = now()
            # Whoever does not wait now waits until then at the earliest.
            due = (at if since is None else self._since(phase, since)) + limit
            if due > when:
                return due
            if self._catches_up(since, at - when):
                return at + CATCH_UP_SECONDS
        elif limit != when:
            return None
        self.abort(phase)
        return None

    def _since(self, phase: str, waiting: float) -> float:
        if phase == IDLE:
            return waiting
        return self.progress if phase == PROGRESS else self.settled

    def _catches_up(self, since: float | None, late: float) -> bool:
        """Whether the wait since then may be over, for all but the reader, who could not run."""
        if late > LATE_SECONDS and since != self._late:
            self._late = since
            return True
        for duplicate in self._sockets.copy() if DONT_WAIT else ():
            # Nothing is taken, and nothing is waited for.
            with Quietly():
                duplicate.recv(1, _socket.MSG_PEEK | DONT_WAIT)
                return True
        return False

    def holds(self, phase: str, when: float) -> bool:
        """Whether it is still to end when `phase` has lasted until `when`."""
        limit = self.limits.get(phase)
        return limit is not None and (phase in WAITS or limit == when)

    def deadlines(self) -> list[tuple[str, float]]:
        """The phases under way that have a deadline, and when that is."""
        return [
            (phase, self._since(phase, 0.0) + limit if phase in WAITS else limit)
            for phase, limit in self.limits.copy().items()
            if phase != IDLE
        ]

    def attach(self, sock: Any) -> None:
        """Let `abort` reach this socket. For the thread that owns it."""
        number = sock.fileno()
        if number < 0:
            return  # closed meanwhile: there is nothing left to reach
        # SSLSocket.dup() is not implemented: the file descriptor is what has to be shared.
        number = os.dup(number)
        try:
            duplicate = _Duplicate(fileno=number)
        except OSError as error:
            os.close(number)
            if error.errno != errno.ENOTSOCK:
                raise
            return  # a mock's file: nobody waits for it
        _attached.add(self)
        self._sockets.append(duplicate)
        if self.causes:
            _shut_down(duplicate)

    def detach(self) -> bool:
        """Give the duplicates back; the sockets themselves are untouched.

        Returns whether nobody can shut them down any more. If not, `abort` is about to, for all
        that is known: it notes its cause before it looks for the sockets.
        """
        self.sock = None
        self._sockets = []
        _attached.discard(self)
        return not self.causes

    def release(self, cancels: Iterable[Cancel]) -> None:
        """Have done with it: nothing and nobody can end it any more."""
        self.limits.clear()
        for cancel in cancels:
            cancel.unlink(self)
        self.detach()

    def forget(self) -> None:
        """Let go of what the parent process has in use."""
        self.inherited = True
        self._sockets = []

    def wait(self, seconds: float) -> None:
        """Sleep, until `abort` at the latest."""
        end = now() + seconds
        while not self.causes and (left := end - now()) > 0:
            if self._bell.acquire(timeout=min(left, NAP_SECONDS)):
                return


# Wires that have a connection. A socket that only a cycle of garbage can reach would be closed by
# the interpreter, with a warning, before whoever owns it comes to close it.
_attached: set[Wire] = set()

# This process: another one after a fork.
_process = os.getpid()


def check_process() -> None:
    """Notice a fork that Python did not make, and so called none of its hooks."""
    if _process != os.getpid():
        _forked()


def _forked() -> None:
    global _process
    _process = os.getpid()
    # As long as this process has a descriptor, its parent's closing one does not end a connection.
    for wire in _attached:
        wire.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def _shut_down(duplicate: _socket.socket) -> None:
    # ENOTCONN: not connected yet, or no longer; then there is nobody to wake.
    with Quietly():
        duplicate.shutdown(_socket.SHUT_RDWR)
