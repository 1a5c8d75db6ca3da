"""The hook with its callbacks: send, watch, stop. Run it as: python hook.py URL

A GUI would do the same, with widgets instead of print() and with `dispatch=`, which runs the
callbacks on its thread.
"""

from __future__ import annotations

import os
import sys

from chatsdk import Answer, ChatError, Outcome, use_chat


def show(answer: Answer) -> None:
    """Called after each step; `delta` is all that was added since the last call."""
    print(answer.delta, end="", flush=True)
    if "Stop after" in chat.messages[-1].content and answer.text.count(" ") >= 12:
        chat.stop()


def fail(error: ChatError) -> None:
    """Called when a turn fails; `error.answer` has the partial answer."""
    print(f"\n[{type(error).__name__}: {error}]", end="")


def finish(outcome: Outcome) -> None:
    """Called once a turn, however it ended."""
    print(f"\n[{outcome.reason}, {len(outcome.answer.text)} characters]\n")


_, url = sys.argv
token = os.environ.get("CHATSDK_TOKEN") or None
with use_chat(url, token=token, on_answer=show, on_error=fail, on_finish=finish) as chat:
    assert chat.done, "nothing is in flight yet"

    # Read on a background thread, as a GUI needs it; this thread does not wait.
    handle = chat.start("Hello!")
    assert not chat.done
    handle.wait()

    # Until the callback above has seen enough and stops it.
    chat.start("Stop after a dozen words.").wait()

    # The conversation has both answers, including the one that was stopped.
    for message in chat.messages:
        print(f"{message.role:9}  {message.content[:50]}  {message.status or ''}".rstrip())
