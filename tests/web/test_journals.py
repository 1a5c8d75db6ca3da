"""The journals: one suite for memory and Redis."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from redis_server import RedisServer

from chatsdk.web import MemoryJournal
from chatsdk.web.journal import JournalError, WorkerLost

WAIT_SECONDS = 20

# Seconds of a lease that runs out in a test. It is longer than this machine stalls.
LEASE = 2.0


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(params=["memory", "redis"])
def journals(request) -> Iterator[tuple[Any, Any]]:
    """Two workers' journals; in memory there is only one worker."""
    if request.param == "memory":
        journal = MemoryJournal(keep=60)
        yield journal, journal
        journal.close()
        return
    pytest.importorskip("redis")
    from chatsdk.web import RedisJournal

    server = request.getfixturevalue("redis_server")
    made = [RedisJournal(server.url, prefix=f"{request.node.name}:", keep=60) for _ in range(2)]
    yield made[0], made[1]
    for journal in made:
        journal.close()


class Follower:
    """Reads a turn on a separate thread."""

    def __init__(self, following: Any) -> None:
        self.following = following
        self.entries: list[Any] = []
        self.seen: queue.Queue[Any] = queue.Queue()
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        try:
            for entry in self.following:
                self.entries.append(entry)
                self.seen.put(entry)
        except Exception as error:
            self.error = error

    def frames(self) -> list[bytes]:
        """Wait for the end and give all frames."""
        self._thread.join(WAIT_SECONDS)
        assert not self._thread.is_alive()
        return [entry.frame for entry in self.entries if entry is not None]


def follow(journal: Any, chat: str, after: str | None = None, heartbeat: float = 10.0) -> Follower:
    following = journal.follow(chat, after, heartbeat=heartbeat)
    assert following is not None
    return Follower(following)


def test_each_frame_once_and_in_order(journals) -> None:
    """A follower gets what is there and then each frame as it comes, from any worker."""
    first, second = journals
    turn = first.begin("chat")
    turn.append(b"a")
    follower = follow(second, "chat")
    assert follower.seen.get(timeout=WAIT_SECONDS).frame == b"a"
    turn.append(b"b")
    assert follower.seen.get(timeout=WAIT_SECONDS).frame == b"b"
    turn.end()
    assert follower.frames() == [b"a", b"b"]
    assert [entry.id for entry in follower.entries] == [f"{turn.id}-1", f"{turn.id}-2"]


def test_resuming_anywhere(journals) -> None:
    """From any last entry, a browser gets the rest, also entries written at once."""
    first, second = journals
    turn = first.begin("chat")
    frames = [b"%d" % number for number in range(1200)]
    for frame in frames:
        turn.append(frame)
    turn.end()
    assert follow(second, "chat").frames() == frames
    for place in (1, 2, 499, 500, 501, 1199):
        assert follow(second, "chat", f"{turn.id}-{place}").frames() == frames[place:]
    assert second.follow("chat", f"{turn.id}-1200", heartbeat=1) is None
    assert follow(second, "chat", f"{turn.id}-1201").frames() == frames
    assert follow(second, "chat", "other-3").frames() == frames


def test_nothing_to_follow(journals) -> None:
    """There is nothing to follow in a chat that has not begun."""
    assert journals[1].follow("chat", heartbeat=1) is None


def test_a_turn_without_frames(journals) -> None:
    """A turn that ended without a frame has nothing to follow; one under way has."""
    first, second = journals
    turn = first.begin("chat")
    follower = follow(second, "chat")
    turn.end()
    assert follower.frames() == []
    assert second.follow("chat", heartbeat=1) is None


def test_a_turn_that_another_one_replaced(journals) -> None:
    """Its entries can be followed by its id, because the browser that began it still waits."""
    first, second = journals
    turn = first.begin("chat")
    turn.append(b"a")
    first.begin("chat").end()
    following = second.follow("chat", heartbeat=10.0, turn=turn.id)
    assert following is not None
    turn.end()
    assert Follower(following).frames() == [b"a"]


def test_heartbeat(journals) -> None:
    """A silent turn yields None after each heartbeat."""
    first, second = journals
    turn = first.begin("chat")
    follower = follow(second, "chat", heartbeat=0.05)
    assert [follower.seen.get(timeout=WAIT_SECONDS) for _ in range(2)] == [None, None]
    turn.end()
    assert follower.frames() == []


def test_stop_from_another_worker(journals) -> None:
    """A stop reaches the worker that reads the turn."""
    first, second = journals
    turn = first.begin("chat")
    stopped = threading.Event()
    turn.on_stop(stopped.set)
    second.stop("chat")
    assert stopped.wait(WAIT_SECONDS)
    late = threading.Event()
    turn.on_stop(late.set)
    assert late.is_set()
    turn.end()


def test_a_new_turn_stops_the_one_in_flight(journals) -> None:
    """A chat has one turn at a time; followers of the earlier one keep following that."""
    first, second = journals
    earlier = first.begin("chat")
    earlier.append(b"a")
    stopped = threading.Event()
    earlier.on_stop(stopped.set)
    follower = follow(second, "chat")
    assert follower.seen.get(timeout=WAIT_SECONDS).frame == b"a"
    later = second.begin("chat")
    assert stopped.wait(WAIT_SECONDS)
    later.append(b"x")
    later.end()
    earlier.append(b"b")
    earlier.end()
    assert follower.frames() == [b"a", b"b"]
    assert follow(first, "chat").frames() == [b"x"]


def test_closing_a_follower(journals) -> None:
    """A follower that is closed from another thread ends; the turn goes on."""
    first, second = journals
    turn = first.begin("chat")
    follower = follow(second, "chat", heartbeat=0.2)
    follower.following.close()
    assert follower.frames() == []
    turn.end()


def test_conversations(journals) -> None:
    """The backend's conversation id of a chat is kept."""
    first, second = journals
    assert second.conversation("chat") is None
    first.remember("chat", "conv-1")
    first.remember("chat", "conv-2")
    assert second.conversation("chat") == "conv-2"


def test_many_turns_at_once(journals) -> None:
    """Turns of different chats do not mix."""
    first, second = journals
    turns = [first.begin(f"chat-{number}") for number in range(20)]
    for place in range(50):
        for number, turn in enumerate(turns):
            turn.append(b"%d.%d" % (number, place))
    for turn in turns:
        turn.end()
    for number in range(20):
        expected = [b"%d.%d" % (number, place) for place in range(50)]
        assert follow(second, f"chat-{number}").frames() == expected


# Redis alone ---------------------------------------------------------------------------------


@pytest.fixture
def own_redis(tmp_path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.kill()


def journal_at(server: RedisServer, **options: Any) -> Any:
    from chatsdk.web import RedisJournal

    return RedisJournal(server.url, **options)


def test_redis_restarted_in_mid_turn(own_redis) -> None:
    """If Redis comes back within the lease, even empty, the journal has the whole answer."""
    first, second = journal_at(own_redis), journal_at(own_redis)
    turn = first.begin("chat")
    turn.append(b"a")
    follower = follow(second, "chat")
    assert follower.seen.get(timeout=WAIT_SECONDS).frame == b"a"
    own_redis.kill()
    turn.append(b"b")
    own_redis.start()
    turn.append(b"c")
    turn.end()
    assert follower.frames() == [b"a", b"b", b"c"]
    assert follower.error is None
    assert follow(second, "chat").frames() == [b"a", b"b", b"c"]
    first.close()
    second.close()


def test_redis_gone_for_longer_than_the_lease(own_redis) -> None:
    """The turn is stopped, its reader gets an error, and followers get one instead of a hang."""
    first, second = journal_at(own_redis, lease=LEASE), journal_at(own_redis, lease=LEASE)
    turn = first.begin("chat")
    turn.append(b"a")
    stopped = threading.Event()
    turn.on_stop(stopped.set)
    follower = follow(second, "chat")
    assert follower.seen.get(timeout=WAIT_SECONDS).frame == b"a"
    own_redis.kill()
    assert stopped.wait(WAIT_SECONDS)
    with pytest.raises(JournalError):
        turn.append(b"b")
    assert follower.frames() == [b"a"]
    assert isinstance(follower.error, JournalError)
    with pytest.raises(JournalError):
        second.begin("chat")
    first.close()
    second.close()


def test_a_worker_that_died(own_redis) -> None:
    """If a worker no longer renews its lease, its followers get an error."""
    first, second = journal_at(own_redis, lease=LEASE), journal_at(own_redis, lease=LEASE)
    turn = first.begin("chat")
    turn.append(b"a")
    follower = follow(second, "chat")
    assert follower.seen.get(timeout=WAIT_SECONDS).frame == b"a"
    # As if the process were gone: nothing renews the lease any more.
    first._turns.clear()
    assert follower.frames() == [b"a"]
    assert isinstance(follower.error, WorkerLost)
    first.close()
    second.close()


def test_a_turn_that_ended_while_it_was_written(own_redis, caplog) -> None:
    """Its end is written once, though it waits to be written twice."""
    journal = journal_at(own_redis)
    turn = journal.begin("chat")
    turn.append(b"a")
    turn.end()
    assert follow(journal, "chat").frames() == [b"a"]
    journal._deliver([turn])
    assert follow(journal, "chat").frames() == [b"a"]
    assert not caplog.records
    journal.close()


def test_frames_of_any_bytes(journals) -> None:
    """Frames come back as they were written, whatever is in them and however long they are."""
    first, second = journals
    frames = [b"", b" ", b"1 2", bytes(range(256)), b"x" * (1 << 20), b"\n\n", b""]
    turn = first.begin("chat")
    for frame in frames:
        turn.append(frame)
    turn.end()
    assert follow(second, "chat").frames() == frames
    for place in range(1, len(frames)):
        assert follow(second, "chat", f"{turn.id}-{place}").frames() == frames[place:]


def test_every_key_expires(own_redis) -> None:
    """Nothing stays in Redis for ever, while a turn is read and after it."""
    import redis

    journal = journal_at(own_redis, keep=5)
    with redis.Redis(port=own_redis.port) as client:
        turn = journal.begin("chat")
        turn.append(b"a")
        journal.remember("chat", "conv")
        follower = follow(journal, "chat")
        follower.seen.get(timeout=WAIT_SECONDS)
        assert {client.ttl(key) > 0 for key in client.scan_iter()} == {True}
        turn.end()
        follower.frames()
        assert {client.ttl(key) > 0 for key in client.scan_iter()} == {True}
        assert all(client.ttl(key) <= 5 for key in client.scan_iter() if b"conversation" not in key)
    journal.close()
