"""`History`: a conversation, and how much of it the backend keeps. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

from chatsdk.dialects.dialect import Dialect
from chatsdk.messages import Message
from chatsdk.session.approvals import Approval
from chatsdk.session.status import Status

__all__ = [
    "Conversation",
    "History",
    "before_answer",
    "edited",
    "fresh_id",
    "is_answer",
    "is_session_tool_result",
    "waiting_round",
    "with_ids",
]

EDIT_ON_SERVER = (
    "the backend keeps this conversation, so what was said earlier cannot be changed: ask() "
    "again, or reset() and begin a new conversation"
)


class Conversation(NamedTuple):
    """The messages, and the point from which the backend continues.

    Attributes:
        messages: each with an id.
        id: the backend's id of the conversation, if the backend stores it and has sent an id.
        last_on_server: the id of the last answer that the backend stored. The same answer may have
            been stopped or have failed here.
        resumed_from: the backend's id of the conversation before the first answer here, if any.
        failed: the ids of the questions whose turn failed before its first text. While such a
            failed answer follows a question, the question is shown but not sent.
        approvals: the calls that wait for a person, of the last message that has calls: of the turn
            under way, or else of `messages`.
    """

    messages: tuple[Message, ...] = ()
    id: str | None = None
    last_on_server: str | None = None
    resumed_from: str | None = None
    failed: frozenset[str | None] = frozenset()
    approvals: tuple[Approval, ...] = ()


class History(NamedTuple):
    """A conversation, and the rules of the backend that answers it.

    Attributes:
        conversation: the conversation.
        by_server: the backend keeps it, so only new messages are sent.
        branches: the backend can continue from any of its answers.
        new_conversation: returns the id of a new conversation, if the client chooses one.
    """

    conversation: Conversation
    by_server: bool
    branches: bool
    new_conversation: Callable[[], str | None]

    @classmethod
    def of(cls, conversation: Conversation, dialect: Dialect, url: str) -> History:
        """Return the history of a conversation with the backend at `url`."""
        by_server = dialect.history(url) == "server"
        branches = by_server and dialect.branches(conversation.id)
        return cls(conversation, by_server, branches, dialect.new_conversation)

    def continued(
        self, kept: Sequence[Message], options: Mapping[str, Any]
    ) -> tuple[int, str | None]:
        """Return how many of the messages the backend has, and its id of the conversation."""
        _, id, last_on_server, resumed_from, _, _ = self.conversation
        if "conversation_id" in options:
            return _count_on_server(kept, last_on_server), options["conversation_id"]
        if self.branches:
            return _branch(kept, resumed_from)
        if self.by_server:
            return _count_on_server(kept, last_on_server), id
        return 0, self.new_conversation() if id is None else id

    def check_removal(self, removed: Sequence[Message]) -> None:
        """Raise `ValueError` if the backend keeps messages that are to be removed."""
        if self.by_server and not (self.branches and self._may_go_back(removed)):
            raise ValueError(EDIT_ON_SERVER)

    def _may_go_back(self, removed: Sequence[Message]) -> bool:
        """Whether the backend has an id for the conversation before these messages."""
        return self.conversation.resumed_from is None or all(
            message.conversation_id is not None
            for message in removed
            if message.role == "assistant" and message.status in (None, Status.FINISHED)
        )


def is_session_tool_result(message: Message) -> bool:
    """Whether a message is the result of a tool that a session ran, and so part of its answer."""
    return message.role == "tool" and message.status is not None


def is_answer(message: Message) -> bool:
    """Whether a message is the backend's, or belongs to its answer."""
    return message.role == "assistant" or is_session_tool_result(message)


def waiting_round(messages: Sequence[Message]) -> int:
    """Return the index of the last message that has tool calls."""
    return max(place for place, message in enumerate(messages) if message.tool_calls)


def _count_on_server(messages: Sequence[Message], last_on_server: str | None) -> int:
    """Count the messages that the backend stores: those up to the last answer that it has."""
    for place in range(len(messages), 0, -1):
        message = messages[place - 1]
        if message.role == "assistant" and (
            message.status in (None, Status.FINISHED) or message.id == last_on_server
        ):
            return place
    return 0


def _branch(messages: Sequence[Message], resumed_from: str | None) -> tuple[int, str | None]:
    """Count the messages that the backend stores under their latest id, and return that id too."""
    for place in range(len(messages), 0, -1):
        if (id := messages[place - 1].conversation_id) is not None:
            return place, id
    return (0 if resumed_from is None else _count_on_server(messages, None)), resumed_from


def _place(messages: Sequence[Message], id: str) -> int:
    for place, message in enumerate(messages):
        if message.id == id:
            return place
    raise ValueError(f"there is no message with the id {id!r}: session.messages has them all")


def before_answer(messages: tuple[Message, ...], id: str | None) -> tuple[Message, ...]:
    """Return the conversation up to where the answer goes."""
    place = len(messages) - 1 if id is None else _place(messages, id)
    if place >= 0 and messages[place].role != "assistant":
        place += 1
    # The session's tool calls and results are part of the answer.
    while place > 0 and (
        is_session_tool_result(messages[place - 1]) or _calls_session_tools(messages, place - 1)
    ):
        place -= 1
    kept = messages[: max(place, 0)]
    if not kept or kept[-1].role not in ("user", "tool"):
        raise ValueError("there is no question to answer again: send() or ask() first")
    return kept


def _calls_session_tools(messages: tuple[Message, ...], place: int) -> bool:
    """Whether the message at this index calls tools that the session has run."""
    return messages[place].role == "assistant" and any(
        map(is_session_tool_result, messages[place + 1 :][:1])
    )


def edited(messages: tuple[Message, ...], id: str | None, text: str) -> tuple[Message, ...]:
    """Return the conversation up to the question with this id, which gets a new text."""
    given = id
    if id is None:
        id = next((message.id for message in reversed(messages) if message.role == "user"), None)
    if id is None:
        raise ValueError("there is no question to edit: ask() first")
    place = _place(messages, id)
    if messages[place].role != "user":
        raise ValueError(
            f"the message {given!r} is not the user's: use set_messages() to change other messages"
        )
    return (*messages[:place], messages[place]._replace(content=text))


def with_ids(
    messages: Sequence[Message], new_id: Callable[[], str], *, taken: Sequence[Message] = ()
) -> tuple[Message, ...]:
    """Give an id to each message that has none.

    Raises:
        ValueError: two messages have the same id.
        TypeError: an id is not a string.
    """
    ids = {message.id for message in taken}
    result = []
    for message in messages:
        if message.id is None:
            message = message._replace(id=fresh_id(new_id, ids))
        elif not isinstance(message.id, str):
            raise TypeError(f"a message's id is a string, not {type(message.id).__name__}")
        elif message.id in ids:
            raise ValueError(f"two messages have the id {message.id!r}: leave one of them out")
        ids.add(message.id)
        result.append(message)
    return tuple(result)


def fresh_id(new_id: Callable[[], str], ids: Collection[str | None]) -> str:
    """Return a new id that is not among `ids`, which may include ids of the caller."""
    # The loop ends because each new id is different.
    id = new_id()
    while id in ids:
        id = new_id()
    return id
