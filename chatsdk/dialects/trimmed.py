"""`Trimmed`: text that arrives in chunks, for comparison with complete text."""

from __future__ import annotations

__all__ = ["Trimmed"]


class Trimmed:
    """A text that grows. Comparisons ignore white space around it.

    The cost of a comparison is at most the length of the other text, even after much white space.
    False before the first chunk.
    """

    def __init__(self) -> None:
        self._any = False
        self._pieces: list[str] = []
        self._length = 0
        # White space that counts only if text follows.
        self._space: list[str] = []

    def add(self, piece: str) -> None:
        """Append the next chunk."""
        self._any = True
        text = piece.rstrip()
        space = piece[len(text) :]
        if text:
            pieces = [*self._space, text] if self._pieces else [text.lstrip()]
            self._space.clear()
            self._pieces += pieces
            self._length += sum(map(len, pieces))
        if space and self._pieces:
            self._space.append(space)

    def says(self, text: str) -> bool:
        """Whether `text` is equal, ignoring white space around both."""
        text = text.strip()
        return len(text) == self._length and text == "".join(self._pieces)

    def __bool__(self) -> bool:
        return self._any
