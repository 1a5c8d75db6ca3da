"""Read the ten events of server.py, each when it comes: python client.py [URL]"""

from __future__ import annotations

import sys

from chatsdk import ChatClient

url = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8766/sse"
# "raw": each event's data is text; nothing else is expected of the backend.
with ChatClient(url, dialect="raw") as client, client.send({"name": "Ada"}) as stream:
    for answer in stream:
        print(f"{answer.timings.duration:6.2f} s  {answer.delta}", flush=True)
print(f"{stream.outcome.reason} ({stream.outcome.end})")
