"""`Room`: limits the opaque state kept for the next request."""

from __future__ import annotations

__all__ = ["Room"]

# Largest size, in characters, of data without a field in the answer: reasoning and results of
# server-side searches. Equal to the default limit of an event in bytes.
MOST_CHARS = 16 * 1024 * 1024


class Room:
    """The remaining room of one answer. If an answer needs more, none of it is kept."""

    def __init__(self) -> None:
        self._left = MOST_CHARS

    def take(self, value: object) -> bool:
        """Reserve room for a JSON value; return whether all values up to now had enough."""
        if self._left > 0:
            self._left -= len(str(value))
        return self._left > 0

    def __bool__(self) -> bool:
        return self._left > 0
