"""A conversation as JSON, for `ChatSession.to_dict` and `from_dict`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chatsdk.messages import Message
from chatsdk.session.approvals import read_approvals, written_approvals
from chatsdk.session.history import Conversation
from chatsdk.session.incomplete_turns import failed_questions

__all__ = ["VERSION", "read", "written"]

# Version of the format. Adding a field does not change it; older readers ignore new fields.
VERSION = 1

DAMAGED = "the saved session is damaged: give the dict as to_dict() returned it"


def written(conversation: Conversation, ids: int) -> dict[str, Any]:
    """Return a conversation as a dict of JSON values.

    `ids` is the number of ids given to messages, so that no id is given twice.
    """
    return {
        "version": VERSION,
        "conversation_id": conversation.id,
        "server_has": conversation.last_on_server,
        "origin": conversation.resumed_from,
        "ids": ids,
        "failed": [
            message.id for message in conversation.messages if message.id in conversation.failed
        ],
        "messages": [message.to_dict() for message in conversation.messages],
        "pending": written_approvals(conversation.approvals),
    }


def read(data: Mapping[str, Any]) -> tuple[Conversation, int]:
    """Return the arguments that `written` got.

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
    messages, id, last_on_server, ids = (
        data.get(name) for name in ("messages", "conversation_id", "server_has", "ids")
    )
    # Before this field existed, only the latest id was known.
    resumed_from = data.get("origin", id)
    if (
        not isinstance(messages, (list, tuple))
        or not isinstance(id, (str, type(None)))
        or not isinstance(last_on_server, (str, type(None)))
        or not isinstance(resumed_from, (str, type(None)))
        or not isinstance(ids, int)
        or isinstance(ids, bool)
        or ids < 0
    ):
        raise ValueError(DAMAGED)
    said = tuple(Message.of(item) for item in messages)
    failed = data.get("failed")
    if failed is None:
        # Saved by 0.1.0.
        failed = failed_questions(said)
    elif not isinstance(failed, (list, tuple)) or not all(isinstance(id, str) for id in failed):
        raise ValueError(DAMAGED)
    try:
        calls = next((message.tool_calls for message in reversed(said) if message.tool_calls), ())
        pending = read_approvals(data.get("pending", ()), calls)
    except ValueError:
        raise ValueError(DAMAGED) from None
    return Conversation(said, id, last_on_server, resumed_from, frozenset(failed), pending), ids
