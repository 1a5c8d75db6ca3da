"""`AnswerStream`: the streaming answer that `send` and `ask` return."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

from chatsdk.answer import Answer
from chatsdk.client.answer_generator import AnswerGenerator, error_of
from chatsdk.client.reader import Reading
from chatsdk.client.response import ResponseInfo
from chatsdk.client.steps import steps
from chatsdk.dialects.dialect import Dialect
from chatsdk.outcome import Outcome
from chatsdk.transport.cancel import STOPPED

if TYPE_CHECKING:
    from chatsdk.client.request_log import Story

__all__ = ["AnswerStream"]


class AnswerStream(AnswerGenerator):
    """A streaming answer: a generator of `Answer`, one per event, and a context manager.

    Iterate over it, or drain it with `result`. It may be closed, stopped from any thread, or just
    dropped, which closes it.

    Iterating raises a `chatsdk.ChatError` if the answer fails, with the partial answer as
    ``error.answer``. After `stop` the iteration simply ends. Only one thread may read it: a second
    reader gets a `RuntimeError`.
    """

    _two_readers = (
        "this stream is already being read, by another thread: read it in one place, and look at "
        "stream.answer elsewhere"
    )

    def __init__(self, reading: Reading | None, body: Any, story: Story | None = None) -> None:
        self._steps: Generator[Answer, None, None] = (
            _nothing() if reading is None else steps(reading)
        )
        if reading is not None and story is not None:
            self._steps = story.told(self._steps, reading)
        self._story = story
        self._reading = reading
        self._body = body
        self._response: ResponseInfo | None = None
        if reading is not None:
            exchange = reading.exchange
            self._response = ResponseInfo(
                exchange.status, exchange.headers, exchange.content_type, exchange.request_id
            )

    def throw(
        self,
        typ: Any,
        val: BaseException | object = None,
        tb: TracebackType | None = None,
    ) -> Answer:
        """Raise an exception where the stream is paused; part of the generator interface."""
        return self._steps.throw(error_of(typ, val))

    def close(self) -> None:
        """End the stream and its connection. Calling it twice is harmless.

        If another thread is reading, this acts as `stop`: that thread ends within milliseconds,
        and closes the connection.
        """
        reading, steps = self._reading, self._steps
        if reading is None:
            return
        if not steps.gi_running:  # type: ignore[attr-defined]
            reading.stop()
            try:
                steps.close()
            except ValueError:
                # "generator already executing": a reader started in between.
                reading.exchange.wire.abort(STOPPED)
            else:
                # A generator that was never started runs no handler. Close as a finalizer would,
                # because in a signal handler the interrupted code may hold the pool's lock.
                reading.exchange.abandon()
            if self._story is not None:
                self._story.ended(reading)
        elif reading.outcome is None:
            reading.exchange.wire.abort(STOPPED)

    def stop(self) -> None:
        """End the answer and keep its text. Callable from any thread and from a signal handler.

        It never blocks. A thread that waits in ``next()`` ends within milliseconds, without an
        error. Does nothing once the answer has ended.
        """
        reading = self._reading
        if reading is not None and reading.outcome is None:
            reading.exchange.wire.abort(STOPPED)

    def deltas(self) -> Iterator[str]:
        """Yield the text that each step adds, skipping steps that add none.

        Deltas cannot represent a dialect that rewrites earlier text; use `Answer.rewritten` there.
        """
        try:
            for answer in self:
                if answer.delta:
                    yield answer.delta
        finally:
            self._drop()

    def result(self) -> Answer:
        """Read to the end and return the final `Answer`; after `stop`, the part received.

        Raises:
            ChatError: the answer failed.
        """
        for _ in self:
            pass
        if (error := self.outcome.error) is not None:
            raise error
        return self.answer

    @property
    def answer(self) -> Answer:
        """The latest `Answer`, an empty one before the first event."""
        return Answer() if self._reading is None else self._reading.answer

    @property
    def outcome(self) -> Outcome:
        """How the answer ended; false, with the reason ``"pending"``, before that."""
        reading = self._reading
        if reading is None:
            return Outcome("stopped")
        if (outcome := reading.outcome) is not None:
            return outcome
        if reading.exchange.wire.cause == STOPPED:
            return reading.stopped()
        return Outcome("pending", answer=reading.answer)

    @property
    def response(self) -> ResponseInfo | None:
        """Status, headers and request id; ``None`` if it was stopped before they arrived."""
        return self._response

    @property
    def dialect(self) -> Dialect | None:
        """The dialect used for decoding; with ``auto``, ``None`` until it is recognised."""
        return None if self._reading is None else self._reading.decoder.dialect

    @property
    def attempts(self) -> int:
        """How often the request was sent, including retries."""
        return 0 if self._reading is None else self._reading.exchange.attempts

    @property
    def body(self) -> Any:
        """The JSON body that was sent."""
        return self._body

    def _drop(self) -> None:
        # Also called on an object whose __init__ raised.
        reading = getattr(self, "_reading", None)
        # The first reader's stream goes on when a second one is dropped.
        if reading is not None and not self._steps.gi_running:  # type: ignore[attr-defined]
            reading.end(reading.stopped())
            reading.exchange.abandon()

    def __del__(self) -> None:
        self._drop()

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "an AnswerStream reads a connection, which can be neither copied nor pickled: take its "
            "`answer`, or its `result()`"
        )

    def __repr__(self) -> str:
        return f"<AnswerStream {self.outcome.reason}, {self.answer.timings.events} events>"


def _nothing() -> Generator[Answer, None, None]:
    yield from ()
