"""`relay`: a stream passed on to a browser, in the dialect that the browser speaks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from chatsdk.dialects import Dialect
from chatsdk.parts import Part
from chatsdk.web.frames import Stream, Wording, parts_of, writable
from chatsdk.web.pump import Pump

__all__ = ["HEARTBEAT_SECONDS", "Relay", "relay", "stream_headers"]

# Seconds of silence after which a line goes out that changes nothing. Proxies close connections
# that are silent for 30 to 60 s.
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
        dialect: what the browser speaks, any dialect that chatsdk can write.
        heartbeat: seconds of silence after which a heartbeat is sent.

    Raises:
        ValueError: chatsdk cannot write the dialect, or `heartbeat` is not positive.
        ChatError: the function that was given raised it.
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

    The stream is read on a thread of its own, which begins with the first frame that is asked
    for. Closing or dropping the relay closes the stream and its connection.

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
            _frames(parts(self.stream), self._wording), self.stream.stop, self.stream.close
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
        """Where the frames come from; for servers that wait in an event loop."""
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
        """End the answer and close the connection to the backend. Twice is harmless."""
        pump = self._pump
        if pump is not None:
            pump.close()

    def __enter__(self) -> Relay:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()


def _frames(parts: Iterable[Part], wording: Wording) -> Iterator[bytes]:
    for number, frame in enumerate(wording.frames(parts), 1):
        yield wording.numbered(frame, str(number))


def _model(stream: Any) -> str:
    """The model that was asked for, in case the backend does not name it."""
    body = getattr(stream, "body", None)
    model = body.get("model") if isinstance(body, dict) else None
    return model if isinstance(model, str) and model else "chat"
