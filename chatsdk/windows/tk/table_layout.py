"""Lays out the cells of a table in lines, so that a text widget can show it with tab stops."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["GAP", "Cell", "Run", "columns_of", "words_of", "wrapped"]

# A piece of text and its tags.
Run = tuple[str, tuple[str, ...]]
Cell = list[Run]

# Pixels between two columns.
GAP = 18


def columns_of(widths: list[list[int]], words: list[list[int]], room: int) -> list[int] | None:
    """Return the width of each column in pixels, or ``None`` if not even the words fit.

    Args:
        widths: for each row, the natural width of each cell.
        words: for each row, the width of the longest word of each cell.
        room: width for all columns and the gaps between them.
    """
    natural, least = _widest(widths), _widest(words)
    room -= GAP * (len(natural) - 1)
    if sum(natural) <= room:
        return natural
    spare = room - sum(least)
    if spare < 0:
        return None
    # Distribute the remaining width over the columns that need more.
    wanted = [full - word for full, word in zip(natural, least, strict=True)]
    return [word + spare * more // sum(wanted) for word, more in zip(least, wanted, strict=True)]


def _widest(rows: list[list[int]]) -> list[int]:
    count = max(map(len, rows), default=0)
    return [
        max((row[place] for row in rows if place < len(row)), default=0) for place in range(count)
    ]


def words_of(cell: Cell) -> list[Cell]:
    """Split a cell at its spaces; a word may have several runs."""
    words: list[Cell] = [[]]
    for text, tags in cell:
        for number, piece in enumerate(text.split(" ")):
            if number:
                words.append([])
            if piece:
                words[-1].append((piece, tags))
    return [word for word in words if word]


def wrapped(cell: Cell, width: int, measure: Callable[[Run], int]) -> list[Cell]:
    """Break a cell into lines of at most `width` pixels, between words or else anywhere."""
    lines: list[Cell] = [[]]
    used = 0
    for text, tags in cell:
        for word in _words(text):
            size = measure((word.rstrip(), tags))
            if used and used + size > width:
                lines.append([])
                used = 0
                word = word.lstrip()
            while size > width and len(word.rstrip()) > 1:
                kept = _fitting(word, tags, width, measure)
                lines[-1].append((word[:kept], tags))
                lines.append([])
                word = word[kept:]
                size = measure((word.rstrip(), tags))
            if word:
                lines[-1].append((word, tags))
                used += measure((word, tags))
    # A space at the end of a line would be seen in a line that is aligned to the right.
    return [_trimmed(line) for line in lines]


def _trimmed(line: Cell) -> Cell:
    if not line:
        return line
    text, tags = line[-1]
    return [*line[:-1], (text.rstrip(), tags)]


def _words(text: str) -> list[str]:
    """Split after each space."""
    words: list[str] = []
    start = 0
    for place, letter in enumerate(text):
        if letter == " ":
            words.append(text[start : place + 1])
            start = place + 1
    return [*words, text[start:]] if start < len(text) else words


def _fitting(word: str, tags: tuple[str, ...], width: int, measure: Callable[[Run], int]) -> int:
    """Count the characters at the beginning of a word that fit, at least one."""
    low, high = 1, len(word)
    while low < high:
        middle = (low + high + 1) // 2
        if measure((word[:middle], tags)) <= width:
            low = middle
        else:
            high = middle - 1
    return low
