"""`Region`: a part of the transcript that is changed without touching what surrounds it."""

from __future__ import annotations

import itertools
import tkinter
from collections.abc import Iterable
from urllib.parse import quote, unquote

from chatsdk.windows.printable import printable
from chatsdk.windows.tk.table_layout import Run

__all__ = ["Region", "action", "argument_of"]

_numbers = itertools.count(1)


class Region:
    """A range of a text widget that ends with its own line break.

    Because of that line break no two regions touch, so text that is inserted into one does not move
    into its neighbour.

    Attributes:
        start, open, end: the names of its marks: where it begins, where what has been written
            permanently ends, and its line break.
    """

    def __init__(self, text: tkinter.Text, before: Region | None) -> None:
        """Create an empty region before another one, or at the end."""
        self._text = text
        number = next(_numbers)
        # Tk would read a name that begins with "end" as an index.
        self.start, self.open, self.end = (f"{name}{number}" for name in ("start", "open", "last"))
        place = text.index("end-1c" if before is None else before.start)
        text.insert(place, "\n", ("gap",))
        for mark in (self.start, self.open, self.end):
            text.mark_set(mark, place)
        text.mark_gravity(self.start, "left")
        text.mark_gravity(self.open, "left")
        if before is not None:
            # Their gravity has kept them before the new line break.
            if text.compare(before.open, "==", before.start):
                text.mark_set(before.open, f"{place}+1c")
            text.mark_set(before.start, f"{place}+1c")

    def write(self, runs: Iterable[Run]) -> None:
        """Append text with its tags."""
        arguments = [item for text, tags in runs for item in (printable(text), tags)]
        if arguments:
            self._text.tk.call(str(self._text), "insert", self.end, *arguments)

    def settle(self) -> None:
        """Keep everything written until now: `rewind` does not delete it."""
        self._text.mark_set(self.open, self.end)

    def rewind(self) -> None:
        """Delete what has been written since `settle`."""
        self._text.delete(self.open, self.end)

    def clear(self) -> None:
        """Delete everything in the region."""
        self._text.delete(self.start, self.end)
        self._text.mark_set(self.open, self.start)

    def remove(self) -> None:
        """Delete the region itself."""
        self._text.delete(self.start, f"{self.end}+1c")
        self._text.mark_unset(self.start, self.open, self.end)


def action(name: str, argument: str) -> str:
    """Return the tag of an action; the argument may have characters that no tag can have."""
    return f"do:{name}:{quote(argument, safe='', errors='surrogatepass')}"


def argument_of(tag: str) -> tuple[str, str]:
    """Return the name and the argument of an action from its tag."""
    _, name, argument = f"{tag}:".split(":", 2)
    return name, unquote(argument.removesuffix(":"), errors="surrogatepass")
