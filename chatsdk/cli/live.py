"""`LiveRegion`: the last lines of a terminal, redrawn until they are final."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

__all__ = ["LiveRegion"]

# Synchronized output: a terminal that supports it shows the complete update at once.
_BEGIN, _END = "\x1b[?2026h", "\x1b[?2026l"
# Without automatic wrapping a line takes exactly one row, however wide the terminal draws its
# emoji, so the number of rows to go back is known.
_NO_WRAP, _WRAP = "\x1b[?7l", "\x1b[?7h"
_ERASE_LINE, _ERASE_BELOW = "\x1b[2K", "\x1b[J"


class LiveRegion:
    """Lines at the cursor that are replaced by each drawing. Nothing else may write meanwhile."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._rows = 0

    def draw(self, lines: Sequence[str], *, above: str = "") -> None:
        """Show these lines in place of the last ones, below `above`, which is printed permanently.

        Args:
            lines: without line ends; the terminal truncates those that are too long.
            above: complete lines, each with its line end.
        """
        shown = "\n".join(_ERASE_LINE + line for line in lines)
        kept = f"{_ERASE_BELOW}{above}" if above else ""
        self._write(f"{self._back()}{kept}{_NO_WRAP}{shown}{_WRAP}{_ERASE_BELOW}")
        self._rows = len(lines)

    def clear(self) -> None:
        """Erase the lines. Does nothing if there are none."""
        if self._rows:
            self._write(f"{self._back()}{_ERASE_BELOW}")
            self._rows = 0

    def _back(self) -> str:
        return "\r" + (f"\x1b[{self._rows - 1}A" if self._rows > 1 else "")

    def _write(self, update: str) -> None:
        self._out.write(f"{_BEGIN}{update}{_END}")
        self._out.flush()
