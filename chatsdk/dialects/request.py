"""Helpers for encoding request bodies in more than one dialect."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from chatsdk.answer import ToolCall
from chatsdk.messages import Image, Message

if TYPE_CHECKING:
    from chatsdk.dialects.dialect import Dialect

__all__ = [
    "OptionMissing",
    "Room",
    "arguments_of",
    "check_messages",
    "embedded",
    "failed",
    "given_back",
    "more_of",
    "new_messages",
    "paired",
    "plain_id",
    "system_text",
    "thoughts_to_give_back",
    "tool_name",
    "user_prompt",
    "whole_arguments",
]

# Characters that Anthropic and Bedrock do not allow in a call's id.
UNFIT = re.compile(r"[^a-zA-Z0-9_-]")


class OptionMissing(ValueError):
    """A dialect cannot encode a request without an option that was not given.

    Attributes:
        reason: why it is needed.
        names: the options.
    """

    def __init__(self, reason: str, *names: str) -> None:
        given = ", ".join(f"{name}='...'" for name in names)
        once = ", ".join(f"'{name}': ..." for name in names)
        super().__init__(
            f"{reason}: pass {given} to ask(), or once as ChatClient(defaults={{{once}}})"
        )
        self.reason = reason
        self.names = names

    def __reduce__(self) -> tuple[type[OptionMissing], tuple[str, ...]]:
        return OptionMissing, (self.reason, *self.names)


def check_messages(messages: Sequence[Message], dialect: Dialect) -> None:
    """Raise ValueError for content that `dialect` would omit from a request."""
    for message in messages:
        found = []
        if message.files and "files" not in dialect.passes_on:
            found.append("files")
        if message.name and message.role != "tool" and "name" not in dialect.passes_on:
            found.append("name")
        if message.more is not None and "more" not in dialect.passes_on:
            more = json.loads(message.more)
            found += more.get("fields", {})
            if "content" in more:
                found.append("fields of the parts of its content, or parts unknown to it")
        if found:
            raise ValueError(
                f"the dialect {dialect.name!r} has no place for this in a message of the role "
                f"{message.role!r}: {', '.join(map(str, found))}; leave it out, or use "
                "client.send(body) with the JSON that your backend expects"
            )


def more_of(message: Message) -> tuple[dict[str, Any], list[dict[str, Any]] | None]:
    """Return a message's extra fields, beyond those of `Message`, and its parts, if any."""
    if message.more is None:
        return {}, None
    more = json.loads(message.more)
    return more.get("fields", {}), more.get("content")


def paired(messages: Sequence[Message]) -> Sequence[Message]:
    """Return the messages with an id for each call and the same one for its result.

    Calls without an id, or with an id that another call already has, get one: some servers count
    the calls of each answer from one, and Anthropic refuses an id that comes twice. A result
    without an id, or with an id that matches no call, belongs to the first call without a result.
    """
    taken = {call.id for message in messages for call in message.tool_calls}
    # Mistral accepts only ids of nine letters and digits.
    numbers = (f"call{number:05}" for number in itertools.count(1))
    free = (id for id in numbers if id not in taken)
    seen: set[str | None] = {None, ""}
    written: list[Message] = []
    # For each open call: the id as received, and its id now.
    waiting: list[tuple[str | None, str]] = []
    for message in messages:
        if message.role == "tool":
            place = _result_of(message, waiting)
            if place is not None:
                _, id = waiting.pop(place)
                if id != message.tool_call_id:
                    message = message._replace(tool_call_id=id)
        elif message.tool_calls:
            waiting = []
            calls = []
            for call in message.tool_calls:
                id = next(free) if call.id in seen or call.id is None else call.id
                seen.add(call.id)
                waiting.append((call.id, id))
                calls.append(call if id == call.id else ToolCall(id, call.name, call.arguments))
            if any(new is not old for new, old in zip(calls, message.tool_calls, strict=True)):
                message = message._replace(tool_calls=tuple(calls))
        written.append(message)
    return written


def _result_of(message: Message, waiting: Sequence[tuple[str | None, str]]) -> int | None:
    """Return the index of the call that a result belongs to."""
    for place, (given, _) in enumerate(waiting):
        if message.tool_call_id and given == message.tool_call_id:
            return place
    for place, (given, id) in enumerate(waiting):
        if not message.tool_call_id and given != id:
            return place
    return None


def plain_id(id: str | None) -> str | None:
    """Return a call's id in the characters that Anthropic and Bedrock accept."""
    return None if id is None else UNFIT.sub("_", id)


def whole_arguments(call: ToolCall) -> str:
    """Return a call's arguments as JSON text: ``{}`` for empty ones, which servers refuse."""
    text = call.arguments.strip()
    return "{}" if text in ("", "null") else call.arguments


def system_text(messages: Sequence[Message]) -> str:
    """Return the system messages as one text, for backends with a separate field for it."""
    return "\n\n".join(message.content for message in messages if message.role == "system")


def embedded(image: Image) -> tuple[str, str] | None:
    """Return the media type and base64 of an image given by content or as a ``data:`` URL.

    ``None`` for an image given by its URL.
    """
    if image.data is not None:
        return image.media_type or "image/png", image.data
    head, comma, data = (image.url or "").partition(",")
    if not comma or not head.startswith("data:") or not head.endswith(";base64"):
        return None
    return head[len("data:") : -len(";base64")].split(";")[0] or "image/png", data


def arguments_of(call: ToolCall) -> dict[str, Any]:
    """Return a call's arguments for backends that take an object.

    Text that is not a JSON object cannot be sent to such backends; the tool's result describes the
    error.
    """
    return call.parsed or {}


def failed(result: Message) -> bool:
    """Whether a tool run by a session failed, for backends with a field for that."""
    return result.role == "tool" and result.status == "error"


def given_back(message: Message, dialect: str) -> list[dict[str, Any]]:
    """Return a message's opaque state that the backend needs back; it may be empty.

    This is what the decoder of `dialect` stored in `Message.native`. The caller must check whether
    the message has changed since.
    """
    native = message.native
    value = None if native is None or native.dialect != dialect else native.value
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        return []
    return value


def thoughts_to_give_back(messages: Sequence[Message]) -> list[str | None]:
    """Return for each message the reasoning to send back with it, ``None`` if none.

    Reasoning is sent back with all messages of a turn in which the model called tools, from one
    user message to the next. Otherwise the model repeats the missing reasoning with each result. If
    the model reasoned at all in such a turn, ``""`` marks messages without reasoning.
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
    """Return the tool of a result, for backends that match by name and not by id."""
    if result.name:
        return result.name
    for message in messages:
        for call in message.tool_calls:
            if call.id is not None and call.id == result.tool_call_id and call.name:
                return call.name
    raise ValueError(
        "this backend needs the name of the tool that a result is from: give the message a name, "
        "Message('tool', content, name=...)"
    )


def new_messages(messages: Sequence[Message]) -> Sequence[Message]:
    """Return the messages after the last answer, for backends that keep the conversation.

    An answer that failed or was stopped is not kept there, so it does not count.
    """
    for place in range(len(messages) - 1, -1, -1):
        if messages[place].role == "assistant" and _kept(messages, place):
            return messages[place + 1 :]
    return messages


def _kept(messages: Sequence[Message], place: int) -> bool:
    answer, rest = messages[place], messages[place + 1 :]
    # A turn with pending tools is not finished, but the calls that it made are known there.
    called = bool(answer.tool_calls and rest and rest[0].role == "tool")
    return called or answer.status in (None, "finished")


def user_prompt(messages: Sequence[Message], backend: str) -> Message:
    """Return the user's new message, for backends that take a prompt and keep the conversation.

    The texts of several consecutive messages are joined.

    Raises:
        ValueError: the last message is not the user's, or there are instructions.
    """
    if any(message.role == "system" for message in messages):
        raise ValueError(
            f"{backend} takes no instructions with a request: leave the system message out"
        )
    first = len(messages)
    while first and messages[first - 1].role == "user":
        first -= 1
    new = messages[first:]
    if not new:
        raise ValueError(f"{backend} takes a prompt: let the last message be of role 'user'")
    return new[-1]._replace(
        content="\n\n".join(message.content for message in new if message.content),
        images=tuple(image for message in new for image in message.images),
    )


# Largest size, in characters, of data without a field in the answer: reasoning and results of
# server-side searches. Equal to the default limit of an event in bytes.
MOST_NATIVE_CHARS = 16 * 1024 * 1024


class Room:
    """The room for the opaque state that one answer leaves for the next request.

    If an answer needs more, none of it is kept.
    """

    def __init__(self) -> None:
        self._left = MOST_NATIVE_CHARS

    def take(self, value: object) -> bool:
        """Reserve room for a JSON value; return whether all values up to now had enough."""
        if self._left > 0:
            self._left -= len(str(value))
        return self._left > 0

    def __bool__(self) -> bool:
        return self._left > 0
