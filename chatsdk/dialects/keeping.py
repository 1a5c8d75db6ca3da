"""How much of an answer is kept, beside what it says, for the request that goes on from it."""

from __future__ import annotations

__all__ = ["Room"]

# Characters of what no field of the answer holds, thoughts and results of the backend's own
# searches: as many as an event may have bytes by default.
MOST_CHARS = 16 * 1024 * 1024


class Room:
    """What is left of the room for one answer. An answer that needs more is not kept at all."""

    def __init__(self) -> None:
        self._left = MOST_CHARS

    def take(self, value: object) -> bool:
        """Take room for a value of JSON; return whether there was enough for all so far."""
        if self._left > 0:
            self._left -= len(str(value))
        return self._left > 0

    def __bool__(self) -> bool:
        return self._left > 0
