"""The requests of a turn, as values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from chatsdk.messages import ROLES, Message

__all__ = [
    "Ask",
    "Edit",
    "Post",
    "Prompt",
    "Regenerate",
    "Request",
    "Resume",
    "messages_of",
    "request_of",
]


@attrs.frozen
class Post:
    """Send exactly this JSON body; the conversation does not change."""

    body: Any = attrs.field(repr=False)


@attrs.frozen
class Ask:
    """Add messages to the conversation and send it."""

    messages: tuple[Message, ...]
    options: Mapping[str, Any] = attrs.field(factory=dict, repr=False)


@attrs.frozen
class Regenerate:
    """Answer a question again, for `ChatSession.run` and `ChatSession.start`.

    Attributes:
        message_id: the answer to replace, or the question to answer again; later messages are
            removed. ``None``: the last one, or after ``send(body)`` that body again.
    """

    message_id: str | None = None


@attrs.frozen
class Edit:
    """Change a message of the user and answer it, for `run` and `start` of a `ChatSession`.

    Attributes:
        message_id: the user's message to change; later messages are removed. ``None``: the last
            one.
        text: its new text.
    """

    message_id: str | None
    text: str


@attrs.frozen
class Resume:
    """Continue a saved turn that waits for a person, for `ChatSession.run` and `start`.

    Pass the same ``tools`` again, because functions cannot be saved. The turn waits for the calls
    of `ChatSession.pending` that are still undecided, runs the approved ones, and sends the
    results.
    """


Request = Post | Ask | Regenerate | Edit | Resume

Prompt = str | Message | Iterable[Message | Mapping[str, Any] | str]


def messages_of(value: Prompt) -> tuple[Message, ...]:
    """Read a prompt or a list of messages, which may be empty.

    Raises:
        TypeError, ValueError: it is neither.
    """
    if isinstance(value, (str, Message, Mapping)):
        return (Message.of(value),)
    if isinstance(value, bytes) or not isinstance(value, Iterable):
        raise TypeError(f"give a prompt or a list of messages, not {type(value).__name__}")
    return tuple(Message.of(item) for item in value)


def request_of(what: object) -> Request:
    """Read the first argument of `ChatSession.run` and `ChatSession.start`.

    Raises:
        TypeError, ValueError: it is not a request.
    """
    if isinstance(what, (Regenerate, Edit, Resume)):
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
        "give a body (a dict), a prompt, a list of messages, Regenerate(), Edit(...) or Resume(), "
        f"not {type(what).__name__}"
    )
