"""`Watch`: the events of one response, each with its time, size and read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from chatsdk.dialects import Dialect
from chatsdk.errors import ChatError, NotAStreamError
from chatsdk.framing import parser_for
from chatsdk.sse import ServerSentEvent
from chatsdk.transport.report_redaction import Mask
from chatsdk.transport.tap import ResponseHead

__all__ = ["Row", "Watch", "only_not_understood", "quantile", "rounded"]

_BLANK = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_LINE_END = re.compile(rb"\r\n|\n|\r")
_NEWLINE = re.compile(rb"\n")

# A third of the time of calling the class.
_new_row = tuple.__new__


class Row(NamedTuple):
    """One event.

    Attributes:
        at, gap: seconds since the request, and since the previous event.
        bytes: size of its frame, including its blank line.
        read: the number of the read that completed it, from 1.
    """

    number: int
    event: str
    id: str | None
    data: str
    at: float
    gap: float
    bytes: int
    read: int


class Watch:
    """A tap that reports each event as it arrives.

    Args:
        dialect: the backend's dialect, which determines the framing.
        tell: called with the rows of each read.
        raw: called with the seconds and the bytes of each read, secrets masked.
    """

    def __init__(
        self,
        dialect: Dialect,
        tell: Callable[[list[Row]], object],
        raw: Callable[[float, bytes], object] | None = None,
    ) -> None:
        self._dialect = dialect
        self._tell = tell
        self._raw = raw
        self.mask = Mask()
        self._body_mask = self.mask.stream()
        self._parser: Any = parser_for("sse", dataless=dialect.dataless)
        self._break = _BLANK
        # Whether blank lines end the events, and nothing else does.
        self._blocks = True
        self.head: ResponseHead | None = None
        self._started = 0.0
        self._open = 0
        self._last = 0.0
        self.reads: list[tuple[float, int]] = []
        self.events = 0
        self.bytes = 0
        self.gaps: list[float] = []
        self.first: float | None = None
        self.end: str | None = None
        self.end_at = 0.0

    def on_head(self, head: ResponseHead) -> None:
        """Choose the framing by the head of the response."""
        self.head = head
        self._started = head.started
        self.mask.add_request(head.url, head.request_headers, head.request_body)
        self._body_mask = self.mask.stream()
        fields = {name.lower(): value for name, value in head.headers}
        kind = fields.get("content-type", "").split(";")[0].split(",")[0].strip().lower()
        framing = self._dialect.for_response(kind, fields, b"").framing(kind)
        self._blocks = framing == "sse"
        if framing in ("ndjson", "lines"):
            self._break = _NEWLINE
        self._parser = parser_for(framing, dataless=self._dialect.dataless)

    def __call__(self, data: bytes, at: float) -> None:
        seconds = at - self._started
        self.reads.append((seconds, len(data)))
        self.bytes += len(data)
        if self._raw is not None:
            for piece, moment in self._body_mask.feed(data, at):
                self._raw(moment - self._started, piece)
        self._report(*self._cut(data), seconds)

    def on_end(self, end: str) -> None:
        """Record how the body ended, and report the event that this end completes."""
        from chatsdk.transport.clock import now

        self.end, self.end_at = end, now() - self._started
        if self._raw is not None:
            for piece, moment in self._body_mask.finish():
                self._raw(moment - self._started, piece)
        if end == "whole":
            last = list(self._parser.finish())
            at = self.reads[-1][0] if self.reads else 0.0
            self._report(last, [self._open] * len(last), at)

    def totals(self) -> dict[str, Any]:
        """Return the totals, as ``--json`` prints them."""
        head = self.head
        gaps = sorted(self.gaps)
        shares = {"p50": 0.5, "p99": 0.99, "max": 1.0}
        return {
            "events": self.events,
            "reads": len(self.reads),
            "bytes": self.bytes,
            "headers_s": None if head is None else rounded(head.at - head.started),
            "first_event_s": None if self.first is None else rounded(self.first),
            "end_s": rounded(self.end_at),
            "gaps_s": {name: rounded(quantile(gaps, share)) for name, share in shares.items()},
            "end": self.end,
        }

    def _cut(self, data: bytes) -> tuple[list[ServerSentEvent], list[int]]:
        """Return the events that these bytes complete, and the sizes of their frames in bytes."""
        if not self._blocks or b"\r" in data:
            return self._cut_each(data)
        events: list[ServerSentEvent] = []
        sizes: list[int] = []
        if self._open:
            # The block that an earlier read began comes alone.
            end = data.find(b"\n\n") + 2
            if end < 2:
                return self._cut_each(data)
            events, sizes = self._cut_each(data[:end])
            data = data[end:]
        blocks = data.split(b"\n\n")
        rest = len(blocks.pop())
        if self._open or not all(map(_has_data, blocks)):
            more, their_sizes = self._cut_each(data)
            return events + more, sizes + their_sizes
        # Each block is an event, so the parser may take them together.
        self._open = rest
        events += self._parser.feed(data)
        sizes += [len(block) + 2 for block in blocks]
        return events, sizes

    def _cut_each(self, data: bytes) -> tuple[list[ServerSentEvent], list[int]]:
        """As `_cut`, with a call of the parser for each block."""
        events: list[ServerSentEvent] = []
        sizes: list[int] = []
        for piece in self._pieces(data):
            self._open += len(piece)
            for event in self._parser.feed(piece):
                events.append(event)
                sizes.append(self._open)
                self._open = 0
        return events, sizes

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        """Yield the bytes in pieces, each of which completes one block at most."""
        start = 0
        while self._open and (line_end := _LINE_END.match(data, start)) is not None:
            # Line ends may complete the block of the last read.
            yield data[start : line_end.end()]
            start = line_end.end()
        for found in self._break.finditer(data, start):
            yield data[start : found.end()]
            start = found.end()
        if start < len(data):
            yield data[start:]

    def _report(self, events: list[ServerSentEvent], sizes: list[int], at: float) -> None:
        """Report the events of one read."""
        if not events:
            return
        text, read, number = self.mask.text, len(self.reads), self.events
        joined = "\n".join([event.data for event in events])
        # Searched together, because data with a secret is rare.
        if text(joined) != joined:
            events = [event._replace(data=text(event.data)) for event in events]
        gap = at - self._last
        if self.first is None:
            self.first = at
        else:
            self.gaps.append(gap)
        rows: list[Row] = []
        before = name = "message"
        for (kind, data, id, _), size in zip(events, sizes, strict=True):
            if rows:
                gap = 0.0
                self.gaps.append(gap)
            number += 1
            if kind != before:
                before, name = kind, text(kind)
            known = text(id) if id else None
            rows.append(_new_row(Row, (number, name, known, data, at, gap, size, read)))
        self.events, self._last = number, at
        self._tell(rows)


def _has_data(block: bytes) -> bool:
    """Whether a block has a line of data, so that it is an event."""
    return block[:5] == b"data:" or b"\ndata:" in block


def only_not_understood(error: ChatError) -> bool:
    """Whether the only error is that the events of a stream match no dialect."""
    return isinstance(error, NotAStreamError) and "the events" in str(error)


def quantile(ordered: list[float], share: float) -> float | None:
    """Return the value below which this share of them lies; ``None`` for an empty list."""
    if not ordered:
        return None
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)
