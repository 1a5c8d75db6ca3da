"""Ask a chat backend and print its answer as it streams: python script.py URL PROMPT."""

from __future__ import annotations

import os
import sys

from chatsdk import ChatClient, ChatError

_, url, prompt = sys.argv
with ChatClient(url, token=os.environ.get("CHATSDK_TOKEN") or None) as client:
    try:
        with client.ask(prompt) as stream:
            for answer in stream:
                print(answer.delta, end="", flush=True)
    except ChatError as error:
        sys.exit(f"\n{type(error).__name__}: {error}")
timings = stream.answer.timings
print(f"\n[{stream.outcome.reason}: {timings.events} events in {timings.duration:.1f} s]")
