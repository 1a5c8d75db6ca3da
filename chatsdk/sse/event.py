"""What is read and written: one event."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["ServerSentEvent"]


class ServerSentEvent(NamedTuple):
    """One event of a stream.

    Attributes:
        event: its type; ``"message"`` where the stream names none.
        data: its data lines, joined with LF.
        id: the last event id as of this event, carried on from earlier blocks, with or without
            data; ``""`` where there was none.
        retry: the reconnection time in milliseconds that was set since the event before, in this
            event's own block or in blocks without data, the newest; ``None`` where none was.
    """

    event: str = "message"
    data: str = ""
    id: str = ""
    retry: int | None = None
