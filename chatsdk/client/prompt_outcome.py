"""`PromptOutcome`: how the answer to one of many prompts ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic

from chatsdk.answer import Answer
from chatsdk.client.stream import Value_co
from chatsdk.errors import ChatError
from chatsdk.outcome import Outcome

__all__ = ["PromptOutcome"]


class PromptOutcome(Outcome, Generic[Value_co]):
    """An `Outcome` of `ChatClient.map`, with the prompt that it belongs to.

    The type in brackets is that of `value`.

    Attributes:
        index: the place of the prompt among those that were given, counted from 0.
        prompt: the prompt, as it was given.
    """

    __match_args__ = (*Outcome.__match_args__, "index", "prompt")
    __slots__ = ("index", "prompt")
    index: int
    prompt: Any

    def __init__(
        self,
        reason: str,
        end: str | None,
        error: ChatError | None,
        answer: Answer,
        server_stop: Callable[[], str | None],
        index: int,
        prompt: Any,
    ) -> None:
        self._set(reason, end, error, answer, server_stop, index, prompt)

    @classmethod
    def of(cls, outcome: Outcome, index: int, prompt: Any) -> PromptOutcome[Any]:
        """Return `outcome` as that of the prompt at `index`."""
        return cls(
            outcome.reason,
            outcome.end,
            outcome.error,
            outcome.answer,
            outcome._server_stop,
            index,
            prompt,
        )

    @property
    def value(self) -> Value_co | None:
        """The object of an answer with ``output=``; ``None`` without one."""
        value: Value_co | None = self.answer.value
        return value
