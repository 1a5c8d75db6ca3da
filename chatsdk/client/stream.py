"""`AnswerStream`: the streaming answer that `send` and `ask` return."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, NoReturn, Protocol, TypeVar

from chatsdk.answer import Answer
from chatsdk.attributes import names_cures
from chatsdk.outcome import Outcome

if TYPE_CHECKING:
    # Type checkers have it, also where the package is not installed.
    from typing_extensions import TypeVar as TypeVarWithDefault

    from chatsdk.client.observation import Observation
    from chatsdk.client.response_check import ResponseInfo
    from chatsdk.dialects.dialect import Dialect

    Partial_co = TypeVarWithDefault("Partial_co", default=Any, covariant=True)
    Value_co = TypeVarWithDefault("Value_co", default=Any, covariant=True)
else:
    Partial_co = TypeVar("Partial_co", covariant=True)
    Value_co = TypeVar("Value_co", covariant=True)

__all__ = [
    "AnswerStream",
    "Partial_co",
    "Passing",
    "Source",
    "Unanswered",
    "Value_co",
    "is_running",
]

_Self = TypeVar("_Self", bound="AnswerStream[Any, Any]")


class Head(Protocol):
    """The attributes of a stream besides its answer."""

    @property
    def response(self) -> ResponseInfo | None: ...

    @property
    def dialect(self) -> Dialect | None: ...

    @property
    def attempts(self) -> int: ...

    @property
    def body(self) -> Any: ...


class Source(Head, Protocol):
    """The answers of a stream: a response, or a turn of a session.

    A source never refers to its stream or to the generator of `steps`. That would keep a dropped
    stream, and with it the connection, until a garbage collection.
    """

    @property
    def answer(self) -> Answer: ...

    @property
    def outcome(self) -> Outcome: ...

    def steps(self) -> Generator[Answer, Any, None]:
        """Return the generator of the answers; called once."""

    def on_wait(self, callback: Callable[[], object] | None) -> bool:
        """Call `callback` before each wait for more bytes; return False if it cannot be."""

    def stop(self) -> None:
        """End the answer and wake its reader; takes no lock."""

    def close(self, steps: Generator[Answer, Any, None]) -> None:
        """End the answer and its connection; `steps` is the generator."""

    def drop(self, steps: Generator[Answer, Any, None]) -> None:
        """As `close`, in a finalizer."""


@names_cures("AnswerStream")
class _Foreign:
    """A base whose attributes are those of other libraries."""


class AnswerStream(
    _Foreign, Generator[Answer[Partial_co], None, None], Generic[Partial_co, Value_co]
):
    """A streaming answer: a generator of `Answer`, one per event, and a context manager.

    Iterate over it, or drain it with `result`. It may be closed, stopped from any thread, or just
    dropped, which closes it.

    Iterating raises a `chatsdk.ChatError` if the answer fails, with the partial answer as
    ``error.answer``. After `stop` the iteration simply ends. Only one thread may read it: a second
    reader gets a `RuntimeError`.

    The types in brackets are those of `Answer.value` in the steps and in the result.
    """

    # The error message for a second reader.
    _two_readers = (
        "this stream is already being read, by another thread: read it in one place, and use "
        "stream.answer elsewhere"
    )

    def __init__(self, source: Source) -> None:
        self._source = source
        self._steps = source.steps()

    # The stream and not the generator: in `for answer in client.send(body)` nothing else refers to
    # the stream, and dropping it closes it.
    def __iter__(self: _Self) -> _Self:
        return self

    def __next__(self) -> Answer[Partial_co]:
        try:
            return next(self._steps)
        except ValueError as error:
            if not is_running(error):
                raise
        raise RuntimeError(self._two_readers)

    def send(self, value: None) -> Answer[Partial_co]:
        """As ``next()``; part of the generator interface."""
        return next(self)

    def throw(
        self,
        typ: Any,
        val: BaseException | object = None,
        tb: TracebackType | None = None,
    ) -> Answer[Partial_co]:
        """Close the stream and raise the exception; part of the generator interface."""
        self.close()
        raise typ if isinstance(typ, BaseException) else typ(val) if val else typ()

    def close(self) -> None:
        """End the stream and its connection. Calling it twice is harmless.

        If another thread is reading, this acts as `stop`: that thread ends within milliseconds,
        and closes the connection.
        """
        self._source.close(self._steps)

    def stop(self) -> None:
        """End the answer and keep its text. Callable from any thread and from a signal handler.

        It never blocks. A thread that waits in ``next()`` ends within milliseconds, without an
        error. Does nothing once the answer has ended.
        """
        self._source.stop()

    def on_wait(self, callback: Callable[[], object] | None) -> bool:
        """Call `callback` on the reading thread each time before it waits for more bytes.

        By then everything that has arrived was yielded, so a program that collects its output can
        pass it on. ``None`` ends the calls.

        Returns:
            Whether it will be called: not by a stream of several requests, such as one that runs
            tools.
        """
        return self._source.on_wait(callback)

    def deltas(self) -> Iterator[str]:
        """Yield the text that each step adds, skipping steps that add none.

        Deltas cannot represent a dialect that rewrites earlier text; use `Answer.rewritten` there.
        """
        try:
            for answer in self:
                if answer.delta:
                    yield answer.delta
        finally:
            self._source.drop(self._steps)

    def result(self) -> Answer[Value_co]:
        """Read to the end and return the final `Answer`; after `stop`, the part received.

        Raises:
            ChatError: the answer failed.
        """
        for _ in self:
            pass
        if (error := self.outcome.error) is not None:
            raise error
        return self.answer

    def display(self) -> Answer[Value_co]:
        """Show the answer in a notebook's cell while it streams, and return it as `result` does.

        It is Markdown in one output, updated in place at most ten times a second. It has folded
        reasoning, tool calls, the text and citations, and says if the answer was stopped, failed or
        is empty. The text stays visible however the answer ends. In a terminal it is printed as it
        arrives.

        Raises:
            ImportError: IPython is missing (extra ``notebook``); nothing was read.
            ChatError: the answer failed.
        """
        from chatsdk.client.notebook import show

        show(self)
        return self.result()

    @property
    def answer(self) -> Answer:
        """The latest `Answer`, an empty one before the first event."""
        return self._source.answer

    @property
    def outcome(self) -> Outcome:
        """How the answer ended; false, with the reason ``"pending"``, before that."""
        return self._source.outcome

    @property
    def response(self) -> ResponseInfo | None:
        """Status, headers and request id; ``None`` if it was stopped before they arrived."""
        return self._source.response

    @property
    def dialect(self) -> Dialect | None:
        """The dialect used for decoding; with ``auto``, ``None`` until it is recognised."""
        return self._source.dialect

    @property
    def attempts(self) -> int:
        """How often the request was sent, including retries."""
        return self._source.attempts

    @property
    def body(self) -> Any:
        """The JSON body that was sent."""
        return self._source.body

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __del__(self) -> None:
        # Also called on an object whose __init__ raised.
        if (steps := getattr(self, "_steps", None)) is not None:
            self._source.drop(steps)

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"an {type(self).__name__} reads a connection, which can be neither copied nor "
            "pickled: take its `answer`, or its `result()`"
        )

    def __repr__(self) -> str:
        name = type(self).__name__
        return f"<{name} {self.outcome.reason}, {self.answer.timings.events} events>"


class Passing:
    """The base of a source that reads another stream, and reports the same as that.

    Attributes:
        below: that stream, or its source.
    """

    below: Head

    @property
    def response(self) -> ResponseInfo | None:
        """As `AnswerStream.response`, like the properties below."""
        return self.below.response

    @property
    def dialect(self) -> Dialect | None:
        return self.below.dialect

    @property
    def attempts(self) -> int:
        return self.below.attempts

    @property
    def body(self) -> Any:
        return self.below.body

    @property
    def observation(self) -> Observation | None:
        """Observes the request under way, if telemetry does."""
        source = self.below._source if isinstance(self.below, AnswerStream) else self.below
        return getattr(source, "observation", None)


class Unanswered:
    """The source of a stream that was stopped before the response began."""

    answer = Answer()
    outcome = Outcome("stopped")
    response = None
    dialect = None
    attempts = 0

    def __init__(self, body: Any) -> None:
        self.body = body

    def steps(self) -> Generator[Answer, None, None]:
        yield from ()

    def on_wait(self, callback: Callable[[], object] | None) -> bool:
        return True

    def stop(self) -> None:
        pass

    def close(self, steps: Generator[Answer, Any, None]) -> None:
        pass

    drop = close


def is_running(error: ValueError) -> bool:
    """Whether this is a generator's "already executing" error, not one raised inside it."""
    traceback = error.__traceback__
    return traceback is not None and traceback.tb_next is None
