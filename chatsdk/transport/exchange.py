"""`Exchange`: one HTTP response, read with limits on time and size."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable
from typing import Any

import requests

from chatsdk.errors import ChatError, ProtocolError, StreamInterrupted
from chatsdk.options import Limits, Timeout
from chatsdk.transport.cancel import FINISHED, IDLE, PROGRESS, STOPPED, Cancel, CancelScope
from chatsdk.transport.clock import now
from chatsdk.transport.deadlines import watch
from chatsdk.transport.http1.body import Body
from chatsdk.transport.network_errors import Stopped, cut_in_compression, ended, translate
from chatsdk.transport.redaction import Secrets

__all__ = ["Exchange", "Tap"]

# Seconds to spend on a body that is not the answer, such as an error page; the status code is
# enough without it.
ASIDE_SECONDS = 5.0

# Seconds to wait after the last finish reason, for the usage and the end marker.
AFTER_REASON_SECONDS = 5.0

# Seconds of tolerance when deciding whether a wait reached its deadline, because clocks differ.
CLOCK_SECONDS = 0.02

# Seconds to wait for the end of the body after the dialect's end marker. It usually follows within
# milliseconds, and reusing the connection saves a handshake.
CLEAN_END_SECONDS = 0.05

Tap = Callable[[bytes, float], object]

_REQUEST_IDS = ("x-request-id", "request-id", "x-tt-logid", "x-amzn-requestid", "cf-ray")


class Exchange:
    """One response and its connection.

    The thread that reads also closes. Other threads may cancel the `scope`.

    Attributes:
        status: the HTTP status code.
        headers: the header fields, names in lower case, without cookies.
        content_type: the media type in lower case, ``""`` if the header is missing.
        request_id: the backend's id of the request, or ``None``.
        delimited: a truncated body can be detected: it is chunked or has a length.
        attempts: how often the request was sent, this time included.
        received: bytes of the body read, after decompression.
        error_body: bytes to keep of a body that is not a stream.
        released: it was closed, and no longer belongs to its scope and its cancels.
        before_read: called before each read of the body, or ``None``.
    """

    def __init__(
        self,
        response: requests.Response,
        *,
        scope: CancelScope,
        cancels: tuple[Cancel, ...],
        timeout: Timeout,
        limits: Limits,
        secrets: Secrets,
        tap: Tap | None,
        unreturned: deque[Any],
        on_end: Callable[[str], object] | None = None,
    ) -> None:
        body = self._body = Body(response, scope.sock)
        self._read = body.read
        self._timeout = timeout
        self.error_body = limits.error_body
        self._tap = tap
        self._on_end = on_end
        self._cancels = cancels
        self._unreturned = unreturned
        self._started = False
        self._closed = False
        self.released = False
        # Time of the last return from `read`; processing between reads does not count as waiting.
        self.at = now()
        self.scope = scope
        self.secrets = secrets
        self.before_read: Callable[[], object] | None = None
        self.attempts = 1
        # The request had no credentials; known for a 401 only.
        self.anonymous = False
        self.received = 0
        self.status = response.status_code
        # Redacted, because a server may echo what was sent.
        self.headers = {
            name.lower(): secrets.hide(value)
            for name, value in response.headers.items()
            if not name.lower().startswith("set-cookie")
        }
        # A header that was sent twice arrives joined by a comma.
        named = self.headers.get("content-type", "")
        self.content_type = named.split(";")[0].split(",")[0].strip().lower()
        self.request_id = next(
            (self.headers[name] for name in _REQUEST_IDS if name in self.headers), None
        )
        self.delimited = body.delimited
        # Seconds of silence that the socket allows, and the time from which it must allow less
        # because a deadline is closer.
        self._silence = timeout.first_event
        self._lower_at = 0.0

    def check_head(self) -> None:
        """Raise `ProtocolError` if the head does not define how to read the body."""
        try:
            reason = self._body.why_unreadable(self.headers)
        except Exception as error:
            failure = self.failure(error)
        else:
            if reason is None:
                return
            # The start of the next response is unknown, so the connection cannot be reused.
            self._close_response()
            failure = ProtocolError(f"the response cannot be read: {reason}")
        raise failure

    def begin_events(self) -> None:
        """Switch from the limit on the first event to the limit on silence."""
        self._started = True
        self.scope.limits.pop("first_event", None)
        self._silence = self._timeout.idle
        self._lower_at = 0.0
        # The deadline thread also ends a wait that signals keep restarting.
        if self.scope.sock is not None:
            watch(self.scope, IDLE, self._silence)
            watch(self.scope, PROGRESS, self._timeout.progress)
        elif self._timeout.progress is not None:
            self.scope.limits[PROGRESS] = self._timeout.progress
        self.scope.progress = now()

    def read(self) -> bytes:
        """Return the next bytes of the body as soon as they arrive; ``b""`` at its end.

        Raises:
            ChatError: reading failed; `Stopped` if the user cancelled the scope.
        """
        if self.before_read is not None:
            self.before_read()
        scope = self.scope
        try:
            if scope.inherited:
                raise ConnectionError("it belongs to the process that this one was forked from")
            scope.waiting = started = now()
            held = started - self.at
            scope.progress = started if scope.moved else scope.progress + held
            scope.moved = False
            scope.settled += held
            if scope.settling:
                self._end_soon(started)
            if started >= self._lower_at:
                self._limit_waits(started)
            data: bytes = b"" if scope.reasons else self._read()
            self.at = now()
        except Exception as error:
            scope.waiting = None
            if cut_in_compression(error) and not self._body.begun:
                # No bytes at all: an empty body is valid under any Content-Encoding.
                self._tell_end("whole")
                return b""
            failure: BaseException = self.failure(error)
        else:
            scope.waiting = None
            # Check for cancellation first: after `shutdown()`, EOF looks like a clean end.
            if data and not scope.reasons:
                self.received += len(data)
                if self._tap is not None:
                    self._tap(data, self.at)
                return data
            if scope.reasons:
                failure = self.ended()
            elif self._body.is_cut:
                failure = StreamInterrupted("the compressed body was cut")
            else:
                self._tell_end("whole")
                return b""
        self._tell_end(failure)
        # Outside the handler: an exception's context would keep the request and its token.
        self._close_response()
        try:
            raise failure
        finally:
            # Break the cycle error -> traceback -> frame -> error.
            del failure

    def read_within(self, seconds: float) -> bytes:
        """Read as `read` does, waiting at most `seconds` for the first byte."""
        self.scope.limits.pop(IDLE, None)
        self._silence = seconds
        self._lower_at = 0.0
        return self.read()

    def ended(self) -> ChatError | Stopped:
        """The error to raise for a scope that was cancelled."""
        return ended(self.scope.reason or STOPPED, self._timeout)

    def failure(self, error: BaseException) -> BaseException:
        """Return the exception to raise instead of `error`: see `translate`."""
        self._notice(now() + CLOCK_SECONDS)
        return translate(
            error, self.scope, self.secrets, self._timeout, streaming=True, started=self._started
        )

    def read_body(self, most: int | None = None, *, seconds: float | None = None) -> bytes:
        """Return the start of a body that is not a stream, at most `Limits.error_body` bytes.

        Args:
            most: maximum number of bytes, if other than `Limits.error_body`.
            seconds: longest time to spend; if the body breaks off or arrives too slowly, return
                what was received. ``None`` if the body is the answer.

        Raises:
            ChatTimeout: `Timeout.total` or `Timeout.first_event` expired.
            ChatError: `seconds` is ``None`` and reading failed.
            Stopped: the user cancelled the scope.
        """
        if seconds is not None:
            self.scope.limits.pop("first_event", None)
            known = (self._timeout.first_event, self._timeout.idle)
            watch(self.scope, "body", min([seconds, *(limit for limit in known if limit)]))
            self._lower_at = 0.0
        most = self.error_body if most is None else most
        pieces: list[bytes] = []
        length = 0
        try:
            while length < most and (data := self.read()):
                pieces.append(data)
                length += len(data)
        except ChatError:
            if seconds is None or self.scope.reason not in (None, "body"):
                raise
        finally:
            self.scope.limits.pop("body", None)
        return b"".join(pieces)[:most]

    def drain(self) -> None:
        """Read to the end of the body if it comes soon, then close.

        After a complete body the connection can be reused.
        """
        self._finish()
        self._tell_end("whole")
        self.close()

    def finish_for_retry(self) -> None:
        """As `drain`, but keep the scope for the next request."""
        self._finish()
        self._tell_end("whole")
        self._close_response()
        # The scope now belongs to the next request; neither this object nor its finalizer may
        # release it.
        self.released = True

    def close(self) -> None:
        """Close the response. Only for the reading thread. Calling it twice is harmless."""
        self._tell_end("stopped")
        try:
            self._close_response()
        finally:
            self._release()

    def close_from_finalizer(self) -> None:
        """Close, but leave returning the connection to its pool to the next sender.

        For finalizers. A garbage collection may run while this thread holds a pool's lock, so
        nothing here may take one.
        """
        if self.released:
            return
        self._tell_end("stopped")
        try:
            self._shut()
        finally:
            self._release()
        if (lent := self._body.lent) is not None:
            self._unreturned.append(lent)

    def __del__(self) -> None:
        # Not closed explicitly, because an exception intervened.
        if getattr(self, "released", True) is False:
            self.close_from_finalizer()

    def _tell_end(self, end: str | BaseException) -> None:
        """Report to the tap how the body ended; only the first call counts."""
        if self._on_end is not None:
            from chatsdk.transport.tap import end_by

            tell, self._on_end = self._on_end, None
            tell(end if isinstance(end, str) else end_by(end))

    def _finish(self) -> None:
        deadline = now() + CLEAN_END_SECONDS
        with contextlib.suppress(ChatError, Stopped):
            while (left := deadline - now()) > 0 and not self._closed:
                if not self.read_within(left):
                    break

    def _end_soon(self, at: float) -> None:
        """Limit the wait for the end of the body, because nothing more has to arrive.

        When the limit expires, reading raises a `ChatTimeout` of the phase `FINISHED`.
        """
        scope = self.scope
        scope.settling = False
        scope.settled = at
        self._lower_at = 0.0
        if FINISHED not in scope.limits:
            watch(scope, FINISHED, AFTER_REASON_SECONDS)

    def _limit_waits(self, at: float) -> None:
        """Set the socket's timeout to the earliest deadline, and notice one that has passed.

        The deadline thread does both, too, but it may not run in this process.
        """
        self._notice(at)
        soonest = min((deadline for _, deadline in self.scope.deadlines()), default=float("inf"))
        silence = self._silence
        if silence is None or soonest - at < silence:
            # Lower it again at the next read, unless there is no deadline.
            self._lower_at = min(soonest, at) if soonest - at < float("inf") else soonest
            silence = soonest - at if soonest - at < float("inf") else None
        else:
            self._lower_at = soonest - silence
        self._body.limit_waits(silence)

    def _notice(self, at: float) -> None:
        """Cancel the scope if one of its deadlines has passed."""
        for phase, deadline in self.scope.deadlines():
            if deadline <= at:
                self.scope.cancel(phase)

    def _close_response(self) -> None:
        self._shut()
        self._body.close()

    def _shut(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self.scope.tracked or not self._body.closed:
            # A forked child may hold descriptors, and the backend should see the end at once.
            self.scope.shut_down()
        self._body.shut()

    def _release(self) -> None:
        self.released = True
        self.scope.release(self._cancels)
