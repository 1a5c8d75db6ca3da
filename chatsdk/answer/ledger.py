"""Text that only grows, shared by all the answers that show a beginning of it."""

from __future__ import annotations

__all__ = ["Ledger", "as_bytes", "as_text"]


# What a piece takes besides its characters: the string's header, its places in the lists, the time
# of its event.
PIECE_BYTES = 88


class Ledger:
    """Append-only pieces of text; a reader names how many of them are its own.

    `upto` remembers the longest text that was joined, so that asking after every piece is linear
    in all. CPython extends a string in place when nobody else holds it: hence the cache is taken
    out (``list.pop`` is atomic, no lock is needed) before it is extended, and put back after.
    """

    __slots__ = ("_joined", "_measured", "pieces")

    def __init__(self, pieces: list[str] | None = None) -> None:
        self.pieces: list[str] = pieces if pieces is not None else []
        self._joined: list[tuple[int, str]] = [(0, "")]
        self._measured = (0, 0)

    def upto(self, count: int) -> str:
        """Return the first `count` pieces, joined."""
        try:
            known, text = self._joined.pop()
        except IndexError:  # another thread, or the code that a signal interrupted, is at it
            return "".join(self.pieces[:count])
        if known > count:
            self._joined.append((known, text))
            return "".join(self.pieces[:count])
        if known + 1 == count:
            text += self.pieces[known]
        elif known < count:
            text += "".join(self.pieces[known:count])
        self._joined.append((count, text))
        return text

    @property
    def size(self) -> int:
        """About how many bytes of memory the pieces take. Only the new ones are looked at."""
        count, size = self._measured
        new = self.pieces[count:]
        size += sum(map(len, new)) + PIECE_BYTES * len(new)
        self._measured = (count + len(new), size)
        return size

    def between(self, start: int, end: int) -> str:
        """Return the pieces from `start` up to `end`, joined."""
        if end - start == 1:
            return self.pieces[start]
        return "".join(self.pieces[start:end])


def as_bytes(text: str) -> bytes:
    """Write text for a pickle; halves of surrogate pairs, which arguments may hold, included."""
    return text.encode("utf-8", "surrogatepass")


def as_text(data: bytes) -> str:
    """Read what `as_bytes` wrote."""
    return data.decode("utf-8", "surrogatepass")
