"""`MarkdownBlocks`: splits a growing Markdown text into blocks that later text cannot change."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["OPEN_CHARS", "Block", "MarkdownBlocks", "fenced_code", "has_table"]

# Maximum characters of the block that is still growing, because it is drawn again with each update.
# A longer one is cut into pieces.
OPEN_CHARS = 6000

# A fence of a code block (CommonMark 0.31, "Fenced code blocks").
_FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})")

# The beginning of an item of an ordered list, and of any list.
_ORDERED = re.compile(r" {0,3}(\d{1,9})([.)])(?=\s)")
_PARTIAL = re.compile(r" {0,3}\d{0,9}[.)]?$")
_ITEM = re.compile(r" {0,3}(?:[-+*]|\d{1,9}[.)])(?: |$)")

# The second row of a table (GitHub Flavored Markdown, "Tables").
_DELIMITERS = re.compile(r" {0,3}\|? *:?-+:? *(\| *:?-+:? *)*\|? *$")


class Block(NamedTuple):
    """A block of Markdown.

    Attributes:
        text: its text, which can be rendered by itself.
        continued: it continues the block before, which was too long for one: draw no gap.
        start: the index of its first character in the complete text. Its text may have something
            before that: the fence or the table that it continues, or the right number.
        end: the index after its last character.
    """

    text: str
    continued: bool = False
    start: int = 0
    end: int = 0

    @property
    def lead(self) -> str:
        """The part of its text that is not in the complete text."""
        return self.text[: len(self.text) - (self.end - self.start)]


class MarkdownBlocks:
    """Splits a text that grows. Each character is read a bounded number of times.

    A block ends with the fence that closes a code block. Outside of one it ends with a blank line,
    if the next line is not indented. An indented line would still belong to the block, such as a
    paragraph of a list item.
    """

    def __init__(self) -> None:
        # Characters in complete blocks, and what to put before the rest to make it a block.
        self._place = 0
        self._prefix = ""
        self._continued = False
        # The last number and the delimiter of the ordered list that the previous block was.
        self._number: tuple[int, str] | None = None
        # Whether the rest may begin with the next item of that list.
        self._counts = False

    def update(self, text: str) -> tuple[list[Block], Block]:
        """Return the blocks that have been completed since the last call, and the open one.

        Args:
            text: the complete text; it begins with the text of the last call.
        """
        return list(self.complete(text)), self.rest(text)

    def complete(self, text: str) -> Iterator[Block]:
        """Yield the blocks that have been completed since the last call, each found on demand."""
        while True:
            self._count_on(text)
            # A bounded piece: copying the rest each time would be quadratic.
            rest = self._prefix + text[self._place : self._place + OPEN_CHARS + 1]
            found: tuple[int, str | None] | None = _first_end(rest)
            if found is None and len(rest) > OPEN_CHARS:
                found = _cut(rest[:OPEN_CHARS])
            if found is None:
                return
            end, prefix = found
            block = self._block(rest[:end])
            self._place = block.end
            self._prefix = prefix or ""
            self._continued = prefix is not None
            if block.text.strip():
                self._number = _last_number(block.text)
                self._counts = self._number is not None and not prefix
                yield block

    def rest(self, text: str) -> Block:
        """Return the open block, after `complete` has yielded the others."""
        return self._block(self._prefix + text[self._place :])

    def _block(self, text: str) -> Block:
        end = self._place + len(text) - len(self._prefix)
        return Block(text, self._continued, self._place, end)

    def _count_on(self, text: str) -> None:
        """Give the next item of an ordered list its number (CommonMark 0.31, "List items")."""
        if not self._counts or self._number is None:
            return
        end = text.find("\n", self._place)
        line = text[self._place :] if end < 0 else text[self._place : end + 1]
        marker = _ORDERED.match(line)
        if marker is None:
            # It may become a marker as long as it has only some characters of one.
            self._counts = end < 0 and _PARTIAL.match(line) is not None
            return
        number, delimiter = self._number
        if marker[2] == delimiter:
            self._prefix = f"{number + 1}{delimiter}"
            self._place += marker.end()
        self._counts = False


def fenced_code(text: str, place: int) -> str:
    """Return the code of the fenced block that has the character at `place`, or ``""``."""
    fence = ""
    start = here = 0
    for line, complete in _lines(text):
        end = here + len(line) + complete
        mark = _FENCE.match(line)
        if mark is not None and not fence:
            fence, start = mark[1], end
        elif fence and _closes(line, fence):
            if place < end:
                return text[start:here]
            fence = ""
        here = end
    return text[start:] if fence else ""


def has_table(text: str) -> bool:
    """Whether a block of Markdown has a table."""
    lines = text.split("\n")
    return any("|" in head and _DELIMITERS.match(row) for head, row in itertools.pairwise(lines))


def _first_end(text: str) -> tuple[int, None] | None:
    """Return where the first complete block ends."""
    place = blank = 0
    fence = ""
    begun = False
    for line, complete in _lines(text):
        if blank and line.strip() and begun:
            if line[0] not in " \t":
                return blank, None
            blank = 0
        if not complete:
            # It may still grow, but its first character stays.
            return None
        place += len(line) + 1
        mark = _FENCE.match(line)
        if mark is not None and not fence:
            if begun and line[0] in "`~":
                # It interrupts a paragraph.
                return place - len(line) - 1, None
            fence = mark[1]
            begun = True
        elif fence:
            if _closes(line, fence):
                fence = ""
                if line[0] in "`~" and text.lstrip(" \n")[0] in "`~":
                    return place, None
        elif not line.strip():
            blank = place
        else:
            begun = True
    return None


def _lines(text: str) -> Iterator[tuple[str, bool]]:
    """The lines of a text, one at a time, and whether they are complete."""
    place = 0
    while (end := text.find("\n", place)) >= 0:
        yield text[place:end], True
        place = end + 1
    yield text[place:], False


def _closes(line: str, fence: str) -> bool:
    text = line.strip()
    return len(text) >= len(fence) and not text.strip(fence[0]) and not line.startswith("    ")


def _cut(text: str) -> tuple[int, str]:
    """Return where to split a block that is too long, and the beginning of the next piece."""
    end = text.rfind("\n") + 1
    if end < len(text) // 2:
        space = text.rfind(" ") + 1
        end = space if space > len(text) // 2 else len(text)
    lines = text[:end].split("\n")
    fence = ""
    for line in lines:
        mark = _FENCE.match(line)
        if mark is not None and not fence:
            fence, opening = mark[1], line
        elif fence and _closes(line, fence):
            fence = ""
    if fence:
        return end, f"{opening}\n"
    if len(lines) > 2 and "|" in lines[0] and _DELIMITERS.match(lines[1]):
        return end, f"{lines[0]}\n{lines[1]}\n"
    if _ITEM.match(lines[0]):
        # At the beginning of an item, if there is one.
        place = 0
        for line in lines:
            if place and _ITEM.match(line):
                end = place
            place += len(line) + 1
    return end, ""


def _last_number(text: str) -> tuple[int, str] | None:
    """Return the number of the last item of an ordered list, and its delimiter."""
    lines = text.split("\n")
    first = _ORDERED.match(lines[0])
    if first is None:
        return None
    number = int(first[1])
    for line in lines[1:]:
        marker = _ORDERED.match(line)
        # A deeper list begins at the text of its item.
        if marker is not None and len(line) - len(line.lstrip()) < len(first[1]) + 2:
            number += 1
    return number, first[2]
