"""Runs examples/tk_chat.py as a program, asks it something, and closes its window meanwhile."""

from __future__ import annotations

import runpy
import sys
import tkinter
from pathlib import Path

from chatsdk.windows.tk import ChatView

TK_CHAT = Path(__file__).parents[2] / "examples" / "tk_chat.py"


def below(widget: tkinter.Misc) -> list[tkinter.Misc]:
    return [widget, *(inner for child in widget.winfo_children() for inner in below(child))]


class Tk(tkinter.Tk):
    """A window that is used as soon as it is open."""

    def mainloop(self, n: int = 0) -> None:
        (view,) = (widget for widget in below(self) if isinstance(widget, ChatView))
        menu = self.nametowidget(self.cget("menu"))

        def look() -> None:
            if "You said" in view.transcript.text.get("1.0", "end"):
                print("closing")
                self.destroy()
            else:
                self.after(20, look)

        prompts = self.nametowidget(menu.entrycget("Prompts", "menu"))
        prompts.invoke(0)
        print(view.entry.value)
        view.send_button.invoke()
        look()
        super().mainloop(n)


tkinter.Tk = Tk  # type: ignore[misc]
sys.argv = [str(TK_CHAT)]
runpy.run_path(str(TK_CHAT), run_name="__main__")
print("ended")
