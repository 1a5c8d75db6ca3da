"""The framings: what cuts a response's body into events, by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from chatsdk.json_values import TellingParser
from chatsdk.ndjson import MAX_EVENT_BYTES, LineParser
from chatsdk.sse import EventParser, ServerSentEvent

__all__ = ["CONTENT_TYPES", "UNFINISHED", "Parser", "parser_for"]


class Parser(Protocol):
    """Cuts one body into events, wherever the network cut its bytes."""

    @property
    def pending(self) -> bool:
        """Whether an event was begun and is not finished."""

    @property
    def errors(self) -> Sequence[str]:
        """The values of fields named ``error``, outside the standard."""

    def feed(self, chunk: bytes) -> Iterator[ServerSentEvent]:
        """Yield the events that `chunk` completes."""

    def finish(self) -> Iterator[ServerSentEvent]:
        """Yield what only the end of the body completes."""


# The content type that a body in each framing has where the backend has none of its own.
CONTENT_TYPES = {
    "sse": "text/event-stream",
    "sse_or_json": "text/event-stream",
    "ndjson": "application/x-ndjson",
    "lines": "text/plain; charset=utf-8",
    "json": "text/event-stream",
    "amazon": "application/vnd.amazon.eventstream",
    "text": "text/plain; charset=utf-8",
}

# What a body that was cut ended inside of.
UNFINISHED = {
    "sse": "an event: after its last line a blank line is missing",
    "sse_or_json": "an event: after its last line a blank line is missing",
    "ndjson": "a line",
    "lines": "a line",
    "json": "a JSON value",
    "amazon": "a frame",
    "text": "a character",
}


def parser_for(
    framing: str, *, max_event_bytes: int = MAX_EVENT_BYTES, dataless: bool = False
) -> Parser:
    """Return a fresh parser for one body.

    Args:
        framing: a name, as `Dialect.framing` gives it.
        max_event_bytes: the most bytes in one event.
        dataless: whether an event stream's blocks without data count as events.
    """
    if framing == "sse":
        return EventParser(max_event_bytes=max_event_bytes, dataless=dataless)
    if framing in ("ndjson", "lines"):
        return LineParser(max_event_bytes=max_event_bytes)
    if framing in ("json", "sse_or_json"):
        # In place of an event stream, Langflow's events alone are taken for JSON values.
        key = "event" if framing == "sse_or_json" else None
        return TellingParser(max_event_bytes=max_event_bytes, dataless=dataless, first_key=key)
    # The others are rare, and loaded where they are wanted.
    if framing == "amazon":
        from chatsdk.amazon_frames import FrameParser

        return FrameParser(max_event_bytes=max_event_bytes)
    from chatsdk.plain_text import TextParser

    return TextParser()
