"""`ServerSentEvent`: one event of a stream."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["ServerSentEvent"]


class ServerSentEvent(NamedTuple):
    """One event of a stream.

    Attributes:
        event: its type; ``"message"`` by default.
        data: its data lines, joined with LF.
        id: the last event id as of this event, carried over from earlier blocks, with or without
            data; ``""`` if there was none.
        retry: the latest reconnection time in milliseconds set since the previous event, in this
            event's own block or in blocks without data; ``None`` if none was set.
    """

    event: str = "message"
    data: str = ""
    id: str = ""
    retry: int | None = None
