"""The steps of a scripted response."""

from __future__ import annotations

import abc
import threading
from collections.abc import Callable

import attrs

from chatsdk.testing.server_exchange import Exchange
from chatsdk.testing.waker import LOOK_AGAIN_SECONDS

__all__ = [
    "Cut",
    "Drip",
    "Finish",
    "Hang",
    "Pause",
    "Send",
    "SendHead",
    "SendRaw",
    "Step",
    "Wait",
    "to_bytes",
]


def to_bytes(data: bytes | str) -> bytes:
    """Return text as UTF-8, and bytes unchanged."""
    return data.encode() if isinstance(data, str) else data


class Step(abc.ABC):
    """One action while a request is answered."""

    @abc.abstractmethod
    def perform(self, exchange: Exchange) -> None:
        """Do it; ConnectionEnded passes through."""


@attrs.frozen
class Send(Step):
    """Send a piece of the body: one chunk, if the body is chunked."""

    data: bytes = attrs.field(converter=to_bytes)

    def perform(self, exchange: Exchange) -> None:
        exchange.send(self.data)


@attrs.frozen
class SendRaw(Step):
    """Send bytes unchanged, without head, framing or content coding."""

    data: bytes = attrs.field(converter=to_bytes)

    def perform(self, exchange: Exchange) -> None:
        exchange.send_raw(self.data)


@attrs.frozen
class SendHead(Step):
    """Send status line and headers now; with `drip`, a byte each `drip` seconds."""

    drip: float | None = None

    def perform(self, exchange: Exchange) -> None:
        if self.drip is None:
            exchange.send_head()
        else:
            _drip(exchange, exchange.send_raw, exchange.take_head(), self.drip)


@attrs.frozen
class Drip(Step):
    """Send a piece of the body one byte at a time, `interval` seconds apart.

    With `raw`, the bytes are sent unchanged, else each is a separate piece of the body.
    """

    data: bytes = attrs.field(converter=to_bytes)
    interval: float = 0.0
    raw: bool = False

    def perform(self, exchange: Exchange) -> None:
        send = exchange.send_raw if self.raw else exchange.send
        _drip(exchange, send, self.data, self.interval)


@attrs.frozen
class Pause(Step):
    """Wait for `seconds`; ends at once when the client goes or the server closes."""

    seconds: float

    def perform(self, exchange: Exchange) -> None:
        exchange.connection.wait(self.seconds)


@attrs.frozen
class Wait(Step):
    """Wait until a `threading.Event` is set; also ends when the client goes."""

    event: threading.Event

    def perform(self, exchange: Exchange) -> None:
        # A thread cannot wait for an event and a socket at the same time.
        while not self.event.wait(LOOK_AGAIN_SECONDS):
            exchange.connection.wait(0)


@attrs.frozen
class Finish(Step):
    """End the body properly."""

    def perform(self, exchange: Exchange) -> None:
        exchange.finish()


@attrs.frozen
class Cut(Step):
    """End the connection inside the body: with a FIN, or with an RST if `reset`.

    Under TLS no close_notify is sent, unless `close_notify` is true.
    """

    reset: bool = False
    close_notify: bool = False

    def perform(self, exchange: Exchange) -> None:
        exchange.cut(reset=self.reset, close_notify=self.close_notify)


@attrs.frozen
class Hang(Step):
    """Send nothing more, until the client goes or the server closes."""

    def perform(self, exchange: Exchange) -> None:
        exchange.connection.wait_for_end()


def _drip(exchange: Exchange, send: Callable[[bytes], None], data: bytes, interval: float) -> None:
    for at in range(len(data)):
        send(data[at : at + 1])
        exchange.connection.wait(interval)
