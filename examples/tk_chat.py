"""A chat in a Tk window with a menu of prompts. Run it as: python tk_chat.py [URL]

Without a URL it starts a server with canned replies.
"""

from __future__ import annotations

import sys
import tkinter
from contextlib import ExitStack
from functools import partial

from chatsdk import use_chat
from chatsdk.testing import EmbeddedServer
from chatsdk.windows import tk

PROMPTS = ("Summarize our conversation.", "Explain that to a child.", "Write a reply to: ")

if __name__ == "__main__":
    with ExitStack() as stack:  # Closes the session after the window, which stops its answer.
        url = "".join(sys.argv[1:])
        url = url or stack.enter_context(EmbeddedServer()).url + "/v1/chat/completions"
        window = tkinter.Tk()
        window.title("Chat")
        view = tk.ChatView(window, stack.enter_context(use_chat(url)))
        view.pack(fill="both", expand=True)
        window.configure(menu=(menu := tkinter.Menu(window)))
        menu.add_cascade(label="Prompts", menu=(prompts := tkinter.Menu(menu, tearoff=False)))
        for prompt in PROMPTS:
            # Into the entry, to be changed before it is sent.
            prompts.add_command(label=prompt, command=partial(setattr, view.entry, "value", prompt))
        window.mainloop()
