"""Logs the course of a request, at DEBUG."""

from __future__ import annotations

import itertools
import logging
from typing import TYPE_CHECKING

from chatsdk.client.observation import Both, Call, Observation, Observer
from chatsdk.dialects.dialect import Dialect
from chatsdk.errors import ChatError
from chatsdk.transport import Exchange, Request, shown_url
from chatsdk.transport.clock import now

if TYPE_CHECKING:
    from chatsdk.client.reader import AnswerReader

__all__ = ["Story", "observed"]

logger = logging.getLogger("chatsdk")

_numbers = itertools.count(1)

# Descriptions of the values of `Outcome.end`.
PROOFS = {
    "marker": "by the backend's own end marker",
    "finish_reason": "by a finish reason and a complete HTTP body",
    "framing": "by a complete HTTP body",
    "unproven": "by nothing but the end of the connection",
}


class Story(Observation):
    """One request in the log. Made only if DEBUG is enabled, so it costs nothing otherwise.

    Its lines contain no token, cookie, query or body. All begin with the request's number.
    """

    def __init__(self, request: Request, dialect: Dialect, named: Dialect) -> None:
        self._number = next(_numbers)
        self._started = now()
        self._over = False
        self._asked = dialect
        if dialect.name == "auto":
            why = "to be recognised by the response"
        else:
            why = "shown by the URL" if named.name == "auto" else "named"
        self._say(
            f"{request.method} {shown_url(request.url)}, {len(request.body)} bytes, "
            f"dialect {dialect.name} ({why})"
        )

    def opened(self, exchange: Exchange) -> None:
        """Log the response's head."""
        clean = exchange.secrets.clean
        id = f", request id {clean(exchange.request_id)}" if exchange.request_id else ""
        again = f", attempt {exchange.attempts}" if exchange.attempts > 1 else ""
        kind = clean(exchange.content_type) or "no content type"
        self._say(f"HTTP {exchange.status}, {kind}, after {self._seconds()}{again}{id}")

    def failed(self, error: ChatError) -> None:
        """Log an error, whose secrets have been redacted."""
        if not self._over:
            self._over = True
            self._say(f"failed after {self._seconds()}: {type(error).__name__}: {error}")

    def stopped(self) -> None:
        """Log that the user stopped the request before there was an answer."""
        self._over = True
        self._say(f"stopped after {self._seconds()}, before any answer")

    def ended(self, reader: AnswerReader) -> None:
        """Log how it ended; only the first call counts."""
        outcome = reader.ending
        if self._over or outcome is None:
            return
        if outcome.error is not None:
            self.failed(outcome.error)
            return
        self._over = True
        proof = f" ({PROOFS[outcome.end]})" if outcome.end in PROOFS else ""
        timings = outcome.answer.timings
        events = f"{timings.events} event{'' if timings.events == 1 else 's'}"
        self._say(
            f"{outcome.reason}{proof} after {self._seconds()}: {events}, "
            f"{timings.bytes} bytes, finish reason {outcome.answer.finish_reason}"
        )

    def begun(self, reader: AnswerReader) -> None:
        found = reader.dialect
        reads = ""
        if self._asked.name == "auto" and found is not None:
            reads = f"; recognised the dialect {found.name} by it"
        self._say(f"first event after {self._seconds()}{reads}")

    def _seconds(self) -> str:
        return f"{now() - self._started:.3f} s"

    def _say(self, text: str) -> None:
        logger.debug("request %d: %s", self._number, text)


def observed(observer: Observer | None, call: Call) -> Observation | None:
    """Begin to observe a call: in the log if DEBUG is enabled, and with `observer`."""
    story: Observation | None = None
    if logger.isEnabledFor(logging.DEBUG):
        story = Story(call.request, call.dialect, call.named)
    if observer is None:
        return story
    observation = observer(call)
    return observation if story is None else Both(story, observation)
