"""Runs examples/tk_chat.py as a program, asks it something, and closes its window meanwhile."""

from __future__ import annotations

import runpy
import sys
import tkinter
from pathlib import Path

TK_CHAT = Path(__file__).parents[2] / "examples" / "tk_chat.py"


def below(widget: tkinter.Misc) -> list[tkinter.Misc]:
    return [widget, *(inner for child in widget.winfo_children() for inner in below(child))]


class Tk(tkinter.Tk):
    """A window that somebody uses as soon as it is there."""

    def mainloop(self, n: int = 0) -> None:
        widgets = below(self)
        (entry,) = (widget for widget in widgets if widget.winfo_class() == "TEntry")
        (text,) = (widget for widget in widgets if widget.winfo_class() == "Text")
        (send,) = (w for w in widgets if w.winfo_class() == "TButton" and w["text"] == "Send")

        def look() -> None:
            if "You said" in text.get("1.0", "end"):
                print("closing")
                self.destroy()
            else:
                self.after(20, look)

        entry.insert(0, "Hello")
        send.invoke()
        look()
        super().mainloop(n)


tkinter.Tk = Tk  # type: ignore[misc]
sys.argv = [str(TK_CHAT)]
runpy.run_path(str(TK_CHAT), run_name="__main__")
print("ended")
