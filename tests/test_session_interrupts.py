"""Streams that are dropped and sessions that are interrupted, at any bytecode."""

from __future__ import annotations

import gc
import signal
import threading
import warnings

import pytest
from session_fakes import WAIT, FakeClient, Log, eventually, reading

from chatsdk.session import ChatSession
from chatsdk.session.snapshot import Snapshot


class Trap:
    """A lock that does something while it is held, once each time it is set."""

    def __init__(self, lock) -> None:
        self._lock = lock
        self.then = None
        self.sprung = 0

    def __enter__(self):
        self._lock.acquire()
        if self.then is not None:
            then, self.then = self.then, None
            self.sprung += 1
            then()

    def __exit__(self, *exc):
        self._lock.release()

    def acquire(self, blocking=True):
        if not self._lock.acquire(blocking):
            return False
        if self.then is not None:
            then, self.then = self.then, None
            self.sprung += 1
            then()
        return True

    def release(self):
        self._lock.release()


def trapped(session) -> Trap:
    guard = session._machine.guard
    guard.lock = Trap(guard.lock)
    return guard.lock


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="the system has no SIGALRM")
@pytest.mark.parametrize("what", ["stop", "close", "stream.close", "stream.stop"])
@pytest.mark.parametrize("during", ["step", "subscribe", "end", "send"])
def test_in_a_signal_handler_within_the_lock(what, during):
    """A signal handler that interrupts the holder of the lock may stop and close."""
    client = FakeClient()
    log = Log()
    session = ChatSession(client, latest=True, **log.callbacks())
    stream = reading(session, client)
    lock = trapped(session)

    def handler(number, frame):
        {
            "stop": session.stop,
            "close": session.close,
            "stream.close": stream.close,
            "stream.stop": stream.stop,
        }[what]()

    before = signal.signal(signal.SIGALRM, handler)
    try:
        lock.then = lambda: signal.raise_signal(signal.SIGALRM)
        if during == "step":
            client.streams[0].feed("lo")
            next(stream, None)
        elif during == "subscribe":
            session.subscribe(lambda: None)
        elif during == "end":
            client.streams[0].finish()
            next(stream, None)
        else:
            client.plans.append(["new"])
            try:
                assert list(session.send({})) or what in ("stop", "close")
            except RuntimeError:
                assert what == "close"
    finally:
        signal.signal(signal.SIGALRM, before)
    assert lock.sprung == 1
    assert stream.outcome.reason == "stopped"
    assert session.done
    list(stream)
    assert log.of("finish")[0] == "stopped"
    assert len(log.of("finish")) == session._machine._turns


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("dispatch", [None, lambda function, delay=0.0: function()])
def test_stop_while_a_step_is_committed(monkeypatch, moment, dispatch):
    """A stop in the middle of a commit: callbacks never hear more than the answer that is kept."""
    client = FakeClient()
    log = Log()
    session = ChatSession(client, dispatch=dispatch, throttle=0, **log.callbacks())
    stream = reading(session, client)
    stepped = Snapshot.stepped

    def stopping(snapshot, answer):
        if moment == "before":
            session.stop()
        now = stepped(snapshot, answer)
        if moment == "after":
            session.stop()
        return now

    monkeypatch.setattr(Snapshot, "stepped", stopping)
    client.streams[0].feed("lo")
    assert list(stream) == []
    assert log[-1] == ("finish", "stopped")
    assert "".join(log.of("answer")) == session.answer.text == session.outcome.answer.text == "Hel"
    assert stream.answer is session.answer


@pytest.mark.parametrize("where", ["state", "delivery"])
def test_collected_within_the_lock(where):
    """A stream that the garbage collector finds while the lock is held ends all the same."""
    client = FakeClient()
    log = Log()
    session = ChatSession(client, **log.callbacks())
    stream = reading(session, client)
    cycle = [stream]
    cycle.append(cycle)
    lock = trapped(session)
    del stream, cycle
    if where == "state":
        lock.then = gc.collect
        session.clear_error()
    else:
        session._machine.guard.lock.then = None
        lock.then = gc.collect
        session._notifier.changed()
    assert lock.sprung == 1
    assert session.status == "stopped"
    assert log == [("answer", "Hel"), ("finish", "stopped")]


def test_collected_while_an_old_turn_is_read():
    """A stream that is collected while a stale reader holds the lock ends all the same."""
    client = FakeClient()
    finishes = []
    session = ChatSession(client, latest=True, on_finish=finishes.append)
    old = reading(session, client)
    new = reading(session, client)
    cycle = [new]
    cycle.append(cycle)
    del new, cycle
    trapped(session).then = gc.collect
    assert session._machine.step(old._turn, old.answer) is False
    assert session.status == "stopped"
    assert len(finishes) == 2


def test_dropped_while_another_thread_holds_the_lock():
    """A stream dropped while the lock is taken elsewhere does not wait; the holder ends it."""
    client = FakeClient()
    log = Log()
    session = ChatSession(client, **log.callbacks())
    stream = reading(session, client)
    lock = trapped(session)
    held, go = threading.Event(), threading.Event()

    def hold():
        held.set()
        eventually(go)

    lock.then = hold
    thread = threading.Thread(target=session.subscribe, args=(lambda: None,))
    thread.start()
    eventually(held)
    del stream
    assert session.status == "stopped"
    assert log.of("finish") == []
    go.set()
    thread.join(WAIT)
    assert log.of("finish") == ["stopped"]


def test_dropped_half_way():
    """A stream dropped in the middle ends as stopped, with its text, and without a warning."""
    client = FakeClient()
    log = Log()
    session = ChatSession(client, **log.callbacks())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for answer in session.send({}) if client.streams else fed(session, client):
            assert answer.text == "Hel"
            break
    assert session.status == "stopped"
    assert client.streams[0]._cancel.is_set()
    assert log == [("answer", "Hel"), ("finish", "stopped")]


def fed(session, client):
    stream = session.send({})
    client.streams[0].feed("Hel", "lo")
    return stream


def test_dropped_unread():
    """A stream dropped without having been read warns, names run and start, and is stopped."""
    log = Log()
    session = ChatSession(FakeClient(), **log.callbacks())
    with pytest.warns(ResourceWarning, match=r"session\.run.*session\.start"):
        session.send({})
    assert session.status == "stopped"
    assert log == [("finish", "stopped")]


@pytest.mark.parametrize("end", ["stop", "close", "newer"])
def test_unread_on_purpose(end):
    """A stream that was stopped, closed or overtaken before it was read gives no warning."""
    client = FakeClient()
    session = ChatSession(client, latest=True)
    stream = session.send({})
    newer = None
    if end == "stop":
        session.stop()
    elif end == "close":
        stream.close()
    else:
        newer = session.send({})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del stream
    if newer is not None:
        newer.close()
    assert session.status == "stopped"


def test_an_exception_in_the_loop():
    """An exception in the user's own loop ends the turn as stopped."""
    client = FakeClient()
    session = ChatSession(client)

    def loop():
        for answer in fed(session, client):
            raise LookupError(answer.text)

    with pytest.raises(LookupError, match="Hel"):
        loop()
    assert session.status == "stopped"


def test_a_stream_is_a_generator():
    """It has send, throw and close, and is a context manager."""
    client = FakeClient()
    session = ChatSession(client, latest=True)
    stream = fed(session, client)
    assert stream.send(None).text == "Hel"
    with pytest.raises(KeyError, match="gone"):
        stream.throw(KeyError("gone"))
    assert session.status == "stopped"
    with session.send({}) as stream:
        assert repr(stream) == "<TurnStream under way>"
        client.streams[1].feed("Hi")
        next(stream)
    assert repr(stream) == "<TurnStream stopped>"
    assert list(stream) == []
    stream.close()
    assert stream.answer.text == "Hi"
