"""Stopping a turn: from anywhere, at any bytecode, and with another one right behind it."""

from __future__ import annotations

import gc
import signal
import threading
import warnings

import pytest
from session_fakes import WAIT, FakeClient, FakeStream, Log, eventually

from chatsdk import BackendError
from chatsdk.parts import Text
from chatsdk.session import ChatSession


class Deaf(FakeStream):
    """A stream that no Cancel reaches, as where a socket cannot be shut down."""

    def __next__(self):
        if self.answer.text:
            self.waiting.set()
        while (item := self._items.get(timeout=WAIT)) == "woken":
            pass
        if isinstance(item, Exception):
            raise item
        self.answer = self._builder.apply(Text(item))
        return self.answer


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


def reading(session, client, log=None):
    """A turn that is streaming, with its stream."""
    stream = session.send({})
    client.streams[-1].feed("Hel")
    next(stream)
    return stream


def test_stop_while_idle():
    """stop() does nothing before the first turn and after the last."""
    log = Log()
    session = ChatSession(FakeClient(["Hi"]), **log.callbacks())
    session.stop()
    assert session.status == "idle"
    session.run({})
    session.stop()
    assert session.status == "finished"
    assert log == [("answer", "Hi"), ("finish", "finished")]


def test_stop_while_send_is_connecting():
    """stop() from another thread ends a send that has not returned, and on_finish is told."""
    entered = threading.Event()

    def connect(cancel):
        stream = FakeStream(cancel)
        entered.set()
        assert list(stream) == []  # as long as nobody cancels
        return stream

    log = Log()
    session = ChatSession(FakeClient(connect), **log.callbacks())
    results = []
    thread = threading.Thread(target=lambda: results.append(session.send({})))
    thread.start()
    eventually(entered)
    assert session.status == "submitted"
    session.stop()
    assert session.status == "stopped"
    thread.join(WAIT)
    assert log == [("finish", "stopped")]
    assert list(results[0]) == []
    assert log == [("finish", "stopped")]


@pytest.mark.parametrize("late", ["lo", BackendError("it broke")])
def test_what_comes_after_the_stop(late):
    """What a reader that no Cancel reaches still reads, text or error, changes nothing."""
    client = FakeClient()
    log = Log()
    session = ChatSession(client, **log.callbacks())
    stream = session.send({})
    fake = client.streams[0]
    fake.__class__ = Deaf
    fake.feed("Hel")
    read = []
    thread = threading.Thread(target=lambda: read.extend(stream))
    thread.start()
    eventually(fake.waiting)
    session.stop()
    assert session.status == "stopped"
    fake.feed(late)
    thread.join(WAIT)
    assert [answer.text for answer in read] == ["Hel"]
    assert stream.result().text == session.answer.text == "Hel"
    assert session.error is None
    assert session.outcome.answer.text == "Hel"
    assert fake.closed
    assert log == [("answer", "Hel"), ("finish", "stopped")]


def test_nothing_is_read_after_the_stop():
    """A stream that is read on after a stop ends without waiting for the backend."""
    client = FakeClient()
    session = ChatSession(client)
    stream = reading(session, client)
    fake = client.streams[0]
    fake.__class__ = Deaf
    session.stop()
    fake.feed("lo")
    assert list(stream) == []
    assert fake.answer.text == "Hel"
    assert fake.closed


def test_stop_then_send_at_once():
    """Stop, then send at once, a hundred times: no text of the old turn is in the new one."""
    client = FakeClient()
    shown = []
    finishes = []
    some = threading.Condition()

    def on_answer(answer):
        with some:
            shown.append(answer.text)
            some.notify_all()

    session = ChatSession(client, on_answer=on_answer, on_finish=finishes.append)
    threads = []
    for turn in range(100):
        mark = f"<{turn}>"
        stream = session.send({})
        fake = client.streams[turn]
        # Every other reader is one that no Cancel reaches: it reads on after the stop.
        fake.__class__ = Deaf if turn % 2 else FakeStream
        fake.feed(*[mark] * 200)
        thread = threading.Thread(target=list, args=(stream,))
        del stream
        thread.start()
        threads.append(thread)
        with some:
            assert some.wait_for(lambda mark=mark: shown and shown[-1].startswith(mark), WAIT)
        session.stop()
        fake.feed(mark)
        assert session.answer.text.replace(mark, "") == ""
    client.plans.append(["new"])
    assert session.run({}).text == "new"
    for thread in threads:
        thread.join(WAIT)
        assert not thread.is_alive()
    assert [outcome.reason for outcome in finishes] == ["stopped"] * 100 + ["finished"]
    turns = [int(text[1 : text.index(">")]) for text in shown[:-1]]
    assert turns == sorted(turns)
    for turn, text in zip(turns, shown, strict=False):
        assert text.replace(f"<{turn}>", "") == ""
    for turn, outcome in enumerate(finishes[:100]):
        # What on_finish got is what was shown last, or the step that was on its way.
        assert outcome.answer.text.replace(f"<{turn}>", "") == ""
    assert shown[-1] == "new"


def test_two_senders():
    """Of two threads that send at once one gets the turn, the other one BusyError."""
    for _ in range(50):
        client = FakeClient()
        session = ChatSession(client)
        barrier = threading.Barrier(2)
        results = []

        def send(session=session, barrier=barrier, results=results):
            barrier.wait(WAIT)
            try:
                results.append(session.send({}))
            except Exception as error:
                results.append(type(error).__name__)

        threads = [threading.Thread(target=send) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WAIT)
        assert results.count("BusyError") == 1
        assert len(client.bodies) == 1
        next(stream for stream in results if stream != "BusyError").close()


def test_two_senders_with_latest():
    """With latest=True both may send; the turn that began first ends as stopped, once."""
    for _ in range(50):
        client = FakeClient()
        finishes = []
        session = ChatSession(client, latest=True, on_finish=finishes.append)
        barrier = threading.Barrier(2)
        results = []

        def send(session=session, barrier=barrier, results=results):
            barrier.wait(WAIT)
            results.append(session.send({}))

        threads = [threading.Thread(target=send) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WAIT)
        assert [outcome.reason for outcome in finishes] == ["stopped"]
        ended = [stream for stream in results if stream.outcome is not None]
        assert len(ended) == 1
        for stream in results:
            stream.close()
        assert len(finishes) == 2


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


def test_close_from_another_thread():
    """close() of a stream that another thread reads ends that thread's loop."""
    client = FakeClient()
    log = Log()
    session = ChatSession(client, **log.callbacks())
    stream = session.send({})
    thread = threading.Thread(target=list, args=(stream,))
    thread.start()
    eventually(client.streams[0].waiting)
    stream.close()
    thread.join(WAIT)
    assert not thread.is_alive()
    assert log == [("finish", "stopped")]


def test_an_old_stream_cannot_stop_the_new_turn():
    """stop() and close() of an old turn's stream leave the newer turn alone."""
    client = FakeClient()
    session = ChatSession(client, latest=True)
    old = session.send({})
    new = session.send({})
    old.stop()
    old.close()
    del old
    assert session.status == "submitted"
    client.streams[1].feed("new")
    client.streams[1].finish()
    assert new.result().text == "new"
