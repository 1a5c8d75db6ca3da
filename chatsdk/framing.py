"""The framings by name: each splits a response's body into events."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from typing import Protocol

from chatsdk.json_values import TellingParser
from chatsdk.ndjson import MAX_EVENT_BYTES, LineParser
from chatsdk.sse import EventParser, ServerSentEvent

__all__ = ["CONTENT_TYPES", "UNFINISHED", "Parser", "TextParser", "parser_for"]


class Parser(Protocol):
    """Splits one body into events, however the network splits its bytes."""

    @property
    def pending(self) -> bool:
        """Whether an event has begun and is not complete."""

    @property
    def errors(self) -> Sequence[str]:
        """The values of fields named ``error``, outside the standard."""

    def feed(self, chunk: bytes) -> Iterator[ServerSentEvent]:
        """Yield the events that `chunk` completes."""

    def finish(self) -> Iterator[ServerSentEvent]:
        """Yield the events that only the end of the body completes."""


class TextParser:
    """Makes an event of each chunk of plain text; a split character waits for its other bytes.

    Invalid bytes become U+FFFD, and a byte order mark at the beginning is left out.
    """

    errors: tuple[str, ...] = ()

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._first = True

    @property
    def pending(self) -> bool:
        """Always false, because plain text does not show whether it is complete."""
        return False

    def feed(self, chunk: bytes) -> Iterator[ServerSentEvent]:
        """Yield the text of one chunk."""
        return self._events(self._decoder.decode(chunk))

    def finish(self) -> Iterator[ServerSentEvent]:
        """Yield U+FFFD for an incomplete character."""
        return self._events(self._decoder.decode(b"", final=True))

    def _events(self, text: str) -> Iterator[ServerSentEvent]:
        if text and self._first:
            self._first = False
            text = text.removeprefix("\ufeff")
        if text:
            yield ServerSentEvent(data=text)


# The content type of each framing, if the backend does not define another one.
CONTENT_TYPES = {
    "sse": "text/event-stream",
    "sse_or_json": "text/event-stream",
    "ndjson": "application/x-ndjson",
    "lines": "text/plain; charset=utf-8",
    "json": "text/event-stream",
    "amazon": "application/vnd.amazon.eventstream",
    "text": "text/plain; charset=utf-8",
}

# The unit in which a truncated body ends, for error messages.
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
        max_event_bytes: largest event, in bytes.
        dataless: whether an event stream's blocks without data count as events.
    """
    if framing == "sse":
        return EventParser(max_event_bytes=max_event_bytes, dataless=dataless)
    if framing in ("ndjson", "lines"):
        return LineParser(max_event_bytes=max_event_bytes)
    if framing in ("json", "sse_or_json"):
        # Langflow's events alone may be JSON values instead of an event stream.
        key = "event" if framing == "sse_or_json" else None
        return TellingParser(max_event_bytes=max_event_bytes, dataless=dataless, first_key=key)
    if framing == "amazon":
        # Loaded late, because it is rare.
        from chatsdk.amazon_frames import FrameParser

        return FrameParser(max_event_bytes=max_event_bytes)
    return TextParser()
