"""Reads one response into answers: bytes, events, parts, and a new `Answer` for each event."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator

from chatsdk import ndjson
from chatsdk.answer import Answer, AnswerBuilder
from chatsdk.client.response import UNREADABLE, Document, refused
from chatsdk.client.stopping import ServerStop
from chatsdk.dialects import get
from chatsdk.dialects.contract import Decoder, Dialect
from chatsdk.dialects.ending import proof
from chatsdk.errors import (
    BackendError,
    ChatError,
    LimitExceeded,
    NotAStreamError,
    ProtocolError,
    StreamInterrupted,
)
from chatsdk.options import Limits
from chatsdk.outcome import Outcome
from chatsdk.sse import EventParser, ServerSentEvent
from chatsdk.transport.exchange import Exchange
from chatsdk.transport.faults import Stopped

__all__ = ["Reading", "steps"]

# How long frames that a dialect promises after its end marker are waited for, in seconds.
AFTER_END_SECONDS = 0.5

# The answer's size is looked at again after so many bytes of body.
SIZE_CHECK_BYTES = 1024 * 1024


class Reading:
    """The state of one stream that is being read.

    The generator that reads holds this and not the `AnswerStream`, so that a stream which is
    dropped is collected at once, without waiting for the garbage collector.

    Attributes:
        answer: the newest `Answer`.
        outcome: how it ended, ``None`` while it goes on.
        decoder: reads the events; its ``dialect`` is what ``auto`` decided.
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
    ) -> None:
        self.exchange = exchange
        self.dialect = dialect
        self.limits = limits
        self.server_stop = server_stop
        self.head = head
        self.document = document
        self.decoder: Decoder = dialect.decoder(exchange.content_type)
        self.builder = AnswerBuilder(started=started)
        self.answer: Answer = self.builder.answer
        self.outcome: Outcome | None = None
        if dialect.framing(exchange.content_type) == "ndjson":
            self.parser: EventParser | ndjson.LineParser = ndjson.LineParser(
                max_event_bytes=limits.event_bytes
            )
        else:
            self.parser = EventParser(max_event_bytes=limits.event_bytes, dataless=dialect.dataless)

    def end(self, outcome: Outcome) -> None:
        """Note how it ended; the first time counts."""
        if self.outcome is None:
            self.outcome = outcome

    def stopped(self) -> Outcome:
        """The outcome of an answer that the user ended."""
        return Outcome("stopped", answer=self.answer, server_stop=self.server_stop)

    def stop(self) -> None:
        """End as stopped, and tell the backend, which may go on without a reader."""
        if self.outcome is None:
            self.end(self.stopped())
            self.server_stop.begin(self.decoder.dialect or self.dialect, self.answer)

    def fail(self, error: ChatError) -> ChatError:
        """Complete an error with what is known here, and end with it."""
        error.answer = self.answer
        error.request_id = error.request_id or self.exchange.request_id
        self.exchange.secrets.scrub(error)
        if error.__cause__ is None:
            # What was being handled when it was raised, a JSON error say, holds the payload.
            error.__context__ = None
        self.end(Outcome("error", error=error, answer=self.answer))
        return error

    def take(self, event: ServerSentEvent, at: float, received: int) -> Answer | None:
        """Apply one event; ``None`` if it says nothing. All it can raise is a `ProtocolError`."""
        try:
            parts = self.decoder.decode(event)
            data = event.data
            if not parts and not data:
                return None
            return self.builder.step(parts, data, at, received)
        except UNREADABLE as error:
            kind = type(error).__name__
        # Outside the handler: the message of the original may show the payload.
        raise self.unreadable(kind)

    def unreadable(self, kind: str) -> ProtocolError:
        """The error for an event on which the decoder raised an exception of this kind."""
        name = self.decoder.dialect.name if self.decoder.dialect else self.dialect.name
        return ProtocolError(f"an event is not what the dialect {name!r} says ({kind})")


def steps(reading: Reading) -> Generator[Answer, None, None]:
    """Yield a new answer for each event, then note the outcome.

    Raises:
        ChatError: what ended the answer before its end, with the partial answer.
    """
    exchange, builder = reading.exchange, reading.builder
    wire, feed, take = exchange.wire, reading.parser.feed, reading.take
    failure: ChatError | None = None
    first = True
    event: ServerSentEvent | None = None
    kept = b""
    size_check = SIZE_CHECK_BYTES
    try:
        # The loop stands here and not in a generator of its own: each costs 50 ns an event.
        for data in _chunks(reading):
            now = time.monotonic()
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
                reading.answer = answer
                yield answer
                if wire.cause is not None:
                    raise exchange.ended()
            if builder.over:
                yield from _last(reading, builder.answer)
                yield from _after_end(reading, events)
                break
            if first and len(kept) < reading.limits.error_body:
                # No event yet: this may be something else that only calls itself an event stream.
                kept += data
            if received > size_check:
                size_check = received + SIZE_CHECK_BYTES
                _check_size(reading, received)
        else:
            yield from _rest(reading, kept if first else None)
        yield from _conclude(reading)
        exchange.drain()
    except Stopped:
        reading.stop()
        exchange.close()
    except ChatError as error:
        failure = reading.fail(error)
        exchange.close()
    except BaseException:
        # Given up: by a KeyboardInterrupt, or by a GeneratorExit, which may come from a garbage
        # collection in the midst of anything.
        reading.end(reading.stopped())
        exchange.abandon()
        raise
    if failure is not None:
        # Who reports errors may show the frames with their variables, and a server may echo a
        # secret: nothing that it sent stands in this frame, and there are none below.
        data = kept = b""
        event = None
        try:
            raise failure.with_traceback(None)
        finally:
            # It holds this frame; held by it in turn, it would live until a garbage collection.
            del failure


def _chunks(reading: Reading) -> Iterator[bytes]:
    if reading.document is not None:
        return
    if reading.head:
        yield reading.head
    read = reading.exchange.read
    while data := read():
        yield data


def _rest(reading: Reading, eventless: bytes | None) -> Iterator[Answer]:
    """What is known only at the end of the body; `eventless`: it had no event, but these bytes."""
    if reading.document is not None:
        yield from _document(reading, reading.document)
        return
    for event in reading.parser.finish():
        eventless = None
        answer = reading.take(event, time.monotonic(), reading.exchange.received)
        if answer is not None:
            yield from _last(reading, answer)
    if eventless is not None:
        _check_body_without_events(reading, eventless)


def _last(reading: Reading, answer: Answer) -> Iterator[Answer]:
    """Yield an answer if it says more than the one before, then raise the backend's own error."""
    if answer is not reading.answer and answer.adds_to(reading.answer):
        reading.answer = answer
        yield answer
    failure = reading.builder.failure
    if failure is not None:
        raise BackendError(
            f"the backend failed: {failure.message}", message=failure.message, code=failure.code
        )


def _after_end(reading: Reading, events: Iterator[ServerSentEvent]) -> Iterator[Answer]:
    """Take what follows the end marker; nothing that goes wrong there is an error any more."""
    exchange, builder = reading.exchange, reading.builder
    dialect = reading.decoder.dialect or reading.dialect
    if not dialect.about.more_after_end:
        return
    deadline = time.monotonic() + AFTER_END_SECONDS
    try:
        while True:
            for event in events:
                answer = reading.take(event, time.monotonic(), exchange.received)
                if answer is None or builder.failure is not None:
                    continue
                if answer.adds_to(reading.answer):
                    reading.answer = answer
                    yield answer
            left = deadline - time.monotonic()
            if left <= 0:
                return
            data = exchange.read_within(left)
            if not data:
                return
            events = reading.parser.feed(data)
    except (ChatError, Stopped):
        return


def _conclude(reading: Reading) -> Iterator[Answer]:
    """Note what proves the answer whole, or raise `StreamInterrupted`."""
    builder, exchange = reading.builder, reading.exchange
    if not builder.ended:
        yield from _last(reading, builder.step(reading.decoder.close()))
    yield from _last(reading, builder.flush())
    dialect = reading.decoder.dialect or get("raw")
    pending = reading.parser.pending
    end = proof(
        dialect.about,
        reading.answer,
        builder.ended,
        delimited=exchange.delimited,
        pending=pending,
    )
    if end is None:
        marker = dialect.about.end_marker or "a finish reason"
        raise StreamInterrupted(
            "the stream ended inside an event: after its last line a blank line is missing"
            if pending
            else f"the stream ended before the end that {dialect.name!r} promises ({marker})"
        )
    reading.end(Outcome("finished", end=end, answer=reading.answer))


def _check_body_without_events(reading: Reading, body: bytes) -> None:
    """Raise what a body says that calls itself a stream and has no event in it.

    One that was cut in its first event, or holds comments only, is left to `_conclude`.
    """
    exchange = reading.exchange
    error = refused(exchange, reading.dialect, body) if body.lstrip()[:1] == b"{" else None
    if error is not None:
        raise error
    lines = [line for line in body.splitlines() if line.strip()]
    cut = reading.parser.pending and not body.lstrip().startswith((b"<", b"{"))
    if lines and all(line.startswith(b":") for line in lines) and not reading.decoder.dialect:
        # No dialect showed itself, so there is none whose end this could be.
        raise StreamInterrupted("the stream ended before its first event: only comments came")
    if cut or (lines and all(line.startswith(b":") for line in lines)):
        return
    what = "it is empty" if not body.strip() else "nothing in its body is an event"
    raise NotAStreamError(
        f"HTTP {exchange.status} with {exchange.content_type}, but {what}",
        status=exchange.status,
        content_type=exchange.content_type,
        body=body[: reading.limits.error_body],
    )


def _document(reading: Reading, document: Document) -> Iterator[Answer]:
    """The one step of an answer that came whole."""
    answer = reading.builder.step(
        document.parts,
        payload=document.payload,
        at=time.monotonic(),
        received=reading.exchange.received,
    )
    reading.builder.ended = True
    yield from _last(reading, answer)


def _check_size(reading: Reading, received: int) -> None:
    limit = reading.limits.answer_bytes
    if reading.builder.size > limit:
        raise LimitExceeded(
            f"the answer takes more than Limits(answer_bytes={limit})", limit="answer_bytes"
        )
    limit = reading.limits.body_bytes
    if received > limit:
        raise LimitExceeded(
            f"the stream is longer than Limits(body_bytes={limit})", limit="body_bytes"
        )
