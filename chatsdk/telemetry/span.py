"""`RequestSpan`: the span and the metrics of one request."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from opentelemetry import context
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context

from chatsdk.answer import Answer, ToolCall
from chatsdk.client.observation import Call, Observation
from chatsdk.client.reader import AnswerReader
from chatsdk.errors import BackendError, ChatError, ChatTimeout, HTTPStatusError
from chatsdk.outcome import Outcome
from chatsdk.telemetry import conventions
from chatsdk.telemetry.content import input_messages, output_messages, tool_definitions
from chatsdk.telemetry.metrics import Metrics
from chatsdk.telemetry.request_attributes import described, identified
from chatsdk.transport import Exchange
from chatsdk.transport.clock import now

__all__ = ["RequestSpan", "Telemetry"]

_Result = TypeVar("_Result")


class Left(NamedTuple):
    """A stream that was dropped, and when.

    Attributes:
        span: its span.
        outcome: how it ended.
        seconds: on the clock `now`.
        nanoseconds: of the wall clock.
    """

    span: RequestSpan
    outcome: Outcome
    seconds: float
    nanoseconds: int


class Telemetry:
    """Makes a `RequestSpan` for each call; an `Observer`.

    Attributes:
        tracer: makes the spans.
        metrics: records the metrics.
        content: whether prompts, answers and the arguments of tools are recorded.
    """

    def __init__(self, tracer: Tracer, metrics: Metrics, *, content: bool) -> None:
        self.tracer = tracer
        self.metrics = metrics
        self.content = content
        # A finalizer may run while this thread holds a lock of an exporter, so a dropped stream is
        # only noted. Its span ends with the next request, or when the process ends.
        self._left: deque[Left] = deque()

    def __call__(self, call: Call) -> RequestSpan:
        self.end_left()
        return RequestSpan(self, call)

    def leave(self, left: Left) -> None:
        """Note a dropped stream. Takes no lock."""
        self._left.append(left)

    def end_left(self) -> None:
        """End the spans of the streams that were dropped."""
        while self._left:
            try:
                left = self._left.popleft()
            except IndexError:
                # Another thread took it.
                return
            left.span.end(left.outcome, left.seconds, left.nanoseconds)

    def run_tool(
        self, call: ToolCall, run: Callable[[], _Result], parent: Context | None = None
    ) -> _Result:
        """Run a tool in a span below `parent`, or below the current span.

        The tools of a restored session have no parent: the request that called them is over.
        """
        content = self.content
        attributes: dict[str, Any] = {
            conventions.OPERATION: "execute_tool",
            conventions.TOOL_NAME: call.name or "",
            conventions.TOOL_TYPE: "function",
        }
        if call.id is not None:
            attributes[conventions.TOOL_CALL_ID] = call.id
        if content:
            attributes[conventions.TOOL_CALL_ARGUMENTS] = call.arguments
        with self.tracer.start_as_current_span(
            f"execute_tool {call.name}",
            context=parent,
            attributes=attributes,
            record_exception=content,
            set_status_on_exception=False,
        ) as span:
            try:
                result = run()
            except BaseException as error:
                _fail(span, error)
                raise
            # A `chatsdk.session.tools.Result`; the session hands a failure on to the model.
            if getattr(result, "failed", False):
                _fail(span, getattr(result, "value", None))
            if content and isinstance(text := getattr(result, "text", None), str):
                span.set_attribute(conventions.TOOL_CALL_RESULT, text)
            return result


class RequestSpan(Observation):
    """The span of one request, which is current while the request is sent."""

    def __init__(self, telemetry: Telemetry, call: Call) -> None:
        self._telemetry = telemetry
        self._started = now()
        self._attributes = identified(call)
        self._streamed = True
        self._over = False
        operation = self._attributes[conventions.OPERATION]
        model = self._attributes.get(conventions.REQUEST_MODEL)
        self._span: Span = telemetry.tracer.start_span(
            operation if model is None else f"{operation} {model}",
            kind=SpanKind.CLIENT,
            attributes=self._attributes | described(call),
        )
        if telemetry.content and self._span.is_recording():
            self._set(conventions.INPUT_MESSAGES, input_messages(call))
            self._set(conventions.TOOL_DEFINITIONS, tool_definitions(call))
        self._context: Context = set_span_in_context(self._span)
        self._token: Any = context.attach(self._context)

    def _detach(self) -> None:
        token, self._token = self._token, None
        if token is not None:
            context.detach(token)

    def opened(self, exchange: Exchange) -> None:
        """Make the caller's span current again."""
        self._detach()

    def failed(self, error: ChatError) -> None:
        """End the span with an error."""
        self.end(Outcome("error", error=error, answer=error.answer))

    def stopped(self) -> None:
        """End the span of a request that was stopped."""
        self.end(Outcome("stopped"))

    def broke(self, error: BaseException) -> None:
        """End the span with an exception that is not of the wire."""
        self.end(Outcome("stopped"), error=type(error).__qualname__)

    def ended(self, reader: AnswerReader) -> None:
        """End the span with the outcome of the answer."""
        if reader.ending is not None:
            self._read(reader)
            self.end(reader.ending)

    def dropped(self, reader: AnswerReader) -> None:
        """Leave the end of the span to the next request."""
        if not self._over and reader.ending is not None:
            self._read(reader)
            self._telemetry.leave(Left(self, reader.ending, now(), time.time_ns()))

    def _read(self, reader: AnswerReader) -> None:
        self._streamed = reader.document is None

    def end(
        self,
        outcome: Outcome,
        seconds: float | None = None,
        nanoseconds: int | None = None,
        *,
        error: str | None = None,
    ) -> None:
        """Set what the answer has, record the metrics, and end the span; only once."""
        self._detach()
        if self._over:
            return
        self._over = True
        answer, failure = outcome.answer, outcome.error
        if failure is not None:
            error = error_type(failure)
        attributes = dict(self._attributes)
        if answer.model is not None:
            attributes[conventions.RESPONSE_MODEL] = answer.model
        first = _first_chunk(answer) if self._streamed else None
        if self._span.is_recording():
            self._describe(answer, first)
            if error is not None:
                self._span.set_attribute(conventions.ERROR_TYPE, error)
                # A backend's message may quote the prompt.
                words = str(failure) if self._telemetry.content and failure else None
                self._span.set_status(Status(StatusCode.ERROR, words))
        # The metrics link to the span as an example of their values.
        token = context.attach(self._context)
        try:
            ended = now() if seconds is None else seconds
            self._telemetry.metrics.duration(ended - self._started, attributes, error)
            self._telemetry.metrics.answer(answer, attributes, first)
        finally:
            context.detach(token)
        self._span.end(nanoseconds)

    def _describe(self, answer: Answer, first: float | None) -> None:
        usage = answer.usage
        reason = answer.finish_reason
        self._set(conventions.RESPONSE_ID, answer.id)
        self._set(conventions.RESPONSE_MODEL, answer.model)
        self._set(conventions.RESPONSE_FINISH_REASONS, None if reason is None else [reason])
        self._set(conventions.RESPONSE_TIME_TO_FIRST_CHUNK, first)
        self._set(conventions.CONVERSATION, answer.conversation_id)
        self._set(conventions.USAGE_INPUT, usage.input)
        self._set(conventions.USAGE_OUTPUT, usage.output)
        self._set(conventions.USAGE_CACHED, usage.cached)
        self._set(conventions.USAGE_REASONING, usage.reasoning)
        if self._telemetry.content and answer.timings.events:
            self._set(conventions.OUTPUT_MESSAGES, output_messages(answer))

    def _set(self, name: str, value: Any) -> None:
        if value is not None:
            self._span.set_attribute(name, value)

    def run_tool(self, call: ToolCall, run: Callable[[], _Result]) -> _Result:
        """Run a tool in a span below that of the request that called it."""
        return self._telemetry.run_tool(call, run, self._context)


def error_type(error: ChatError) -> str:
    """Return the value of ``error.type``: a status, a code, ``timeout`` or the class's name."""
    if isinstance(error, HTTPStatusError):
        return str(error.status)
    if isinstance(error, BackendError) and error.code is not None:
        return str(error.code)
    return "timeout" if isinstance(error, ChatTimeout) else type(error).__qualname__


def _fail(span: Span, error: BaseException | None) -> None:
    name = "_OTHER" if error is None else type(error).__qualname__
    span.set_attribute(conventions.ERROR_TYPE, name)
    span.set_status(Status(StatusCode.ERROR))


def _first_chunk(answer: Answer) -> float | None:
    """Seconds from the request to the first event; ``None`` without one."""
    timings = answer.timings
    return timings.duration - sum(timings.gaps) if timings.events else None
