"""`Journal`: stores the frames of turns, for browsers to follow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

__all__ = ["Entry", "Following", "Journal", "JournalError", "JournalTurn", "WorkerLost", "place_in"]


class JournalError(Exception):
    """The journal cannot be reached, or has given up a turn."""


class WorkerLost(Exception):
    """The worker that read a turn has died; no further frames will come."""


class Entry(NamedTuple):
    """One frame of a turn.

    Attributes:
        id: the value that a browser returns as ``Last-Event-ID``, such as ``"9f2c41d07ab3-17"``.
        frame: the frame, without its ``id:`` field.
    """

    id: str
    frame: bytes


class JournalTurn(Protocol):
    """A turn that this worker reads and records.

    Attributes:
        id: the turn's id, unique among all turns.
    """

    id: str

    def append(self, frame: bytes) -> None:
        """Add a frame.

        Raises:
            JournalError: it could not be kept, and the turn has to end.
        """

    def end(self) -> None:
        """Mark the turn as complete; its frames can be followed for `keep` seconds more."""

    def on_stop(self, callback: Callable[[], object]) -> None:
        """Call `callback` once if the turn is stopped, by any worker; at once if it has been."""


class Following(Protocol):
    """The entries of one turn: first those stored, then each new one.

    Attributes:
        turn: the turn's id.
    """

    turn: str

    def __iter__(self) -> Iterator[Entry | None]:
        """Yield entries; ``None`` after each `heartbeat` seconds without one.

        Raises:
            WorkerLost: the reading worker has died.
            JournalError: the journal is out of reach.
        """

    def close(self) -> None:
        """End the iteration, from any thread."""


class Journal(Protocol):
    """Stores the frames of turns, and the backend's conversation id of each chat.

    All methods may be called from any thread and, if the journal is shared, from any worker. Each
    raises `JournalError` if the journal is out of reach.
    """

    def begin(self, chat: str) -> JournalTurn:
        """Begin a turn of this chat; one that is in flight is stopped."""

    def follow(
        self, chat: str, after: str | None = None, *, heartbeat: float, turn: str | None = None
    ) -> Following | None:
        """Follow the latest turn of a chat, or the turn of that id.

        Args:
            chat: the chat's id.
            after: the id of the last entry that the browser has. An id of another turn, or one
                that was never given out, skips nothing.
            heartbeat: seconds.
            turn: a turn's id.

        Returns:
            ``None`` if there is no such turn, or if it has ended and `after` is its last entry.
        """

    def stop(self, chat: str) -> None:
        """Stop the chat's turn, whichever worker reads it. Does nothing if none is in flight."""

    def conversation(self, chat: str) -> str | None:
        """Return the backend's conversation id of a chat, if one is known."""

    def remember(self, chat: str, conversation_id: str) -> None:
        """Keep the backend's conversation id of a chat for a day.

        `ChatService` also keeps the chat's open questions about tools here: a text of some hundred
        characters, under a separate id.
        """

    def close(self) -> None:
        """End the journal's own threads and connections. Twice is harmless."""


def place_in(turn: str, after: str | None) -> int:
    """Return how many entries of a turn the browser has, by its ``Last-Event-ID``."""
    if after is None:
        return 0
    head, _, number = after.rpartition("-")
    # int() reads more than ASCII digits, and takes quadratic time for long ones.
    if head != turn or not (0 < len(number) <= 12 and number.isascii() and number.isdigit()):
        return 0
    return int(number)
