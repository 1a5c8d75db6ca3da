"""The turns of a `RedisJournal`: one that is read here, and one that is followed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from uuid import uuid4

from redis.exceptions import RedisError

from chatsdk.web.journal import Entry, JournalError, WorkerLost

if TYPE_CHECKING:
    from chatsdk.web.redis import RedisJournal

__all__ = ["RETRY_SECONDS", "Following", "Turn"]

# Seconds between attempts while Redis is away.
RETRY_SECONDS = 0.1


class Turn:
    """A turn that this process reads.

    Attributes:
        frames: all frames, in case Redis loses them while the turn is read.
        ended: there will be no more frames.
        written: how many frames Redis has.
        doubtful: Redis may have a different number of them.
        complete: Redis has the end.
        renewed: when the lease was last known to be in Redis, on the monotonic clock.
        lost: the journal has given up the turn.
    """

    def __init__(self, journal: RedisJournal, chat: str) -> None:
        self.id = uuid4().hex[:12]
        self.chat = chat
        self.frames: list[bytes] = []
        self.ended = False
        self.written = 0
        self.doubtful = False
        self.complete = False
        self.renewed = 0.0
        self.lost = False
        self._journal = journal
        # Guards the attributes below.
        self._lock = threading.Lock()
        self._stopped = False
        self._callbacks: list[Callable[[], object]] = []

    def append(self, frame: bytes) -> None:
        self._journal.put(self, frame)

    def end(self) -> None:
        if not self.ended:
            self._journal.put(self, None)

    def on_stop(self, callback: Callable[[], object]) -> None:
        with self._lock:
            if not self._stopped:
                self._callbacks.append(callback)
                return
        callback()

    def stop(self) -> None:
        """Make the reader stop."""
        with self._lock:
            self._stopped = True
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()


class Following:
    def __init__(self, journal: RedisJournal, turn: str, place: int, heartbeat: float) -> None:
        self._journal = journal
        self.turn = turn
        self._place = place
        self._heartbeat = heartbeat
        self._closed = False

    def __iter__(self) -> Iterator[Entry | None]:
        journal, turn, lease = self._journal, self.turn, self._journal.lease
        said = answered = time.monotonic()
        left, away = lease, False
        while not self._closed:
            wait = min(max(0.0, said + self._heartbeat - time.monotonic()), left)
            try:
                frames, ended = journal.read(turn, self._place, wait)
                if not frames and not ended:
                    left = journal.leased_for(turn)
                    if not left:
                        # The frames that the worker wrote before its lease expired.
                        frames, ended = journal.read(turn, self._place, 0.001)
            except RedisError as error:
                if time.monotonic() - answered > lease:
                    raise JournalError("Redis was unreachable for too long") from error
                time.sleep(RETRY_SECONDS)
                away = True
                continue
            for frame in frames:
                self._place += 1
                yield Entry(f"{turn}-{self._place}", frame)
            if ended:
                return
            now = time.monotonic()
            if frames or left:
                away, answered = False, now
            elif away and now - answered < lease:
                # Redis has just come back, so give the worker time to come back too.
                time.sleep(RETRY_SECONDS)
            else:
                raise WorkerLost(turn)
            if frames:
                said = now
            elif now - said >= self._heartbeat:
                said = now
                yield None

    def close(self) -> None:
        self._closed = True
