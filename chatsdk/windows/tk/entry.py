"""`Entry`: the box for the question, with several lines that grow."""

from __future__ import annotations

import tkinter
from collections.abc import Callable
from typing import Any

from chatsdk.windows import words
from chatsdk.windows.presenter import SentTexts
from chatsdk.windows.printable import BREAK, LINE_CHARS, broken, printable
from chatsdk.windows.tk.palette import Palette
from chatsdk.windows.tk.style import Fonts

__all__ = ["Entry"]

# Lines after which it scrolls, and characters that certainly fill them.
MAX_LINES = 8
MAX_CHARS = 4000

# A line break that is not in the text, because Tk takes minutes for a line of 1 MB: two spaces of
# no width mark it. Undo would bring it back without a tag.
SOFT = "\u200b\u200b\n"


class Entry(tkinter.Frame):
    """A text box that is as high as its text. Return calls `send`, Shift+Return breaks the line.

    Input methods compose their text inside Tk, and their Return does not reach these bindings.

    Args:
        send: called when Return is pressed.

    Attributes:
        sent: the texts that Up brings back.
    """

    def __init__(self, parent: tkinter.Misc, fonts: Fonts, send: Callable[[], object]) -> None:
        super().__init__(parent, borderwidth=0, highlightthickness=0)
        self.sent = SentTexts()
        self._send = send
        self.text = tkinter.Text(
            self,
            wrap="word",
            # It gets the width that is left.
            width=1,
            height=1,
            borderwidth=0,
            highlightthickness=0,
            padx=2,
            pady=4,
            undo=True,
            font=fonts["text"],
        )
        self.text.pack(fill="both", expand=True)
        self._hint = tkinter.Label(
            self.text,
            text=words.PLACEHOLDER,
            font=fonts["text"],
            borderwidth=0,
            padx=0,
            pady=0,
            cursor="xterm",
        )
        self._hint.bind("<Button-1>", lambda event: self.text.focus_set())
        self.text.bind("<Return>", self._returned)
        self.text.bind("<KP_Enter>", self._returned)
        self.text.bind("<Shift-Return>", self._broke)
        self.text.bind("<Shift-KP_Enter>", self._broke)
        self.text.bind("<Up>", self._up)
        self.text.bind("<Down>", self._down)
        self.text.bind("<<Paste>>", self._pasted)
        self.text.bind("<Tab>", self._tab)
        self.text.bind("<Shift-Tab>", self._back_tab)
        if self.tk.call("tk", "windowingsystem") == "x11":
            self.text.bind("<ISO_Left_Tab>", self._back_tab)
        self.text.bind("<<Modified>>", self._modified)
        self.text.bind("<Configure>", lambda event: self._grow(), add=True)
        self._grow()

    def recolor(self, palette: Palette) -> None:
        """Apply colours."""
        self.configure(background=palette.raised)
        self.text.configure(
            background=palette.raised,
            foreground=palette.ink,
            insertbackground=palette.ink,
            selectbackground=palette.selected,
            selectforeground=palette.ink,
        )
        self._hint.configure(background=palette.raised, foreground=palette.soft)

    @property
    def value(self) -> str:
        """The text."""
        return self.text.get("1.0", "end-1c").replace(SOFT, "")

    @value.setter
    def value(self, value: str) -> None:
        self.text.delete("1.0", "end")
        self.text.mark_set("insert", "1.0")
        self._insert(value)
        self._grow()

    def _insert(self, text: str) -> None:
        """Insert a text at the cursor, its long lines broken."""
        self.text.insert("insert", broken(printable(text)).replace(BREAK, SOFT))
        self.text.see("insert")

    def _pasted(self, event: Any) -> str | None:
        """Paste a text with long lines; leave any other to Tk."""
        try:
            text = self.text.clipboard_get()
        except tkinter.TclError:
            return None
        if max(map(len, text.split("\n"))) <= LINE_CHARS:
            return None
        if self.text.tag_ranges("sel"):
            self.text.delete("sel.first", "sel.last")
        self._insert(text)
        return "break"

    def _returned(self, event: Any) -> str:
        self._send()
        return "break"

    def _broke(self, event: Any) -> str:
        self.text.insert("insert", "\n")
        self.text.see("insert")
        return "break"

    def _up(self, event: Any) -> str | None:
        if self.text.compare("insert", ">=", "1.0 display lineend +1c"):
            return None
        older = self.sent.older(self.value)
        if older is not None:
            self.value = older
            self.text.mark_set("insert", "1.0 display lineend")
        return "break"

    def _down(self, event: Any) -> str | None:
        if self.text.compare("insert", "<", "end-1c display linestart"):
            return None
        newer = self.sent.newer()
        if newer is None:
            return None
        self.value = newer
        return "break"

    def _tab(self, event: Any) -> str:
        self.text.tk_focusNext().focus_set()  # type: ignore[union-attr]
        return "break"

    def _back_tab(self, event: Any) -> str:
        self.text.tk_focusPrev().focus_set()  # type: ignore[union-attr]
        return "break"

    def _modified(self, event: Any) -> None:
        self.text.edit_modified(False)
        self._grow()

    def _grow(self) -> None:
        """Adapt the height to the text, and show the hint if it is empty."""
        end = f"1.0 + {MAX_CHARS} chars"
        counted = self.text.tk.call(str(self.text), "count", "-displaylines", "1.0", end)
        lines = max(1, min(MAX_LINES, int(counted or 1)))
        if int(str(self.text.cget("height"))) != lines:
            self.text.configure(height=lines)
        if self.text.compare("end-1c", "==", "1.0"):
            self._hint.place(x=3, y=4)
        else:
            self._hint.place_forget()
