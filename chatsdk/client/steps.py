"""Reads one response into answers, one `Answer` per event."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from itertools import chain

from chatsdk.answer import Answer
from chatsdk.client.completion import after_end, conclude, last, rest
from chatsdk.client.reader import Reading
from chatsdk.errors import ChatError, ChatTimeout, LimitExceeded
from chatsdk.sse import ServerSentEvent
from chatsdk.transport.cancel import FINISHED
from chatsdk.transport.faults import Stopped
from chatsdk.transport.foreign import freed

__all__ = ["steps"]

# Bytes of body between two checks of the answer's size.
SIZE_CHECK_BYTES = 1024 * 1024

# Bytes kept of the body's tail, to find an error sent outside an event.
TAIL_BYTES = 4096


def steps(reading: Reading) -> Generator[Answer, None, None]:
    """Yield a new answer for each event, then record the outcome.

    Raises:
        ChatError: the answer failed; carries the partial answer.
    """
    exchange, builder = reading.exchange, reading.builder
    feed, take, ended = reading.parser.feed, reading.take, exchange.wire.causes
    errors, decoder = reading.parser.errors, reading.decoder
    failure: BaseException | None = None
    first = True
    event: ServerSentEvent | None = None
    kept, tail = bytearray(), b""
    size_check = SIZE_CHECK_BYTES
    try:
        try:
            # The loop is inlined here: another generator would cost 50 ns per event.
            for data in _chunks(reading):
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
                    reading.answer = answer
                    yield answer
                    if ended:
                        raise exchange.ended()
                if builder.over:
                    yield from last(reading, builder.answer)
                    yield from after_end(reading, events)
                    break
                if errors:
                    # The server may keep the stream open after an error.
                    break
                if builder.grown:
                    builder.grown = False
                    exchange.wire.moved = True
                if decoder.finished:
                    reading.settle()
                # After a blank line, earlier reads are not part of the next event.
                tail = (data if tail.endswith(b"\n\n") else tail + data)[-TAIL_BYTES:]
                if first and len(kept) < reading.limits.error_body:
                    # No events yet: the body may not be an event stream, despite its type.
                    kept += data
                if received > size_check:
                    size_check = received + SIZE_CHECK_BYTES
                    _check_size(reading, received)
            else:
                yield from rest(reading, bytes(kept) if first else None)
        except ChatTimeout as late:
            if late.phase != FINISHED:
                raise
            # The answer was complete; the server only did not end the body.
            reading.left = True
        yield from conclude(reading, tail)
        exchange.drain()
    except Stopped:
        reading.stop()
        exchange.close()
    except ChatError as error:
        failure = reading.fail(error).with_traceback(None)
        exchange.close()
    except GeneratorExit:
        # Dropped. This may run in a garbage collection, at any point of the program.
        reading.end(reading.stopped())
        exchange.abandon()
        raise
    except BaseException as error:
        # From a signal handler or a tap, or Ctrl-C.
        reading.end(reading.stopped())
        exchange.abandon()
        failure = freed(error)
    if failure is not None:
        # Error reporters dump the variables of frames, and a server may echo a secret: clear what
        # it sent. The traceback has no frames below this one.
        data = tail = b""
        kept.clear()
        event = None
        try:
            raise failure
        finally:
            # Break the cycle error -> traceback -> frame -> error.
            del failure


def _chunks(reading: Reading) -> Iterable[bytes]:
    if reading.document is not None:
        return ()
    # Not a generator, which would be resumed for each read.
    return chain((reading.head,) if reading.head else (), iter(reading.exchange.read, b""))


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
