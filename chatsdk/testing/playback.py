"""`replay`: a server that plays a recording, to every request at any path."""

from __future__ import annotations

import os
import time

from chatsdk.recording import Recording, load
from chatsdk.testing.request import RecordedRequest
from chatsdk.testing.response import Response
from chatsdk.testing.server import ChatServer
from chatsdk.testing.server_exchange import Exchange, Head

__all__ = ["Playback", "replay"]

# Header fields of the recorded connection itself, and codings that are already decoded.
NOT_PLAYED = {
    "connection",
    "content-encoding",
    "content-length",
    "keep-alive",
    "transfer-encoding",
    "trailer",
    "upgrade",
}


class Playback(Response):
    """Plays a recording: its status and headers, a chunk for each read, and its end.

    Args:
        recording: from `chatsdk.recording.load`.
        speed: 0 sends everything at once, 1 at the recorded times, 10 ten times as fast.
    """

    def __init__(self, recording: Recording, *, speed: float = 0.0) -> None:
        fields = [pair for pair in recording.headers if pair[0].lower() not in NOT_PLAYED]
        super().__init__(Head(status=recording.status, headers=fields, content_type=None))
        self._recording = recording
        self._speed = checked_speed(speed)

    def play(self, exchange: Exchange) -> None:
        """Send the reads, each at its time, and end as the recording ends."""
        started = time.monotonic()
        recording = self._recording
        # A backend that sent its head late does so here too.
        for at, data in recording.reads:
            if self._speed:
                left = started + at / self._speed - time.monotonic()
                if left > 0:
                    exchange.connection.wait(left)
            if data:
                exchange.send(data)
        exchange.send_head()
        if recording.end == "whole":
            exchange.finish()
        elif recording.end == "timeout":
            exchange.connection.wait_for_end()
        else:
            exchange.cut()


def replay(
    path: str | os.PathLike[str], speed: float = 0, *, host: str = "127.0.0.1", port: int = 0
) -> ChatServer:
    """Return a server that plays the recording at `path`.

    Args:
        path: as for `chatsdk.recording.load`.
        speed: 0 plays at once, 1 at the recorded speed, 10 ten times as fast.
        host, port: where to listen; port 0 takes a free one.

    Raises:
        OSError: the file cannot be read, or the port is taken.
        ValueError: it is not a recording, or the speed is below 0.
    """
    recording = load(path)
    checked_speed(speed)

    def play(request: RecordedRequest) -> Response:
        return Playback(recording, speed=speed)

    return ChatServer(play, host=host, port=port)


def checked_speed(speed: float) -> float:
    if not 0 <= speed < float("inf"):
        raise ValueError(f"the speed is 0 (at once) or more, not {speed!r}")
    return speed
