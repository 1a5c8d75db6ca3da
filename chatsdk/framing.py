"""The framings, by name: each cuts a response's body into events."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from typing import Protocol

from chatsdk.json_values import TellingParser
from chatsdk.ndjson import MAX_EVENT_BYTES, LineParser
from chatsdk.sse import EventParser, ServerSentEvent

__all__ = ["CONTENT_TYPES", "UNFINISHED", "Parser", "TextParser", "parser_for"]


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


class TextParser:
    """Makes an event of each chunk of plain text; a truncated character waits for its other bytes.

    Invalid bytes become U+FFFD, and a byte order mark at the beginning is left out.
    """

    errors: tuple[str, ...] = ()

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._first = True

    @property
    def pending(self) -> bool:
        """Always false: nothing shows that more words were to come."""
        return False

    def feed(self, chunk: bytes) -> Iterator[ServerSentEvent]:
        """Yield the text of one piece."""
        return self._events(self._decoder.decode(chunk))

    def finish(self) -> Iterator[ServerSentEvent]:
        """Yield U+FFFD for a character of which bytes are missing."""
        return self._events(self._decoder.decode(b"", final=True))

    def _events(self, text: str) -> Iterator[ServerSentEvent]:
        if text and self._first:
            self._first = False
            text = text.removeprefix("\ufeff")
        if text:
            yield ServerSentEvent(data=text)


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
    if framing == "amazon":
        # Rare, so it is loaded only if it is needed.
        from chatsdk.amazon_frames import FrameParser

        return FrameParser(max_event_bytes=max_event_bytes)
    return TextParser()
