"""`Repaired`: asks a question again while the answer does not fit."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

from chatsdk.answer import Answer
from chatsdk.client.stream import AnswerStream, Passing, Source, Unanswered
from chatsdk.errors import OutputError
from chatsdk.messages import Message
from chatsdk.outcome import Outcome
from chatsdk.output.wanted import correction
from chatsdk.transport import Cancel
from chatsdk.transport.bell import Forward

if TYPE_CHECKING:
    from chatsdk.client.client import ChatClient
    from chatsdk.client.objects import Asking

__all__ = ["Question", "Repaired"]


class Question:
    """Asks the question, and asks again with the answer and what is wrong with it.

    Attributes:
        switch: cancels each of the requests.
    """

    def __init__(
        self,
        client: ChatClient,
        messages: tuple[Message, ...],
        asking: Asking,
        cancel: Cancel | None,
        conversation_id: str | None,
        options: dict[str, Any],
    ) -> None:
        if cancel is not None and not isinstance(cancel, Cancel):
            raise TypeError(f"cancel is a chatsdk.Cancel, not {type(cancel).__name__}")
        self._client = client
        self._messages = messages
        self._asking = asking
        self._conversation_id = conversation_id
        self._options = options
        # The caller's own switch may serve other requests, so `stop` must not set it.
        self.switch = Cancel()
        self._cancel = cancel
        self._forward = Forward(self.switch)
        if cancel is not None:
            cancel.link(self._forward)

    def unlink(self) -> None:
        """Leave the caller's switch. Twice is harmless."""
        if self._cancel is not None:
            self._cancel.unlink(self._forward)

    def first(self, key: str | None) -> AnswerStream[Any, Any]:
        """Send the first request; `key` is its idempotency key."""
        try:
            return self._ask(key, self._conversation_id)
        except BaseException:
            self.unlink()
            raise

    def again(self, error: OutputError) -> AnswerStream[Any, Any]:
        """Send the request after an answer that does not fit."""
        answer = error.answer
        self._messages = (
            *self._messages,
            Message("assistant", answer.text),
            Message("user", correction(error)),
        )
        return self._ask(None, answer.conversation_id or self._conversation_id)

    def _ask(self, key: str | None, conversation_id: str | None) -> AnswerStream[Any, Any]:
        return self._client._ask(
            self._messages,
            self._options,
            cancel=self.switch,
            idempotency_key=key,
            conversation_id=conversation_id,
            asking=self._asking,
        )


class Repaired(Passing):
    """The source of answers of which each takes the place of one that does not fit."""

    below: Source

    def __init__(self, stream: AnswerStream[Any, Any], question: Question, repair: int) -> None:
        self._question = question
        self._left = repair
        # Stopped or closed.
        self._over = False
        self._before_waits: Callable[[], object] | None = None
        self.below, self._inner = taken(stream)

    @property
    def answer(self) -> Answer[Any]:
        return self.below.answer

    @property
    def outcome(self) -> Outcome:
        return self.below.outcome

    def on_wait(self, callback: Callable[[], object] | None) -> bool:
        self._before_waits = callback
        return self.below.on_wait(callback)

    def stop(self) -> None:
        self._over = True
        # It may be asking again just now.
        self._question.switch.set()

    def close(self, steps: Generator[Answer[Any], Any, None]) -> None:
        if steps.gi_running:  # type: ignore[attr-defined]
            self.stop()
            return
        self._over = True
        self.below.close(self._inner)
        # A stream that another thread is reading ends by itself.
        with contextlib.suppress(ValueError):
            steps.close()
        self._question.unlink()

    def drop(self, steps: Generator[Answer[Any], Any, None]) -> None:
        if not steps.gi_running:  # type: ignore[attr-defined]
            self._over = True
            self._question.unlink()
            self.below.drop(self._inner)

    def steps(self) -> Generator[Answer[Any], Any, None]:
        try:
            yield from self._all()
        finally:
            self._question.unlink()

    def _all(self) -> Generator[Answer[Any], Any, None]:
        while True:
            try:
                yield from self._inner
                return
            except OutputError as error:
                if not self._left or self._over:
                    raise
                failed = error
            self._left -= 1
            before = failed.answer
            stream = self._question.again(failed)
            if self._over:
                stream.stop()
            source, self._inner = taken(stream)
            if isinstance(source, Unanswered):
                # It was stopped: keep the partial answer.
                source.answer, source.outcome = before, Outcome("stopped", answer=before)
            self.below = source
            if self._before_waits is not None:
                self.below.on_wait(self._before_waits)
            for answer in self._inner:
                # The text starts again.
                yield answer.since(before)
                break


def taken(stream: AnswerStream[Any, Any]) -> tuple[Source, Generator[Answer[Any], Any, None]]:
    """Return the source of a stream and its generator; dropping the stream ends neither."""
    source, steps = stream._source, stream._steps
    stream._source = Unanswered(source.body)
    return source, steps
