"""`Forward`: passes the cancellation of one `Cancel` on to another."""

from __future__ import annotations

from chatsdk.transport import Cancel
from chatsdk.transport.wakeup import Wakeup

__all__ = ["Forward"]


class Forward(Wakeup):
    """Sets another `Cancel`, once linked to one that is set."""

    __slots__ = ("_to",)

    def __init__(self, to: Cancel) -> None:
        super().__init__()
        self._to = to

    def cancel(self, reason: str) -> None:
        """Set the other `Cancel`."""
        self._to.set()
