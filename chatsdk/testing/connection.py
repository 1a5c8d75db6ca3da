"""An accepted connection, controlled byte by byte."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import time
from typing import NoReturn

from chatsdk.testing.waker import Waker, wait_for_socket

__all__ = ["Connection", "ConnectionEnded"]

# Bytes per read from the socket.
READ_BYTES = 65_536

# Maximum bytes read from a client while it is being answered. The rest stays in the kernel, so that
# a client that never stops sending cannot fill the memory.
AHEAD_BYTES = 1_048_576


class ConnectionEnded(ConnectionError):
    """The connection is over; `by_client` is whether the client ended it."""

    def __init__(self, message: str, *, by_client: bool) -> None:
        super().__init__(message)
        self.by_client = by_client


class Connection:
    """An accepted connection, read and written by one thread; any thread may `abort` it.

    `number` counts the connections of a server from 1, `peer` is the client's address and port.
    """

    def __init__(self, sock: socket.socket, *, number: int) -> None:
        self.number = number
        self.peer: tuple[str, int] = sock.getpeername()[:2]
        self.bytes_sent = 0
        self._socket = sock
        self._input = bytearray()
        self._aborted = False
        self._open = True
        # Guards _socket and _open: the descriptor of a closed socket may already have been reused
        # when another thread shuts it down. Never held while waiting.
        self._lock = threading.Lock()
        sock.setblocking(False)
        # Send each piece as a separate packet, if the kernel allows it.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def fileno(self) -> int:
        """Return the descriptor, for a selector."""
        return self._socket.fileno()

    # Waiting ------------------------------------------------------------------------------

    def wait(self, timeout: float | None = None, *, waker: Waker | None = None) -> bool:
        """Wait until the waker is set (True) or `timeout` seconds have passed (False).

        Raises ConnectionEnded as soon as the client has gone or the server closes.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            self._check()
            self._take_input()
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return False
            watch = len(self._input) < AHEAD_BYTES
            ready = wait_for_socket(self._socket, read=watch, waker=waker, timeout=left)
            if ready.woken:
                return True

    def wait_for_end(self) -> NoReturn:
        """Wait without sending until the client has gone; then raise ConnectionEnded."""
        while True:
            self.wait()

    # Reading ------------------------------------------------------------------------------

    def peek(self) -> bytes:
        """Wait for a byte, and return it without consuming it."""
        if not self._input:
            self._read_more()
        return bytes(self._input[:1])

    def read_until(self, mark: bytes, *, limit: int) -> bytes:
        """Return the bytes up to and including `mark`; ValueError beyond `limit` bytes."""
        searched = 0
        while (at := self._input.find(mark, searched, limit)) < 0:
            searched = max(0, len(self._input) - len(mark) + 1)
            if len(self._input) >= limit:
                raise ValueError(f"{limit} bytes without {mark!r}")
            self._read_more()
        return self._split_off(at + len(mark))

    def read_exactly(self, count: int) -> bytes:
        """Return the next `count` bytes."""
        while len(self._input) < count:
            self._read_more()
        return self._split_off(count)

    def read_some(self) -> bytes:
        """Wait for at least one byte, and return all that has arrived."""
        if not self._input:
            self._read_more()
        return self._split_off(len(self._input))

    def read_available(self) -> bytes:
        """Return the bytes that have arrived, without waiting; b"" if there are none."""
        try:
            self._take_input()
        except ConnectionEnded:
            # Return the bytes before the end first; the next call meets the end again.
            if not self._input:
                raise
        return self._split_off(len(self._input))

    def has_input(self) -> bool:
        """Whether bytes can be read; ConnectionEnded if none will ever arrive."""
        if not self._input:
            self._take_input()
        return bool(self._input)

    def _split_off(self, count: int) -> bytes:
        head = bytes(self._input[:count])
        del self._input[:count]
        return head

    def _read_more(self) -> None:
        while not self._receive():
            wait_for_socket(self._socket)

    def _take_input(self) -> None:
        while len(self._input) < AHEAD_BYTES and self._receive():
            pass

    def _receive(self) -> bool:
        """Read what has arrived; False if nothing has, ConnectionEnded if nothing will."""
        self._check()
        try:
            data = self._socket.recv(READ_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError as exc:
            raise self._ended() from exc
        if not data:
            raise self._ended()
        self._input += data
        return True

    # Writing ------------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """Pass all of `data` to the kernel; ConnectionEnded if the client has gone."""
        view = memoryview(data)
        while view:
            self._check()
            try:
                sent = self._socket.send(view)
            except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                # Watch for input too: a client that has gone may never become writable.
                watch = len(self._input) < AHEAD_BYTES
                if wait_for_socket(self._socket, read=watch, write=True).readable:
                    self._take_input()
                continue
            except OSError as exc:
                raise self._ended() from exc
            self.bytes_sent += sent
            view = view[sent:]

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Shake hands as the server.

        Raises ssl.SSLError if the two cannot agree, ConnectionEnded if the client leaves.
        """
        with self._lock:
            self._socket = context.wrap_socket(
                self._socket, server_side=True, do_handshake_on_connect=False
            )
        tls = self._socket
        assert isinstance(tls, ssl.SSLSocket)
        while True:
            self._check()
            try:
                return tls.do_handshake()
            except ssl.SSLWantReadError:
                wait_for_socket(tls)
            except ssl.SSLWantWriteError:
                wait_for_socket(tls, read=False, write=True)
            except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as exc:
                raise self._ended() from exc
            except ssl.SSLError:
                raise
            except OSError as exc:
                raise self._ended() from exc

    # Ending -------------------------------------------------------------------------------

    def abort(self) -> None:
        """End the connection from any thread; the thread that serves it wakes up and ends."""
        with self._lock:
            self._aborted = True
            if self._open:
                with contextlib.suppress(OSError):
                    # Not SSLSocket.shutdown, which discards the TLS state that the reader still
                    # uses.
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def end_output(self) -> None:
        """Send a FIN and continue reading, so that unread input cannot turn it into an RST."""
        with self._lock, contextlib.suppress(OSError):
            socket.socket.shutdown(self._socket, socket.SHUT_WR)

    def close(self, *, reset: bool = False, close_notify: bool = True) -> None:
        """Close with a FIN, or with an RST if `reset`; twice is harmless.

        Under TLS, a close_notify precedes the FIN unless `close_notify` is false.
        """
        with self._lock:
            if not self._open:
                return
            self._open = False
            with contextlib.suppress(OSError, ValueError):
                if reset:
                    # A linger time of 0 s turns the FIN into an RST.
                    linger = struct.pack("ii", 1, 0)
                    self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                elif close_notify and isinstance(self._socket, ssl.SSLSocket):
                    # Sends the close_notify, and does not wait for the client's.
                    self._socket.unwrap()
            if not reset:
                with contextlib.suppress(OSError):
                    # close() alone sends no FIN while a forked child holds the descriptor too.
                    socket.socket.shutdown(self._socket, socket.SHUT_WR)
            self._socket.close()

    def _check(self) -> None:
        if self._aborted or not self._open:
            raise self._ended()

    def _ended(self) -> ConnectionEnded:
        if self._aborted:
            return ConnectionEnded("the server was closed", by_client=False)
        if not self._open:
            return ConnectionEnded("the connection was closed here", by_client=False)
        return ConnectionEnded("the client has gone", by_client=True)
