"""`Rounds`: what a turn has said and done so far with the tools that it runs."""

from __future__ import annotations

from typing import NamedTuple

from attrs import evolve

from chatsdk.answer import Answer
from chatsdk.messages import Message
from chatsdk.session.status import Status

__all__ = ["Rounds", "by_session", "without_owed_calls"]


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
        )


def by_session(message: Message) -> bool:
    """Whether a message is the result of a tool that a session ran, and so part of its answer."""
    return message.role == "tool" and message.status is not None


def without_owed_calls(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Leave out the calls of answers that were cut short, unless they have results.

    Backends refuse a conversation in which a call goes without its result.
    """
    kept = []
    for place, message in enumerate(messages):
        if message.tool_calls and message.status in (Status.STOPPED, Status.ERROR):
            after = messages[place + 1 : place + 2]
            if not after or after[0].role != "tool":
                message = evolve(message, tool_calls=())
        kept.append(message)
    return tuple(kept)
