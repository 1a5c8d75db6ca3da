"""`FallbackStream`: an answer from the first of several clients that gives one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING

from chatsdk.answer import Answer
from chatsdk.client.stream import AnswerStream, Partial_co, Passing, Value_co
from chatsdk.errors import ChatError
from chatsdk.outcome import Outcome
from chatsdk.transport import Cancel
from chatsdk.transport.bell import Forward
from chatsdk.transport.retry import leave_retries

if TYPE_CHECKING:
    from chatsdk.client.client import ChatClient
    from chatsdk.client.fallback import FallbackClient

__all__ = ["FallbackSource", "FallbackStream"]

logger = logging.getLogger("chatsdk")

# Asks one client.
Ask = Callable[["ChatClient", Cancel], AnswerStream]


class FallbackSource(Passing):
    """The source of a `FallbackStream`: asks the next client while no word has come.

    Attributes:
        client: the client that was asked last.
    """

    below: AnswerStream

    def __init__(
        self,
        owner: FallbackClient,
        clients: Sequence[ChatClient],
        ask: Ask,
        cancel: Cancel | None,
    ) -> None:
        self._left = list(clients)
        self._ask = ask
        self._owner = owner
        # The caller's own switch may serve other requests, so `stop` must not set it.
        self._switch = Cancel()
        self._cancel = cancel
        self._forward = Forward(self._switch)
        if cancel is not None:
            cancel.link(self._forward)
        self._ending: Outcome | None = None
        self._asked = 0
        self.client = clients[0]
        try:
            self.below = self._open()
        except BaseException:
            self._unlink()
            raise

    def _open(self) -> AnswerStream:
        """Ask the clients that are left until one accepts the request."""
        while True:
            client = self.client = self._left.pop(0)
            self._asked += 1
            try:
                with leave_retries(_always):
                    return self._ask(client, self._switch)
            except ChatError as error:
                if not self._goes_on(error):
                    raise

    def _goes_on(self, error: ChatError) -> bool:
        goes_on = self._owner.failed(self.client, error) and bool(self._left)
        if goes_on:
            logger.info("%s; asking %s instead", error, self._left[0].url)
        return goes_on

    def steps(self) -> Generator[Answer, None, None]:
        """Yield the answers of the client that answers.

        Raises:
            ChatError: that client's answer failed, or no client is left.
        """
        while True:
            spoken = False
            failure: ChatError
            steps = self.below._steps
            try:
                for answer in steps:
                    if speaks(answer):
                        spoken = True
                        self._owner.answers(self.client, answer)
                    yield answer
                    if spoken:
                        break
                if spoken:
                    yield from steps
                self._owner.answers(self.client, self.below.answer)
                self._unlink()
                return
            except ChatError as error:
                failure = error
            if spoken or not self._goes_on(failure):
                break
            try:
                self.below = self._open()
            except ChatError as error:
                failure = error
                self._ending = Outcome("error", error=error, answer=error.answer)
                break
        self._unlink()
        try:
            raise failure.with_traceback(None)
        finally:
            # Break the cycle error -> traceback -> frame -> error.
            del failure

    def _unlink(self) -> None:
        if self._cancel is not None:
            self._cancel.unlink(self._forward)

    def on_wait(self, callback: Callable[[], object] | None) -> bool:
        """Not reported: the wait may be for another backend."""
        return False

    def stop(self) -> None:
        """Stop the request under way; no other client is asked. Takes no lock."""
        self._switch.set()

    def close(self, steps: Generator[Answer, None, None]) -> None:
        """End as stopped, or leave that to the thread that reads."""
        if steps.gi_running:  # type: ignore[attr-defined]
            self.stop()
            return
        try:
            steps.close()
        except ValueError:
            # "generator already executing": a reader started in between.
            self.stop()
        else:
            self.below.close()
            self._unlink()

    def drop(self, steps: Generator[Answer, None, None]) -> None:
        """As `close`, in a finalizer."""
        if not steps.gi_running:  # type: ignore[attr-defined]
            self._unlink()
            self.below._source.drop(self.below._steps)

    @property
    def answer(self) -> Answer:
        return self.below.answer if self._ending is None else self._ending.answer

    @property
    def outcome(self) -> Outcome:
        return self._ending or self.below.outcome

    @property
    def attempts(self) -> int:
        return self._asked


class FallbackStream(AnswerStream[Partial_co, Value_co]):
    """An `AnswerStream` of `ChatClient.fallback`.

    Until the first word it may pass from one client to the next: text, reasoning, a tool call or a
    citation. `attempts` counts the clients that were asked.
    """

    def __init__(self, source: FallbackSource) -> None:
        self._fallback = source
        super().__init__(source)

    @property
    def client(self) -> ChatClient:
        """The client that answers, or that was asked last."""
        return self._fallback.client


def speaks(answer: Answer) -> bool:
    """Whether this step adds a word of the answer."""
    return bool(
        answer.delta
        or answer.reasoning_delta
        or answer.rewritten
        or answer.tool_calls
        or answer.citations
    )


def _always(error: ChatError) -> bool:
    return True
