"""`RedisJournal`: one journal for many workers and machines."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Iterator
from typing import Any, TypeVar

try:
    import redis
    from redis.exceptions import RedisError
except ImportError as error:
    raise ImportError("RedisJournal needs the package redis: pip install redis") from error

from chatsdk.web.journal import JournalError, place_in
from chatsdk.web.memory import CONVERSATION_SECONDS
from chatsdk.web.redis_turns import RETRY_SECONDS, Following, Turn

__all__ = ["RedisJournal"]

_log = logging.getLogger("chatsdk.web")

# Fields of an entry of a turn's stream: the lengths of its frames and the frames, joined; or the
# mark of its end. A field for each frame would take redis-py twice the time of the frame's answer.
LENGTHS, FRAMES, END = b"n", b"f", b"e"

# Maximum frames in one entry; a batch holds those that arrived during the previous write.
BATCH_FRAMES = 500

# Bytes that may wait to be written, over all turns; above this, the backend is not read.
WAITING_BYTES = 4 * 1024 * 1024

# Seconds that `close` waits for each thread.
CLOSE_SECONDS = 2.0

T = TypeVar("T")


class RedisJournal:
    """Keeps turns in Redis Streams.

    A turn is a stream whose entries hold frames; followers block on it. The worker that reads a
    turn holds a lease and renews it; if the worker dies, the lease expires and followers get an
    error. If Redis becomes unreachable during a turn, frames wait here and are written when it is
    back. If that takes longer than a lease, the turn ends. A Redis that lost its data gets the
    complete turn again.

    Args:
        url_or_client: such as ``"redis://127.0.0.1:6379/0"``, or a ``redis.Redis``, which must not
            decode responses.
        prefix: precedes the name of every key.
        keep: seconds for which an ended turn can still be followed.
        lease: seconds after which a worker that does not renew its lease counts as dead.

    Raises:
        TypeError, ValueError: an argument is invalid. Nothing is connected here.
    """

    def __init__(
        self,
        url_or_client: str | Any,
        *,
        prefix: str = "chatsdk:",
        keep: float = 300.0,
        lease: float = 10.0,
    ) -> None:
        if not keep >= 0 or not lease > 0:
            raise ValueError("keep and lease are positive numbers of seconds")
        self._own = isinstance(url_or_client, str)
        if self._own:
            # A blocking read takes up to a lease; a longer one will not get an answer.
            self._redis: Any = redis.Redis.from_url(
                url_or_client, socket_timeout=lease + 5, socket_connect_timeout=min(lease, 5)
            )
        else:
            self._redis = url_or_client
            options = getattr(url_or_client, "connection_pool", None)
            if options is not None and options.connection_kwargs.get("decode_responses"):
                raise ValueError("the Redis client must not have decode_responses=True")
        self._prefix = prefix
        self._keep = keep
        self._lease = lease
        self._closed = False
        # Guards the reset of what belongs to a process; nothing waits while it is held.
        self._guard = threading.Lock()
        self._pid: int | None = None
        self._reset()

    def _reset(self) -> None:
        """Begin with nothing in this process, if it was forked from one that used the journal.

        A server may also load the application before it forks, and have gevent replace locks and
        threads after that. Locks that were made before would not keep greenlets apart.
        """
        pid = os.getpid()
        with self._guard:
            if self._pid == pid:
                return
            # Guards all attributes below.
            self._changed = threading.Condition()
            self._turns: dict[str, Turn] = {}
            self._waiting: dict[Turn, None] = {}
            self._size = 0
            self._threads: list[threading.Thread] = []
            self._pid = pid

    # Methods for a service -----------------------------------------------------------------

    def begin(self, chat: str) -> Turn:
        """Begin a turn of this chat; one that is in flight is stopped."""
        self._reset()
        turn = Turn(self, chat)
        keep = self._milliseconds(self._keep + 2 * self._lease)
        with _errors():
            pipe = self._redis.pipeline()
            pipe.getset(self._key("chat", chat), turn.id)
            pipe.pexpire(self._key("chat", chat), keep)
            pipe.set(self._key("lease", turn.id), 1, px=self._milliseconds(self._lease))
            earlier = pipe.execute()[0]
        turn.renewed = time.monotonic()
        if earlier is not None:
            # If this fails, no worker may keep the lease of the new turn.
            self._stop(earlier.decode())
        with self._changed:
            self._turns[turn.id] = turn
            self._start()
        return turn

    def follow(
        self, chat: str, after: str | None = None, *, heartbeat: float, turn: str | None = None
    ) -> Following | None:
        """Follow a turn; see `chatsdk.web.Journal.follow`."""
        with _errors():
            if turn is None:
                found = self._redis.get(self._key("chat", chat))
                if found is None:
                    return None
                turn = found.decode()
            pipe = self._redis.pipeline(transaction=False)
            pipe.xrevrange(self._key("turn", turn), count=1)
            pipe.exists(self._key("lease", turn))
            last, leased = pipe.execute()
        if not last and not leased:
            return None
        place = place_in(turn, after)
        if last:
            number, ended = _number(last[0][0]), END in last[0][1]
            # The end mark also has a number.
            count = number - 1 if ended else number
            if place > count:
                place = 0
            if ended and place == count:
                return None
        elif place:
            place = 0
        return Following(self, turn, place, heartbeat)

    def stop(self, chat: str) -> None:
        """Stop the chat's turn, whichever worker reads it."""
        with _errors():
            turn = self._redis.get(self._key("chat", chat))
        if turn is not None:
            self._stop(turn.decode())

    def conversation(self, chat: str) -> str | None:
        """Return the backend's conversation id of a chat, if one is known."""
        with _errors():
            found = self._redis.get(self._key("conversation", chat))
        return None if found is None else found.decode()

    def remember(self, chat: str, conversation_id: str) -> None:
        """Keep the backend's conversation id of a chat for a day."""
        with _errors():
            self._redis.set(
                self._key("conversation", chat), conversation_id, ex=int(CONVERSATION_SECONDS)
            )

    def ping(self) -> None:
        """Check that Redis answers.

        Raises:
            JournalError: it does not.
        """
        with _errors():
            self._redis.ping()

    def close(self) -> None:
        """End the threads, and the connections if the journal made them."""
        self._reset()
        with self._changed:
            self._closed = True
            turns = list(self._turns.values())
            self._changed.notify_all()
            threads = self._threads
        for turn in turns:
            turn.stop()
        with contextlib.suppress(RedisError, OSError):
            # Any message makes the watching thread check whether it has to end.
            self._redis.publish(self._prefix + "stop", "")
        for thread in threads:
            thread.join(CLOSE_SECONDS)
        if self._own:
            self._redis.close()

    # Methods for turns and followers --------------------------------------------------------

    @property
    def lease(self) -> float:
        """Seconds after which a worker counts as dead."""
        return self._lease

    def put(self, turn: Turn, frame: bytes | None) -> None:
        """Queue a frame of a turn, or its end, to be written."""
        with self._changed:
            while self._size >= WAITING_BYTES and not turn.lost:
                self._changed.wait()
            if turn.lost:
                raise JournalError(
                    "the journal gave up this turn: Redis was unreachable for too long"
                )
            if frame is None:
                turn.ended = True
            else:
                turn.frames.append(frame)
                self._size += len(frame)
            if turn not in self._waiting:
                self._waiting[turn] = None
                self._changed.notify_all()

    def read(self, turn: str, place: int, seconds: float) -> tuple[list[bytes], bool]:
        """Return the frames after `place` and whether the turn has ended; wait for the first."""
        found = self._redis.xread(
            {self._key("turn", turn): f"{place}-0"}, block=max(1, self._milliseconds(seconds))
        )
        frames: list[bytes] = []
        for id, fields in found[0][1] if found else ():
            if END in fields:
                return frames, True
            batch = list(_parted(fields))
            first = _number(id) - len(batch)
            frames += batch[max(0, place + len(frames) - first) :]
        return frames, False

    def leased_for(self, turn: str) -> float:
        """Return for how many seconds the worker that reads a turn still counts as alive."""
        left: int = self._redis.pttl(self._key("lease", turn))
        return left / 1000 if left > 0 else 0.0

    # The two threads ------------------------------------------------------------------------

    def _start(self) -> None:
        """Start the threads of this process. The lock is held."""
        if self._threads or self._closed:
            return
        self._threads = [
            threading.Thread(target=work, name="chatsdk-redis", daemon=True)
            for work in (self._write, self._watch)
        ]
        for thread in self._threads:
            thread.start()

    def _write(self) -> None:
        """Write everything that waits, in one round trip."""
        while True:
            with self._changed:
                while not self._waiting:
                    if self._closed:
                        return
                    self._changed.wait()
                turns = list(self._waiting)
                self._waiting.clear()
                self._size = 0
                self._changed.notify_all()
            self._deliver(turns)

    def _deliver(self, turns: list[Turn]) -> None:
        while turns:
            try:
                self._send(turns)
                return
            except RedisError as error:
                _log.warning("Redis is away (%s); the frames wait", type(error).__name__)
            now = time.monotonic()
            for turn in turns:
                turn.doubtful = True
                if now - turn.renewed > self._lease:
                    self._give_up(turn)
            turns = [turn for turn in turns if not turn.lost]
            if turns:
                time.sleep(RETRY_SECONDS)

    def _send(self, turns: list[Turn]) -> None:
        for turn in turns:
            if turn.doubtful:
                self._look_up(turn)
        pipe = self._redis.pipeline(transaction=False)
        counts: list[int] = []
        ended: list[Turn] = []
        for turn in turns:
            key = self._key("turn", turn.id)
            # The end is recorded after the last frame, so read the end before the count.
            end, count = turn.ended, len(turn.frames)
            for start in range(turn.written, count, BATCH_FRAMES):
                batch = turn.frames[start : min(start + BATCH_FRAMES, count)]
                lengths = " ".join([str(len(frame)) for frame in batch])
                fields = {LENGTHS: lengths, FRAMES: b"".join(batch)}
                pipe.xadd(key, fields, id=f"{start + len(batch)}-0")
            if turn.written == 0:
                pipe.pexpire(key, self._milliseconds(self._keep + 2 * self._lease))
            if end:
                ended.append(turn)
            if end and not turn.complete:
                keep = max(1, self._milliseconds(self._keep))
                pipe.xadd(key, {END: b"1"}, id=f"{count + 1}-0")
                pipe.pexpire(key, keep)
                # A Redis that came back empty has lost the chat's latest turn as well.
                pipe.set(self._key("chat", turn.chat), turn.id, nx=True, px=keep)
                pipe.pexpire(self._key("chat", turn.chat), keep)
                pipe.delete(self._key("lease", turn.id), self._key("stop", turn.id))
            counts.append(count)
        pipe.execute()
        now = time.monotonic()
        for turn, count in zip(turns, counts, strict=True):
            turn.written = count
            turn.renewed = max(turn.renewed, now)
        if ended:
            with self._changed:
                for turn in ended:
                    # It may wait to be written once more, if it ended while it was written.
                    turn.complete = True
                    self._turns.pop(turn.id, None)

    def _look_up(self, turn: Turn) -> None:
        """Ask Redis how much of a turn it has: it may have lost some, or stored a failed write."""
        last = self._redis.xrevrange(self._key("turn", turn.id), count=1)
        if not last:
            turn.written = 0
        elif END in last[0][1]:
            turn.written, turn.complete = len(turn.frames), True
        else:
            turn.written = _number(last[0][0])
        turn.doubtful = False

    def _give_up(self, turn: Turn) -> None:
        with self._changed:
            turn.lost = True
            self._turns.pop(turn.id, None)
            self._waiting.pop(turn, None)
            self._changed.notify_all()
        turn.stop()

    def _watch(self) -> None:
        """Receive stop requests and renew the leases."""
        heard: Any = None
        due = 0.0
        while not self._closed:
            try:
                if heard is None:
                    heard = self._redis.pubsub(ignore_subscribe_messages=True)
                    heard.subscribe(self._prefix + "stop")
                    due = 0.0
                    self._doubt()
                if time.monotonic() >= due:
                    self._renew()
                    due = time.monotonic() + self._lease / 3
                message = heard.get_message(timeout=max(0.01, due - time.monotonic()))
                if message is not None:
                    self._heard(message["data"].decode())
            except (RedisError, OSError, ValueError):
                # ValueError: raised by redis-py for a connection that was closed meanwhile.
                if heard is not None:
                    with contextlib.suppress(Exception):
                        heard.close()
                heard = None
                now = time.monotonic()
                for turn in self._running():
                    if now - turn.renewed > self._lease:
                        self._give_up(turn)
                with self._changed:
                    self._changed.wait(RETRY_SECONDS)
        if heard is not None:
            with contextlib.suppress(Exception):
                heard.close()

    def _doubt(self) -> None:
        """Make the writer check whether Redis still has the turns, after a new connection."""
        with self._changed:
            for turn in self._turns.values():
                turn.doubtful = True
                self._waiting[turn] = None
            self._changed.notify_all()

    def _renew(self) -> None:
        turns = self._running()
        if not turns:
            return
        keep = self._milliseconds(self._keep + 2 * self._lease)
        pipe = self._redis.pipeline(transaction=False)
        for turn in turns:
            pipe.exists(self._key("stop", turn.id))
            pipe.set(self._key("lease", turn.id), 1, px=self._milliseconds(self._lease))
            pipe.pexpire(self._key("turn", turn.id), keep)
            pipe.set(self._key("chat", turn.chat), turn.id, nx=True, px=keep)
            pipe.pexpire(self._key("chat", turn.chat), keep)
        results = pipe.execute()
        now = time.monotonic()
        for place, turn in enumerate(turns):
            turn.renewed = now
            # A message is lost while the connection is down; the key is not.
            if results[5 * place]:
                turn.stop()

    def _heard(self, turn: str) -> None:
        with self._changed:
            found = self._turns.get(turn)
        if found is not None:
            found.stop()

    def _running(self) -> list[Turn]:
        with self._changed:
            return list(self._turns.values())

    def _stop(self, turn: str) -> None:
        self._reset()
        with self._changed:
            own = self._turns.get(turn)
        if own is not None:
            own.stop()
            return
        with _errors():
            pipe = self._redis.pipeline(transaction=False)
            pipe.set(self._key("stop", turn), 1, px=self._milliseconds(2 * self._lease))
            pipe.publish(self._prefix + "stop", turn)
            pipe.execute()

    def _key(self, kind: str, name: str) -> str:
        return f"{self._prefix}{kind}:{name}"

    @staticmethod
    def _milliseconds(seconds: float) -> int:
        return int(seconds * 1000)


def _parted(fields: dict[bytes, bytes]) -> Iterator[bytes]:
    """Yield the frames of an entry."""
    frames, start = fields[FRAMES], 0
    for length in map(int, fields[LENGTHS].split()):
        yield frames[start : start + length]
        start += length


def _number(id: bytes) -> int:
    return int(id.partition(b"-")[0])


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        raise JournalError(f"Redis does not answer ({type(error).__name__})") from error
