"""Plain text: each piece that arrives is an event, its bytes decoded as UTF-8."""

from __future__ import annotations

import codecs
from collections.abc import Iterator

from chatsdk.sse import ServerSentEvent

__all__ = ["TextParser"]


class TextParser:
    """Gives out text as it comes; a character that was cut waits for its other bytes.

    What is invalid becomes U+FFFD, and a byte order mark at the beginning is left out.
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
