"""`PromptLine`: one line of the input of `chatsdk batch`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import attrs

from chatsdk.client import AnswerStream, ChatClient
from chatsdk.errors import ChatError
from chatsdk.messages import Message
from chatsdk.transport import Cancel

__all__ = ["PromptLine", "prompt_lines"]

# Fields of a line that are not options of the request.
NOT_OPTIONS = ("prompt", "messages", "id")


@attrs.frozen
class PromptLine:
    """One prompt of the input.

    Attributes:
        number: the number of its line in the file, counted from 1.
        index: the number of prompts before it.
        id: the value of its ``id``, any JSON value; ``None`` without one.
        messages: the messages to send.
        options: its other fields.
        problem: why it cannot be asked, or ``None``.
    """

    number: int
    index: int
    id: Any = None
    messages: tuple[Message, ...] = ()
    options: dict[str, Any] = attrs.field(factory=dict)
    problem: str | None = None

    def ask(self, client: ChatClient, *, cancel: Cancel) -> AnswerStream:
        """Send the request.

        Raises:
            ChatError: also if the line does not contain a request.
        """
        problem = self.problem
        if problem is None:
            try:
                return client.ask(self.messages, cancel=cancel, **self.options)
            except ChatError:
                raise
            except Exception as error:
                # Any value may be in a line, also one that the code of `ask` trips over.
                problem = str(error) or type(error).__name__
        raise ChatError(f"line {self.number} of the input cannot be asked: {problem}")


def prompt_lines(lines: Iterable[str], system: str | None) -> Iterator[PromptLine]:
    """Read the lines of the input, without the empty ones.

    Args:
        lines: each a JSON string, or an object with ``prompt`` or ``messages``. Bytes that are
            not text are surrogates, as ``errors="surrogateescape"`` makes them.
        system: the system message of prompts that have none.
    """
    index = 0
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield _prompt_line(line, system, number, index)
            index += 1


def _prompt_line(line: str, system: str | None, number: int, index: int) -> PromptLine:
    id = None
    try:
        value = _value(line)
        if isinstance(value, str):
            value = {"prompt": value}
        if not isinstance(value, dict):
            raise ValueError("it is neither a string nor an object")
        id = value.get("id")
        messages = _messages(value)
        if system is not None and not any(message.role == "system" for message in messages):
            messages = (Message("system", system), *messages)
    except (TypeError, ValueError) as error:
        return PromptLine(number, index, id, problem=str(error))
    options = {name: held for name, held in value.items() if name not in NOT_OPTIONS}
    return PromptLine(number, index, id, messages, options)


def _value(line: str) -> Any:
    try:
        line.encode()
    except UnicodeEncodeError:
        raise ValueError("it is not UTF-8 text") from None
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is not JSON ({error}); a prompt is a JSON string") from None


def _messages(value: dict[str, Any]) -> tuple[Message, ...]:
    given = [name for name in ("prompt", "messages") if name in value]
    if len(given) != 1:
        raise ValueError('it needs either "prompt" or "messages"')
    asked = value[given[0]]
    if given[0] == "prompt":
        if not isinstance(asked, str) or not asked.strip():
            raise ValueError('"prompt" is not a string, or empty')
    elif not isinstance(asked, list):
        raise ValueError('"messages" is not a list')
    return Message.all_of(asked)
