"""Leaves out of a request the messages of incomplete turns, which a backend would refuse.

`chatsdk.session.history` decides which messages the backend has already.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import takewhile

from chatsdk.answer import ToolCall
from chatsdk.messages import Message
from chatsdk.session.status import Status

__all__ = [
    "cancelled_results",
    "unanswered_calls",
    "without_failed_questions",
    "without_unanswered_calls",
]

NOT_RUN = "error: the user ended the turn before this was run"

# Replaces a missing answer after tool results. Mistral, and the chat templates of others, refuse a
# question that directly follows a result.
NO_ANSWER = "[The answer was interrupted.]"

_FAILED = (Status.STOPPED.value, Status.ERROR.value)


def without_failed_questions(
    messages: Sequence[Message], failed: Collection[str | None]
) -> tuple[Message, ...]:
    """Leave out answers without text, and the questions whose turn failed that way.

    If a question was refused, for its length for example, it would be refused again with each later
    one; and many backends refuse two user messages in a row. Tool results are kept, because the
    calls have been carried out.

    Args:
        messages: the messages to be sent.
        failed: the ids of the questions of such turns, asked again since or not.
    """
    kept: list[Message] = []
    for message in messages:
        if not _is_empty(message):
            kept.append(message)
        elif kept and kept[-1].role == "tool":
            kept.append(Message("assistant", NO_ANSWER, status=Status.ERROR.value))
        elif has_failed(message):
            while kept and kept[-1].role == "user" and kept[-1].id in failed:
                kept.pop()
    return tuple(kept)


def failed_questions(messages: Sequence[Message]) -> set[str | None]:
    """Return the ids of the user's messages whose answer failed before its first text."""
    failed: set[str | None] = set()
    run: list[str | None] = []
    for message in messages:
        if message.role == "user":
            run.append(message.id)
            continue
        if has_failed(message):
            failed.update(run)
        run = []
    return failed


def has_failed(reply: Message) -> bool:
    """Whether an answer failed, or was stopped, before its first text."""
    return reply.role == "assistant" and not reply.content and reply.status in _FAILED


def _is_empty(message: Message) -> bool:
    return message.role == "assistant" and not (message.content or message.tool_calls)


def without_unanswered_calls(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Drop tool calls without results; backends reject them.

    They come from answers that were truncated or did not wait for results, or were run by the
    server.
    """
    kept = []
    for place, message in enumerate(messages):
        if message.tool_calls:
            owed = unanswered_calls(message, messages[place + 1 :])
            if owed:
                calls = tuple(call for call in message.tool_calls if call not in owed)
                message = message._replace(tool_calls=calls)
        kept.append(message)
    return tuple(kept)


def unanswered_calls(message: Message, after: Sequence[Message]) -> list[ToolCall]:
    """Return the calls of a message whose results are not among the messages `after` it."""
    results = [item.tool_call_id for item in takewhile(_is_result, after)]
    owed = []
    for call in message.tool_calls:
        # Results of calls without ids follow the order of the calls.
        if call.id in results:
            results.remove(call.id)
        elif None in results:
            results.remove(None)
        else:
            owed.append(call)
    return owed


def cancelled_results(calls: Sequence[ToolCall]) -> tuple[Message, ...]:
    """Return results for calls that a backend waits for and that will not be run."""
    return tuple(
        Message("tool", NOT_RUN, tool_call_id=call.id, name=call.name, status=Status.ERROR.value)
        for call in calls
    )


def _is_result(message: Message) -> bool:
    return message.role == "tool"
