"""`use_chat`: a session from an address, in one call."""

from __future__ import annotations

import inspect
from typing import Any

from chatsdk.client import ChatClient
from chatsdk.session.session import ChatSession

__all__ = ["use_chat"]


def use_chat(url: str | ChatClient, **options: Any) -> ChatSession:
    """Return a `ChatSession` for a chat backend.

        session = use_chat("https://api.example.com/v1/chat/completions", token=...)
        for answer in session.ask("Hello"):
            print(answer.delta, end="")

    Args:
        url: the address, or a `ChatClient`. A client that is made here is closed by the session's
            `close`; one that is given stays the caller's.
        options: those of `ChatSession`, and with an address those of `ChatClient` too.

    Raises:
        TypeError, ValueError: an argument that cannot work; nothing was sent.
    """
    names = inspect.signature(ChatSession).parameters
    mine = {name: options.pop(name) for name in list(options) if name in names and name != "client"}
    if isinstance(url, ChatClient):
        if options:
            raise TypeError(
                f"{', '.join(options)}: give the options of a client to ChatClient(...), or an "
                "address to use_chat"
            )
        return ChatSession(url, **mine)
    client = ChatClient(url, **options)
    try:
        session = ChatSession(client, **mine)
    except BaseException:
        client.close()
        raise
    session._owns_client = True
    return session
