"""`Plan`: what a request means for the conversation, and what is sent."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from chatsdk import dialects
from chatsdk.dialects.urls import guess
from chatsdk.messages import Message
from chatsdk.session.request import Ask, Edit, Post, Regenerate, Request
from chatsdk.session.snapshot import Snapshot
from chatsdk.session.status import Status

if TYPE_CHECKING:
    from chatsdk.client import AnswerStream, ChatClient
    from chatsdk.transport import Cancel

__all__ = ["Plan", "kept_by_server", "named", "unused"]

EDIT_ON_SERVER = (
    "the backend keeps this conversation, so what was said earlier cannot be changed: ask() "
    "again, or reset() and begin a new conversation"
)


@attrs.frozen
class Plan:
    """What a turn does.

    Attributes:
        request: what to do again when it is regenerated.
        messages: the conversation from now on.
        sent: those of them that the backend is given; ``None`` where a body is posted.
        conversation_id: which conversation of the backend goes on.
    """

    request: Post | Ask
    messages: tuple[Message, ...]
    sent: tuple[Message, ...] | None = None
    conversation_id: str | None = None

    @classmethod
    def of(
        cls,
        request: Request,
        options: Mapping[str, Any],
        snapshot: Snapshot,
        *,
        kept_by_server: bool,
        new_id: Callable[[], str],
    ) -> Plan:
        """Plan `request` for a session that is at `snapshot`.

        Raises:
            ValueError: there is no such message, or the backend's own history forbids it.
            TypeError: options for what takes none.
        """
        last = None if snapshot.turn is None else snapshot.turn.request
        messages, conversation_id, server_has = snapshot.conversation
        if isinstance(request, Regenerate) and request.message_id is None:
            if isinstance(last, Post):
                request = last
        if isinstance(request, Post):
            if options:
                raise TypeError(
                    f"{', '.join(options)}: options are for asking; a body is sent as it is, so "
                    "put them into the body"
                )
            return cls(request, messages)
        if isinstance(request, Ask):
            new = named(request.messages, new_id, taken=messages)
            kept = (*messages, *new)
            options = {**request.options, **options}
        else:
            if isinstance(last, Ask):
                options = {**last.options, **options}
            if isinstance(request, Regenerate):
                kept = _before_answer(messages, request.message_id)
            else:
                kept = _edited(messages, request)
            removed = messages[len(kept) :]
            if kept_by_server and (
                isinstance(request, Edit) or any(message.role != "assistant" for message in removed)
            ):
                raise ValueError(EDIT_ON_SERVER)
        conversation_id = options.get("conversation_id", conversation_id)
        sent: Sequence[Message] = kept
        if not kept_by_server:
            conversation_id = None
        elif conversation_id is not None:
            sent = kept[_on_server(kept, server_has) :]
        return cls(Ask((), options), kept, tuple(filter(_says_something, sent)), conversation_id)

    def open(self, client: ChatClient, cancel: Cancel) -> AnswerStream:
        """Send it; what `ChatClient.send` and `ChatClient.ask` raise."""
        if isinstance(self.request, Post):
            return client.send(self.request.body, cancel=cancel)
        options = dict(self.request.options)
        if self.conversation_id is not None:
            options.setdefault("conversation_id", self.conversation_id)
        return client.ask(list(self.sent or ()), cancel=cancel, **options)


def kept_by_server(client: ChatClient) -> bool:
    """Whether the backend keeps the conversation, as far as its dialect is known."""
    dialect = client.dialect
    if dialect.name == "auto" and (name := guess(client.url)) is not None:
        dialect = dialects.get(name)
    return dialect.about.history == "server"


def named(
    messages: Sequence[Message], new_id: Callable[[], str], *, taken: Sequence[Message] = ()
) -> tuple[Message, ...]:
    """Give an id to each message that has none.

    Raises:
        ValueError: two messages have the same id.
        TypeError: an id is no string.
    """
    ids = {message.id for message in taken}
    result = []
    for message in messages:
        if message.id is None:
            message = attrs.evolve(message, id=unused(new_id, ids))
        elif not isinstance(message.id, str):
            raise TypeError(f"a message's id is a string, not {type(message.id).__name__}")
        elif message.id in ids:
            raise ValueError(f"two messages have the id {message.id!r}: leave one of them out")
        ids.add(message.id)
        result.append(message)
    return tuple(result)


def unused(new_id: Callable[[], str], ids: Collection[str | None]) -> str:
    """Return a new id that is not among `ids`, which messages may have brought along."""
    id = new_id()
    while id in ids:
        id = new_id()
    return id


def _on_server(messages: Sequence[Message], server_has: str | None) -> int:
    """How many messages the backend keeps: those up to the last answer that it knows of."""
    for place in range(len(messages), 0, -1):
        message = messages[place - 1]
        if message.role == "assistant" and (
            message.status in (None, Status.FINISHED) or message.id == server_has
        ):
            return place
    return 0


def _says_something(message: Message) -> bool:
    # The place of an answer that failed before its first word; backends refuse such messages.
    return message.role != "assistant" or bool(message.content or message.tool_calls)


def _place(messages: Sequence[Message], id: str) -> int:
    for place, message in enumerate(messages):
        if message.id == id:
            return place
    raise ValueError(f"there is no message with the id {id!r}: session.messages has them all")


def _before_answer(messages: tuple[Message, ...], id: str | None) -> tuple[Message, ...]:
    """The conversation up to where the answer goes."""
    place = len(messages) - 1 if id is None else _place(messages, id)
    if place >= 0 and messages[place].role != "assistant":
        place += 1
    kept = messages[: max(place, 0)]
    if not kept or kept[-1].role not in ("user", "tool"):
        raise ValueError("there is no question to answer again: send() or ask() first")
    return kept


def _edited(messages: tuple[Message, ...], request: Edit) -> tuple[Message, ...]:
    place = _place(messages, request.message_id)
    if messages[place].role != "user":
        raise ValueError(
            f"the message {request.message_id!r} is not the user's: use set_messages() to change "
            "what others said"
        )
    return (*messages[:place], attrs.evolve(messages[place], content=request.text))
