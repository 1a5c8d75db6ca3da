"""`ScrollBar`: a thin scroll bar whose colours can be chosen on every platform."""

from __future__ import annotations

import tkinter
from collections.abc import Callable
from typing import Any

from chatsdk.windows.tk.palette import Palette

__all__ = ["WIDTH", "ScrollBar"]

# Pixels: its width, and the smallest height of its thumb.
WIDTH = 12
SHORTEST = 28


class ScrollBar(tkinter.Canvas):
    """A vertical scroll bar without arrows; it shows nothing if everything is in view.

    Args:
        command: called as the command of Tk's own scroll bars, such as ``("moveto", "0.5")``.
    """

    def __init__(self, parent: tkinter.Misc, command: Callable[..., object]) -> None:
        super().__init__(parent, width=WIDTH, height=1, highlightthickness=0, borderwidth=0)
        self._command = command
        self._thumb = self.create_rectangle(0, 0, 0, 0, width=0, state="hidden")
        self._place = (0.0, 1.0)
        # The pointer's position within the thumb, in pixels.
        self._held = 0.0
        self._colors = ("", "")
        self.bind("<Configure>", lambda event: self._draw())
        self.bind("<Button-1>", self._pressed)
        self.bind("<B1-Motion>", self._dragged)
        self.bind("<Enter>", lambda event: self.itemconfigure(self._thumb, fill=self._colors[1]))
        self.bind("<Leave>", lambda event: self.itemconfigure(self._thumb, fill=self._colors[0]))

    def recolor(self, palette: Palette) -> None:
        """Apply colours."""
        self._colors = (palette.line, palette.soft)
        self.configure(background=palette.ground)
        self.itemconfigure(self._thumb, fill=palette.line)

    def set(self, first: float, last: float) -> None:
        """Show which part is in view, as fractions of the whole."""
        self._place = (first, last)
        self._draw()

    def _edges(self) -> tuple[float, float]:
        height = self.winfo_height()
        first, last = self._place
        size = max(SHORTEST, (last - first) * height)
        rest = 1.0 - (last - first)
        top = (height - size) * (first / rest) if rest > 0 else 0.0
        return top, top + size

    def _draw(self) -> None:
        first, last = self._place
        if last - first >= 1.0:
            self.itemconfigure(self._thumb, state="hidden")
            return
        top, bottom = self._edges()
        self.coords(self._thumb, 3, top + 2, WIDTH - 3, bottom - 2)
        self.itemconfigure(self._thumb, state="normal")

    def _pressed(self, event: Any) -> None:
        top, bottom = self._edges()
        if event.y < top:
            self._command("scroll", -1, "pages")
        elif event.y > bottom:
            self._command("scroll", 1, "pages")
        self._held = event.y - top

    def _dragged(self, event: Any) -> None:
        top, bottom = self._edges()
        room = self.winfo_height() - (bottom - top)
        first, last = self._place
        if room > 0:
            place = (event.y - self._held) / room * (1.0 - (last - first))
            self._command("moveto", min(max(place, 0.0), 1.0))
