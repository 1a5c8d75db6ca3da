"""`FlatButton`: a button whose colours can be chosen on every platform."""

from __future__ import annotations

import tkinter
from collections.abc import Callable
from typing import Any

__all__ = ["FlatButton"]


class FlatButton(tkinter.Label):
    """A flat button: Tab reaches it, and Space and Return press it.

    The buttons of ttk take no colours on Windows and macOS, and so cannot be dark there.
    """

    def __init__(
        self, parent: tkinter.Misc, label: str, command: Callable[[], object], font: Any
    ) -> None:
        super().__init__(
            parent,
            text=label,
            font=font,
            padx=10,
            pady=5,
            cursor="hand2",
            takefocus=True,
            highlightthickness=1,
            borderwidth=0,
        )
        self._command = command
        self._colors = ("", "")
        self.bind("<ButtonRelease-1>", self._released)
        self.bind("<space>", self._pressed)
        self.bind("<Return>", self._pressed)
        self.bind("<Enter>", lambda event: self._lit(True))
        self.bind("<Leave>", lambda event: self._lit(False))

    def recolor(
        self, ground: str, ink: str, line: str, lit: str = "", disabled: str = "", focus: str = ""
    ) -> None:
        """Apply colours; `lit` is the ground under the pointer."""
        self._colors = (ground, lit or ground)
        self.configure(
            background=ground,
            foreground=ink,
            disabledforeground=disabled or ink,
            highlightbackground=line,
            highlightcolor=focus or ink,
        )

    def enable(self, enabled: bool) -> None:
        """Let it be pressed, or not."""
        self.configure(
            state="normal" if enabled else "disabled",
            takefocus=enabled,
            cursor="hand2" if enabled else "arrow",
        )

    def invoke(self) -> None:
        """Press it."""
        if str(self.cget("state")) == "normal":
            self._command()

    def _lit(self, lit: bool) -> None:
        if str(self.cget("state")) == "normal" or not lit:
            self.configure(background=self._colors[lit])

    def _released(self, event: Any) -> None:
        if 0 <= event.x < self.winfo_width() and 0 <= event.y < self.winfo_height():
            self.invoke()

    def _pressed(self, event: Any) -> str:
        self.invoke()
        return "break"
