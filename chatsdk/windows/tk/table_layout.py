"""Lays out the cells of a table in lines, so that a text widget can show it with tab stops."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Cell", "Run", "columns_of", "wrapped"]

# A piece of text and its tags.
Run = tuple[str, tuple[str, ...]]
Cell = list[Run]

# Pixels between two columns.
GAP = 18


def columns_of(widths: list[list[int]], room: int) -> list[int] | None:
    """Return the width of each column in pixels, or ``None`` if they do not fit.

    Args:
        widths: for each row, the natural width of each cell.
        room: width for all columns and the gaps between them.
    """
    count = max(map(len, widths), default=0)
    natural = [
        max((row[column] for row in widths if column < len(row)), default=0)
        for column in range(count)
    ]
    room -= GAP * (count - 1)
    if sum(natural) <= room:
        return natural
    # Narrow columns keep their width; the others share what is left.
    columns = [0] * count
    open_columns = sorted(range(count), key=natural.__getitem__)
    while open_columns:
        share = room // len(open_columns)
        column = open_columns[0]
        if natural[column] > share:
            break
        columns[column] = natural[column]
        room -= natural[column]
        open_columns.pop(0)
    for column in open_columns:
        columns[column] = room // len(open_columns)
    return columns


def wrapped(cell: Cell, width: int, measure: Callable[[Run], int]) -> list[Cell]:
    """Break a cell into lines of at most `width` pixels, between words or else anywhere."""
    lines: list[Cell] = [[]]
    used = 0
    for text, tags in cell:
        for word in _words(text):
            size = measure((word, tags))
            if used and used + measure((word.rstrip(), tags)) > width:
                lines.append([])
                used = 0
                word = word.lstrip()
                size = measure((word, tags))
            while size > width and len(word) > 1:
                kept = _fitting(word, tags, width, measure)
                lines[-1].append((word[:kept], tags))
                lines.append([])
                word = word[kept:]
                size = measure((word, tags))
            if word:
                lines[-1].append((word, tags))
                used += size
    return lines


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
