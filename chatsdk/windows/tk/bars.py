"""The bars of the Tk view: the header, the notes above the entry, and the entry's box."""

from __future__ import annotations

import tkinter
from collections.abc import Callable

from chatsdk.windows import words
from chatsdk.windows.printable import printable
from chatsdk.windows.tk.entry import Entry
from chatsdk.windows.tk.flat_button import FlatButton
from chatsdk.windows.tk.palette import Palette
from chatsdk.windows.tk.style import Fonts

__all__ = ["EntryBox", "Header", "NoteBar"]

Command = Callable[[], object]


class Header(tkinter.Frame):
    """New chat, Open and Save."""

    def __init__(
        self, parent: tkinter.Misc, fonts: Fonts, *, new: Command, open: Command, save: Command
    ) -> None:
        super().__init__(parent)
        self.new = FlatButton(self, words.NEW_CHAT, new, fonts["small"])
        self.open = FlatButton(self, words.OPEN, open, fonts["small"])
        self.save = FlatButton(self, words.SAVE, save, fonts["small"])
        self._line = tkinter.Frame(self, height=1, borderwidth=0)
        self._line.pack(side="bottom", fill="x")
        self.new.pack(side="left", padx=(8, 0), pady=5)
        self.save.pack(side="right", padx=(0, 8), pady=5)
        self.open.pack(side="right", pady=5)

    def recolor(self, palette: Palette) -> None:
        """Apply colours."""
        self.configure(background=palette.ground)
        self._line.configure(background=palette.line)
        for button in (self.new, self.open, self.save):
            button.recolor(
                palette.ground,
                palette.ink,
                palette.ground,
                lit=palette.raised,
                disabled=palette.line,
                focus=palette.accent,
            )


class NoteBar(tkinter.Frame):
    """A line of text, perhaps with a button; it takes no room while it is empty."""

    def __init__(
        self, parent: tkinter.Misc, fonts: Fonts, button: str = "", command: Command | None = None
    ) -> None:
        super().__init__(parent)
        self.label = tkinter.Label(self, font=fonts["small"], anchor="w", justify="left")
        self.button = None
        if command is not None:
            self.button = FlatButton(self, button, command, fonts["small-bold"])
            self.button.pack(side="right", padx=(4, 0))
        self.label.pack(side="left", fill="x", expand=True)
        self.bind("<Configure>", lambda event: self._wrap(event.width))

    def say(self, text: str, before: tkinter.Misc) -> None:
        """Show a text above another widget; ``""`` hides the bar."""
        text = printable(text)
        if text == self.label.cget("text") and bool(text) == bool(self.winfo_manager()):
            return
        self.label.configure(text=text)
        if text:
            self.pack(side="bottom", fill="x", padx=18, pady=(4, 0), after=before)
        else:
            self.pack_forget()

    def _wrap(self, width: int) -> None:
        beside = self.button.winfo_reqwidth() + 8 if self.button is not None else 0
        self.label.configure(wraplength=max(60, width - beside - 8))

    def recolor(self, palette: Palette, ink: str) -> None:
        """Apply colours."""
        self.configure(background=palette.ground)
        self.label.configure(background=palette.ground, foreground=ink)
        if self.button is not None:
            self.button.recolor(
                palette.ground,
                palette.accent,
                palette.ground,
                lit=palette.raised,
                focus=palette.accent,
            )


class EntryBox(tkinter.Frame):
    """The entry with its button, Send or Stop, in a frame that shows the focus."""

    def __init__(self, parent: tkinter.Misc, fonts: Fonts, *, send: Command, stop: Command) -> None:
        super().__init__(parent, highlightthickness=1, borderwidth=0)
        # First, because Tab goes in the order of creation.
        self.entry = Entry(self, fonts, send)
        self.send_button = FlatButton(self, words.SEND, send, fonts["bold"])
        self.stop_button = FlatButton(self, words.STOP, stop, fonts["bold"])
        self.send_button.pack(side="right", anchor="s", padx=5, pady=5)
        self.entry.pack(side="left", fill="both", expand=True, padx=(9, 0), pady=4)
        self._colors = ("", "")
        self.entry.text.bind("<FocusIn>", lambda event: self._lit(True), add=True)
        self.entry.text.bind("<FocusOut>", lambda event: self._lit(False), add=True)

    def recolor(self, palette: Palette) -> None:
        """Apply colours."""
        self._colors = (palette.line, palette.accent)
        self.configure(background=palette.raised)
        self._lit(self.focus_get() is self.entry.text)
        self.entry.recolor(palette)
        self.send_button.recolor(
            palette.accent, palette.on_accent, palette.raised, focus=palette.ink
        )
        self.stop_button.recolor(palette.ink, palette.ground, palette.raised, focus=palette.accent)

    def _lit(self, lit: bool) -> None:
        color = self._colors[lit]
        self.configure(highlightbackground=color, highlightcolor=color)

    def show_stop(self, in_flight: bool) -> None:
        """Offer Stop instead of Send, or Send instead of Stop."""
        shown, hidden = (
            (self.stop_button, self.send_button)
            if in_flight
            else (self.send_button, self.stop_button)
        )
        if not shown.winfo_manager():
            hidden.pack_forget()
            shown.pack(side="right", anchor="s", padx=5, pady=5, before=self.entry)
