"""`Conversation`: the messages of a session, and how many the backend stores."""

from __future__ import annotations

from typing import NamedTuple

from chatsdk.messages import Message
from chatsdk.session.approvals import Approval

__all__ = ["Conversation"]


class Conversation(NamedTuple):
    """The messages, and the point from which the backend continues.

    Attributes:
        messages: each with an id.
        id: the backend's id of the conversation, if the backend stores it and has sent an id.
        server_has: the id of the last answer that the backend stored. The same answer may have been
            stopped or have failed here.
        origin: the backend's id of the conversation before the first answer here, if there was one.
        failed: the ids of the questions whose turn failed before its first text. While such a
            failed answer follows a question, the question is shown but not sent.
        approvals: the calls that wait for a person, of the last message that has calls: of the turn
            under way, or else of `messages`.
    """

    messages: tuple[Message, ...] = ()
    id: str | None = None
    server_has: str | None = None
    origin: str | None = None
    failed: frozenset[str | None] = frozenset()
    approvals: tuple[Approval, ...] = ()
