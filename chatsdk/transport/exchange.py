"""`Exchange`: one response, read with a cap on everything."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable
from typing import Any

import requests

from chatsdk.errors import ChatError, ProtocolError, StreamInterrupted
from chatsdk.options import Limits, Timeout
from chatsdk.transport.cancel import FINISHED, IDLE, PROGRESS, STOPPED, Cancel, Wire
from chatsdk.transport.clock import now
from chatsdk.transport.deadlines import watch
from chatsdk.transport.faults import Stopped, cut_in_compression, ended, translated
from chatsdk.transport.http1.body import Body
from chatsdk.transport.secrets import Secrets

__all__ = ["Exchange", "Tap"]

# A body that nobody is waiting for, an error page say, is given up after so many seconds: the
# status says enough.
ASIDE_SECONDS = 5.0

# Seconds that a stream goes on after the last finish reason, for the usage and the end marker.
AFTER_REASON_SECONDS = 5.0

# A wait that ends so many seconds before a deadline has reached it: clocks differ by that much.
CLOCK_SECONDS = 0.02

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
        on_end: Callable[[str], object] | None = None,
    ) -> None:
        body = self._body = Body(response, wire.sock)
        self._read = body.read
        self._timeout = timeout
        self.error_body = limits.error_body
        self._tap = tap
        self._on_end = on_end
        self._cancels = cancels
        self._left = left
        self._started = False
        self._closed = False
        self._gone = False
        # When the last read returned; what is done with it until the next is not waiting.
        self.at = now()
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
        self.delimited = body.delimited
        # Seconds of silence that the socket allows, and from when on it must allow less, because a
        # deadline is closer.
        self._silence = timeout.first_event
        self._lower_at = 0.0

    def check_head(self) -> None:
        """Raise `ProtocolError` where the head does not say how the body is to be read."""
        try:
            reason = self._body.why_unreadable(self.headers)
        except Exception as error:
            failure = self.failure(error)
        else:
            if reason is None:
                return
            # Nobody knows where the next response would begin.
            self._close_response()
            failure = ProtocolError(f"the response cannot be read: {reason}")
        raise failure

    def begin_events(self) -> None:
        """Note that the first event is there: from now on silence is what is limited."""
        self._started = True
        self.wire.limits.pop("first_event", None)
        self._silence = self._timeout.idle
        self._lower_at = 0.0
        # The helper thread also ends a wait that signals keep starting anew.
        if self.wire.sock is not None:
            watch(self.wire, IDLE, self._silence)
            watch(self.wire, PROGRESS, self._timeout.progress)
        elif self._timeout.progress is not None:
            self.wire.limits[PROGRESS] = self._timeout.progress
        self.wire.progress = now()

    def read(self) -> bytes:
        """Return the next bytes of the body, as soon as there are some; ``b""`` at its end.

        Raises:
            ChatError: what went wrong; `Stopped` if the user ended the wire.
        """
        wire = self.wire
        try:
            if wire.inherited:
                raise ConnectionError("it belongs to the process that this one was forked from")
            wire.waiting = started = now()
            held = started - self.at
            wire.progress = started if wire.moved else wire.progress + held
            wire.moved = False
            wire.settled += held
            if wire.settling:
                self._end_soon(started)
            if started >= self._lower_at:
                self._limit_waits(started)
            data: bytes = b"" if wire.causes else self._read()
            self.at = now()
        except Exception as error:
            wire.waiting = None
            if cut_in_compression(error) and not self._body.begun:
                # Nothing at all came: a body may be empty, whatever it is compressed with.
                self._tell_end("whole")
                return b""
            failure: BaseException = self.failure(error)
        else:
            wire.waiting = None
            # The flag comes before what was read: a wire that was ended reads like a clean end.
            if data and not wire.causes:
                self.received += len(data)
                if self._tap is not None:
                    self._tap(data, self.at)
                return data
            if wire.causes:
                failure = self.ended()
            elif self._body.is_cut:
                failure = StreamInterrupted("the compressed body was cut")
            else:
                self._tell_end("whole")
                return b""
        self._tell_end(failure)
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
        self._silence = seconds
        self._lower_at = 0.0
        return self.read()

    def ended(self) -> ChatError | Stopped:
        """The error for a wire that was ended."""
        return ended(self.wire.cause or STOPPED, self._timeout)

    def failure(self, error: BaseException) -> BaseException:
        """Return the exception to raise for one that reading raised: see `translated`."""
        self._notice(now() + CLOCK_SECONDS)
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
            self._lower_at = 0.0
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
        self._tell_end("whole")
        self.close()

    def part(self) -> None:
        """As `drain`, but leave the wire to the request that is sent next."""
        self._finish()
        self._tell_end("whole")
        self._close_response()
        # From here on it is not this exchange's to release, nor its finalizer's.
        self._gone = True

    def close(self) -> None:
        """Close the response. Only for the thread that reads. Twice is harmless."""
        self._tell_end("stopped")
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
        self._tell_end("stopped")
        try:
            self._shut()
        finally:
            self._let_go()
        if (lent := self._body.lent) is not None:
            self._left.append(lent)

    def __del__(self) -> None:
        # Nobody closed it, because an exception came in between.
        if getattr(self, "_gone", True) is False:
            self.abandon()

    def _tell_end(self, end: str | BaseException) -> None:
        """Tell the tap how the body ended; the first time counts."""
        if self._on_end is not None:
            from chatsdk.transport.telling import end_by

            tell, self._on_end = self._on_end, None
            tell(end if isinstance(end, str) else end_by(end))

    def _finish(self) -> None:
        deadline = now() + CLEAN_END_SECONDS
        with contextlib.suppress(ChatError, Stopped):
            while (left := deadline - now()) > 0 and not self._closed:
                if not self.read_within(left):
                    break

    def _end_soon(self, at: float) -> None:
        """Let the body end by itself after a while of waiting: nothing more has to come.

        Reading then raises a `ChatTimeout` of the phase `FINISHED`.
        """
        wire = self.wire
        wire.settling = False
        wire.settled = at
        self._lower_at = 0.0
        if FINISHED not in wire.limits:
            watch(wire, FINISHED, AFTER_REASON_SECONDS)

    def _limit_waits(self, at: float) -> None:
        """Let the socket end its next wait at the first deadline, and notice one that is over.

        The helper thread does that, too; but it may not run in this process.
        """
        self._notice(at)
        soonest = min((deadline for _, deadline in self.wire.deadlines()), default=float("inf"))
        silence = self._silence
        if silence is None or soonest - at < silence:
            # To be lowered again at the next read, unless there is no deadline.
            self._lower_at = min(soonest, at) if soonest - at < float("inf") else soonest
            silence = soonest - at if soonest - at < float("inf") else None
        else:
            self._lower_at = soonest - silence
        self._body.limit_waits(silence)

    def _notice(self, at: float) -> None:
        """End the wire if one of its deadlines is over."""
        for phase, deadline in self.wire.deadlines():
            if deadline <= at:
                self.wire.abort(phase)

    def _close_response(self) -> None:
        self._shut()
        self._body.close()

    def _shut(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self.wire.carried or not self._body.closed:
            # A forked child may have descriptors of it, and the backend is to know now.
            self.wire.hang_up()
        self._body.shut()

    def _let_go(self) -> None:
        self._gone = True
        self.wire.release(self._cancels)
