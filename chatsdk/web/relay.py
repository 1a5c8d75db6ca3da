"""`relay`: passes a stream on to a browser, in the browser's dialect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from chatsdk.dialects import Dialect
from chatsdk.parts import Part
from chatsdk.web.frames import Stream, Wording, parts_of, writable
from chatsdk.web.pump import Pump

__all__ = ["HEARTBEAT_SECONDS", "Relay", "relay", "stream_headers"]

# Seconds of silence before a line without effect is sent. Proxies close connections that are silent
# for 30 to 60 s.
HEARTBEAT_SECONDS = 15.0


def relay(
    stream: Stream | Callable[[], Stream],
    *,
    dialect: str | Dialect = "openai",
    heartbeat: float = HEARTBEAT_SECONDS,
) -> Relay:
    """Pass a stream on to a browser.

    Args:
        stream: an `chatsdk.AnswerStream` or `chatsdk.TurnStream`, or a function that returns one;
            it is called at once, so a backend that refuses raises here.
        dialect: the browser's dialect, any that chatsdk can encode.
        heartbeat: seconds of silence after which a heartbeat is sent.

    Raises:
        ValueError: chatsdk cannot encode the dialect, or `heartbeat` is not positive.
        ChatError: raised by the given function.
    """
    return Relay(stream, dialect=dialect, heartbeat=heartbeat)


def stream_headers(dialect: Dialect) -> list[tuple[str, str]]:
    """Return the header fields of a streamed answer that keep proxies from buffering it."""
    return [
        *dialect.stream_headers(),
        ("Cache-Control", "no-cache, no-transform"),
        ("X-Accel-Buffering", "no"),
    ]


class Relay:
    """An iterable of bytes with a ``close``, as WSGI servers take it.

    The stream is read on a background thread, which starts when the first frame is requested.
    Closing or dropping the relay closes the stream and its connection.

    Attributes:
        headers: the header fields of the response, pairs of name and value.
        stream: the stream that is passed on.
    """

    def __init__(
        self,
        stream: Stream | Callable[[], Stream],
        *,
        dialect: str | Dialect = "openai",
        heartbeat: float = HEARTBEAT_SECONDS,
        id: str | None = None,
        model: str | None = None,
        parts: Callable[[Any], Iterable[Part]] = parts_of,
    ) -> None:
        self._pump: Pump | None = None
        if not heartbeat > 0:
            raise ValueError(f"heartbeat is a positive number of seconds, not {heartbeat!r}")
        found = writable(dialect)
        self.headers = stream_headers(found)
        self.stream: Any = stream() if callable(stream) else stream
        self._heartbeat = heartbeat
        self._wording = Wording(found, id=id, model=model or _model(self.stream))
        self._pump = Pump(
            self._wording.counted(parts(self.stream)),
            self.stream.stop,
            self.stream.close,
            on_wait=getattr(self.stream, "on_wait", None),
        )

    @property
    def heartbeat(self) -> float:
        """Seconds of silence after which a heartbeat is sent."""
        return self._heartbeat

    @property
    def heartbeat_frame(self) -> bytes:
        """The line that is sent as a heartbeat."""
        return self._wording.heartbeat

    @property
    def pump(self) -> Pump:
        """The source of the frames, for servers with an event loop."""
        assert self._pump is not None
        self._pump.start()
        return self._pump

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        data = self.pump.take(self._heartbeat)
        if data is None:
            raise StopIteration
        return data or self.heartbeat_frame

    def close(self) -> None:
        """End the answer and close the connection to the backend. Calling it twice is harmless."""
        pump = self._pump
        if pump is not None:
            pump.close()

    def __enter__(self) -> Relay:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()


def _model(stream: Any) -> str:
    """The requested model, in case the backend does not name its model."""
    body = getattr(stream, "body", None)
    model = body.get("model") if isinstance(body, dict) else None
    return model if isinstance(model, str) and model else "chat"
