"""How a turn ended, as a value: `Outcome`."""

from __future__ import annotations

from collections.abc import Callable

from chatsdk.answer import Answer, Timings
from chatsdk.errors import ChatError
from chatsdk.values import Value

__all__ = ["Outcome"]


def _no_server_stop() -> str | None:
    return None


class Outcome(Value):
    """How an answer ended. False while it has not.

    Attributes:
        reason: ``"finished"``, ``"stopped"`` or ``"error"``; ``"pending"`` while it goes on.
        end: what proved a finished answer whole: ``"marker"`` (the dialect's own end),
            ``"finish_reason"`` (no marker, but a reason and a clean HTTP end), ``"framing"`` (a
            dialect without either, and a clean HTTP end) or ``"unproven"`` (the connection's end
            was the only sign). ``None`` for an answer that did not finish.
        error: the `ChatError` that ended it, or ``None``.
        answer: the answer, partial unless it finished.
    """

    __match_args__ = ("reason", "end", "error", "answer", "_server_stop")
    __slots__ = __match_args__
    reason: str
    end: str | None
    error: ChatError | None
    answer: Answer
    # Asked anew each time: the backend's word comes after the outcome is known.
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
        self._set(reason, end, error, Answer() if answer is None else answer, server_stop)

    def __bool__(self) -> bool:
        return self.reason != "pending"

    @property
    def timings(self) -> Timings:
        """When the answer came, in seconds."""
        return self.answer.timings

    @property
    def server_stop(self) -> str | None:
        """What became of telling the backend to stop: ``"stopped"``, ``"refused"``,
        ``"unsupported"``, or the error's text; ``None`` if nobody asked or it is under way."""
        return self._server_stop()
