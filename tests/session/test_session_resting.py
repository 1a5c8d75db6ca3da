"""The thread of `start`, which must not keep the interpreter from a window."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import pytest
from session_fakes import WAIT, FakeClient

from chatsdk.session import ChatSession, handle


class Clock:
    """Time that passes when a step is taken, and at rest."""

    def __init__(self):
        self.now = 0.0
        self.rests = []

    def sleep(self, seconds):
        self.rests.append((self.now, seconds))
        self.now += seconds

    def steps(self, count, seconds):
        for number in range(count):
            self.now += seconds
            yield number


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    time = SimpleNamespace(monotonic=lambda: clock.now, sleep=clock.sleep)
    monkeypatch.setattr(handle, "time", time)
    return clock


def test_a_flood(clock):
    """While steps come without end, there is a rest in every two milliseconds."""
    handle.drain(clock.steps(10_000, 1e-5))
    begins = [begin for begin, _ in clock.rests]
    assert len(begins) == pytest.approx(0.1 / handle.BUSY_SECONDS, abs=1)
    busy = [later - before - handle.REST_SECONDS for before, later in itertools.pairwise(begins)]
    assert max(busy) == pytest.approx(handle.BUSY_SECONDS, abs=2e-5)
    assert {seconds for _, seconds in clock.rests} == {handle.REST_SECONDS}


def test_a_short_answer(clock):
    """Data that arrives within two milliseconds is read without a rest."""
    handle.drain(clock.steps(100, 1e-5))
    assert clock.rests == []


def test_start_rests(clock):
    """The thread of start() reads in this way, and to the end."""
    seconds = itertools.count()
    handle.time.monotonic = lambda: next(seconds)
    client = FakeClient(["a", "b", "c"])
    with ChatSession(client) as session:
        assert session.start({}).result(WAIT).text == "abc"
    assert len(clock.rests) >= 3
