"""`Exchange`: one response, read with a cap on everything."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

import requests

from chatsdk.errors import ChatError, ProtocolError, StreamInterrupted
from chatsdk.options import Limits, Timeout
from chatsdk.transport.cancel import STOPPED, Cancel, Wire
from chatsdk.transport.deadlines import watch
from chatsdk.transport.faults import Stopped, innermost, timed_out, translated
from chatsdk.transport.secrets import Secrets

__all__ = ["Exchange", "Tap"]

# Bytes asked for at a time: what a socket buffer usually holds at most.
READ_BYTES = 65536

# An error page that drips is given up after so many seconds; its status says enough.
ERROR_BODY_SECONDS = 5.0

# The end of the body mostly follows the dialect's end marker within a loopback's round trip.
# Waiting this many seconds for it keeps the connection, and no user notices.
CLEAN_END_SECONDS = 0.005

# Decoders that urllib3 has in any case; br and zstd only where their package is installed.
ENCODINGS = ("gzip", "x-gzip", "deflate", "br", "zstd")

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
    ) -> None:
        self._response = response
        self._raw: Any = response.raw
        self._timeout = timeout
        self._limits = limits
        self._tap = tap
        self._cancels = cancels
        self._started = False
        self._closed = False
        self.wire = wire
        self.secrets = secrets
        self.attempts = 1
        self.received = 0
        self.status = response.status_code
        self.headers = {
            name.lower(): value
            for name, value in response.headers.items()
            if not name.lower().startswith("set-cookie")
        }
        # Sent twice, it arrives joined by a comma.
        named = self.headers.get("content-type", "")
        self.content_type = named.split(";")[0].split(",")[0].strip().lower()
        self.request_id = next(
            (self.headers[name] for name in _REQUEST_IDS if name in self.headers), None
        )
        chunked = "chunked" in self.headers.get("transfer-encoding", "").lower()
        self.delimited = chunked or "content-length" in self.headers

    def check_encoding(self) -> None:
        """Raise `ProtocolError` for a body that is compressed in a way that cannot be undone."""
        known = getattr(self._raw, "CONTENT_DECODERS", ENCODINGS)
        for name in self.headers.get("content-encoding", "").split(","):
            encoding = name.strip().lower()
            if encoding and encoding != "identity" and encoding not in known:
                raise ProtocolError(
                    f"the response is compressed as {encoding!r}, though chatsdk asked for none; "
                    "switch that off in the proxy or the backend, or install the package that "
                    "urllib3 needs for it (brotli for br, zstandard for zstd)"
                )

    def begin_events(self) -> None:
        """Note that the first event is there: from now on silence is what is limited."""
        self._started = True
        self.wire.limits.pop("first_event", None)
        self._settimeout(self._timeout.idle)

    def read(self) -> bytes:
        """Return the next bytes of the body, as soon as there are some; ``b""`` at its end.

        Raises:
            ChatError: what went wrong; `Stopped` if the user ended the wire.
        """
        try:
            data: bytes = self._raw.read1(READ_BYTES, decode_content=True)
        except Exception as error:
            failure: ChatError | Stopped = self.failure(error)
        else:
            # The flag comes before what was read: a wire that was ended reads like a clean end.
            if self.wire.cause is None and data:
                self.received += len(data)
                if self._tap is not None:
                    self._tap(data, time.monotonic())
                return data
            if self.wire.cause is not None:
                failure = self.ended()
            elif self._cut_in_compression():
                failure = StreamInterrupted("the compressed body was cut")
            else:
                return b""
        # Outside the handler: an exception's context would hold the request, and its token.
        self.close_response()
        raise failure

    def read_within(self, seconds: float) -> bytes:
        """As `read`, but wait no longer than so many seconds for the first byte."""
        self._settimeout(seconds)
        return self.read()

    def ended(self) -> ChatError | Stopped:
        """The error for a wire that was ended."""
        cause = self.wire.cause or STOPPED
        return Stopped() if cause == STOPPED else timed_out(cause)

    def failure(self, error: BaseException) -> ChatError | Stopped:
        """Return our error for what reading raised."""
        ours = translated(error, self.wire, streaming=True, started=self._started)
        ours.__cause__ = None if self.secrets.shows(error) else innermost(error)
        ours.__suppress_context__ = True
        return ours

    def read_body(self, most: int | None = None) -> bytes:
        """Return the start of a body that is no stream, `Limits.error_body` bytes at most.

        A body that breaks off or drips gives what had come: the status counts for more.

        Raises:
            ChatTimeout: `Timeout.total` or `Timeout.first_event` ran out meanwhile.
            Stopped: the user ended the wire.
        """
        if self.wire.cause is None:
            watch(self.wire, "body", ERROR_BODY_SECONDS)
        most = self._limits.error_body if most is None else most
        pieces: list[bytes] = []
        length = 0
        try:
            while length < most and (data := self.read()):
                pieces.append(data)
                length += len(data)
        except ChatError:
            if self.wire.cause not in (None, "body"):
                raise
        finally:
            self.wire.limits.pop("body", None)
        return b"".join(pieces)[:most]

    def drain(self, seconds: float = CLEAN_END_SECONDS) -> None:
        """Read to the end of the body if it comes within so many seconds, then close.

        A body read to its end leaves a connection that can be used again.
        """
        self.finish_quietly(seconds)
        self._let_go()

    def finish_quietly(self, seconds: float = CLEAN_END_SECONDS) -> None:
        """As `drain`, but go on with the wire: the request will be sent again."""
        deadline = time.monotonic() + seconds
        with contextlib.suppress(ChatError, Stopped):
            while (left := deadline - time.monotonic()) > 0 and not self._closed:
                if not self.read_within(left):
                    break
        self.close_response()

    def close(self) -> None:
        """Close the response. Only for the thread that reads. Twice is harmless."""
        self.close_response()
        self._let_go()

    def close_response(self) -> None:
        """Close the response, but go on with its wire: the request will be sent again."""
        if self._closed:
            return
        self._closed = True
        # Closing can raise whatever reading can, if the connection is broken or half closed.
        with contextlib.suppress(Exception):
            self._response.close()

    def abandon(self) -> None:
        """Close without giving the connection back; for a finalizer.

        A garbage collection may run while this very thread holds the lock of a connection pool,
        so nothing here may want one.
        """
        if not self._closed:
            self._closed = True
            with contextlib.suppress(Exception):
                self._raw.close()
        self._let_go()

    def _let_go(self) -> None:
        self.wire.limits.clear()
        for cancel in self._cancels:
            cancel.unlink(self.wire)
        self.wire.detach()

    def _settimeout(self, seconds: float | None) -> None:
        sock = self.wire.sock
        if sock is not None:
            with contextlib.suppress(OSError, ValueError):
                sock.settimeout(seconds)

    def _cut_in_compression(self) -> bool:
        """Whether the body ended before its compression did. Nothing raises for that."""
        decoder = getattr(self._raw, "_decoder", None)
        inner = getattr(decoder, "_obj", None)
        return self.received > 0 and getattr(inner, "eof", True) is False
