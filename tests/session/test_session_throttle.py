"""Coalescing: where callbacks run with a dispatcher, and how often."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest
from session_fakes import WAIT, FakeClient, FakeUI, Log, eventually

from chatsdk import BackendError
from chatsdk.parts import TextSnapshot
from chatsdk.session import ChatSession, notifier


class Clock:
    """A monotonic clock that only a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(notifier, "time", SimpleNamespace(monotonic=clock))
    return clock


def streaming(client, session, *texts):
    stream = session.send({})
    client.streams[-1].feed(*texts)
    return stream


def test_one_call_waits_at_most(clock):
    """However much happens, one call waits for the user interface, and it shows the newest."""
    client = FakeClient()
    ui, log = FakeUI(), Log()
    session = ChatSession(client, dispatch=ui, **log.callbacks())
    stream = streaming(client, session, "a", "b", "c")
    for _ in "abc":
        next(stream)
        assert ui.waiting == 1
    assert log == []
    ui.run()
    assert log == [("answer", "abc")]
    assert ui.waiting == 0
    stream.close()
    assert ui.waiting == 1


def test_callbacks_run_where_dispatch_says():
    """With a dispatcher nothing is called on the thread that reads."""
    client = FakeClient(["Hel", "lo"])
    ui, threads = FakeUI(), []

    def note(*args):
        threads.append(threading.current_thread())

    session = ChatSession(client, dispatch=ui, on_answer=note, on_finish=note)
    session.subscribe(note)
    handle = session.start({})
    ui.run_until(lambda: session.outcome and handle.wait(WAIT) and not ui.waiting)
    assert len(threads) >= 3
    assert set(threads) == {threading.current_thread()}


def test_the_delays(clock):
    """The first update goes at once, the next ones so late that `throttle` lies between two."""
    client = FakeClient()
    ui = FakeUI()
    session = ChatSession(client, dispatch=ui, throttle=0.5, on_answer=lambda answer: None)
    stream = streaming(client, session, *"abcd")
    ui.run()
    next(stream)
    clock.now += 0.2
    ui.run()
    next(stream)
    clock.now += 0.75
    ui.run()
    clock.now += 0.6
    next(stream)
    ui.run()
    client.streams[0].finish()
    assert len(list(stream)) == 1
    assert ui.delays == pytest.approx([0.0, 0.5, 0.5, 0.0, 0.5])
    assert ui.waiting == 1


def test_the_default(clock):
    """With a dispatcher updates are a thirtieth of a second apart, unless throttle is given."""
    client = FakeClient()
    ui = FakeUI()
    session = ChatSession(client, dispatch=ui, latest=True)
    next(streaming(client, session, "a", "b"))
    ui.run()
    assert ui.delays == [0.0]
    stream = streaming(client, session, "a")
    ui.run()
    next(stream)
    assert ui.delays[-1] == pytest.approx(1 / 30)
    stream.close()


def test_the_end_is_not_held_back(clock):
    """The end of a turn is handed on at once, though the last update was a moment ago."""
    client = FakeClient()
    ui, log = FakeUI(), Log()
    session = ChatSession(client, dispatch=ui, throttle=0.5, **log.callbacks())
    stream = streaming(client, session, "a")
    next(stream)
    ui.run()
    stream.close()
    assert ui.delays == [0.0, 0.0]
    ui.run()
    assert log == [("answer", "a"), ("finish", "stopped")]


def test_the_last_state_always_arrives(clock):
    """After a flood come the whole text, then on_error, then on_finish, in one call."""
    client = FakeClient()
    ui, log = FakeUI(), Log()
    states = []
    session = ChatSession(client, dispatch=ui, **log.callbacks())
    session.subscribe(lambda: states.append(str(session.status)))
    stream = streaming(client, session, *["x"] * 500)
    client.streams[0].fail(BackendError("it broke"))
    with pytest.raises(BackendError):
        stream.result()
    assert ui.run() == 1
    assert log == [("answer", "x" * 500), ("error", "it broke"), ("finish", "error")]
    assert states == ["error"]


def test_ends_are_never_coalesced(clock):
    """Two turns that end before the user interface looks have each their on_finish, in order."""
    client = FakeClient(["one"], BackendError("no"), ["three"])
    ui, log = FakeUI(), Log()
    session = ChatSession(client, dispatch=ui, **log.callbacks())
    session.run({})
    with pytest.raises(BackendError):
        session.send({})
    session.run({})
    assert ui.run() == 1
    assert log == [
        ("answer", "one"),
        ("finish", "finished"),
        ("error", "no"),
        ("finish", "error"),
        ("answer", "three"),
        ("finish", "finished"),
    ]


def test_deltas_add_up():
    """However the calls fall, the deltas that a callback gets are the whole text, in order."""
    for every in (1, 2, 3, 7, 50):
        client = FakeClient()
        ui, log = FakeUI(), Log()
        session = ChatSession(client, dispatch=ui, **log.callbacks())
        texts = [f"<{n}>" for n in range(100)]
        for count, _ in enumerate(streaming(client, session, *texts)):
            if count % every == 0:
                ui.run()
            if count == 99:
                client.streams[0].finish()
        ui.run()
        assert "".join(log.of("answer")) == "".join(texts) == session.answer.text
        assert len(log.of("answer")) <= 100 // every + 2
        assert log[-1] == ("finish", "finished")


def test_a_new_turn_begins_anew(clock):
    """The first delta of a new turn is its own text, and never rests on the old turn."""
    client = FakeClient()
    ui, log = FakeUI(), Log()
    session = ChatSession(client, dispatch=ui, latest=True, **log.callbacks())
    old = streaming(client, session, "o", "l", "d")
    next(old)
    ui.run()
    next(old)
    new = streaming(client, session, "n", "e", "w")
    next(new)
    next(new)
    ui.run()
    assert log == [("answer", "o"), ("answer", "l"), ("finish", "stopped"), ("answer", "ne")]
    new.close()


def test_a_rewrite_is_shown_as_one():
    """If earlier text was replaced between two calls, the answer is marked as rewritten."""
    client = FakeClient()
    ui, shown = FakeUI(), []
    session = ChatSession(client, dispatch=ui, on_answer=shown.append)
    stream = streaming(client, session, "Hello", TextSnapshot("Good"), " day")
    next(stream)
    ui.run()
    next(stream)
    next(stream)
    ui.run()
    assert [(answer.delta, answer.rewritten, answer.text) for answer in shown] == [
        ("Hello", False, "Hello"),
        ("", True, "Good day"),
    ]
    stream.close()


def test_a_stop_takes_back_nothing_shown(clock):
    """After a stop a call that was waiting shows no more, and the end brings the text till then."""
    client = FakeClient()
    ui, log = FakeUI(), Log()
    session = ChatSession(client, dispatch=ui, **log.callbacks())
    stream = streaming(client, session, "a", "b")
    next(stream)
    session.stop()
    ui.run()
    assert log == []
    assert list(stream) == []
    ui.run()
    assert log == [("answer", "a"), ("finish", "stopped")]


def test_a_callback_that_sends(clock):
    """A callback on the user interface's thread may begin the next turn."""
    client = FakeClient(["one"], ["two"])
    ui, log = FakeUI(), Log()

    def on_finish(outcome):
        log.append(("finish", outcome.answer.text))
        if outcome.answer.text == "one":
            session.run({})

    session = ChatSession(client, dispatch=ui, **log.callbacks() | {"on_finish": on_finish})
    session.run({})
    ui.run_until(lambda: ("finish", "two") in log)
    assert log == [("answer", "one"), ("finish", "one"), ("answer", "two"), ("finish", "two")]


def test_a_flood_does_not_keep_the_user_interface(clock):
    """A commit during a call waits for the next call: a call shows one state."""
    client = FakeClient()
    ui, shown = FakeUI(), []

    def on_answer(answer):
        shown.append(answer.delta)
        if len(shown) < 3:
            next(stream)  # as another thread would, meanwhile

    session = ChatSession(client, dispatch=ui, on_answer=on_answer)
    stream = streaming(client, session, *"abcdef")
    next(stream)
    for count in (1, 2, 3):
        assert ui.run() == 1
        assert len(shown) == count
    stream.close()


def test_a_dispatcher_that_raises(caplog, clock):
    """A dispatcher that raises is logged once, and asked again now and then, and at the end."""
    client = FakeClient()
    ui, log = FakeUI(), Log()
    broken = [True]
    asked = []

    def dispatch(function, delay=0.0):
        asked.append(clock.now)
        if broken:
            raise RuntimeError("no window")
        ui(function, delay)

    session = ChatSession(client, dispatch=dispatch, **log.callbacks())
    stream = streaming(client, session, *"abcd")
    for _ in "ab":
        next(stream)
    assert asked == [1000.0]
    clock.now += 1
    for _ in "cd":
        next(stream)
    assert asked == [1000.0, 1001.0]
    assert [record.getMessage() for record in caplog.records] == ["dispatch raised"]
    broken.clear()
    stream.close()
    ui.run()
    assert log == [("answer", "abcd"), ("finish", "stopped")]


@pytest.mark.parametrize("throttle", [None, 0])
def test_a_dispatcher_that_is_there_again(clock, throttle):
    """An end that the dispatcher did not accept is delivered at the next change, or by close()."""
    client = FakeClient(["a"], ["b"])
    ui, log = FakeUI(), Log()
    broken = [True]

    def dispatch(function, delay=0.0):
        if broken:
            raise RuntimeError("no window")
        ui(function, delay)

    session = ChatSession(client, dispatch=dispatch, throttle=throttle, **log.callbacks())
    session.run({})
    broken.clear()
    session.close()
    session.close()
    assert ui.run() == 1
    assert log == [("answer", "a"), ("finish", "finished")]


def test_a_dispatcher_that_never_runs(clock):
    """A dispatcher that drops what it is given keeps nothing waiting, and is asked once."""
    asked = []
    client = FakeClient(["a"], ["b"])
    session = ChatSession(client, dispatch=lambda function, delay=0.0: asked.append(function))
    session.run({})
    assert session.start({}).result(WAIT).text == "b"
    session.close()
    assert len(asked) == 1


def test_a_dispatcher_that_runs_late(clock):
    """Calls after close() deliver each end, once, and show no text that came too late."""
    client = FakeClient(["a"])
    ui, log = FakeUI(), Log()
    session = ChatSession(client, dispatch=ui, **log.callbacks())
    session.run({})
    stream = streaming(client, session, "b", "c")
    next(stream)
    session.close()
    assert log == []
    while ui.run():
        pass
    assert log == [("answer", "a"), ("finish", "finished"), ("answer", "b"), ("finish", "stopped")]


def test_a_dispatcher_without_a_delay():
    """A dispatcher that cannot be called with a delay is refused when the session is made."""
    with pytest.raises(TypeError, match=r"dispatch\(function, delay\)"):
        ChatSession(FakeClient(), dispatch=lambda function: None)


def test_a_dispatcher_that_calls_at_once():
    """A dispatcher may run the function itself, on the thread that it is called on."""
    client = FakeClient(["Hel", "lo"])
    log = Log()
    session = ChatSession(client, dispatch=lambda f, delay=0.0: f(), **log.callbacks())
    session.run({})
    assert log == [("answer", "Hel"), ("answer", "lo"), ("finish", "finished")]


def test_without_a_dispatcher_a_helper_shows_what_was_suppressed():
    """With throttle alone, a suppressed update is shown though no further event comes."""
    client = FakeClient()
    shown, enough = [], threading.Event()

    def on_answer(answer):
        shown.append((answer.delta, threading.current_thread().name))
        if answer.text == "abc":
            enough.set()

    session = ChatSession(client, throttle=0.02, on_answer=on_answer)
    stream = streaming(client, session, "a", "b", "c")
    for _ in "abc":
        next(stream)
    eventually(enough)
    assert "".join(delta for delta, _ in shown) == "abc"
    name = shown[-1][1]
    assert name.startswith("chatsdk-session-")
    assert name.endswith("-throttle")
    stream.close()
    session.close()
    assert name not in [thread.name for thread in threading.enumerate()]


def test_without_a_dispatcher_the_end_comes_here(clock):
    """With throttle alone, the reader delivers the end of a turn and the text before it."""
    client = FakeClient()
    threads = []
    log = Log()
    options = log.callbacks()
    session = ChatSession(client, throttle=60.0, **options)
    session.subscribe(lambda: threads.append(threading.current_thread().name))
    stream = streaming(client, session, "a", "b", "c")
    clock.now += 60
    next(stream)
    next(stream)
    timer = session._notifier._timer
    assert timer.daemon
    client.streams[0].finish()
    assert stream.result().text == "abc"
    assert log == [("answer", "a"), ("answer", "bc"), ("finish", "finished")]
    assert set(threads) == {threading.current_thread().name}
    assert timer.is_alive()
    session.close()
    assert not timer.is_alive()


def test_close_brings_what_was_suppressed(clock):
    """With throttle alone, close() delivers the updates of the helper thread."""
    session = ChatSession(FakeClient(["Hi"]), throttle=60.0)
    session.run({})
    told = []
    session.subscribe(lambda: told.append(len(session.messages)))
    session.set_messages(["Hello"])
    assert told == []
    session.close()
    assert told == [1]


@pytest.mark.parametrize("throttle", [-1, float("nan"), float("inf"), "1", True])
def test_a_wrong_throttle(throttle):
    """A throttle that is not a number of seconds is refused when the session is made."""
    with pytest.raises((TypeError, ValueError), match="seconds"):
        ChatSession(FakeClient(), throttle=throttle)
