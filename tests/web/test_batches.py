"""A relay passes on all waiting frames at once, and never later than possible."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from browser import WAIT_SECONDS

from chatsdk import ChatClient
from chatsdk.testing import ChatServer
from chatsdk.web import relay
from chatsdk.web.pump import Pump


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as server:
        yield server


@pytest.fixture
def client(server: ChatServer) -> Iterator[ChatClient]:
    with ChatClient(server.url, dialect="openai") as client:
        yield client


class Waiting:
    """The source of a pump's frames: calls back before it waits, as a stream does."""

    def __init__(self, frames: list[bytes | None]) -> None:
        self._frames = frames
        self._callback: Callable[[], object] | None = None
        self.go_on = threading.Event()
        self.stopped = 0
        self.finished = threading.Event()

    def on_wait(self, callback: Callable[[], object] | None) -> bool:
        self._callback = callback
        return True

    def __iter__(self) -> Iterator[bytes]:
        for frame in self._frames:
            if frame is not None:
                yield frame
                continue
            assert self._callback is not None
            self._callback()
            assert self.go_on.wait(WAIT_SECONDS)

    def stop(self) -> None:
        self.stopped += 1
        self.go_on.set()

    def pump(self, *, alone: bool = False) -> Pump:
        made = Pump(
            iter(self), self.stop, self.finished.set, on_wait=None if alone else self.on_wait
        )
        made.start()
        return made


def test_frames_that_came_together_are_handed_on_together() -> None:
    """The consumer wakes once for them; data after a wait is a separate piece."""
    source = Waiting([b"a", b"b", b"c", None, b"d", b"e"])
    pump = source.pump()
    assert pump.take(WAIT_SECONDS) == b"abc"
    source.go_on.set()
    assert pump.take(WAIT_SECONDS) == b"de"
    assert pump.take(WAIT_SECONDS) is None
    assert source.finished.wait(WAIT_SECONDS)


def test_nothing_is_held_back_without_waits() -> None:
    """The frames of a source without `on_wait` are passed on one by one."""
    begun = threading.Event()

    def frames() -> Iterator[bytes]:
        yield b"a"
        assert begun.wait(WAIT_SECONDS)
        yield b"b"

    pump = Pump(frames(), begun.set, lambda: None)
    pump.start()
    assert pump.take(WAIT_SECONDS) == b"a"
    begun.set()
    assert pump.take(WAIT_SECONDS) == b"b"
    pump.close()


def test_many_frames_are_not_collected_for_ever() -> None:
    """Frames that come without a wait are handed on in pieces of a few kilobytes."""
    source = Waiting([b"x" * 1024] * 64 + [None])
    pump = source.pump()
    first = pump.take(WAIT_SECONDS)
    assert first is not None
    assert len(first) >= 16 * 1024
    pump.close()
    assert source.finished.wait(WAIT_SECONDS)
    assert source.stopped == 1


def test_closing_drops_what_waits() -> None:
    """After `close` nothing is handed on, and the source is stopped and finished."""
    source = Waiting([b"a", None, b"b"])
    pump = source.pump()
    assert pump.take(WAIT_SECONDS) == b"a"
    pump.close()
    assert pump.take(0) is None
    assert source.finished.wait(WAIT_SECONDS)
    assert pump.join(WAIT_SECONDS)


def test_relay_of_a_burst(server, client) -> None:
    """A burst becomes few pieces and has every frame."""
    server.answer("openai", "word " * 400, pieces=400)
    pieces = list(relay(client.ask("Hi"), dialect="vercel"))
    whole = b"".join(pieces)
    assert whole.count(b'"type": "text-delta"') == 400
    assert whole.endswith(b"data: [DONE]\n\n")


def test_relay_of_lone_events(server, client) -> None:
    """Each event that comes alone is handed on before the next one is written."""
    script = server.answer("openai")
    body = relay(client.ask("Hi"), dialect="vercel")
    for number in range(20):
        script.say(f"<{number}>")
        seen = b""
        while f"<{number}>".encode() not in seen:
            seen += next(body)
    script.finish()
    assert b"".join(body).endswith(b"data: [DONE]\n\n")


def test_stream_does_not_keep_its_pump(server, client) -> None:
    """After its end the stream makes no call before a wait."""
    server.answer("openai", "Hello")
    stream = client.ask("Hi")
    assert b"Hello" in b"".join(relay(stream))
    assert stream._source.exchange.before_read is None
