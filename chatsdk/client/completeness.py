"""Decides at the end of a response whether the answer is complete, and takes the last parts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from chatsdk.answer import Answer
from chatsdk.client.response_check import (
    FIELDS,
    LOGIN_PAGE,
    Document,
    document_in,
    may_be_events,
    refused,
)
from chatsdk.dialects import About, get
from chatsdk.dialects.misframed import payloads
from chatsdk.dialects.payload import unwrapped
from chatsdk.errors import (
    BackendError,
    ChatError,
    NotAStreamError,
    ProtocolError,
    StreamInterrupted,
)
from chatsdk.framing import UNFINISHED, parser_for
from chatsdk.outcome import Outcome
from chatsdk.parts import Failure
from chatsdk.sse import ServerSentEvent
from chatsdk.transport.clock import now
from chatsdk.transport.network_errors import Stopped
from chatsdk.transport.redaction import CUT

if TYPE_CHECKING:
    from chatsdk.client.reader import AnswerReader

__all__ = ["TAIL_BYTES", "after_end", "conclude", "last", "proof", "rest", "trailing_error"]

# Bytes kept of the body's tail, to find an error sent outside an event.
TAIL_BYTES = 4096

# Characters of that error to show, if it is not JSON.
SHOWN_CHARS = 80

# The first bytes of bodies that are not text in UTF-8, and the names of their coding.
NOT_UTF8 = {
    b"\x1f\x8b": "compressed with gzip",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"\xff\xfe": "text in UTF-16",
    b"\xfe\xff": "text in UTF-16",
}

# Seconds to wait for the frames that a dialect sends after its end marker.
AFTER_END_SECONDS = 0.5

# Characters of a body to show in an error.
SHOWN_BODY_CHARS = 200


def rest(reader: AnswerReader, eventless: bytes | None) -> Iterator[Answer]:
    """Yield what only the body's end completes; `eventless` is a body without events, or None."""
    if reader.document is not None:
        yield from _document(reader, reader.document)
        return
    for event in reader.parser.finish():
        eventless = None
        answer = reader.take(event, now(), reader.exchange.received)
        if answer is not None:
            yield from last(reader, answer)
    if eventless is not None:
        yield from _body_without_events(reader, eventless)


def last(reader: AnswerReader, answer: Answer) -> Iterator[Answer]:
    """Yield the answer if it adds to the previous one, then raise the backend's error, if any."""
    if answer is not reader.answer and answer.differs_from(reader.answer):
        reader.answer = answer
        yield answer
    failure = reader.builder.failure
    if failure is not None:
        raise _failed(failure)


def after_end(reader: AnswerReader, events: Iterator[ServerSentEvent]) -> Iterator[Answer]:
    """Read the frames after the end marker, ignoring failures."""
    exchange, builder = reader.exchange, reader.builder
    dialect = reader.dialect or reader.requested
    if not dialect.about.more_after_end:
        return
    deadline = now() + AFTER_END_SECONDS
    try:
        while True:
            for event in events:
                answer = reader.take(event, now(), exchange.received)
                if answer is None or builder.failure is not None:
                    continue
                if answer.differs_from(reader.answer):
                    reader.answer = answer
                    yield answer
            left = deadline - now()
            if left <= 0:
                return
            data = exchange.read_within(left)
            if not data:
                return
            events = reader.parser.feed(data)
    except (ChatError, Stopped):
        return


def conclude(reader: AnswerReader, tail: bytes) -> Iterator[Answer]:
    """Record the proof that the answer is complete, or raise `StreamInterrupted`.

    `tail` is the last data read, which may contain an error outside an event.
    """
    builder, exchange = reader.builder, reader.exchange
    if not builder.ended:
        yield from last(reader, builder.step(reader.decoder.close()))
    yield from last(reader, builder.flush())
    pending = reader.parser.pending
    failure = _outside(reader, tail)
    if failure is not None:
        raise _failed(failure)
    if not builder.understood:
        raise _not_understood(reader, tail)
    dialect = reader.dialect or get("raw")
    end = proof(
        dialect.about,
        reader.answer,
        builder.ended,
        delimited=exchange.delimited,
        pending=pending,
    )
    if reader.left and end != "marker":
        # Not truncated: chatsdk stopped waiting some time after the last finish reason.
        end = "finish_reason"
    if end is None:
        if (failure := trailing_error(tail)) is not None:
            raise _failed(failure)
        marker = dialect.about.end_marker or "a finish reason"
        if pending:
            raise _cut_inside(reader, tail)
        raise StreamInterrupted(
            f"the stream ended without the end marker of {dialect.name!r} ({marker})"
        )
    if reader.wanted is not None:
        reader.wanted.check(reader.answer)
    reader.end(Outcome("finished", end=end, answer=reader.answer))


def _cut_inside(reader: AnswerReader, tail: bytes) -> StreamInterrupted:
    """The error for a stream that ended in the middle of an event, or in other words."""
    if words := _stray_words(reader, tail):
        return StreamInterrupted(f"the stream ended with {words!r} instead of an event")
    return StreamInterrupted(f"the stream ended inside {UNFINISHED[reader.framing]}")


def _stray_words(reader: AnswerReader, tail: bytes) -> str:
    """Return the last line if it is not one of an event stream, as when a server fails."""
    before, _, line = tail.rstrip(b"\r\n").rpartition(b"\n")
    if not reader.framing.startswith("sse") or (not before and len(tail) == TAIL_BYTES):
        # In other framings every line counts, and the start of a very long line is missing.
        return ""
    if line.startswith(FIELDS) or any(field.startswith(line) for field in FIELDS):
        return ""
    return _shortened(line.decode("utf-8", "replace"), SHOWN_CHARS)


def _shortened(words: str, most: int) -> str:
    # The mark shows that a secret may have been truncated.
    return words if len(words) <= most else words[:most] + CUT


def _outside(reader: AnswerReader, tail: bytes) -> Failure | None:
    """The error sent outside an event, if any."""
    if reader.parser.errors:
        from chatsdk.dialects.error_bodies import failure_said

        return failure_said(reader.parser.errors[0])
    return trailing_error(tail) if reader.parser.pending else None


def _not_understood(reader: AnswerReader, tail: bytes) -> ChatError:
    """The error for a stream that was not understood, so that its end proves nothing."""
    from chatsdk.dialects.explanation import misread

    exchange, decided = reader.exchange, reader.dialect
    ndjson = reader.framing == "ndjson"
    why = misread(reader.unread, decided, ndjson=ndjson)
    if why is None and reader.parser.pending:
        return _cut_inside(reader, tail)
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
        body=reader.unread[0].data.encode("utf-8", "replace")[: reader.limits.error_body],
    )


def _failed(failure: Failure) -> BackendError:
    return BackendError(
        f"the backend failed: {failure.message}", message=failure.message, code=failure.code
    )


def _body_without_events(reader: AnswerReader, body: bytes) -> Iterator[Answer]:
    """Read a body that is declared as a stream, but contains no events, or raise an error.

    A body that was truncated in its first event, or holds only comments, is left to `conclude`.
    """
    exchange = reader.exchange
    if body.lstrip()[:1] == b"{":
        error = refused(exchange, reader.requested, body)
        if error is not None:
            raise error
    if len(body) < reader.limits.error_body:
        # The body is complete.
        yield from _misframed(reader, body)
        if reader.builder.understood:
            return
    lines = [line for line in body.splitlines() if line.strip()]
    if lines and all(line.startswith(b":") for line in lines):
        if reader.dialect is not None:
            return
        # The dialect was not recognised, so its end marker is unknown.
        raise StreamInterrupted("the stream ended before its first event: only comments came")
    coded = next((name for magic, name in NOT_UTF8.items() if body.startswith(magic)), None)
    if coded is not None:
        raise ProtocolError(
            f"the body is {coded}, which its header does not say; an event stream is UTF-8, so "
            "look at the proxy or the backend"
        )
    # A line of JSON may begin like a document, an event may not.
    begun = reader.parser.pending and body.lstrip()[:1] != b"<"
    if may_be_events(body) if reader.framing.startswith("sse") else begun:
        return
    shown = _shortened(body.strip().decode("utf-8", "replace"), SHOWN_BODY_CHARS)
    what = f"nothing in its body is an event: {shown!r}" if shown else "it is empty"
    if body.lstrip().startswith(b"<"):
        what = f"a web page instead of a stream: {LOGIN_PAGE}"
    raise NotAStreamError(
        f"HTTP {exchange.status} with {exchange.content_type}, but {what}",
        status=exchange.status,
        content_type=exchange.content_type,
        body=body[: reader.limits.error_body],
    )


def _misframed(reader: AnswerReader, body: bytes) -> Iterator[Answer]:
    """Yield the answers in a body that is one document, or has one payload per line."""
    text = body.decode("utf-8-sig", "replace").strip()
    if text[:1] == "{":
        document = document_in(reader.requested, text)
        if document is not None:
            reader.parser = parser_for("ndjson")
            yield from _document(reader, document)
            return
    else:
        text = "\n".join(map(unwrapped, text.splitlines()))
    lines = payloads(text)
    if not lines:
        return
    reader.parser = parser_for("ndjson")
    for line in lines:
        answer = reader.take(ServerSentEvent(data=line), now(), reader.exchange.received)
        if answer is not None:
            yield from last(reader, answer)
        if reader.builder.over:
            return


def _document(reader: AnswerReader, document: Document) -> Iterator[Answer]:
    """The only step of an answer that arrived as one document."""
    answer = reader.builder.step(
        document.parts,
        payload=document.payload,
        at=now(),
        received=reader.exchange.received,
    )
    reader.builder.ended = True
    yield from last(reader, answer)
    if not reader.builder.understood:
        exchange = reader.exchange
        raise NotAStreamError(
            f"HTTP {exchange.status}, but JSON without an answer in it ({exchange.content_type}) "
            "instead of a stream: does the request ask for streaming?",
            status=exchange.status,
            content_type=exchange.content_type,
            body=document.payload.encode("utf-8", "replace")[: reader.limits.error_body],
        )


def trailing_error(tail: bytes) -> Failure | None:
    """Return an error outside an event that broke the stream off; `tail` is the body's end."""
    from chatsdk.dialects.error_bodies import outside_events

    return outside_events(tail)


def proof(
    about: About, answer: Answer, ended: bool, *, delimited: bool, pending: bool = False
) -> str | None:
    """Return the proof that `answer` is complete, after a body that ended without an error.

    Args:
        about: of the dialect that decoded the body; for ``auto``, of the detected one.
        answer: the last step.
        ended: whether the dialect's end marker arrived (`AnswerBuilder.ended`).
        delimited: whether the HTTP body had chunks or a length and ended there. Otherwise the body
            ends with the connection, so a truncated body looks the same.
        pending: whether the body ended inside an event, which was dropped.

    Returns:
        ``"marker"``, ``"finish_reason"`` or ``"framing"``; ``"unproven"`` if only `delimited` is
            missing and the dialect has no end marker; ``None`` if the answer was interrupted.
    """
    if ended:
        return "marker"
    if not delimited and (pending or (about.end_marker is not None and not about.clean_end)):
        # The body may be truncated, and the marker that would disprove it is missing.
        return None
    if answer.finish_reason is not None:
        found = "finish_reason"
    elif pending:
        return None
    elif about.clean_end or (about.end_marker is None and not about.finish_reason):
        found = "framing"
    else:
        return None
    return found if delimited else "unproven"
