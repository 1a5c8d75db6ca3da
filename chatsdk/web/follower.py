"""`Follower`: the frames of a turn in the journal, as the body of a response."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from chatsdk.parts import Failure
from chatsdk.web.frames import Wording
from chatsdk.web.journal import Following, JournalError, WorkerLost
from chatsdk.web.pump import Pump

__all__ = ["Follower"]

_log = logging.getLogger("chatsdk.web")

_LOST = Failure("The answer was interrupted. Please try again.", "WorkerLost")


class Follower:
    """An iterable of bytes with a ``close``, as WSGI servers take it.

    Args:
        following: the entries of the turn.
        wording: writes the error frame if the turn's worker is lost.
        heartbeat: seconds.
    """

    def __init__(self, following: Following, wording: Wording, heartbeat: float) -> None:
        self._following = following
        self._wording = wording
        self._heartbeat = heartbeat
        self._frames = self._read()
        self._pump: Pump | None = None

    @property
    def heartbeat(self) -> float:
        """Seconds of silence after which a heartbeat is sent."""
        return self._heartbeat

    @property
    def heartbeat_frame(self) -> bytes:
        """The line that is sent as a heartbeat."""
        return self._wording.heartbeat

    @property
    def pump(self) -> Pump:
        """The frames on a thread of their own, for event loops."""
        if self._pump is None:
            frames = (frame for frame in self._frames if frame)
            close = self._following.close
            self._pump = Pump(frames, close, close, name="chatsdk-follower")
            self._pump.start()
        return self._pump

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._frames) or self.heartbeat_frame

    def close(self) -> None:
        """Stop following; the turn continues. Calling it twice is harmless."""
        self._following.close()
        if self._pump is not None:
            self._pump.close()

    def _read(self) -> Iterator[bytes]:
        wording = self._wording
        try:
            for entry in self._following:
                yield b"" if entry is None else wording.numbered(entry.frame, entry.id)
        except (WorkerLost, JournalError) as error:
            _log.warning("a turn can no longer be followed: %r", error)
            yield from wording.failure(_LOST)
