"""`Exchange`: one response, read with a cap on everything."""

from __future__ import annotations

import contextlib
import os
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import requests

from chatsdk.errors import ChatError, ProtocolError, StreamInterrupted
from chatsdk.options import Limits, Timeout
from chatsdk.transport.cancel import IDLE, STOPPED, Cancel, Wire
from chatsdk.transport.deadlines import watch
from chatsdk.transport.faults import Stopped, cut_in_compression, ended, translated
from chatsdk.transport.foreign import Quietly
from chatsdk.transport.http1.body import body_reader
from chatsdk.transport.http1.decoding import bound_decoder, is_cut, unknown_coding
from chatsdk.transport.http1.head import unreadable_head
from chatsdk.transport.secrets import Secrets

__all__ = ["Exchange", "Tap"]

# A body that nobody is waiting for, an error page say, is given up after so many seconds: the
# status says enough.
ASIDE_SECONDS = 5.0

# Whether ending a wire wakes its reader. On Windows it is reported not to. Where it does, a silence
# is best ended from outside: with a timeout of its own, a socket polls before it reads.
WAKES_READERS = os.name == "posix"

# The end of the body follows the dialect's end marker within milliseconds, unless the server is
# busy. Waiting so many seconds for it is cheaper than the handshake for a new connection.
CLEAN_END_SECONDS = 0.05

Tap = Callable[[bytes, float], object]

_REQUEST_IDS = ("x-request-id", "request-id", "x-tt-logid", "x-amzn-requestid", "cf-ray")


class Exchange:
    """One response and the connection it comes on.

    The thread that reads is the one that closes. Others may end the `wire`.

    Attributes:
        status: the HTTP status code.
        headers: the header fields, names in lower case, cookies left out.
        content_type: the media type in lower case, ``""`` if none is named.
        request_id: the backend's id of the request, or ``None``.
        delimited: the end of the body can be told from a cut: it is chunked or has a length.
        attempts: how often the request was sent, this one included.
        received: bytes of body read so far, decompressed.
        error_body: bytes to keep of a body that is no stream.
    """

    def __init__(
        self,
        response: requests.Response,
        *,
        wire: Wire,
        cancels: tuple[Cancel, ...],
        timeout: Timeout,
        limits: Limits,
        secrets: Secrets,
        tap: Tap | None,
        left: deque[Any],
    ) -> None:
        self._response = response
        self._raw: Any = response.raw
        self._read = body_reader(self._raw)
        self._timeout = timeout
        self.error_body = limits.error_body
        self._tap = tap
        self._cancels = cancels
        self._left = left
        self._started = False
        self._closed = False
        self._gone = False
        self.wire = wire
        self.secrets = secrets
        self.attempts = 1
        self.received = 0
        self.status = response.status_code
        # Clean, because a server may echo what was sent.
        self.headers = {
            name.lower(): secrets.hide(value)
            for name, value in response.headers.items()
            if not name.lower().startswith("set-cookie")
        }
        # Sent twice, it arrives joined by a comma.
        named = self.headers.get("content-type", "")
        self.content_type = named.split(";")[0].split(",")[0].strip().lower()
        self.request_id = next(
            (self.headers[name] for name in _REQUEST_IDS if name in self.headers), None
        )
        raw = self._raw
        self.delimited = bool(
            getattr(raw, "chunked", False) or getattr(raw, "length_remaining", None) is not None
        )

    def check_head(self) -> None:
        """Raise `ProtocolError` where the head does not say how the body is to be read."""
        raw = self._raw
        encodings = self.headers.get("content-encoding", "").lower()
        reason = unreadable_head(self.headers, getattr(raw, "_original_response", None))
        reason = reason or unknown_coding(raw, encodings)
        if reason is not None:
            # Nobody knows where the next response would begin.
            self._close_response()
            raise ProtocolError(f"the response cannot be read: {reason}")
        if "zstd" in encodings:
            try:
                bound_decoder(raw)
            except Exception as error:
                failure = self.failure(error)
            else:
                return
            raise failure

    def begin_events(self) -> None:
        """Note that the first event is there: from now on silence is what is limited."""
        self._started = True
        self.wire.limits.pop("first_event", None)
        seconds = self._timeout.idle
        if WAKES_READERS and seconds is not None and self.wire.sock is not None:
            try:
                watch(self.wire, IDLE, seconds)
            except RuntimeError:
                # No thread is left for that, so the socket has to do it.
                self.wire.limits.pop(IDLE, None)
            else:
                seconds = None
        self._settimeout(seconds)

    def read(self) -> bytes:
        """Return the next bytes of the body, as soon as there are some; ``b""`` at its end.

        Raises:
            ChatError: what went wrong; `Stopped` if the user ended the wire.
        """
        wire = self.wire
        try:
            if wire.inherited:
                raise ConnectionError("it belongs to the process that this one was forked from")
            wire.waiting = time.monotonic()
            data: bytes = self._read()
        except Exception as error:
            wire.waiting = None
            if cut_in_compression(error) and not self._raw.tell():
                # Nothing at all came: a body may be empty, whatever it is compressed with.
                return b""
            failure: BaseException = self.failure(error)
        else:
            wire.waiting = None
            # The flag comes before what was read: a wire that was ended reads like a clean end.
            if data and not wire.causes:
                self.received += len(data)
                if self._tap is not None:
                    self._tap(data, time.monotonic())
                return data
            if wire.causes:
                failure = self.ended()
            elif is_cut(self._raw):
                failure = StreamInterrupted("the compressed body was cut")
            else:
                return b""
        # Outside the handler: an exception's context would hold the request, and its token.
        self._close_response()
        try:
            raise failure
        finally:
            # It holds this frame; held by it in turn, it would live until a garbage collection.
            del failure

    def read_within(self, seconds: float) -> bytes:
        """As `read`, but wait no longer than so many seconds for the first byte."""
        self.wire.limits.pop(IDLE, None)
        self._settimeout(seconds)
        return self.read()

    def ended(self) -> ChatError | Stopped:
        """The error for a wire that was ended."""
        return ended(self.wire.cause or STOPPED, self._timeout)

    def failure(self, error: BaseException) -> BaseException:
        """Return the exception to raise for one that reading raised: see `translated`."""
        return translated(
            error, self.wire, self.secrets, self._timeout, streaming=True, started=self._started
        )

    def read_body(self, most: int | None = None, *, seconds: float | None = None) -> bytes:
        """Return the start of a body that is no stream, `Limits.error_body` bytes at most.

        Args:
            most: bytes to return, if other than `Limits.error_body`.
            seconds: wait no longer than that: a body that breaks off or drips gives what had
                come. ``None`` for a body that is the answer.

        Raises:
            ChatTimeout: `Timeout.total` ran out meanwhile, or `Timeout.first_event`.
            ChatError: without `seconds`, what went wrong.
            Stopped: the user ended the wire.
        """
        if seconds is not None:
            self.wire.limits.pop("first_event", None)
            known = (self._timeout.first_event, self._timeout.idle)
            watch(self.wire, "body", min([seconds, *(limit for limit in known if limit)]))
        most = self.error_body if most is None else most
        pieces: list[bytes] = []
        length = 0
        try:
            while length < most and (data := self.read()):
                pieces.append(data)
                length += len(data)
        except ChatError:
            if seconds is None or self.wire.cause not in (None, "body"):
                raise
        finally:
            self.wire.limits.pop("body", None)
        return b"".join(pieces)[:most]

    def drain(self) -> None:
        """Read to the end of the body if that comes soon, then close.

        A body read to its end leaves a connection that can be used again.
        """
        self._finish()
        self.close()

    def part(self) -> None:
        """As `drain`, but leave the wire to the request that is sent next."""
        self._finish()
        self._close_response()
        # From here on it is not this exchange's to release, nor its finalizer's.
        self._gone = True

    def close(self) -> None:
        """Close the response. Only for the thread that reads. Twice is harmless."""
        try:
            self._close_response()
        finally:
            self._let_go()

    def abandon(self) -> None:
        """Close, but leave the connection's place in the pool to whoever sends next.

        For finalizers. A garbage collection may run while this very thread holds the lock of a
        pool, so nothing here may want one.
        """
        if self._gone:
            return
        try:
            self._shut()
        finally:
            self._let_go()
        pool = getattr(self._raw, "_pool", None)
        # Only a pool that lends a limited number of connections misses one.
        if getattr(pool, "block", False) and self._raw._connection is not None:
            self._left.append((pool, self._raw._connection))

    def __del__(self) -> None:
        # Nobody closed it, because an exception came in between.
        if getattr(self, "_gone", True) is False:
            self.abandon()

    def _finish(self) -> None:
        deadline = time.monotonic() + CLEAN_END_SECONDS
        with contextlib.suppress(ChatError, Stopped):
            while (left := deadline - time.monotonic()) > 0 and not self._closed:
                if not self.read_within(left):
                    break

    def _close_response(self) -> None:
        self._shut()
        with Quietly():
            self._raw.release_conn()

    def _shut(self) -> None:
        if self._closed:
            return
        self._closed = True
        raw = self._raw
        if self.wire.carried or not getattr(raw, "closed", True):
            # A forked child may have descriptors of it, and the backend is to know now.
            self.wire.hang_up()
        # Closing can raise whatever reading can, if the connection is broken or half closed.
        with Quietly():
            raw.close()

    def _let_go(self) -> None:
        self._gone = True
        self.wire.release(self._cancels)

    def _settimeout(self, seconds: float | None) -> None:
        sock = self.wire.sock
        if sock is not None:
            with contextlib.suppress(OSError, ValueError):
                sock.settimeout(seconds)
