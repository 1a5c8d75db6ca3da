"""`Rounds`: what a turn has said and done so far with the tools that it runs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import NamedTuple

from chatsdk.answer import Answer, ToolCall
from chatsdk.messages import Message
from chatsdk.session.status import Status

__all__ = ["Rounds", "by_session", "not_run", "owed_calls", "without_owed_calls"]

NOT_RUN = "error: the user ended the turn before this was run"


class Rounds(NamedTuple):
    """The rounds of a turn that are over.

    Attributes:
        messages: of each, what the model said with its calls, and the results.
        answer: the answer of the turn as it stood then.
    """

    messages: tuple[Message, ...] = ()
    answer: Answer | None = None

    def rest(self, answer: Answer) -> Answer:
        """Return what `answer`, a later step of the turn, says after these rounds."""
        said = self.answer
        if said is None:
            return answer
        if answer == said:
            return Answer()
        return Answer(
            answer.text[len(said.text) :],
            reasoning=answer.reasoning[len(said.reasoning) :],
            tool_calls=answer.tool_calls,
            citations=answer.citations[len(said.citations) :],
            native=answer.native,
            conversation_id=None if self.told(answer) else answer.conversation_id,
        )

    def told(self, answer: Answer) -> bool:
        """Whether these rounds, and not the one after, told the conversation of `answer`."""
        said = self.answer
        if said is None or answer.conversation_id != said.conversation_id:
            return False
        # The id may stay the same; it is told again where the answer of the round is whole.
        return answer == said or answer.finish_reason is None

    @property
    def asked(self) -> str | None:
        """The id of the last message that asked for tools, ``None`` if there is none."""
        asked = [message.id for message in self.messages if message.role == "assistant"]
        return asked[-1] if asked else None


def by_session(message: Message) -> bool:
    """Whether a message is the result of a tool that a session ran, and so part of its answer."""
    return message.role == "tool" and message.status is not None


def without_owed_calls(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Leave out the calls that have no results: backends refuse a conversation with such.

    They are those of an answer that was cut short, of one that did not wait for an answer, and
    those that the server ran itself.
    """
    kept = []
    for place, message in enumerate(messages):
        if message.tool_calls:
            owed = owed_calls(message, messages[place + 1 :])
            if owed:
                calls = tuple(call for call in message.tool_calls if call not in owed)
                message = message._replace(tool_calls=calls)
        kept.append(message)
    return tuple(kept)


def owed_calls(message: Message, after: Sequence[Message]) -> list[ToolCall]:
    """Return the calls of a message whose results are not among the messages `after` it."""
    results = [item.tool_call_id for item in takewhile(_is_result, after)]
    owed = []
    for call in message.tool_calls:
        # Where calls have no ids, their results have their order.
        if call.id in results:
            results.remove(call.id)
        elif None in results:
            results.remove(None)
        else:
            owed.append(call)
    return owed


def not_run(calls: Sequence[ToolCall]) -> tuple[Message, ...]:
    """Return what is told of calls that a backend waits for, and that nobody will run."""
    return tuple(
        Message("tool", NOT_RUN, tool_call_id=call.id, name=call.name, status=Status.ERROR.value)
        for call in calls
    )


def _is_result(message: Message) -> bool:
    return message.role == "tool"
