"""`Outcome`: how a turn ended."""

from __future__ import annotations

from collections.abc import Callable

from chatsdk.answer import Answer, Timings
from chatsdk.answer.step import EMPTY
from chatsdk.errors import ChatError
from chatsdk.frozen_values import Value

__all__ = ["Outcome"]


def _no_server_stop() -> str | None:
    return None


class Outcome(Value):
    """How an answer ended. False before that.

    Attributes:
        reason: ``"finished"``, ``"stopped"`` or ``"error"``; ``"pending"`` before the end.
        end: the proof that a finished answer is complete. ``"marker"`` is the dialect's end marker;
            ``"finish_reason"`` a finish reason and a clean HTTP end, without a marker.
            ``"framing"`` is a clean HTTP end of a dialect with neither; ``"unproven"`` only the end
            of the connection. ``None`` for an answer that did not finish.
        error: the `ChatError` that ended it, or ``None``.
        answer: the answer, partial unless it finished.
    """

    __match_args__ = ("reason", "end", "error", "answer", "_server_stop")
    __slots__ = __match_args__
    reason: str
    end: str | None
    error: ChatError | None
    answer: Answer
    # A callable, because the backend answers after the outcome is known.
    _server_stop: Callable[[], str | None]
    _unshown = _uncounted = ("_server_stop",)
    _brief = True

    def __init__(
        self,
        reason: str,
        end: str | None = None,
        error: ChatError | None = None,
        answer: Answer | None = None,
        server_stop: Callable[[], str | None] = _no_server_stop,
    ) -> None:
        self._set(reason, end, error, EMPTY if answer is None else answer, server_stop)

    def __bool__(self) -> bool:
        return self.reason != "pending"

    @property
    def timings(self) -> Timings:
        """The times of arrival of the answer, in seconds."""
        return self.answer.timings

    @property
    def server_stop(self) -> str | None:
        """The result of asking the backend to stop: ``"stopped"``, ``"refused"``,
        ``"unsupported"``, or the error's text; ``None`` if it was not asked or has not answered."""
        return self._server_stop()
