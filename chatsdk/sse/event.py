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
        retry: the reconnection time in milliseconds that this event's own block asks for, or
            ``None``.
    """

    event: str = "message"
    data: str = ""
    id: str = ""
    retry: int | None = None
