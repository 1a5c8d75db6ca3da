"""How a turn ended, as a value: `Outcome`."""

from __future__ import annotations

from collections.abc import Callable

from attrs import field, frozen

from chatsdk.answer import Answer, Timings
from chatsdk.errors import ChatError

__all__ = ["Outcome"]


def _no_server_stop() -> str | None:
    return None


@frozen
class Outcome:
    """How an answer ended.

    Attributes:
        reason: ``"finished"``, ``"stopped"`` or ``"error"``.
        end: what proved a finished answer whole: ``"marker"`` (the dialect's own end),
            ``"finish_reason"`` (no marker, but a reason and a clean HTTP end), ``"framing"`` (a
            dialect without either, and a clean HTTP end) or ``"unproven"`` (the connection's end
            was the only sign). ``None`` for an answer that did not finish.
        error: the `ChatError` that ended it, or ``None``.
        answer: the answer, partial unless it finished.
    """

    reason: str
    end: str | None = None
    error: ChatError | None = None
    answer: Answer = field(factory=Answer)
    # Asked anew each time: the backend's word comes after the outcome is known.
    _server_stop: Callable[[], str | None] = field(
        default=_no_server_stop, repr=False, eq=False, alias="server_stop"
    )

    @property
    def timings(self) -> Timings:
        """When the answer came, in seconds."""
        return self.answer.timings

    @property
    def server_stop(self) -> str | None:
        """What became of telling the backend to stop: ``"stopped"``, ``"refused"``,
        ``"unsupported"``, or the error's text; ``None`` if nobody asked or it is under way."""
        return self._server_stop()
