"""A chat in a Tk window. Run it as: python tk_chat.py [URL]

Without a URL it talks to a server of its own, which has no model and says so.
"""

from __future__ import annotations

import sys
import tkinter as tk
import webbrowser
from contextlib import ExitStack
from tkinter import ttk
from tkinter.scrolledtext import ScrolledText
from typing import Any

from chatsdk import Answer, Message, Outcome, Regenerate, ui, use_chat
from chatsdk.testing import EmbeddedServer


class Chat:
    def __init__(self, root: tk.Tk, url: str) -> None:
        self.shown = Answer()  # What the transcript shows of the answer in flight.
        self.unfolded: set[int] = set()  # Numbers of the messages whose reasoning is shown.
        root.title("Chat")
        bar, self.trouble = ttk.Frame(root, padding=8), ttk.Frame(root, padding=(8, 8, 8, 0))
        bar.pack(side="bottom", fill="x")
        text = ScrolledText(root, wrap="word", state="disabled", padx=12, font="TkTextFont")
        text.pack(side="top", fill="both", expand=True)
        text.bind("<Configure>", lambda _: text.vbar.get()[1] < 1 or text.yview("end"))  # Follow.
        for tag, color in ("who", "#666666"), ("thought", "#666666"), ("link", "#0b57d0"):
            text.tag_configure(tag, foreground=color)
        text.tag_bind("link", "<Button-1>", self.click)
        self.text = text
        self.again = ttk.Button(bar, text="Regenerate", command=lambda: self.start(Regenerate()))
        ttk.Button(self.trouble, text="Retry", command=self.again.invoke).pack(side="right")
        self.error = ttk.Label(self.trouble, foreground="#b00020")
        self.error.pack(side="left")
        self.stop = ttk.Button(bar, text="Stop", command=lambda: self.session.stop())
        self.send = ttk.Button(bar, text="Send", command=self.ask)
        for button in (self.again, self.stop, self.send):
            button.pack(side="right", padx=(8, 0))
        self.entry = ttk.Entry(bar)
        self.entry.pack(fill="x", expand=True)
        self.entry.bind("<Return>", lambda event: self.ask())
        self.entry.focus()
        self.session = use_chat(url, dispatch=ui.tk(root), on_answer=self.grow, on_finish=self.draw)
        self.draw()

    def ask(self) -> None:  # After `on_finish`; a session that was stopped is `done` before it.
        if self.send.instate(["!disabled"]) and (prompt := self.entry.get().strip()):
            self.entry.delete(0, "end")
            self.start(prompt)

    def start(self, what: str | Regenerate) -> None:
        self.shown = Answer()
        self.session.start(what)
        self.draw()
        self.text.yview("end")

    def grow(self, answer: Answer) -> None:
        unfolded = len(self.session.messages) in self.unfolded or not self.shown.reasoning
        self.shown = answer
        if answer.rewritten or (answer.reasoning_delta and unfolded):
            self.draw()
        else:
            self.write([answer.delta])

    def draw(self, _: Outcome | None = None) -> None:
        """Show everything anew: a turn begins or ends, or more than the end of the text changes."""
        messages, done, error = self.session.messages, self.session.done, self.session.error
        self.send["state"] = "normal" if done else "disabled"
        self.stop["state"] = "disabled" if done else "normal"
        self.again["state"] = "normal" if done and messages else "disabled"
        self.error.configure(text=str(error or ""), wraplength=self.text.winfo_width() - 120)
        self.trouble.pack_forget()
        if error:  # Before the text, which takes all the room that is left.
            self.trouble.pack(before=self.text, side="bottom", fill="x")
        shown, pieces = self.shown, list[Any](("", ""))
        if not done:
            messages += (Message("assistant", shown.text, reasoning=shown.reasoning),)
        for number, message in enumerate(messages):
            who = message.role.capitalize() + (" (stopped)" if message.status == "stopped" else "")
            pieces += ["\n\n" if number else "", "", f"{who}\n", "who"]
            if message.reasoning:
                folded = number not in self.unfolded
                pieces += [f"{'▸' if folded else '▾'} Reasoning\n", ("link", f"fold {number}")]
                pieces += ["" if folded else f"{message.reasoning}\n\n", "thought"]
            pieces += [message.content, ""]
            for source in message.citations:
                web = (source.url or "").startswith(("https://", "http://"))
                name = source.title or source.url or source.document or "a source"
                pieces += [f"\n• {name}", ("link", f"open {source.url}") if web else ""]
        self.write(pieces, anew=True)

    def write(self, pieces: list[Any], anew: bool = False) -> None:
        """Add texts, each followed by its tags; follow the last line, or stay where one reads."""
        place = "end" if self.text.bbox("end-1c") else self.text.index("@0,0")
        self.text["state"] = "normal"
        if anew:
            self.text.delete("1.0", "end")
        self.text.insert("end", *pieces)
        self.text["state"] = "disabled"
        self.text.yview(place)

    def click(self, event: tk.Event) -> None:
        kind, what = next(tag for tag in self.text.tag_names("current") if " " in tag).split(" ", 1)
        if kind == "open":
            webbrowser.open(what)
        else:
            self.unfolded ^= {int(what)}
            self.draw()


if __name__ == "__main__":
    with ExitStack() as stack:  # Closes the session after the window; that stops what is in flight.
        url = "".join(sys.argv[1:])
        url = url or stack.enter_context(EmbeddedServer()).url + "/v1/chat/completions"
        window = tk.Tk()
        stack.enter_context(Chat(window, url).session)
        window.mainloop()
