"""Splits a byte stream of JSON values into events, whatever separates them.

The values may be on lines of their own, span several lines, or follow each other directly. Blank
lines or the record separator of RFC 7464 may separate them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from chatsdk.errors import LimitExceeded
from chatsdk.sse import EventParser, ServerSentEvent

__all__ = ["MAX_EVENT_BYTES", "JSONParser", "TellingParser"]

# Largest value in bytes: the same as for an event of an event stream.
MAX_EVENT_BYTES = 16 * 1024 * 1024

BOM = b"\xef\xbb\xbf"

# Separators of two values: white space, and the record separator of RFC 7464.
BETWEEN = re.compile(rb"[ \t\r\n\x1e]*")
# Bytes that change the depth of an object or array, or start a string; bytes that may end a string.
NESTING = re.compile(rb'["{}\[\]]')
IN_STRING = re.compile(rb'["\\]')

# The first byte of a stream of JSON values; a line of an event stream cannot start with it.
VALUE_STARTS = (b"{", b"[", b'"')

# Bytes that suffice to contain the first key of an object.
HEAD_BYTES = 32


class JSONParser:
    """Splits a body into JSON values, each an event of the type ``"message"``.

    An object or array ends with its bracket and is yielded at once. Other values end with their
    line. Values are not checked to be JSON. No byte is scanned twice, so the time is linear in the
    bytes.

    Args:
        max_event_bytes: maximum number of bytes in one value.
    """

    errors: tuple[str, ...] = ()

    def __init__(self, *, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max_event_bytes = max_event_bytes
        # The incomplete value, and the position up to which it was scanned.
        self._open = bytearray()
        self._at = 0
        self._depth = 0
        self._in_string = False
        # Whether the incomplete value ends with its line.
        self._line = False
        self._first = True

    @property
    def pending(self) -> bool:
        """Whether a value is incomplete."""
        return bool(self._open.strip(b" \t\r\n\x1e"))

    def feed(self, chunk: bytes) -> Iterator[ServerSentEvent]:
        """Yield the values that `chunk` completes. Exhaust it before the next call.

        Raises:
            LimitExceeded: a value is longer than ``max_event_bytes``.
        """
        self._open += chunk
        if self._first:
            if len(self._open) < len(BOM) and BOM.startswith(self._open):
                return
            self._first = False
            if self._open.startswith(BOM):
                del self._open[: len(BOM)]
        begin = self._at_start()
        while (end := self._end()) is not None:
            yield self._event(bytes(self._open[begin:end]))
            begin = self._at_start()
        del self._open[:begin]
        self._at -= begin
        self._check(len(self._open))

    def finish(self) -> Iterator[ServerSentEvent]:
        """Yield a last value that lacks only its line end; one still `pending` was truncated."""
        value = bytes(self._open).strip()
        # Only strings: a complete 12 looks the same as the start of 123.
        if not self._line or not value.startswith(b'"'):
            return
        try:
            json.loads(value)
        except ValueError:
            return
        self._open.clear()
        self._at = 0
        yield self._event(value)

    def _at_start(self) -> int:
        """Return where the current value begins; between two values, find the next one."""
        if self._depth or self._line:
            return 0
        found = BETWEEN.match(self._open, self._at)
        self._at = begin = self._at if found is None else found.end()
        return begin

    def _end(self) -> int | None:
        """Return where the current value ends, ``None`` if its end has not arrived."""
        buffer, at = self._open, self._at
        if not self._depth and not self._line:
            if at >= len(buffer):
                return None
            self._line = bytes(buffer[at : at + 1]) not in (b"{", b"[")
        if self._line:
            end = buffer.find(b"\n", at)
            self._at = len(buffer) if end < 0 else end
            self._line = end < 0
            return None if end < 0 else end
        while True:
            found = (IN_STRING if self._in_string else NESTING).search(buffer, at)
            if found is None:
                self._at = len(buffer)
                return None
            byte, at = bytes(found[0]), found.end()
            if byte == b"\\":
                if at == len(buffer):
                    # The escaped byte has not arrived.
                    self._at = at - 1
                    return None
                at += 1
            elif byte == b'"':
                self._in_string = not self._in_string
            elif byte in (b"{", b"["):
                self._depth += 1
            else:
                self._depth -= 1
                if not self._depth:
                    self._at = at
                    return at

    def _event(self, value: bytes) -> ServerSentEvent:
        self._check(len(value))
        return ServerSentEvent(data=value.rstrip(b"\r").decode("utf-8", "replace"))

    def _check(self, length: int) -> None:
        if length > self._max_event_bytes:
            raise LimitExceeded(
                f"a JSON value of the stream is longer than max_event_bytes="
                f"{self._max_event_bytes} (of a client, Limits(event_bytes=...))",
                limit="event_bytes",
            )


class TellingParser:
    """Reads an event stream or JSON values, distinguished by the first bytes.

    Lines of an event stream never begin with a bracket or a quotation mark.

    Args:
        max_event_bytes: maximum number of bytes in one event.
        dataless: whether an event stream's blocks without data count as events.
        first_key: JSON values are objects whose first key is this one; anything else is read as
            an event stream.

    Attributes:
        errors: the values of fields named ``error``, which the standard does not define.
    """

    def __init__(
        self,
        *,
        max_event_bytes: int = MAX_EVENT_BYTES,
        dataless: bool = False,
        first_key: str | None = None,
    ) -> None:
        self._max_event_bytes = max_event_bytes
        self._object: re.Pattern[bytes] | None = None
        if first_key is not None:
            self._object = re.compile(rb'\{\s*"%s"\s*:' % re.escape(first_key.encode()))
        self._events = EventParser(max_event_bytes=max_event_bytes, dataless=dataless)
        self._parser: EventParser | JSONParser | None = None
        self._head = b""
        self.errors = self._events.errors

    @property
    def pending(self) -> bool:
        """Whether an event is incomplete."""
        return bool(self._head.strip()) if self._parser is None else self._parser.pending

    def feed(self, chunk: bytes) -> Iterator[ServerSentEvent]:
        """Yield the events that `chunk` completes. Exhaust it before the next call."""
        # Not a generator, because each event would pass through it.
        if self._parser is not None:
            return self._parser.feed(chunk)
        head = self._head + chunk
        self._parser = self._told(head)
        if self._parser is None:
            # Keep only one of the blank bytes before the first value.
            self._head = head if head.strip() else head[: len(BOM) + 1]
            return iter(())
        self._head = b""
        return self._parser.feed(head)

    def finish(self) -> Iterator[ServerSentEvent]:
        """Yield the events that only the end of the body completes."""
        return iter(()) if self._parser is None else self._parser.finish()

    def _told(self, head: bytes) -> EventParser | JSONParser | None:
        bare = head.removeprefix(BOM).lstrip()
        if not bare or BOM.startswith(head):
            return None
        if self._object is None:
            is_json = bare.startswith(VALUE_STARTS)
        elif bare.startswith(b"{") and len(bare) < HEAD_BYTES and b"}" not in bare:
            return None
        else:
            is_json = self._object.match(bare) is not None
        return JSONParser(max_event_bytes=self._max_event_bytes) if is_json else self._events
