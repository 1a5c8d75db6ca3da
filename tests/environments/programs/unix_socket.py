"""Ask a backend that listens on a unix socket: ``... http+unix://... PROMPT``."""

from __future__ import annotations

import threading

import requests_unixsocket
from asking import ARGUMENTS, KIND, URL, Clock, outcome

(PROMPT,) = ARGUMENTS
clock = Clock()
with requests_unixsocket.Session() as session:
    print(outcome(PROMPT, http=session, timeouts=(2, 1)), clock.within(0, 5))
    if KIND == "chatsdk" and PROMPT == "silent":
        from chatsdk import ChatClient

        stream = ChatClient(URL, http=session).send({"messages": [{"content": "silent"}]})
        next(stream)
        threading.Timer(0.2, stream.stop).start()
        clock = Clock()
        stream.result()
        assert clock.within(0.1, 5) == "in time"
        assert stream.outcome.reason == "stopped"
