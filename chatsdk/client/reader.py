"""`AnswerReader`: reads one response into answers, one `Answer` per event."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from chatsdk.answer import Answer, AnswerBuilder
from chatsdk.client.completeness import TAIL_BYTES, after_end, conclude, last, rest
from chatsdk.client.response_check import UNREADABLE, Document, ResponseInfo
from chatsdk.client.server_stop import ServerStop
from chatsdk.dialects.dialect import Decoder, Dialect
from chatsdk.errors import ChatError, ChatTimeout, LimitExceeded, NotAStreamError, ProtocolError
from chatsdk.framing import parser_for
from chatsdk.options import Limits
from chatsdk.outcome import Outcome
from chatsdk.parts import Identity, Part
from chatsdk.sse import ServerSentEvent
from chatsdk.transport.cancel import FINISHED, STOPPED
from chatsdk.transport.exchange import Exchange
from chatsdk.transport.foreign_exceptions import freed, raised_by_handler
from chatsdk.transport.network_errors import Stopped

if TYPE_CHECKING:
    from chatsdk.client.observation import Observation
    from chatsdk.output import Wanted

__all__ = ["AnswerReader"]

# Events without meaning to keep, so that an error can show the first unknown one.
KEPT_UNREAD = 8

# Bytes of body between two checks of the answer's size.
SIZE_CHECK_BYTES = 1024 * 1024

# Matches somewhere in every JSON error.
ERROR_WORD = re.compile(
    r'rror|"code"|base_resp|"success"|"detail"|"__type"|"fault"|"title"|xception'
)

# Fields of a request that declare the client's tools.
TOOLS = ("tools", "functions", "toolConfig", "tool_config")


class AnswerReader:
    """The source of an `AnswerStream`: one response, while it is read.

    The generator of `steps` refers to the reader, and the stream to both. Nothing refers back, so a
    dropped stream is freed at once, without the garbage collector.

    Attributes:
        answer: the latest `Answer`.
        ending: how the answer ended, ``None`` before that.
        body: the JSON body that was sent.
        observation: observes the request, or ``None``.
        requested: the dialect of the request; `dialect` is the one that decodes.
        left: reading stopped some time after the last finish reason, before the body's end.
        unread: the first events in which the decoder found nothing.
        decoder: decodes the events; its ``dialect`` is the one that ``auto`` recognised.
        wanted: the type that was asked for with ``output=``, or ``None``.
        framing: how `parser` splits the body into events.
    """

    def __init__(
        self,
        exchange: Exchange,
        dialect: Dialect,
        limits: Limits,
        *,
        started: float,
        server_stop: ServerStop,
        head: bytes = b"",
        document: Document | None = None,
        body: Any = None,
        observation: Observation | None = None,
        backend: str | None = None,
        wanted: Wanted | None = None,
    ) -> None:
        self.exchange = exchange
        self.requested = dialect
        self.limits = limits
        self.server_stop = server_stop
        self.head = head
        self.document = document
        self.decoder: Decoder = dialect.decoder(exchange.content_type)
        self.wanted = wanted
        growing = None if wanted is None else wanted.growing()
        self.builder = AnswerBuilder(started=started, growing=growing, backend=backend)
        if wanted is not None and wanted.tool is not None:
            self._take_tool_as_text(wanted.tool)
        self.answer: Answer = self.builder.answer
        self.ending: Outcome | None = None
        self.left = False
        self.body = body
        self.observation = observation
        # The counts of `AnswerBuilder.spoken` at the last finish reason.
        self._spoken: tuple[int, ...] | None = None
        self.unread: list[ServerSentEvent] = []
        self.framing = dialect.framing(exchange.content_type)
        self.parser = parser_for(
            self.framing, max_event_bytes=limits.event_bytes, dataless=dialect.dataless
        )

    # The source of a stream -----------------------------------------------------------------

    def steps(self) -> Generator[Answer, None, None]:
        """Yield a new answer for each event, then record the outcome.

        Raises:
            ChatError: the answer failed; carries the partial answer.
        """
        return (
            self._read() if self.observation is None else self.observation.told(self._read(), self)
        )

    def on_wait(self, callback: Callable[[], object] | None) -> bool:
        """Call `callback` before each read of the body."""
        self.exchange.before_read = callback
        return True

    def stop(self) -> None:
        """Wake the thread that reads, which ends the answer as stopped. Takes no lock."""
        if self.ending is None:
            self.exchange.scope.cancel(STOPPED)

    def close(self, steps: Generator[Answer, None, None]) -> None:
        """End as stopped and close the response, or leave that to the thread that reads."""
        if steps.gi_running:  # type: ignore[attr-defined]
            self.stop()
            return
        self.end_stopped()
        try:
            steps.close()
        except ValueError:
            # "generator already executing": a reader started in between.
            self.exchange.scope.cancel(STOPPED)
        else:
            self._release()
        if self.observation is not None:
            self.observation.ended(self)

    def drop(self, steps: Generator[Answer, None, None]) -> None:
        """Close the response; callable in a finalizer. Does nothing if another thread reads."""
        if not steps.gi_running:  # type: ignore[attr-defined]
            if self.ending is None:
                self.end(self.stopped())
            self._release()
            if self.observation is not None:
                self.observation.dropped(self)

    def _release(self) -> None:
        # A generator that was never started runs no handler. Close as a finalizer would, because in
        # a signal handler the interrupted code may hold the pool's lock.
        if not self.exchange.released:
            self.exchange.close_from_finalizer()

    @property
    def outcome(self) -> Outcome:
        """How the answer ended; pending before that."""
        if (ending := self.ending) is not None:
            return ending
        if self.exchange.scope.reason == STOPPED:
            return self.stopped()
        return Outcome("pending", answer=self.answer)

    @property
    def response(self) -> ResponseInfo:
        """Status, headers and request id."""
        exchange = self.exchange
        return ResponseInfo(
            exchange.status, exchange.headers, exchange.content_type, exchange.request_id
        )

    @property
    def dialect(self) -> Dialect | None:
        """The dialect that decodes; with ``auto``, ``None`` until it is recognised."""
        return self.decoder.dialect

    @property
    def attempts(self) -> int:
        """How often the request was sent, including retries."""
        return self.exchange.attempts

    # The loop over the events ---------------------------------------------------------------

    def _read(self) -> Generator[Answer, None, None]:
        """Yield a new answer for each event, then record the outcome.

        Raises:
            ChatError: the answer failed; carries the partial answer.
        """
        exchange, builder = self.exchange, self.builder
        feed, take, ended = self.parser.feed, self.take, exchange.scope.reasons
        errors, decoder = self.parser.errors, self.decoder
        failure: BaseException | None = None
        first = True
        event: ServerSentEvent | None = None
        kept, tail = bytearray(), b""
        size_check = SIZE_CHECK_BYTES
        try:
            try:
                # The loop is inlined here: another generator would cost 50 ns per event.
                for data in self._chunks():
                    now = exchange.at
                    received = exchange.received
                    events = feed(data)
                    for event in events:
                        answer = take(event, now, received)
                        if answer is None:
                            continue
                        if first:
                            first = False
                            exchange.begin_events()
                        if builder.over:
                            break
                        self.answer = answer
                        yield answer
                        if ended:
                            raise exchange.ended()
                    if builder.over:
                        yield from last(self, builder.answer)
                        yield from after_end(self, events)
                        break
                    if errors:
                        # The server may keep the stream open after an error.
                        break
                    if builder.grown:
                        builder.grown = False
                        exchange.scope.moved = True
                    if decoder.finished:
                        self.settle()
                    # After a blank line, earlier reads are not part of the next event.
                    tail = (data if tail.endswith(b"\n\n") else tail + data)[-TAIL_BYTES:]
                    if first and len(kept) < self.limits.error_body:
                        # No events yet: the body may not be an event stream, despite its type.
                        kept += data
                    if received > size_check:
                        size_check = received + SIZE_CHECK_BYTES
                        self._check_size(received)
                else:
                    yield from rest(self, bytes(kept) if first else None)
            except ChatTimeout as late:
                if late.phase != FINISHED:
                    raise
                # The answer was complete; the server only did not end the body.
                self.left = True
            yield from conclude(self, tail)
            exchange.drain()
        except Stopped:
            self.end_stopped()
            exchange.close()
        except ChatError as error:
            failure = self.fail(error).with_traceback(None)
            exchange.close()
        except GeneratorExit:
            # Dropped. This may run in a garbage collection, at any point of the program.
            self.end(self.stopped())
            exchange.close_from_finalizer()
            raise
        except BaseException as error:
            # From a signal handler or a tap, or Ctrl-C.
            self.end(self.stopped())
            exchange.close_from_finalizer()
            failure = freed(error)
        if failure is not None:
            # Error reporters dump the variables of frames, and a server may echo a secret: clear
            # what it sent. The traceback has no frames below this one.
            data = tail = b""
            kept.clear()
            event = None
            try:
                raise failure
            finally:
                # Break the cycle error -> traceback -> frame -> error.
                del failure

    def _chunks(self) -> Iterable[bytes]:
        if self.document is not None:
            return ()
        # Not a generator, which would be resumed for each read.
        return chain((self.head,) if self.head else (), iter(self.exchange.read, b""))

    def _check_size(self, received: int) -> None:
        limit = self.limits.answer_bytes
        if self.builder.size > limit:
            raise LimitExceeded(
                f"the answer takes more than Limits(answer_bytes={limit})", limit="answer_bytes"
            )
        limit = self.limits.body_bytes
        if received > limit:
            raise LimitExceeded(
                f"the stream is longer than Limits(body_bytes={limit})", limit="body_bytes"
            )

    def _take_tool_as_text(self, tool: str) -> None:
        from chatsdk.dialects.tool_as_text import ToolAsText

        self.decoder = decoder = ToolAsText(self.decoder, tool)
        if self.document is not None:
            parts = tuple(decoder.parts(self.document.parts))
            self.document = self.document._replace(parts=parts)

    # One event, and the end -----------------------------------------------------------------

    def end(self, outcome: Outcome) -> None:
        """Record how it ended; only the first call counts."""
        if self.ending is None:
            self.ending = outcome

    def stopped(self) -> Outcome:
        """The outcome of an answer that the user stopped."""
        return Outcome("stopped", answer=self.answer, server_stop=self.server_stop)

    def end_stopped(self) -> None:
        """End as stopped, and ask the backend to stop, because it may continue without a reader."""
        if self.ending is None:
            self.end(self.stopped())
            self.server_stop.begin(self.dialect or self.requested, self.answer)

    def fail(self, error: ChatError) -> ChatError:
        """Complete an error with the state of the stream, and end with it."""
        error.answer = self.answer
        if isinstance(error, NotAStreamError) and not error.status:
            # The decoder detected it, so the HTTP fields are missing.
            error.status = self.exchange.status
            error.content_type = self.exchange.content_type
        error.request_id = error.request_id or self.exchange.request_id
        self.exchange.secrets.scrub(error)
        if error.__cause__ is None:
            # The exception being handled, such as a JSON error, may hold the payload.
            error.__context__ = None
        self.end(Outcome("error", error=error, answer=self.answer))
        return error

    def settle(self) -> None:
        """Limit the wait for the stream's end, now that every choice has its finish reason.

        Further text restarts the limit. The reason is not the end if the server runs the tools
        that the model called, because the answer continues after their results.
        """
        if self.answer.finish_reason == "tool_calls" and not _declares_tools(self.body):
            return
        spoken = self.builder.spoken
        if spoken != self._spoken:
            self._spoken = spoken
            self.exchange.scope.settling = True

    def take(self, event: ServerSentEvent, at: float, received: int) -> Answer | None:
        """Apply one event; ``None`` if it adds nothing. Raises only `ProtocolError`."""
        try:
            parts = self.decoder.decode(event)
            data = event.data
            if not parts:
                if not data:
                    return None
                parts = self._unread(event)
            elif parts[-1].__class__ is Identity:
                # Errors may have ids, too.
                parts = (*parts, *_error_in(event))
            return self.builder.step(parts, data, at, received)
        except ProtocolError:
            from chatsdk.dialects.misframed import rescued

            found = rescued(self.decoder, event)
            # An error may look like nothing that the dialect defines.
            parts = self._unread(event) if found is None else found
            if found is None and not parts:
                raise
            return self.builder.step(parts, event.data, at, received) if parts else None
        except UNREADABLE as error:
            if raised_by_handler(error):
                raise
            kind = type(error).__name__
        # Outside the handler: the message of the original may show the payload.
        raise self.unreadable(kind)

    def _unread(self, event: ServerSentEvent) -> Sequence[Part]:
        """Search for an error in an event in which the dialect found nothing."""
        if len(self.unread) < KEPT_UNREAD:
            self.unread.append(event)
        return _error_in(event)

    def unreadable(self, kind: str) -> ProtocolError:
        """The error for an event on which the decoder raised an exception of this kind."""
        name = (self.dialect or self.requested).name
        return ProtocolError(f"an event is not what the dialect {name!r} says ({kind})")


def _error_in(event: ServerSentEvent) -> Sequence[Part]:
    """Return the error that an event contains, if any."""
    if event.event == "message" and not ERROR_WORD.search(event.data):
        # For example a ping.
        return ()
    from chatsdk.dialects.error_bodies import told

    failure = told(event)
    return () if failure is None else (failure,)


def _declares_tools(body: Any) -> bool:
    if not isinstance(body, dict):
        return False
    inner = [body.get(name) for name in ("parameters", "extra_body", "inferenceConfig")]
    holders = [body, *(value for value in inner if isinstance(value, dict))]
    return any(holder.get(name) for holder in holders for name in TOOLS)
