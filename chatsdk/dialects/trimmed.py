"""`Trimmed`: text that comes in pieces, to be compared with a whole one."""

from __future__ import annotations

__all__ = ["Trimmed"]


class Trimmed:
    """A text that grows. White space around it does not count when it is compared.

    Comparing costs no more than the other text is long, however much white space came. False
    before the first piece.
    """

    def __init__(self) -> None:
        self._any = False
        self._pieces: list[str] = []
        self._length = 0
        # White space that counts once text follows.
        self._space: list[str] = []

    def add(self, piece: str) -> None:
        """Take the next piece."""
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
        """Whether `text` is the same, but for white space around the two."""
        text = text.strip()
        return len(text) == self._length and text == "".join(self._pieces)

    def __bool__(self) -> bool:
        return self._any
