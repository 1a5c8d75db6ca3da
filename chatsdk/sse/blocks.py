"""Turns complete blocks of an event stream into events, lazily.

`chatsdk.sse.fields` interprets the fields of a block. The two commonest shapes of a block have
faster paths here, with the same result.
"""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING

from chatsdk.sse.fields import FieldReader, ServerSentEvent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["BlockReader"]

# The start of the commonest lines, and the text between two events of one data line.
DATA = "data: "
EVENT = "event: "
BETWEEN_DATA = "\n\ndata: "

# Twice as fast as calling the class, and called once per event.
_new_event = tuple.__new__


class BlockReader:
    """Reads the blocks of one stream, carrying the id and retry time from block to block.

    Args:
        dataless: also yield blocks that name an event and have no data line, with ``data=""``.

    Attributes:
        errors: the errors outside of events, see `EventParser`.
    """

    def __init__(self, *, dataless: bool) -> None:
        self._dataless = dataless
        self._fields = FieldReader()
        self.errors = self._fields.errors
        self._last_id = ""
        # The retry time from a block without data, held for the next event.
        self._retry: int | None = None

    def read(self, text: str) -> Iterable[ServerSentEvent]:
        """Return the events of complete blocks with their blank lines; all line ends are LF."""
        if self._retry is not None:
            pass
        elif text.startswith(DATA):
            lines = text[len(DATA) : -2].split(BETWEEN_DATA)
            if text.count("\n") == 2 * len(lines):
                # Only events of one data line each, the commonest case.
                return map(
                    _new_event,
                    repeat(ServerSentEvent),
                    zip(repeat("message"), lines, repeat(self._last_id), repeat(None)),
                )
        elif text.startswith(EVENT):
            lines = text.split("\n")
            if len(lines) % 3 == 1 and not any(lines[2::3]):
                # Blocks of two lines, each followed by a blank one.
                return self._named(lines)
        return self.read_each(text.split("\n\n"))

    def _named(self, lines: list[str]) -> Iterator[ServerSentEvent]:
        """Read blocks of two lines each, usually a name and data."""
        plain = True
        for first, second in zip(lines[0:-1:3], lines[1::3], strict=True):
            if plain and second[:6] == DATA and first[:7] == EVENT:
                name = first[7:] or "message"
                yield _new_event(ServerSentEvent, (name, second[6:], self._last_id, None))
            else:
                event = self._interpret(f"{first}\n{second}")
                plain = self._retry is None
                if event is not None:
                    yield event

    def read_each(self, blocks: Iterable[str]) -> Iterator[ServerSentEvent]:
        """Yield the events of complete blocks without their blank lines."""
        plain = self._retry is None
        for block in blocks:
            first, _, rest = block.partition("\n")
            if plain and rest[:6] == DATA and first[:7] == EVENT and "\n" not in rest:
                name = first[7:] or "message"
                yield _new_event(ServerSentEvent, (name, rest[6:], self._last_id, None))
            elif plain and not rest and first[:6] == DATA:
                yield _new_event(ServerSentEvent, ("message", first[6:], self._last_id, None))
            elif block:
                event = self._interpret(block)
                plain = self._retry is None
                if event is not None:
                    yield event

    def _interpret(self, block: str) -> ServerSentEvent | None:
        """Read one complete block; ``None`` if the standard dispatches nothing."""
        if self._retry is not None:
            return self._with_retry(block, self._retry)
        first, _, rest = block.partition("\n")
        if first[:6] == "event:" and rest[:5] == "data:" and "\n" not in rest:
            name = first[6:].removeprefix(" ") or "message"
            data = rest[5:].removeprefix(" ")
            return _new_event(ServerSentEvent, (name, data, self._last_id, None))
        if first[:5] == "data:" and not rest:
            data = first[5:].removeprefix(" ")
            return _new_event(ServerSentEvent, ("message", data, self._last_id, None))
        event, has_data, has_name = self._fields.read(block, self._last_id)
        self._last_id = event.id
        if has_data or (has_name and self._dataless):
            return event
        self._retry = event.retry
        return None

    def _with_retry(self, block: str, retry: int) -> ServerSentEvent | None:
        """As `_interpret`, after blocks without data that set the reconnection time."""
        self._retry = None
        event = self._interpret(block)
        if event is not None:
            return event if event.retry is not None else event._replace(retry=retry)
        if self._retry is None:
            self._retry = retry
        return None
