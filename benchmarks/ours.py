"""chatsdk, read in the ways that are compared."""

from __future__ import annotations

from typing import Any

from contract import Out

DIALECTS = {"anthropic": "anthropic", "ragflow": "ragflow"}


def chatsdk(url: str, kind: str, out: Out) -> None:
    from chatsdk import ChatClient

    with ChatClient(url, dialect=DIALECTS.get(kind, "openai")) as client:
        for answer in client.send({}):
            out.append(answer.delta)


def chatsdk_text(url: str, kind: str, out: Out) -> None:
    """The same, asking for the whole text at each event."""
    from chatsdk import ChatClient

    with ChatClient(url, dialect=DIALECTS.get(kind, "openai")) as client:
        for answer in client.send({}):
            # Passed on, and not kept: all of them together are quadratic.
            out.append(answer.text and answer.delta)


def chat_session(url: str, kind: str, out: Out) -> None:
    """Through the hook, with one callback."""
    from chatsdk import use_chat

    def show(answer: Any) -> None:
        out.append(answer.delta)

    with use_chat(url, dialect=DIALECTS.get(kind, "openai"), on_answer=show) as session:
        session.run({})
