"""`Conversation`: what is said in a session, and how much of it the backend keeps."""

from __future__ import annotations

from typing import NamedTuple

from chatsdk.messages import Message

__all__ = ["Conversation"]


class Conversation(NamedTuple):
    """What is said, and where it goes on.

    Attributes:
        messages: each with an id.
        id: the backend's id of it, where the backend keeps it and has told.
        server_has: the id of the last answer that the backend put into it, though perhaps that
            was stopped or failed here.
        origin: the backend's id of what there was before the first answer here, if anything.
        failed: the ids of the questions whose turn ended before its first word. As long as such
            an end follows them they are shown, but not sent.
    """

    messages: tuple[Message, ...] = ()
    id: str | None = None
    server_has: str | None = None
    origin: str | None = None
    failed: frozenset[str | None] = frozenset()
