"""What a turn asks, as values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from chatsdk.messages import ROLES, Message

__all__ = ["Ask", "Edit", "Post", "Prompt", "Regenerate", "Request", "messages_of", "request_of"]


@attrs.frozen
class Post:
    """Send exactly this JSON body; the conversation is left alone."""

    body: Any = attrs.field(repr=False)


@attrs.frozen
class Ask:
    """Add messages to the conversation and have it answered."""

    messages: tuple[Message, ...]
    options: Mapping[str, Any] = attrs.field(factory=dict, repr=False)


@attrs.frozen
class Regenerate:
    """Have a question answered again, for `ChatSession.run` and `ChatSession.start`.

    Attributes:
        message_id: the answer to replace, or the question to answer again; what comes after it is
            cut. ``None``: the last one, and after ``send(body)`` that body once more.
    """

    message_id: str | None = None


@attrs.frozen
class Edit:
    """Change what the user said and have it answered, for `run` and `start` of a `ChatSession`.

    Attributes:
        message_id: which message of the user; what comes after it is cut. ``None``: the last one.
        text: what it says from now on.
    """

    message_id: str | None
    text: str


Request = Post | Ask | Regenerate | Edit

Prompt = str | Message | Iterable[Message | Mapping[str, Any] | str]


def messages_of(value: Prompt) -> tuple[Message, ...]:
    """Read a prompt or a list of messages, which may be empty.

    Raises:
        TypeError, ValueError: it is neither.
    """
    if isinstance(value, (str, Message, Mapping)):
        return (Message.of(value),)
    if not isinstance(value, Iterable):
        raise TypeError(f"give a prompt or a list of messages, not {type(value).__name__}")
    return tuple(Message.of(item) for item in value)


def request_of(what: object) -> Request:
    """Read what `ChatSession.run` and `ChatSession.start` take.

    Raises:
        TypeError, ValueError: there is nothing to do that way.
    """
    if isinstance(what, (Regenerate, Edit)):
        return what
    if isinstance(what, Mapping):
        if what.keys() == {"role", "content"} and what["role"] in ROLES:
            raise TypeError(
                "this dict is a message, and a dict is sent as a body: give the message in a list"
            )
        return Post(what)
    if isinstance(what, (str, Message, Iterable)) and not isinstance(what, (bytes, bytearray)):
        return Ask(Message.all_of(what))
    raise TypeError(
        "give a body (a dict), a prompt, a list of messages, Regenerate() or Edit(...), not "
        f"{type(what).__name__}"
    )
