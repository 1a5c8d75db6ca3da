"""The contents of floods and bombs, generated while they are sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import attrs

from chatsdk.testing.server_exchange import Exchange
from chatsdk.testing.steps import Step

__all__ = ["BOMB_BYTES", "Flood", "FloodHead", "FloodKind", "sample_events"]

FloodKind = Literal["events", "comments", "line", "head", "continue"]

# Bytes to send, or to encode, at once. A bomb needs large pieces for its full ratio.
FLOOD_PIECE_BYTES = 65_536
BOMB_PIECE_BYTES = 1_048_576

# Default size of a decoded bomb, in bytes: more than a client should ever hold, and still encoded
# in a fraction of a second.
BOMB_BYTES = 104_857_600

_UNITS: dict[FloodKind, bytes] = {
    "events": b"data: " + b"x" * 56 + b"\n\n",
    "comments": b": " + b"x" * 61 + b"\n",
    "line": b"x" * 64,
    "head": b"X-Flood: " + b"x" * 53 + b"\r\n",
    "continue": b"HTTP/1.1 100 Continue\r\n\r\n",
}


def sample_events(size: int) -> bytes:
    """Return an event stream of at least `size` bytes: `data: event 1`, `data: event 2`, ..."""
    body = bytearray()
    number = 0
    while len(body) < size:
        number += 1
        body += b"data: event %d\n\n" % number
    return bytes(body)


def _check_kind(instance: object, attribute: object, kind: str) -> None:
    if kind not in _UNITS:
        raise ValueError(f"no flood of {kind!r}; there are {', '.join(_UNITS)}")


@attrs.frozen
class Flood(Step):
    """Send one kind of flood until `size` bytes are sent, in units of about 64 bytes.

    With an `interval` (seconds), one unit at a time, else as fast as the client reads.
    """

    kind: FloodKind = attrs.field(validator=_check_kind)
    size: int
    interval: float = 0.0

    def perform(self, exchange: Exchange) -> None:
        send = exchange.send_raw if self.kind in ("head", "continue") else exchange.send
        if self.kind == "line":
            send(b"data: ")
        # Compression shrinks a piece, so it may be larger.
        piece_bytes = FLOOD_PIECE_BYTES if exchange.head.encoding is None else BOMB_PIECE_BYTES
        for piece in self._pieces(piece_bytes):
            send(piece)
            if self.interval:
                exchange.connection.wait(self.interval)

    def _pieces(self, piece_bytes: int) -> Iterator[bytes]:
        unit = _UNITS[self.kind]
        left = -(-self.size // len(unit))
        at_once = 1 if self.interval else piece_bytes // len(unit)
        piece = unit * at_once
        while left > at_once:
            yield piece
            left -= at_once
        yield unit * left


@attrs.frozen
class FloodHead(Step):
    """Send the head with `size` bytes of extra header lines before its own."""

    size: int
    interval: float = 0.0

    def perform(self, exchange: Exchange) -> None:
        status_line, _, rest = exchange.take_head().partition(b"\r\n")
        exchange.send_raw(status_line + b"\r\n")
        Flood("head", self.size, self.interval).perform(exchange)
        exchange.send_raw(rest)
