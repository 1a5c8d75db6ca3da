"""Many threads on one session: nothing lost, nothing twice, nothing out of order."""

from __future__ import annotations

import itertools
import random
import sys
import threading

import pytest
from session_fakes import WAIT, FakeClient, FakeStream

from chatsdk.session import ChatSession

THREADS = 4
ACTIONS = 60
PIECES = 12


@pytest.fixture(autouse=True)
def _busy_switching():
    """Threads take turns every few bytecodes."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


class Talker(FakeClient):
    """Each answer repeats its own number a few times."""

    def __init__(self) -> None:
        super().__init__()
        self._numbers = itertools.count()

    def _stream(self, cancel):
        stream = FakeStream(cancel, *[f"<{next(self._numbers)}>"] * PIECES)
        stream.finish()
        self.streams.append(stream)
        return stream


def act(session, choice, barrier, errors):
    barrier.wait(WAIT)
    try:
        for _ in range(ACTIONS):
            what = choice.randrange(6)
            if what == 0:
                session.run({})
            elif what == 1:
                session.start({})
            elif what == 2:
                stream = session.send({})
                for _ in range(choice.randrange(1, PIECES)):
                    next(stream, None)
                del stream
            elif what == 3:
                session.stop()
            elif what == 4:
                session.reset()
            else:
                session.subscribe(lambda: session.answer.text)()
    except BaseException as error:
        errors.append(error)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("options", [{}, {"throttle": 0.001}, {"dispatch": "threads"}])
def test_on_finish_once_a_turn(seed, options):
    """With several threads, each turn that began has exactly one on_finish."""
    client = Talker()
    events = []
    runners = []

    def dispatch(function, delay=0.0):
        runner = threading.Timer(delay, function)
        runner.start()
        runners.append(runner)

    if options.get("dispatch"):
        options = {"dispatch": dispatch, "throttle": 0.001}
    session = ChatSession(
        client,
        latest=True,
        on_answer=lambda answer: events.append(("answer", answer)),
        on_finish=lambda outcome: events.append(("finish", outcome)),
        **options,
    )
    errors = []
    barrier = threading.Barrier(THREADS)
    threads = [
        threading.Thread(target=act, args=(session, random.Random(seed * 10 + n), barrier, errors))
        for n in range(THREADS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    session.close()
    while runners:
        runners.pop().join(WAIT)
    assert errors == []
    assert session.done
    outcomes = [outcome for kind, outcome in events if kind == "finish"]
    assert len(outcomes) == len(client.streams) == session._store._turns
    assert len({id(outcome) for outcome in outcomes}) == len(outcomes)
    assert {outcome.reason for outcome in outcomes} <= {"finished", "stopped"}
    check_answers(events)


def check_answers(events):
    """The answers between two ends are of one turn, and their deltas are its text."""
    text = ""
    for kind, event in events:
        if kind == "answer":
            text += event.delta
            assert event.text == text
        else:
            assert event.answer.text == text
            text = ""
    assert text == ""
