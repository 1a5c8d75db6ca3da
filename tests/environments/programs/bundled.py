"""Ask in every dialect that there is; this program is put into a bundle: ``bundled URL``."""

from __future__ import annotations

import sys

from chatsdk import ChatClient, dialects, use_chat

for name in dialects.names():
    dialects.get(name)
print(len(dialects.names()))
with ChatClient(sys.argv[1]) as client:
    print(client.send({"messages": [{"role": "user", "content": "fast"}]}).result().text)
with use_chat(sys.argv[1], dialect="openai", defaults={"model": "m"}) as chat:
    print(chat.run("fast").text)
