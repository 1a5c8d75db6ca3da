"""Waits for a socket and for another thread's signal at the same time."""

from __future__ import annotations

import os
import select
import socket
import sys

__all__ = ["Ready", "Waker", "wait_for_socket"]

# Seconds between checks of conditions that cannot wake the thread on this system.
LOOK_AGAIN_SECONDS = 0.05


class Waker:
    """A flag that a thread blocked on a socket notices at once.

    `set` may be called from any thread, any number of times; `close` twice is harmless.
    """

    def __init__(self) -> None:
        self._event_fd: int | None = None
        self._pair: tuple[socket.socket, socket.socket] | None = None
        if sys.platform == "linux":
            # One descriptor instead of two, so that a thousand scripts at once need fewer than
            # 1,024 more.
            self._event_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        else:
            self._pair = socket.socketpair()
            for end in self._pair:
                end.setblocking(False)

    def fileno(self) -> int:
        """Return the descriptor that is readable while the flag is set."""
        if self._pair is not None:
            return self._pair[0].fileno()
        return -1 if self._event_fd is None else self._event_fd

    def set(self) -> None:
        """Set the flag."""
        try:
            if self._pair is not None:
                self._pair[1].send(b"\0")
            elif self._event_fd is not None and sys.platform == "linux":
                os.eventfd_write(self._event_fd, 1)
        except BlockingIOError:
            # The counter is at its maximum, so the flag is set.
            return

    def clear(self) -> None:
        """Clear the flag."""
        try:
            if self._pair is not None:
                while self._pair[0].recv(4096):
                    pass
            elif self._event_fd is not None and sys.platform == "linux":
                os.eventfd_read(self._event_fd)
        except BlockingIOError:
            return

    def close(self) -> None:
        """Free the descriptors."""
        if self._event_fd is not None:
            os.close(self._event_fd)
            self._event_fd = None
        if self._pair is not None:
            for end in self._pair:
                end.close()
            self._pair = None


class Ready:
    """The result of `wait_for_socket`; nothing is set after a timeout."""

    __slots__ = ("readable", "woken")

    def __init__(self, *, readable: bool = False, woken: bool = False) -> None:
        self.readable = readable
        self.woken = woken


def wait_for_socket(
    sock: socket.socket | None,
    *,
    read: bool = True,
    write: bool = False,
    waker: Waker | None = None,
    timeout: float | None = None,
) -> Ready:
    """Wait until the socket is ready or shut down, the waker is set, or `timeout` s pass.

    With a socket of None, wait only for the waker. Nothing is read, and the waker stays set.
    """
    if sys.platform == "win32":
        return _wait_with_select(sock, read, write, waker, timeout)
    # poll has no limit at descriptor 1,024, needs no extra descriptor as epoll does, and reports a
    # socket's shutdown even without interest in reading or writing.
    poll = select.poll()
    if sock is not None:
        poll.register(sock, (select.POLLIN if read else 0) | (select.POLLOUT if write else 0))
    if waker is not None:
        poll.register(waker, select.POLLIN)
    ready = Ready()
    for descriptor, events in poll.poll(None if timeout is None else timeout * 1000):
        if waker is not None and descriptor == waker.fileno():
            ready.woken = True
        elif events & ~select.POLLOUT:
            ready.readable = True
    return ready


def _wait_with_select(
    sock: socket.socket | None,
    read: bool,
    write: bool,
    waker: Waker | None,
    timeout: float | None,
) -> Ready:
    readers: list[Waker | socket.socket] = [] if waker is None else [waker]
    if sock is not None and read:
        readers.append(sock)
    elif sock is not None and not write:
        # select does not report a shutdown by itself, so the caller has to check again.
        timeout = LOOK_AGAIN_SECONDS if timeout is None else min(timeout, LOOK_AGAIN_SECONDS)
    writers = [sock] if sock is not None and write else []
    readable, _, _ = select.select(readers, writers, [], timeout)
    return Ready(readable=sock in readable, woken=waker is not None and waker in readable)
