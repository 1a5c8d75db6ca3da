"""`Observation`: what happens to one request, for logs and telemetry."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from chatsdk.answer import Answer, ToolCall
from chatsdk.dialects.dialect import Dialect
from chatsdk.errors import ChatError
from chatsdk.messages import Message
from chatsdk.transport import Exchange, Request

if TYPE_CHECKING:
    from chatsdk.client.reader import AnswerReader

__all__ = ["Both", "Call", "Observation", "Observer"]

_Result = TypeVar("_Result")


class Call(NamedTuple):
    """A request that is about to be sent.

    Attributes:
        request: the request; its URL may contain a secret in its query.
        dialect: the dialect of the request.
        named: the dialect that the client was made with, which may be ``auto``.
        body: the JSON body.
        options: the options of `ChatClient.ask`, defaults included.
        messages: what `ChatClient.ask` was given; ``None`` for a body given to `ChatClient.send`.
    """

    request: Request
    dialect: Dialect
    named: Dialect
    body: Any
    options: Mapping[str, Any]
    messages: Sequence[Message] | None


class Observation:
    """Observes one request. No method does anything here.

    After the construction, on the thread that sends, exactly one of `opened`, `failed`, `stopped`
    and `broke` is called. After `opened` one of the other three may follow, if the response is not
    a stream. `told` wraps the answers.
    """

    def opened(self, exchange: Exchange) -> None:
        """The head of the response has arrived."""

    def failed(self, error: ChatError) -> None:
        """The request failed; `error` has no secrets."""

    def stopped(self) -> None:
        """The user stopped the request before there was a stream."""

    def broke(self, error: BaseException) -> None:
        """An exception that is not of the wire came out of sending."""

    def begun(self, reader: AnswerReader) -> None:
        """The first event has arrived."""

    def ended(self, reader: AnswerReader) -> None:
        """The answer has ended: see `AnswerReader.ending`. May be called more than once."""

    def dropped(self, reader: AnswerReader) -> None:
        """The stream was dropped. Called in a finalizer, so no lock may be taken."""

    def told(
        self, steps: Generator[Answer, None, None], reader: AnswerReader
    ) -> Generator[Answer, None, None]:
        """Yield the steps, and call `begun` and `ended`."""
        failure: ChatError | None = None
        begun = False
        try:
            for answer in steps:
                if not begun:
                    begun = True
                    self.begun(reader)
                yield answer
        except ChatError as error:
            failure = error
        finally:
            # Close the connection now rather than in a garbage collection.
            steps.close()
        self.ended(reader)
        if failure is not None:
            try:
                # Without the frames below, as in `AnswerReader`.
                raise failure.with_traceback(None)
            finally:
                del failure

    def run_tool(self, call: ToolCall, run: Callable[[], _Result]) -> _Result:
        """Run a tool that the answer called, on the thread of the tool."""
        return run()


Observer = Callable[[Call], Observation]


class Both(Observation):
    """Two observations of one request."""

    def __init__(self, first: Observation, second: Observation) -> None:
        self._first = first
        self._second = second

    def opened(self, exchange: Exchange) -> None:
        self._first.opened(exchange)
        self._second.opened(exchange)

    def failed(self, error: ChatError) -> None:
        self._first.failed(error)
        self._second.failed(error)

    def stopped(self) -> None:
        self._first.stopped()
        self._second.stopped()

    def broke(self, error: BaseException) -> None:
        self._first.broke(error)
        self._second.broke(error)

    def begun(self, reader: AnswerReader) -> None:
        self._first.begun(reader)
        self._second.begun(reader)

    def ended(self, reader: AnswerReader) -> None:
        self._first.ended(reader)
        self._second.ended(reader)

    def dropped(self, reader: AnswerReader) -> None:
        self._first.dropped(reader)
        self._second.dropped(reader)

    def run_tool(self, call: ToolCall, run: Callable[[], _Result]) -> _Result:
        return self._first.run_tool(call, lambda: self._second.run_tool(call, run))
