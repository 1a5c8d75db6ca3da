"""`Rounds`: the completed tool rounds of a turn."""

from __future__ import annotations

from typing import NamedTuple

from chatsdk.answer import Answer
from chatsdk.messages import Message

__all__ = ["Rounds", "by_session"]


class Rounds(NamedTuple):
    """The completed rounds of a turn.

    Attributes:
        messages: for each round, the model's message with its calls, and the results.
        answer: the answer of the turn after the last of them.
    """

    messages: tuple[Message, ...] = ()
    answer: Answer | None = None

    def rest(self, answer: Answer) -> Answer:
        """Return the part of `answer`, a later step of the turn, that follows these rounds."""
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
        """Whether the conversation id of `answer` comes from these rounds, not the next."""
        said = self.answer
        if said is None or answer.conversation_id != said.conversation_id:
            return False
        # The id may stay the same; a complete answer of the next round reports it again.
        return answer == said or answer.finish_reason is None

    @property
    def asked(self) -> str | None:
        """The id of the last message that calls tools; ``None`` without one."""
        asked = [message.id for message in self.messages if message.role == "assistant"]
        return asked[-1] if asked else None


def by_session(message: Message) -> bool:
    """Whether a message is the result of a tool that a session ran, and so part of its answer."""
    return message.role == "tool" and message.status is not None
