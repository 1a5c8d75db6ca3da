"""`Cancel` ends a request from any thread; `CancelScope` is the connection that it ends."""

from __future__ import annotations

import _socket
import contextlib
import errno
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from chatsdk.transport.clock import now
from chatsdk.transport.foreign_exceptions import Quietly

if TYPE_CHECKING:
    from chatsdk.transport.bell import Bell

__all__ = [
    "FINISHED",
    "IDLE",
    "PROGRESS",
    "STOPPED",
    "WAITS",
    "Cancel",
    "CancelScope",
    "check_process",
]

# Reason of a scope that the user cancelled; every other reason is a phase of `chatsdk.Timeout`.
STOPPED = "stopped"

# The phase whose limit, in seconds, starts again with each wait.
IDLE = "idle"

# Phases: waiting for an event that adds to the answer; waiting after the last finish reason.
PROGRESS = "progress"
FINISHED = "finished"

# Phases with a limit in seconds that runs only while the reader waits.
WAITS = frozenset({IDLE, PROGRESS, FINISHED})

# If the deadline thread checks a wait this many seconds late, the process itself was stalled (the
# GIL, or a suspension), and so was the reader.
LATE_SECONDS = 0.05

# Seconds that the reader then gets to take what has arrived.
CATCH_UP_SECONDS = 0.2

# Longest sleep, in seconds. A signal that arrives just before the system call does not interrupt
# it, so the handler would run only at the end of the wait.
NAP_SECONDS = 0.5

# Flag that makes one `recv` return at once. Windows lacks it, and a peek at an idle socket would
# block there, so waits are not checked for data.
DONT_WAIT = getattr(_socket, "MSG_DONTWAIT", 0)

# Phases of one attempt: each attempt starts with their full time.
ATTEMPT_PHASES = ("connect", "first_event", "body")


class Cancel:
    """A switch that cancels one request, from any thread and in any phase.

    Create it first and pass it to ``send(body, cancel=cancel)``. ``cancel.set()`` then ends the
    request even while ``send`` is still connecting or waiting for the response's headers. It
    never blocks and takes no lock, so it may be called in a signal handler or a finalizer. A
    switch cannot be reset: use a new one for each request.
    """

    def __init__(self) -> None:
        self._set = False
        # A list's append, remove and copy are atomic, so no lock is needed.
        self._scopes: list[CancelScope | Bell] = []

    def set(self) -> None:
        """Cancel the request; if it has not begun, it never will. Calling it twice is harmless."""
        self._set = True
        for scope in self._scopes.copy():
            scope.cancel(STOPPED)

    def is_set(self) -> bool:
        """Whether `set` has been called."""
        return self._set

    def link(self, scope: CancelScope | Bell) -> None:
        """Let `set` cancel this scope or end this wait, until `unlink`."""
        self._scopes.append(scope)
        if self._set:
            scope.cancel(STOPPED)

    def unlink(self, scope: CancelScope | Bell) -> None:
        """Forget this scope."""
        with contextlib.suppress(ValueError):
            self._scopes.remove(scope)

    def __repr__(self) -> str:
        return f"<Cancel {'set' if self._set else 'not set'}>"


class _Duplicate(_socket.socket):
    """A second descriptor of a connection, closed with the last reference to it.

    It is never closed explicitly. A thread that is about to shut it down holds a reference, so the
    descriptor's number cannot pass to another connection meanwhile. It derives from the C class,
    which is not replaced by greenlets or by tests that forbid sockets.
    """

    __slots__ = ()

    # A Python function here could be interrupted by a signal handler, and an exception raised in
    # a finalizer is lost.
    __del__ = _socket.socket.close


class CancelScope:
    """The connection of one stream, as other threads see it: they may cancel it.

    It holds duplicates of the sockets in use. Shutting down a duplicate wakes the thread that
    blocks on the original, which only that thread closes. `cancel` takes no lock, so it may run in
    a signal handler or a garbage collection, at any bytecode.

    Attributes:
        reasons: why it was cancelled, first reason first; empty while it is active. Read directly
            on the hot path, because the property `reason` costs a call per event.
        limits: the deadline of each phase under way, in seconds of the monotonic clock; for the
            phases in `WAITS` the seconds that each may take.
        waiting: time since which the reader waits for more of the body, on the same clock;
            ``None`` while it does not wait.
        moved: something was added to the answer since the last read; the next read records it.
        progress: time of the last addition, on the same clock, shifted by the time during which
            no read was waiting.
        settling: the last finish reason, or a delta after it, arrived; the next read records it.
        settled: time of that, shifted in the same way.
        sock: the socket that the reader reads from, or ``None`` before there is one.
        tracked: the request uses chatsdk's connections, which record when it is sent.
        sent: the request may have reached the backend. Known only if it is `tracked`.
        first_event: seconds from writing the request to the first event, or ``None``.
        header_lines: maximum number of header lines in a response.
        on_wire: called with the bytes of each read of a response and their time, or ``None``.
        inherited: this is a forked child of the process that made the connection.
        url: where the request goes. Only its host and port may be shown.
        proxy: the URL of the proxy in use, or ``""``. Only its host and port may be shown.
        shaking: a TLS handshake with the peer has begun and has not succeeded.
        redact: a function that redacts a text.
        seen: a function called with the header fields that are sent.
    """

    __slots__ = (
        "_bell",
        "_late",
        "_sockets",
        "first_event",
        "header_lines",
        "inherited",
        "limits",
        "moved",
        "on_wire",
        "progress",
        "proxy",
        "reasons",
        "redact",
        "seen",
        "sent",
        "settled",
        "settling",
        "shaking",
        "sock",
        "tracked",
        "url",
        "waiting",
    )

    def __init__(
        self,
        *,
        first_event: float | None = None,
        header_lines: int = 100,
        redact: Callable[[str], str] = str,
        seen: Callable[[Mapping[str, str | bytes]], object] = len,
    ) -> None:
        self.reasons: list[str] = []
        self._sockets: list[_Duplicate] = []
        # A lock used as a semaphore: unlike `Event.set()`, `release()` is safe in a signal handler.
        self._bell = threading.Lock()
        self._bell.acquire()
        self.inherited = False
        self.limits: dict[str, float] = {}
        self.waiting: float | None = None
        self.moved = self.settling = False
        self.progress = self.settled = 0.0
        # The start of the wait that was last checked late.
        self._late: float | None = None
        self.sock: Any = None
        self.on_wire: Callable[[bytes, float], object] | None = None
        self.tracked = False
        self.sent = False
        self.url = ""
        self.proxy = ""
        self.shaking = False
        self.first_event = first_event
        self.header_lines = header_lines
        self.redact = redact
        self.seen = seen

    @property
    def reason(self) -> str | None:
        """Why this scope was cancelled: ``"stopped"`` or the phase that timed out."""
        reasons = self.reasons
        return reasons[0] if reasons else None

    @property
    def sockets(self) -> int:
        """Number of sockets that `cancel` shuts down."""
        return len(self._sockets)

    def cancel(self, reason: str) -> None:
        """Cancel whatever is under way, from any thread. The first reason counts."""
        # Before reading the list of sockets: see `detach`.
        self.reasons.append(reason)
        self.shut_down()
        with contextlib.suppress(RuntimeError):
            self._bell.release()

    def shut_down(self) -> None:
        """Shut the connection down for every process that has a descriptor of it."""
        # In a forked child the connection is the parent's, and this would end the parent's stream.
        if not self.inherited:
            for duplicate in self._sockets.copy():
                _shut_down(duplicate)

    def reset_for_retry(self) -> None:
        """Prepare for another attempt, dropping causes that concern only the previous one."""
        for phase in ATTEMPT_PHASES:
            self.limits.pop(phase, None)
            while phase in self.reasons:
                self.reasons.remove(phase)
        self.detach()
        self.tracked = self.sent = self.shaking = False
        if not self.reasons:
            self._bell.acquire(blocking=False)

    def expire(self, phase: str, when: float) -> float | None:
        """Cancel this scope because `phase` lasted until `when`, unless that no longer holds.

        Returns the time to check again if the wait has not begun or began too recently. That is
        the case after each silence, so the deadline thread need not be notified of each event.
        """
        limit = self.limits.get(phase)
        if limit is None:
            return None
        if phase in WAITS:
            since = self.waiting
            at = now()
            # A reader that is not waiting now can time out this much later at the earliest.
            due = (at if since is None else self._since(phase, since)) + limit
            if due > when:
                return due
            if self._catches_up(since, at - when):
                return at + CATCH_UP_SECONDS
        elif limit != when:
            return None
        self.cancel(phase)
        return None

    def _since(self, phase: str, waiting: float) -> float:
        if phase == IDLE:
            return waiting
        return self.progress if phase == PROGRESS else self.settled

    def _catches_up(self, since: float | None, late: float) -> bool:
        """Whether data may have arrived in this wait, but the reader had no chance to run."""
        if late > LATE_SECONDS and since != self._late:
            self._late = since
            return True
        for duplicate in self._sockets.copy() if DONT_WAIT else ():
            # A peek consumes nothing and does not block.
            with Quietly():
                duplicate.recv(1, _socket.MSG_PEEK | DONT_WAIT)
                return True
        return False

    def holds(self, phase: str, when: float) -> bool:
        """Whether `phase` is still to be cancelled at `when`."""
        limit = self.limits.get(phase)
        return limit is not None and (phase in WAITS or limit == when)

    def deadlines(self) -> list[tuple[str, float]]:
        """The phases under way that have a deadline, with its time."""
        return [
            (phase, self._since(phase, 0.0) + limit if phase in WAITS else limit)
            for phase, limit in self.limits.copy().items()
            if phase != IDLE
        ]

    def attach(self, sock: Any) -> None:
        """Let `cancel` shut down this socket. Called by the thread that owns it."""
        number = sock.fileno()
        if number < 0:
            return  # closed meanwhile: nothing to shut down
        # SSLSocket.dup() is not implemented, so duplicate the file descriptor.
        number = os.dup(number)
        try:
            duplicate = _Duplicate(fileno=number)
        except OSError as error:
            os.close(number)
            if error.errno != errno.ENOTSOCK:
                raise
            return  # a mock's file: no thread can block on it
        _attached.add(self)
        self._sockets.append(duplicate)
        if self.reasons:
            _shut_down(duplicate)

    def detach(self) -> bool:
        """Drop the duplicates; the sockets themselves are untouched.

        Returns whether the sockets are safe from being shut down. If not, `cancel` may be about to
        do so: it records its cause before it reads the list of sockets.
        """
        self.sock = None
        self._sockets = []
        _attached.discard(self)
        return not self.reasons

    def release(self, cancels: Iterable[Cancel]) -> None:
        """Detach from everything that could cancel this scope."""
        self.limits.clear()
        for cancel in cancels:
            cancel.unlink(self)
        self.detach()

    def forget(self) -> None:
        """Drop the connections that belong to the parent process."""
        self.inherited = True
        self._sockets = []

    def wait(self, seconds: float) -> None:
        """Sleep, or return early when `cancel` is called."""
        end = now() + seconds
        while not self.reasons and (left := end - now()) > 0:
            if self._bell.acquire(timeout=min(left, NAP_SECONDS)):
                return


# Scopes that have a connection. They are kept alive here: the interpreter would close a socket that
# only cyclic garbage refers to, with a warning, before its owner closes it.
_attached: set[CancelScope] = set()

# The id of this process; a fork changes it.
_process = os.getpid()


def check_process() -> None:
    """Notice a fork outside Python, which runs none of its hooks."""
    if _process != os.getpid():
        _forked()


def _forked() -> None:
    global _process
    _process = os.getpid()
    # While this process has a descriptor, the parent's close does not end a connection.
    for scope in _attached:
        scope.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def _shut_down(duplicate: _socket.socket) -> None:
    # ENOTCONN: not connected (any more), so no thread is blocked on it.
    with Quietly():
        duplicate.shutdown(_socket.SHUT_RDWR)
