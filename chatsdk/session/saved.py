"""A conversation as JSON: what `ChatSession.to_dict` writes and `from_dict` reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from chatsdk.messages import Message

__all__ = ["VERSION", "Saved", "read", "written"]

# Of the format. Fields may be added without a new one; an older reader leaves them out.
VERSION = 1


@attrs.frozen
class Saved:
    """What is kept of a session.

    Attributes:
        messages: the conversation.
        conversation_id: the backend's id of it, where it keeps one.
        server_has: the id of the last answer that the backend put into it.
        ids: how many ids have been given to messages.
    """

    messages: tuple[Message, ...] = ()
    conversation_id: str | None = None
    server_has: str | None = None
    ids: int = 0


def written(saved: Saved) -> dict[str, Any]:
    """Return `saved` as a dict of JSON values."""
    return {
        "version": VERSION,
        "conversation_id": saved.conversation_id,
        "server_has": saved.server_has,
        "ids": saved.ids,
        "messages": [message.to_dict() for message in saved.messages],
    }


def read(data: Mapping[str, Any]) -> Saved:
    """Return what `written` wrote.

    Raises:
        TypeError, ValueError: it is something else, or of a newer version.
    """
    if not isinstance(data, Mapping):
        raise TypeError(f"give the dict that to_dict() returned, not {type(data).__name__}")
    version = data.get("version")
    if version != VERSION:
        raise ValueError(
            f"the saved session has version {version!r}, and this chatsdk reads {VERSION}: "
            "install the chatsdk that wrote it, or a newer one"
        )
    messages, conversation_id, server_has, ids = (
        data.get(name) for name in ("messages", "conversation_id", "server_has", "ids")
    )
    if (
        not isinstance(messages, (list, tuple))
        or not isinstance(conversation_id, (str, type(None)))
        or not isinstance(server_has, (str, type(None)))
        or not isinstance(ids, int)
        or isinstance(ids, bool)
        or ids < 0
    ):
        raise ValueError("the saved session is damaged: give the dict as to_dict() returned it")
    return Saved(tuple(Message.of(item) for item in messages), conversation_id, server_has, ids)
