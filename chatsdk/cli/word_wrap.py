"""`WordWrap`: wraps streaming text between words at the terminal's edge."""

from __future__ import annotations

import os
import re
import shutil
import unicodedata
from collections.abc import Callable
from typing import TextIO

__all__ = ["WordWrap", "columns_of", "width_of", "wrapped"]

# Characters that terminals draw at different widths: joiners, variation selectors, skin tones,
# the halves of flags.
_UNSURE = re.compile("[\u200c\u200d\ufe0e\ufe0f\U0001f1e6-\U0001f1ff\U0001f3fb-\U0001f3ff]")

_WIDE = ("W", "F")
# Chinese and Japanese punctuation that may not begin a line.
_CLOSING = frozenset("，。、；：？！」』）》〉】”’…・ー")
_TOKENS = re.compile(r"\n|[ \t]+|[^ \t\n]+")

TAB = 8
# Minimum columns for wrapping; below this, it makes the text harder to read.
MIN_COLUMNS = 10


def columns_of(stream: TextIO) -> int:
    """Return the number of columns of the terminal that `stream` writes to; 80 if unknown."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError):
        return shutil.get_terminal_size().columns


def width_of(text: str) -> int:
    """Return the columns that `text` takes in a terminal that joins no characters."""
    if text.isascii():
        return len(text)
    return sum(map(_cells, text))


def _cells(char: str) -> int:
    if unicodedata.east_asian_width(char) in _WIDE:
        return 2
    return 0 if unicodedata.category(char) in ("Mn", "Me", "Cf") else 1


def wrapped(text: str, columns: int) -> str:
    """Return one finished line, wrapped between words for a terminal of this width."""
    return WordWrap(lambda: columns, moves=False).feed(text).replace(" \n", "\n")


class WordWrap:
    """Wraps a text between words while it arrives in pieces.

    A word is written as soon as it begins. If it outgrows its line, it is erased and written on the
    next one. A word longer than a line, such as a URL, is left to the terminal, which keeps it in
    one piece for copying.

    Args:
        columns: returns the width of the terminal.
        moves: the terminal can move its cursor, so a word can be erased.
    """

    def __init__(self, columns: Callable[[], int], *, moves: bool) -> None:
        self._columns = columns
        self._moves = moves
        self.restart()

    def restart(self) -> None:
        """Begin again: the cursor is at the start of a line."""
        self._column = 0
        # The word at the end, which the next piece may continue.
        self._word = ""
        # Whether all characters of this line have the width that was counted.
        self._sure = True

    def feed(self, text: str) -> str:
        """Return what to write for the next piece of the text."""
        columns = self._columns()
        if columns < MIN_COLUMNS:
            return text
        # The last column stays empty: after it, terminals differ in where the cursor is.
        edge = columns - 1
        out: list[str] = []
        for token in _TOKENS.findall(text):
            if token == "\n":
                self._next_line(out)
            elif token[0] in " \t":
                self._blank(token, edge, out)
            else:
                for piece in _pieces(token):
                    self._put(piece, edge, columns, out)
        return "".join(out)

    def _next_line(self, out: list[str]) -> None:
        out.append("\n")
        self.restart()

    def _blank(self, blank: str, edge: int, out: list[str]) -> None:
        self._word = ""
        for char in blank:
            width = TAB - self._column % TAB if char == "\t" else 1
            if self._column + width > edge:
                # The line break replaces the space.
                self._next_line(out)
                return
            out.append(char)
            self._column += width

    def _put(self, piece: str, edge: int, columns: int, out: list[str]) -> None:
        width = width_of(piece)
        begun = width_of(self._word)
        fits = self._column + width <= edge
        if not fits and self._column and (not begun or _is_wide(piece)):
            self._next_line(out)
        elif not fits and begun < self._column and begun + width <= edge and self._can_move():
            word = self._word
            out.append(f"\x1b[{begun}D\x1b[K")
            self._next_line(out)
            out.append(word)
            self._column, self._word = begun, word
        out.append(piece)
        self._column += width
        if self._column > edge:
            self._column %= columns
        self._sure = self._sure and not _UNSURE.search(piece)
        # A line may also break after a wide character: Chinese and Japanese have no spaces.
        self._word = "" if _is_wide(piece) else self._word + piece

    def _can_move(self) -> bool:
        return self._moves and self._sure


def _is_wide(piece: str) -> bool:
    return _cells(piece[0]) == 2 and not _UNSURE.match(piece)


def _pieces(word: str) -> list[str]:
    """Split a word where a line may break: around wide characters."""
    if word.isascii():
        return [word]
    pieces = [""]
    for char in word:
        if char in _CLOSING and len(pieces) > 1 and not pieces[-1]:
            pieces[-2] += char
        elif _is_wide(char):
            pieces += [char, ""]
        else:
            pieces[-1] += char
    return [piece for piece in pieces if piece]
