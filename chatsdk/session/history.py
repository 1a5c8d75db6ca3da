"""Positions in the messages of a conversation: where an answer goes, and what the backend has."""

from __future__ import annotations

from collections.abc import Sequence

from chatsdk.messages import Message
from chatsdk.session.request import Edit
from chatsdk.session.rounds import by_session
from chatsdk.session.status import Status

__all__ = [
    "before_answer",
    "branch",
    "count_on_server",
    "edited",
    "may_go_back",
    "waiting_round",
]


def waiting_round(messages: Sequence[Message]) -> int:
    """Return the index of the last message that has tool calls."""
    return max(place for place, message in enumerate(messages) if message.tool_calls)


def count_on_server(messages: Sequence[Message], server_has: str | None) -> int:
    """Count the messages that the backend stores: those up to the last answer that it has."""
    for place in range(len(messages), 0, -1):
        message = messages[place - 1]
        if message.role == "assistant" and (
            message.status in (None, Status.FINISHED) or message.id == server_has
        ):
            return place
    return 0


def branch(messages: Sequence[Message], origin: str | None) -> tuple[int, str | None]:
    """Count the messages that the backend stores under their latest id, and return that id too."""
    for place in range(len(messages), 0, -1):
        if (id := messages[place - 1].conversation_id) is not None:
            return place, id
    return (0 if origin is None else count_on_server(messages, None)), origin


def may_go_back(removed: Sequence[Message], origin: str | None) -> bool:
    """Whether the backend has an id for the conversation before these messages."""
    return origin is None or all(
        message.conversation_id is not None
        for message in removed
        if message.role == "assistant" and message.status in (None, Status.FINISHED)
    )


def _place(messages: Sequence[Message], id: str) -> int:
    for place, message in enumerate(messages):
        if message.id == id:
            return place
    raise ValueError(f"there is no message with the id {id!r}: session.messages has them all")


def before_answer(messages: tuple[Message, ...], id: str | None) -> tuple[Message, ...]:
    """The conversation up to where the answer goes."""
    place = len(messages) - 1 if id is None else _place(messages, id)
    if place >= 0 and messages[place].role != "assistant":
        place += 1
    # The session's tool calls and results are part of the answer.
    while place > 0 and (by_session(messages[place - 1]) or _asks_session(messages, place - 1)):
        place -= 1
    kept = messages[: max(place, 0)]
    if not kept or kept[-1].role not in ("user", "tool"):
        raise ValueError("there is no question to answer again: send() or ask() first")
    return kept


def _asks_session(messages: tuple[Message, ...], place: int) -> bool:
    """Whether the message at this index calls tools that the session has run."""
    return messages[place].role == "assistant" and any(map(by_session, messages[place + 1 :][:1]))


def edited(messages: tuple[Message, ...], request: Edit) -> tuple[Message, ...]:
    id = request.message_id
    if id is None:
        id = next((message.id for message in reversed(messages) if message.role == "user"), None)
    if id is None:
        raise ValueError("there is no question to edit: ask() first")
    place = _place(messages, id)
    if messages[place].role != "user":
        raise ValueError(
            f"the message {request.message_id!r} is not the user's: use set_messages() to change "
            "what others said"
        )
    return (*messages[:place], messages[place]._replace(content=request.text))
