"""`Probe`: sends one request and times every raw read of its response."""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

from chatsdk.dialects import Dialect
from chatsdk.doctor.wire import Piece, WireReader
from chatsdk.errors import ChatError, ChatTimeout
from chatsdk.framing import parser_for
from chatsdk.options import Retry, Timeout
from chatsdk.sse import ServerSentEvent
from chatsdk.transport import Cancel, Request, Stopped, Transport
from chatsdk.transport.clock import now
from chatsdk.transport.report_redaction import Mask

__all__ = ["Asking", "Event", "Probe", "quantile"]

# Bytes of decompressed body after which a probe stops: with events, and without.
ENOUGH_BYTES = 64 * 1024 * 1024
ENOUGH_WITHOUT_EVENTS = 1024 * 1024
# The first event may hold a picture.
ENOUGH_OF_AN_EVENT = 16 * 1024 * 1024

# Bytes to keep of the start of the body.
KEPT_BYTES = 2 * 1024 * 1024

# Number of events to keep for the checks.
KEPT_EVENTS = 20_000


class Event(NamedTuple):
    """An event, its time in seconds since the request, and the numbers of its read and chunk."""

    at: float
    read: int
    chunk: int
    event: ServerSentEvent


class Asking(NamedTuple):
    """The request of a probe. Its repr shows only the method, because it contains the token."""

    url: str
    body: bytes
    method: str
    headers: dict[str, str]
    token: str | None
    dialect: Dialect
    seconds: float

    def __repr__(self) -> str:
        return f"<Asking {self.method}>"


class Probe:
    """The response to one request.

    Attributes:
        wire: the reader of its raw bytes.
        events: the first `KEPT_EVENTS` events; `count` is the number of all.
        body: the start of the body, decompressed.
        end: ``"whole"``, ``"cut"``, ``"timeout"`` or ``"stopped"``; ``None`` without a response.
        error: the exception that the client raised.
        chunk_ends: for each chunk, whether an event ends with it.
        held: the time in seconds and the number of bytes of each read.
    """

    def __init__(self, accept_encoding: str, mask: Mask) -> None:
        self.accept_encoding = accept_encoding
        self.mask = mask
        self.wire = WireReader()
        self.events: list[Event] = []
        self.count = 0
        self.body = b""
        self.end: str | None = None
        self.error: BaseException | None = None
        self.chunk_ends: list[bool] = []
        self.started = now()
        self.end_s = 0.0
        self._length = 0
        self._parser: Any = None
        self._dialect: Dialect | None = None
        self.framing = "sse"

    # The interface of a tap ----------------------------------------------------------------

    def __call__(self, data: bytes, at: float) -> None:
        """Ignore the bytes, because `on_wire` already had them."""

    def on_wire(self, data: bytes, at: float) -> None:
        """Take the bytes of one read."""
        for piece in self.wire.feed(data, at):
            self._take(piece)

    def on_end(self, end: str) -> None:
        """Note how the body ended."""
        self.end = end

    # The request ----------------------------------------------------------------------------

    def ask(self, asking: Asking) -> None:
        """Send the request and read its response, within the seconds given."""
        self._dialect = asking.dialect
        limit = asking.seconds
        headers = {
            name: value
            for name, value in asking.headers.items()
            if name.lower() != "accept-encoding"
        }
        transport = Transport(
            token=asking.token,
            headers=headers | {"Accept-Encoding": self.accept_encoding},
            timeout=Timeout(
                connect=min(10.0, limit), first_event=limit, idle=limit, total=limit, progress=None
            ),
            retry=Retry(attempts=1),
            tap=self,
        )
        request = Request(asking.url, asking.body, asking.dialect, Cancel(), method=asking.method)
        self.started = now()
        try:
            exchange = transport.open(request)
            try:
                while exchange.read():
                    if self._length > self._enough:
                        self.end = "stopped"
                        break
            finally:
                exchange.close()
        except (ChatError, Stopped) as error:
            self.error = error
        finally:
            self.end_s = now() - self.started
            transport.close()
        self._finish()

    def _take(self, piece: Piece) -> None:
        self._length += len(piece.data)
        if len(self.body) < KEPT_BYTES:
            self.body += piece.data[: KEPT_BYTES - len(self.body)]
        if self._parser is None:
            self._parser = self._new_parser()
        try:
            for event in self._parser.feed(piece.data):
                self._add(event, piece.at - self.started, piece.read, piece.chunk)
        except (ChatError, RuntimeError):
            # One event without an end: the findings come from the body.
            return
        if piece.ends:
            self.chunk_ends.append(not self._parser.pending)

    @property
    def _enough(self) -> int:
        if self.count:
            return ENOUGH_BYTES
        begun = self.body.startswith((b"data", b"event", b"id"))
        return ENOUGH_OF_AN_EVENT if begun else ENOUGH_WITHOUT_EVENTS

    def _new_parser(self) -> Any:
        assert self._dialect is not None
        dialect = self._dialect.for_response(self.content_type, self.wire.fields, b"")
        self.framing = dialect.framing(self.content_type)
        if "json" in self.framing and self.framing != "ndjson":
            # It also reads data outside events, which is a fault to find here.
            self.framing = "sse"
        return parser_for(self.framing, dataless=dialect.dataless)

    def _finish(self) -> None:
        if self._parser is not None and self.end == "whole":
            last = len(self.wire.reads) - 1
            at = self.wire.reads[-1][0] - self.started if self.wire.reads else self.end_s
            for event in self._parser.finish():
                self._add(event, at, last, len(self.wire.chunks) - 1)

    def _add(self, event: ServerSentEvent, at: float, read: int, chunk: int) -> None:
        self.count += 1
        if len(self.events) < KEPT_EVENTS:
            self.events.append(Event(at, read, chunk, event))

    # Facts ----------------------------------------------------------------------------------

    @property
    def content_type(self) -> str:
        """The media type, in lower case."""
        named = self.wire.fields.get("content-type", "")
        return named.split(";")[0].split(",")[0].strip().lower()

    @property
    def pending(self) -> bool:
        """Whether the body ended inside an event."""
        return self._parser is not None and bool(self._parser.pending)

    @property
    def went_on(self) -> bool:
        """Whether the stream was not over when the probe ended."""
        return self.end == "stopped" or isinstance(self.error, ChatTimeout)

    @property
    def times(self) -> list[float]:
        """The time of each event, in seconds since the request."""
        return [event.at for event in self.events]

    @property
    def gaps(self) -> list[float]:
        """The seconds between the events."""
        times = self.times
        return [after - before for before, after in itertools.pairwise(times)]

    @property
    def first_byte_s(self) -> float | None:
        """The time of the first byte of the body, in seconds since the request."""
        return self.wire.reads[0][0] - self.started if self.wire.reads else None

    @property
    def headers_s(self) -> float | None:
        """The time of the complete head, in seconds since the request."""
        return None if self.wire.head_at is None else self.wire.head_at - self.started

    def per_read(self) -> list[int]:
        """The number of events that each read completed."""
        counts = [0] * len(self.wire.reads)
        for event in self.events:
            counts[event.read] += 1
        return counts

    def to_dict(self, kind: str | None) -> dict[str, Any]:
        """Return the probe as JSON values, secrets masked."""
        gaps = sorted(self.gaps)
        shares = {"p50": 0.5, "p99": 0.99, "max": 1.0}
        counts = self.per_read()
        headers = self.mask.headers(self.wire.fields.items())
        return {
            "accept_encoding": self.accept_encoding,
            "status": self.wire.status,
            "http_version": self.wire.version,
            "headers": dict(headers),
            "headers_s": _rounded(self.headers_s),
            "first_byte_s": _rounded(self.first_byte_s),
            "end_s": _rounded(self.end_s),
            "framing": self.wire.framing if self.wire.status is not None else None,
            "content_encoding": self.wire.coding,
            "reads": [
                [_rounded(at - self.started), size, events]
                for (at, size), events in zip(self.wire.reads, counts, strict=True)
            ],
            "events": self.count,
            "gaps_s": {name: _rounded(quantile(gaps, share)) for name, share in shares.items()},
            "class": kind,
        }


def quantile(ordered: list[float], share: float) -> float | None:
    """Return the value below which this share of the values lies; ``None`` without values."""
    if not ordered:
        return None
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)
