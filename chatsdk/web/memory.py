"""`MemoryJournal`: the journal of one process."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Iterator
from uuid import uuid4

from chatsdk.web.journal import Entry, place_in

__all__ = ["MemoryJournal"]

# Seconds for which a chat's conversation id is kept after its last turn.
CONVERSATION_SECONDS = 24 * 3600.0


class MemoryJournal:
    """Keeps turns in the memory of this process.

    Args:
        keep: seconds for which an ended turn can still be followed.
    """

    def __init__(self, *, keep: float = 300.0) -> None:
        if not keep >= 0:
            raise ValueError(f"keep is a number of seconds, not {keep!r}")
        self._keep = keep
        # Guards the dicts.
        self._lock = threading.Lock()
        self._turns: dict[str, _Turn] = {}
        # All turns that are read or followed, by id, including those that another one replaced.
        self._in_use: weakref.WeakValueDictionary[str, _Turn] = weakref.WeakValueDictionary()
        self._conversations: dict[str, tuple[float, str]] = {}

    def begin(self, chat: str) -> _Turn:
        """Begin a turn of this chat; one that is in flight is stopped."""
        turn = _Turn(self._keep)
        with self._lock:
            self._forget()
            earlier = self._turns.pop(chat, None)
            self._turns[chat] = self._in_use[turn.id] = turn
        if earlier is not None:
            earlier.stop()
        return turn

    def follow(
        self, chat: str, after: str | None = None, *, heartbeat: float, turn: str | None = None
    ) -> _Following | None:
        """Follow a turn; see `Journal.follow`."""
        with self._lock:
            found = self._turns.get(chat) if turn is None else self._in_use.get(turn)
        if found is None or found.expired:
            return None
        place = found.place(after)
        return None if place is None else _Following(found, place, heartbeat)

    def stop(self, chat: str) -> None:
        """Stop the chat's turn. Does nothing if none is in flight."""
        with self._lock:
            found = self._turns.get(chat)
        if found is not None:
            found.stop()

    def conversation(self, chat: str) -> str | None:
        """Return the backend's conversation id of a chat, if one is known."""
        with self._lock:
            until, found = self._conversations.get(chat, (0.0, None))
        return found if time.monotonic() < until else None

    def remember(self, chat: str, conversation_id: str) -> None:
        """Keep the backend's conversation id of a chat for a day."""
        with self._lock:
            self._forget()
            # Remove it first, so that the dict stays in the order in which its entries expire.
            self._conversations.pop(chat, None)
            self._conversations[chat] = (time.monotonic() + CONVERSATION_SECONDS, conversation_id)

    def close(self) -> None:
        """Forget everything. Twice is harmless."""
        with self._lock:
            turns = list(self._turns.values())
            self._turns.clear()
            self._conversations.clear()
        for turn in turns:
            turn.stop()

    def _forget(self) -> None:
        """Drop what has expired. The lock is held."""
        for chat in [chat for chat, turn in self._turns.items() if turn.expired]:
            del self._turns[chat]
        now = time.monotonic()
        for chat, (until, _) in list(self._conversations.items()):
            if until > now:
                break
            del self._conversations[chat]


class _Turn:
    """The frames of one turn."""

    def __init__(self, keep: float) -> None:
        self.id = uuid4().hex[:12]
        self._keep = keep
        # Guards all attributes below.
        self._changed = threading.Condition()
        self._frames: list[bytes] = []
        self._until: float | None = None
        self._stopped = False
        self._callbacks: list[Callable[[], object]] = []

    @property
    def expired(self) -> bool:
        """Whether it has ended so long ago that it can no longer be followed."""
        return self._until is not None and time.monotonic() >= self._until

    def append(self, frame: bytes) -> None:
        with self._changed:
            self._frames.append(frame)
            self._changed.notify_all()

    def end(self) -> None:
        with self._changed:
            if self._until is None:
                self._until = time.monotonic() + self._keep
                self._callbacks.clear()
            self._changed.notify_all()

    def stop(self) -> None:
        """Make the reader stop."""
        with self._changed:
            if self._until is not None or self._stopped:
                return
            self._stopped = True
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def on_stop(self, callback: Callable[[], object]) -> None:
        with self._changed:
            if not self._stopped:
                self._callbacks.append(callback)
                return
        callback()

    def place(self, after: str | None) -> int | None:
        """Return the position after that entry; ``None`` if there is nothing to follow."""
        with self._changed:
            place = place_in(self.id, after)
            if place > len(self._frames):
                place = 0
            return None if self._until is not None and place == len(self._frames) else place

    def frames_from(
        self, place: int, timeout: float, closed: Callable[[], bool]
    ) -> list[bytes] | None:
        """Return the frames from `place` on, waiting for the first; ``None`` at the end."""
        with self._changed:
            if place >= len(self._frames) and self._until is None and not closed():
                self._changed.wait(timeout)
            if closed():
                return None
            found = self._frames[place:]
            return found if found or self._until is None else None

    def wake(self) -> None:
        """Make all followers check again."""
        with self._changed:
            self._changed.notify_all()


class _Following:
    def __init__(self, turn: _Turn, place: int, heartbeat: float) -> None:
        self.turn = turn.id
        self._turn = turn
        self._place = place
        self._heartbeat = heartbeat
        self._closed = False

    def __iter__(self) -> Iterator[Entry | None]:
        turn = self._turn
        while True:
            frames = turn.frames_from(self._place, self._heartbeat, lambda: self._closed)
            if frames is None:
                return
            if not frames:
                yield None
            for frame in frames:
                self._place += 1
                yield Entry(f"{turn.id}-{self._place}", frame)

    def close(self) -> None:
        self._closed = True
        self._turn.wake()
