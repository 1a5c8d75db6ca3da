"""Streams that are dropped and sessions that are interrupted, at any bytecode."""

from __future__ import annotations

import contextlib
import gc
import itertools
import signal
import sys
import threading
import warnings

import pytest
from session_fakes import WAIT, CtrlCAt, FakeClient, FakeUI, Log, eventually, reading

from chatsdk.session import ChatSession
from chatsdk.session.turn import STOPPED, Turn


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

    def locked(self):
        return self._lock.locked()


class Claims(dict):
    """Replaces `Notifier.owner`, and acts before or after a thread begins to deliver."""

    def __init__(self, *, before=None, after=None) -> None:
        super().__init__()
        self.before, self.after = before, after
        self.sprung = 0

    def setdefault(self, key, value):
        if self.before is not None:
            before, self.before = self.before, None
            self.sprung += 1
            before()
        found = super().setdefault(key, value)
        if self.after is not None:
            after, self.after = self.after, None
            self.sprung += 1
            after()
        return found


def trapped(session) -> Trap:
    guard = session._store.guard
    guard.lock = Trap(guard.lock)
    return guard.lock


def interrupt():
    raise KeyboardInterrupt


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="the system has no SIGALRM")
@pytest.mark.parametrize("what", ["stop", "close", "stream.close", "stream.stop"])
@pytest.mark.parametrize("during", ["step", "subscribe", "end", "send"])
def test_in_a_signal_handler_within_the_lock(what, during):
    """A signal handler that interrupts the holder of the lock may stop and close."""
    client = FakeClient()
    log = Log()
    session = ChatSession(client, latest=True, **log.callbacks())
    stream = session.send({})
    client.streams[0].feed("Hel")
    if during != "step":
        next(stream)
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
    assert len(log.of("finish")) == session._store._turns


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("what", ["stop", "close", "stream.close", "stream.stop", "reset", "send"])
def test_interrupted_between_a_step_and_its_callback(what, when):
    """Each end is delivered once, and no step after it, whatever a signal handler does there."""
    client = FakeClient()
    log = Log()
    session = ChatSession(client, latest=True, **log.callbacks())
    stream = reading(session, client)

    def act():
        if what == "send":
            client.plans.append(["new"])
            session.run({})
        else:
            {
                "stop": session.stop,
                "close": session.close,
                "reset": session.reset,
                "stream.close": stream.close,
                "stream.stop": stream.stop,
            }[what]()

    claims = session._notifier.owner = Claims(**{when: act})
    client.streams[0].feed("lo")
    assert [answer.text for answer in stream] == ["Hello"]
    assert claims.sprung == 1
    assert claims == {}
    end = [("answer", "Hel"), ("answer", "lo"), ("finish", "stopped")]
    assert log == end + [("answer", "new"), ("finish", "finished")] * (what == "send")


@pytest.mark.parametrize("step", [1, 2])
def test_told_by_another_before_its_own_reader(step):
    """A step that the delivering thread has seen is not delivered again by its reader."""
    client = FakeClient()
    log = Log()
    session = ChatSession(client, **log.callbacks())
    stream = session.send({})
    client.streams[0].feed("Hel", "lo", "!")
    if step == 2:
        next(stream)
    claims = session._notifier.owner = Claims(before=session._notifier.changed)
    next(stream)
    next(stream)
    assert claims.sprung == 1
    assert log == [("answer", text) for text in ("Hel", "lo", "!")[: step + 1]]
    stream.close()


@pytest.mark.parametrize(("moment", "kept"), [("before", "Hel"), ("after", "Hello")])
@pytest.mark.parametrize("dispatch", [None, lambda function, delay=0.0: function()])
def test_stop_while_a_step_is_committed(moment, kept, dispatch):
    """A stop in the middle of a commit: callbacks never hear more than the answer that is kept."""
    client = FakeClient()
    log = Log()
    session = ChatSession(client, dispatch=dispatch, throttle=0, **log.callbacks())
    stream = reading(session, client)
    commit = Turn.answer.__set__

    class Stopping(Turn):
        """A turn that is stopped while its answer is replaced."""

        __slots__ = ()

        def _replace(self, answer):
            if moment == "before":
                session.stop()
            commit(self, answer)
            if moment == "after":
                session.stop()

        answer = property(Turn.answer.__get__, _replace)

    stream._source.turn.__class__ = Stopping
    client.streams[0].feed("lo")
    assert list(stream) == []
    assert log[-1] == ("finish", "stopped")
    assert "".join(log.of("answer")) == session.answer.text == session.outcome.answer.text == kept
    assert stream.answer is session.answer


def test_a_look_in_the_midst_of_the_first_step():
    """A session that still shows submitted shows no text yet."""
    client = FakeClient()
    session = ChatSession(client)
    stream = session.send({})
    commit = Turn.answer.__set__
    shown = []

    class Watched(Turn):
        __slots__ = ()

        def _replace(self, answer):
            commit(self, answer)
            shown.append((session.status, session.answer.text))

        answer = property(Turn.answer.__get__, _replace)

    stream._source.turn.__class__ = Watched
    client.streams[0].feed("Hel", "lo")
    next(stream)
    next(stream)
    assert shown == [("submitted", ""), ("streaming", "Hello")]
    stream.close()


def test_a_look_in_the_midst_of_a_stop():
    """The state shown during a stop stays, whatever the reader still commits."""
    client = FakeClient()
    session = ChatSession(client)
    stream = reading(session, client)
    turn = stream._source.turn
    client.streams[0].feed("lo")
    turn.ending[STOPPED] = True
    shown = (session.status, session.answer)
    turn.answer = client.streams[0].__next__()
    session.stop()
    assert shown == (session.status, session.answer) == ("stopped", stream.answer)
    assert stream.answer.text == "Hel"


class CtrlC(Trap):
    """A lock after which comes a Ctrl-C, once."""

    def __exit__(self, *exc):
        super().__exit__(*exc)
        if not self.sprung:
            self.sprung = 1
            raise KeyboardInterrupt


def test_ctrl_c_between_a_step_and_its_callback():
    """After a Ctrl-C just after the commit of a step, no thread waits for this one."""
    client = FakeClient()
    log = Log()
    session = ChatSession(client, **log.callbacks())
    stream = reading(session, client)
    client.streams[0].feed("lo")
    session._notifier.owner = Claims(after=interrupt)
    with pytest.raises(KeyboardInterrupt):
        next(stream)
    assert log == [("answer", "Hel"), ("answer", "lo"), ("finish", "stopped")]
    client.plans.append(["new"])
    session.start({}).result(WAIT)
    assert log[3:] == [("answer", "new"), ("finish", "finished")]


@pytest.mark.parametrize("throttle", [0, 60.0])
def test_ctrl_c_before_the_dispatcher(throttle):
    """A Ctrl-C just before the dispatcher is called does not keep it from being called again."""
    client = FakeClient(["Hi"])
    ui, log = FakeUI(), Log()
    session = ChatSession(client, dispatch=ui, throttle=throttle, **log.callbacks())
    guard = session._store.guard
    guard.lock = CtrlC(guard.lock)
    with pytest.raises(KeyboardInterrupt):
        session._notifier.changed()
    session.run({})
    ui.run()
    assert log == [("answer", "Hi"), ("finish", "finished")]


def test_ctrl_c_when_the_lock_is_taken():
    """A Ctrl-C as soon as a method of the session holds the lock leaves it free."""
    session = ChatSession(FakeClient(["Hi"]))
    lock = session._store.guard.lock

    def interrupt(frame, event, function):
        # Calls after which the interpreter checks for signals.
        if event == "c_return" and getattr(function, "__self__", None) is lock and lock.locked():
            raise KeyboardInterrupt

    sys.setprofile(interrupt)
    try:
        for act in (session.reset, session.to_dict, session.clear_error):
            with contextlib.suppress(KeyboardInterrupt):
                act()
    finally:
        sys.setprofile(None)
    assert not lock.locked()
    assert session.run({}).text == "Hi"


@pytest.mark.filterwarnings("ignore:a stream of a ChatSession was dropped:ResourceWarning")
def test_ctrl_c_at_any_call_leaves_no_turn_in_flight():
    """Wherever Ctrl-C interrupts a turn, it has ended, and the next one can begin."""
    for number in itertools.count(1):
        session = ChatSession(FakeClient(["Hi"], ["Hi"]))
        with CtrlCAt(number) as ctrl_c:
            session.run({})
        assert session.done
        assert session.run({}).text == "Hi"
        if not ctrl_c.came:
            break
    assert number > 100


def test_ctrl_c_at_any_call_of_start_leaves_no_turn_in_flight():
    """Wherever Ctrl-C interrupts start(), the turn has ended, and the next one can begin."""
    for number in itertools.count(1):
        session = ChatSession(FakeClient(["Hi"], ["Hi"]))
        handle = None
        with CtrlCAt(number) as ctrl_c:
            handle = session.start({})
        if handle is not None:
            handle.result(WAIT)
        assert session.done
        assert session.run({}).text == "Hi"
        if not ctrl_c.came:
            break
    assert number > 50


@pytest.mark.parametrize("where", ["lock", "delivery"])
def test_collected_in_the_midst(where):
    """A stream that is collected while its thread has the lock, or delivers, ends all the same."""
    client = FakeClient()
    log = Log()
    session = ChatSession(client, **log.callbacks())
    stream = reading(session, client)
    cycle = [stream]
    cycle.append(cycle)
    del stream, cycle
    if where == "lock":
        trap = trapped(session)
        trap.then = gc.collect
        session.clear_error()
    else:
        trap = session._notifier.owner = Claims(after=gc.collect)
        session._notifier.changed()
    assert trap.sprung == 1
    assert session.status == "stopped"
    assert log == [("answer", "Hel"), ("finish", "stopped")]


def test_collected_while_an_old_turn_is_read():
    """A stream that is collected while a stale reader has the lock ends all the same."""
    client = FakeClient()
    finishes = []
    session = ChatSession(client, latest=True, on_finish=finishes.append)
    old = reading(session, client)
    inner = client.streams[0]
    step = inner.answer

    def overtaken():
        cycle = [reading(session, client)]
        cycle.append(cycle)
        lock.then = gc.collect
        return step

    lock = trapped(session)
    inner.then = overtaken
    assert list(old) == []
    assert lock.sprung == 1
    assert session.status == "stopped"
    assert [outcome.answer.text for outcome in finishes] == ["Hel", "Hel"]


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
        assert repr(stream) == "<TurnStream pending, 0 events>"
        client.streams[1].feed("Hi")
        next(stream)
    assert repr(stream) == "<TurnStream stopped, 0 events>"
    assert list(stream) == []
    stream.close()
    assert stream.answer.text == "Hi"
