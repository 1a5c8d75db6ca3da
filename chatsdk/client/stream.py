"""`AnswerStream`: what `send` returns."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

from chatsdk.answer import Answer
from chatsdk.client.generating import AnswerGenerator, error_of
from chatsdk.client.reading import Reading
from chatsdk.client.response import ResponseInfo
from chatsdk.client.steps import steps
from chatsdk.dialects.contract import Dialect
from chatsdk.outcome import Outcome
from chatsdk.transport.cancel import STOPPED

if TYPE_CHECKING:
    from chatsdk.client.telling import Story

__all__ = ["AnswerStream"]


class AnswerStream(AnswerGenerator):
    """An answer that streams: a generator of `Answer`, one for each event, and a context manager.

    Iterate it, or drain it with `result`. It may be closed, stopped from any thread, or just
    dropped, which closes it.

    Iterating raises `chatsdk.ChatError` for whatever ends the answer before its end, with the
    partial answer as ``error.answer``. After `stop` it simply ends. One thread reads it: another
    one that tries meanwhile gets a `RuntimeError`.
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
        """Raise an exception where the stream waits; part of what a generator is."""
        return self._steps.throw(error_of(typ, val))

    def close(self) -> None:
        """End the stream and its connection. Twice is harmless.

        While another thread is reading, it is `stop`: that thread ends within milliseconds, and
        closes the connection.
        """
        reading, steps = self._reading, self._steps
        if reading is None:
            return
        if not steps.gi_running:  # type: ignore[attr-defined]
            reading.stop()
            try:
                steps.close()
            except ValueError:
                # "generator already executing": a reader came in between.
                reading.exchange.wire.abort(STOPPED)
            else:
                # A generator that was never started runs no handler. Closed as a finalizer would,
                # for this may be a signal handler: the pool's lock may be held a few frames above.
                reading.exchange.abandon()
            if self._story is not None:
                self._story.ended(reading)
        elif reading.outcome is None:
            reading.exchange.wire.abort(STOPPED)

    def stop(self) -> None:
        """End the answer and keep its text; from any thread, also in a signal handler.

        It never blocks. A thread that waits in ``next()`` ends within milliseconds, without an
        error. Does nothing once the answer has ended.
        """
        reading = self._reading
        if reading is not None and reading.outcome is None:
            reading.exchange.wire.abort(STOPPED)

    def deltas(self) -> Iterator[str]:
        """Yield the text that each step adds, leaving out steps that add none.

        A dialect that rewrites earlier text cannot be shown this way: look at `Answer.rewritten`.
        """
        try:
            for answer in self:
                if answer.delta:
                    yield answer.delta
        finally:
            self._drop()

    def result(self) -> Answer:
        """Read to the end and return the final `Answer`; after `stop`, what there is of it.

        Raises:
            ChatError: what ended the answer before its end.
        """
        for _ in self:
            pass
        if (error := self.outcome.error) is not None:
            raise error
        return self.answer

    @property
    def answer(self) -> Answer:
        """The newest `Answer`, an empty one before the first event."""
        return Answer() if self._reading is None else self._reading.answer

    @property
    def outcome(self) -> Outcome:
        """How the answer ended; false, with the reason ``"pending"``, while it goes on."""
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
        """Status, headers and request id; ``None`` if it was stopped before they came."""
        return self._response

    @property
    def dialect(self) -> Dialect | None:
        """The dialect that is read; of ``auto``, what it decided, ``None`` before."""
        return None if self._reading is None else self._reading.decoder.dialect

    @property
    def attempts(self) -> int:
        """How often the request was sent, retries included."""
        return 0 if self._reading is None else self._reading.exchange.attempts

    @property
    def body(self) -> Any:
        """The JSON body that was sent."""
        return self._body

    def _drop(self) -> None:
        # Also called on an object whose __init__ raised.
        reading = getattr(self, "_reading", None)
        # Another reader's stream goes on, whoever tried to be the second.
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
