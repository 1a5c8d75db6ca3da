"""What writing a request's body needs in more than one dialect."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chatsdk.answer import ToolCall
from chatsdk.messages import Image, Message

__all__ = [
    "arguments_of",
    "embedded",
    "failed",
    "given_back",
    "new_messages",
    "system_text",
    "thoughts_to_give_back",
    "tool_name",
]


def system_text(messages: Sequence[Message]) -> str:
    """Return the system messages as one, for backends that take it beside the conversation."""
    return "\n\n".join(message.content for message in messages if message.role == "system")


def embedded(image: Image) -> tuple[str, str] | None:
    """Return the media type and base64 of a picture given by content or as a ``data:`` URL.

    ``None`` for one that is given by its address.
    """
    if image.data is not None:
        return image.media_type or "image/png", image.data
    head, comma, data = (image.url or "").partition(",")
    if not comma or not head.startswith("data:") or not head.endswith(";base64"):
        return None
    return head[len("data:") : -len(";base64")].split(";")[0] or "image/png", data


def arguments_of(call: ToolCall) -> dict[str, Any]:
    """Return a call's arguments for backends that take an object.

    Text that is no JSON object cannot be sent back there; the tool's result says what was wrong.
    """
    return call.parsed or {}


def failed(result: Message) -> bool:
    """Whether a tool's result is the error of a tool that a session ran, for backends that ask."""
    return result.role == "tool" and result.status == "error"


def given_back(message: Message, dialect: str) -> list[dict[str, Any]]:
    """Return the pieces that the backend wants to get back with a message, ``[]`` for none.

    They are what the decoder of `dialect` has put into `Message.native`. Whether the message has
    been changed since is for the caller to see.
    """
    native = message.native
    value = None if native is None or native.dialect != dialect else native.value
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        return []
    return value


def thoughts_to_give_back(messages: Sequence[Message]) -> list[str | None]:
    """Return for each message the reasoning that goes back with it, ``None`` where none does.

    It goes back with all that a model said in a turn in which it called tools, from one question of
    the user to the next: what it has not thought there, it thinks anew with each result. Where it
    thought at all in such a turn, ``""`` says that it did not in that place.
    """
    given: list[str | None] = [None] * len(messages)
    start = 0
    for place in range(len(messages) + 1):
        if place < len(messages) and messages[place].role != "user":
            continue
        turn = range(start, place)
        if any(messages[at].tool_calls for at in turn) and any(
            messages[at].reasoning for at in turn
        ):
            for at in turn:
                if messages[at].role == "assistant":
                    given[at] = messages[at].reasoning
        start = place
    return given


def tool_name(result: Message, messages: Sequence[Message]) -> str:
    """Return which tool a result is of, for backends that go by the name and not by an id."""
    if result.name:
        return result.name
    for message in messages:
        for call in message.tool_calls:
            if call.id is not None and call.id == result.tool_call_id and call.name:
                return call.name
    raise ValueError(
        "this backend wants to know which tool a result is of: give the message a name, "
        "Message('tool', content, name=...)"
    )


def new_messages(messages: Sequence[Message]) -> Sequence[Message]:
    """Return what came after the last answer, for backends that keep the conversation.

    An answer that failed or was stopped is not kept there, so it does not count as one.
    """
    for place in range(len(messages) - 1, -1, -1):
        if messages[place].role == "assistant" and _kept(messages, place):
            return messages[place + 1 :]
    return messages


def _kept(messages: Sequence[Message], place: int) -> bool:
    answer, rest = messages[place], messages[place + 1 :]
    # A turn that runs its tools is not finished, but the call that it answers is.
    called = bool(answer.tool_calls and rest and rest[0].role == "tool")
    return called or answer.status in (None, "finished")
