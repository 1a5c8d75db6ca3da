"""`Reading`: the state of one response while it is read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from chatsdk.answer import Answer, AnswerBuilder
from chatsdk.client.response import UNREADABLE, Document
from chatsdk.client.server_stop import ServerStop
from chatsdk.dialects.dialect import Decoder, Dialect
from chatsdk.dialects.payload import DONE
from chatsdk.errors import ChatError, NotAStreamError, ProtocolError
from chatsdk.framing import parser_for
from chatsdk.options import Limits
from chatsdk.outcome import Outcome
from chatsdk.parts import Identity, Part
from chatsdk.sse import ServerSentEvent
from chatsdk.transport.exchange import Exchange
from chatsdk.transport.foreign import raised_by_handler

__all__ = ["Reading"]

# Events without meaning to keep, so that an error can show the first unknown one.
KEPT_UNREAD = 8

# Matches somewhere in every JSON error.
ERROR_WORD = re.compile(r'rror|"code"|base_resp|"success"|"detail"|"__type"')

# Fields of a request that declare the client's tools.
TOOLS = ("tools", "functions", "toolConfig", "tool_config")


class Reading:
    """The state of one stream while it is read.

    The reading generator refers to this and not to the `AnswerStream`, so that a dropped stream is
    collected at once, without waiting for the garbage collector.

    Attributes:
        answer: the latest `Answer`.
        outcome: how the answer ended, ``None`` before that.
        left: reading stopped some time after the last finish reason, before the body's end.
        unread: the first events in which the decoder found nothing.
        decoder: decodes the events; its ``dialect`` is the one that ``auto`` recognised.
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
        self.left = False
        self._body = body
        # The counts of `AnswerBuilder.spoken` at the last finish reason.
        self._spoken: tuple[int, ...] | None = None
        self.unread: list[ServerSentEvent] = []
        self.framing = dialect.framing(exchange.content_type)
        self.parser = parser_for(
            self.framing, max_event_bytes=limits.event_bytes, dataless=dialect.dataless
        )

    def end(self, outcome: Outcome) -> None:
        """Record how it ended; only the first call counts."""
        if self.outcome is None:
            self.outcome = outcome

    def stopped(self) -> Outcome:
        """The outcome of an answer that the user stopped."""
        return Outcome("stopped", answer=self.answer, server_stop=self.server_stop)

    def stop(self) -> None:
        """End as stopped, and ask the backend to stop, because it may go on without a reader."""
        if self.outcome is None:
            self.end(self.stopped())
            self.server_stop.begin(self.decoder.dialect or self.dialect, self.answer)

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
        if self.answer.finish_reason == "tool_calls" and not _declares_tools(self._body):
            return
        spoken = self.builder.spoken
        if spoken != self._spoken:
            self._spoken = spoken
            self.exchange.wire.settling = True

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
            # Gateways append OpenAI's end marker to every dialect.
            if event.data.strip() in DONE:
                return None
            # An error may look like nothing that the dialect defines.
            parts = self._unread(event)
            if not parts:
                raise
            return self.builder.step(parts, event.data, at, received)
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
        name = self.decoder.dialect.name if self.decoder.dialect else self.dialect.name
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
