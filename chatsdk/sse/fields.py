"""`ServerSentEvent`, and the fields of a block, which sseclient-py interprets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from sseclient import SSEClient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sseclient import Event

__all__ = ["FieldReader", "RETRY_DIGITS", "ServerSentEvent"]

# The start of a block that is a JSON error and not an event, perhaps the last item of an array.
BARE_ERROR = re.compile(r'[\s,\[]*\{\s*"error"\s*:')

# Largest number of data lines to pass to sseclient-py in one block; it joins bytes and text line
# by line, which takes quadratic time.
CLIENT_DATA_LINES = 32

# Most digits of a retry field that is a number: int() accepts that many under every setting of
# sys.set_int_max_str_digits().
RETRY_DIGITS = 640


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


class FieldReader:
    """One sseclient-py client for a complete stream, which receives one block per step.

    Fields that it reads differently from the standard are removed from the block before.

    Attributes:
        errors: the errors outside of events, see `EventParser`.
    """

    def __init__(self) -> None:
        self.errors: list[str] = []
        self._source = _BlockSource()
        self._events: Iterator[Event] | None = None

    def read(self, block: str, last_id: str) -> tuple[ServerSentEvent, bool, bool]:
        """Return the event of a block, whether it has a data line, and whether it has a name.

        Args:
            block: lines separated by LF.
            last_id: the last event id before this block.
        """
        data: list[str] = []
        # For the other fields, the last valid value counts.
        others: dict[str, str] = {}
        for line in block.split("\n"):
            name, _, value = line.partition(":")
            if name == "data":
                data.append(value)
            elif name == "error":
                self._note_error(value)
            elif name == "event" or (name in ("id", "retry") and _counts(name, value)):
                others[name] = value
        if not data and not others:
            if BARE_ERROR.match(block):
                self._note_error(block)
            return ServerSentEvent(id=last_id), False, False
        lines = [f"{name}:{value}" for name, value in others.items()]
        if 0 < len(data) <= CLIENT_DATA_LINES:
            lines += [f"data:{value}" for value in data]
        else:
            # The client drops a block without data, and its id with it.
            lines.append("data")
        self._source.block = "\n".join([*lines, "\n"]).encode()
        if self._events is None:
            self._events = SSEClient(self._source).events()
        read = next(self._events)
        text = read.data
        if len(data) > CLIENT_DATA_LINES:
            text = "\n".join([value.removeprefix(" ") for value in data])
        event = ServerSentEvent(
            read.event,
            text,
            last_id if read.id is None else read.id,
            None if read.retry is None else int(read.retry),
        )
        return event, bool(data), others.get("event", "") not in ("", " ")

    def _note_error(self, text: str) -> None:
        if not self.errors and text.strip():
            self.errors.append(text.strip())


class _BlockSource:
    """The byte stream that a client reads from: always the block set last."""

    block = b""

    def __iter__(self) -> _BlockSource:
        return self

    def __next__(self) -> bytes:
        return self.block


def _counts(name: str, value: str) -> bool:
    if name == "id":
        return "\0" not in value
    digits = value.removeprefix(" ")
    return digits.isascii() and digits.isdigit() and len(digits) <= RETRY_DIGITS
