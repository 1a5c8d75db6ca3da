"""The end of a response: last parts, and proof of completeness."""

from __future__ import annotations

from collections.abc import Iterator

from chatsdk.answer import Answer
from chatsdk.client.reader import Reading
from chatsdk.client.response import Document, refused
from chatsdk.dialects import get
from chatsdk.dialects.completeness import bare_error, proof
from chatsdk.errors import BackendError, ChatError, NotAStreamError, StreamInterrupted
from chatsdk.framing import UNFINISHED
from chatsdk.outcome import Outcome
from chatsdk.parts import Failure
from chatsdk.sse import ServerSentEvent
from chatsdk.transport.clock import now
from chatsdk.transport.faults import Stopped

__all__ = ["after_end", "conclude", "last", "rest"]

# Seconds to wait for the frames that a dialect sends after its end marker.
AFTER_END_SECONDS = 0.5


def rest(reading: Reading, eventless: bytes | None) -> Iterator[Answer]:
    """Yield what only the body's end completes; `eventless` is a body without events, or None."""
    if reading.document is not None:
        yield from _document(reading, reading.document)
        return
    for event in reading.parser.finish():
        eventless = None
        answer = reading.take(event, now(), reading.exchange.received)
        if answer is not None:
            yield from last(reading, answer)
    if eventless is not None:
        _check_body_without_events(reading, eventless)


def last(reading: Reading, answer: Answer) -> Iterator[Answer]:
    """Yield the answer if it adds to the previous one, then raise the backend's error, if any."""
    if answer is not reading.answer and answer.adds_to(reading.answer):
        reading.answer = answer
        yield answer
    failure = reading.builder.failure
    if failure is not None:
        raise _failed(failure)


def after_end(reading: Reading, events: Iterator[ServerSentEvent]) -> Iterator[Answer]:
    """Read the frames after the end marker, ignoring failures."""
    exchange, builder = reading.exchange, reading.builder
    dialect = reading.decoder.dialect or reading.dialect
    if not dialect.about.more_after_end:
        return
    deadline = now() + AFTER_END_SECONDS
    try:
        while True:
            for event in events:
                answer = reading.take(event, now(), exchange.received)
                if answer is None or builder.failure is not None:
                    continue
                if answer.adds_to(reading.answer):
                    reading.answer = answer
                    yield answer
            left = deadline - now()
            if left <= 0:
                return
            data = exchange.read_within(left)
            if not data:
                return
            events = reading.parser.feed(data)
    except (ChatError, Stopped):
        return


def conclude(reading: Reading, tail: bytes) -> Iterator[Answer]:
    """Record the proof that the answer is complete, or raise `StreamInterrupted`.

    `tail` is the last data read, which may contain an error outside an event.
    """
    builder, exchange = reading.builder, reading.exchange
    if not builder.ended:
        yield from last(reading, builder.step(reading.decoder.close()))
    yield from last(reading, builder.flush())
    pending = reading.parser.pending
    failure = _outside(reading, tail)
    if failure is not None:
        raise _failed(failure)
    if not builder.understood:
        raise _not_understood(reading)
    dialect = reading.decoder.dialect or get("raw")
    end = proof(
        dialect.about,
        reading.answer,
        builder.ended,
        delimited=exchange.delimited,
        pending=pending,
    )
    if reading.left and end != "marker":
        # Not truncated: chatsdk stopped waiting some time after the last finish reason.
        end = "finish_reason"
    if end is None:
        if (failure := bare_error(tail)) is not None:
            raise _failed(failure)
        marker = dialect.about.end_marker or "a finish reason"
        inside = UNFINISHED[reading.framing]
        raise StreamInterrupted(
            f"the stream ended inside {inside}"
            if pending
            else f"the stream ended before the end that {dialect.name!r} promises ({marker})"
        )
    reading.end(Outcome("finished", end=end, answer=reading.answer))


def _outside(reading: Reading, tail: bytes) -> Failure | None:
    """The error sent outside an event, if any."""
    if reading.parser.errors:
        from chatsdk.dialects.error_bodies import failure_said

        return failure_said(reading.parser.errors[0])
    return bare_error(tail) if reading.parser.pending else None


def _not_understood(reading: Reading) -> ChatError:
    """The error for a stream that was not understood, so that its end proves nothing."""
    from chatsdk.dialects.explanation import misread

    exchange, decided = reading.exchange, reading.decoder.dialect
    ndjson = reading.framing == "ndjson"
    why = misread(reading.unread, decided, ndjson=ndjson)
    if why is None and reading.parser.pending:
        return StreamInterrupted(f"the stream ended inside {UNFINISHED[reading.framing]}")
    if why is None:
        return StreamInterrupted(
            "the stream ended before anything of an answer came: there were only ids, markers or "
            "signs of life"
        )
    who = "no dialect knows" if decided is None else f"the dialect {decided.name!r} knows none of"
    return NotAStreamError(
        f"HTTP {exchange.status} with {exchange.content_type}, but {who} the events: {why}",
        status=exchange.status,
        content_type=exchange.content_type,
        body=reading.unread[0].data.encode("utf-8", "replace")[: reading.limits.error_body],
    )


def _failed(failure: Failure) -> BackendError:
    return BackendError(
        f"the backend failed: {failure.message}", message=failure.message, code=failure.code
    )


def _check_body_without_events(reading: Reading, body: bytes) -> None:
    """Raise an error for a body declared as a stream that contains no events.

    A body that was truncated in its first event, or holds only comments, is left to `conclude`.
    """
    exchange = reading.exchange
    error = refused(exchange, reading.dialect, body) if body.lstrip()[:1] == b"{" else None
    if error is not None:
        raise error
    lines = [line for line in body.splitlines() if line.strip()]
    if lines and all(line.startswith(b":") for line in lines):
        if reading.decoder.dialect is not None:
            return
        # The dialect was not recognised, so its end marker is unknown.
        raise StreamInterrupted("the stream ended before its first event: only comments came")
    # A line of JSON may begin like a document, an event may not.
    other = (b"<", b"{") if reading.framing.startswith("sse") else b"<"
    if reading.parser.pending and not body.lstrip().startswith(other):
        return
    what = "it is empty" if not body.strip() else "nothing in its body is an event"
    raise NotAStreamError(
        f"HTTP {exchange.status} with {exchange.content_type}, but {what}",
        status=exchange.status,
        content_type=exchange.content_type,
        body=body[: reading.limits.error_body],
    )


def _document(reading: Reading, document: Document) -> Iterator[Answer]:
    """The only step of an answer that arrived as one document."""
    answer = reading.builder.step(
        document.parts,
        payload=document.payload,
        at=now(),
        received=reading.exchange.received,
    )
    reading.builder.ended = True
    yield from last(reading, answer)
    if not reading.builder.understood:
        exchange = reading.exchange
        raise NotAStreamError(
            f"HTTP {exchange.status}, but JSON without an answer in it ({exchange.content_type}) "
            "instead of a stream: does the request ask for streaming?",
            status=exchange.status,
            content_type=exchange.content_type,
            body=document.payload.encode("utf-8", "replace")[: reading.limits.error_body],
        )
