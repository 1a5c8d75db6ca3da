"""Dispatchers of toolkits that take functions from any thread; most toolkits are fakes."""

from __future__ import annotations

import asyncio
import queue
import sys
import threading
from types import SimpleNamespace

import pytest
from session_fakes import WAIT, FakeClient, Log

from chatsdk import ui
from chatsdk.session import ChatSession


def bad():
    raise ZeroDivisionError("in a callback")


def test_inline():
    """Inline, a function runs at once where it is, whatever its delay."""
    dispatch = ui.inline()
    threads = []
    dispatch(lambda: threads.append(threading.current_thread()))
    dispatch(lambda: threads.append(threading.current_thread()), 3600.0)
    assert threads == [threading.current_thread()] * 2


def test_inline_logs_what_raises(caplog):
    """Exceptions of a function are logged and do not reach its dispatcher."""
    ui.inline()(bad)
    (record,) = caplog.records
    assert record.exc_info[0] is ZeroDivisionError


# asyncio ------------------------------------------------------------------------------------


@pytest.fixture
def running_loop():
    """Run an asyncio loop on a separate thread; yield both."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="loop")
    thread.start()
    yield loop, thread
    loop.call_soon_threadsafe(loop.stop)
    thread.join(WAIT)
    loop.close()


def test_loop(running_loop):
    """Functions run on the loop's thread, in their order, a delayed one not before its time."""
    loop, thread = running_loop
    dispatch = ui.loop(loop)
    calls: queue.SimpleQueue = queue.SimpleQueue()

    def note(name):
        calls.put((name, loop.time(), threading.current_thread()))

    begun = loop.time()
    dispatch(lambda: note("late"), 0.05)
    dispatch(lambda: note("first"))
    dispatch(bad)
    dispatch(lambda: note("second"))
    got = [calls.get(timeout=WAIT) for _ in range(3)]
    assert [name for name, _, _ in got] == ["first", "second", "late"]
    assert {where for _, _, where in got} == {thread}
    # The clock of a loop may be a little coarser than its timers.
    assert got[2][1] - begun >= 0.05 - 0.01


def test_loop_with_a_session(running_loop):
    """Each callback of a session runs on the loop's thread, and the last one is the end."""
    loop, thread = running_loop
    over = threading.Event()
    log, threads = Log(), set()

    def on_answer(answer):
        threads.add(threading.current_thread())
        log.append(("answer", answer.delta))

    def on_finish(outcome):
        threads.add(threading.current_thread())
        log.append(("finish", outcome.reason))
        over.set()

    client = FakeClient(["Hel", "lo"])
    with ChatSession(
        client, dispatch=ui.loop(loop), on_answer=on_answer, on_finish=on_finish
    ) as session:
        session.start({})
        assert over.wait(WAIT)
    assert "".join(log.of("answer")) == "Hello"
    assert log[-1] == ("finish", "finished")
    assert threads == {thread}


def test_loop_that_is_closed():
    """A loop that is closed takes no function, and that is no error."""
    loop = asyncio.new_event_loop()
    dispatch = ui.loop(loop)
    loop.close()
    dispatch(bad)
    dispatch(bad, 0.1)
    assert loop.is_closed()


def test_loop_that_fails_otherwise():
    """A RuntimeError of a loop that is open is not hidden."""

    class Loop:
        def call_soon_threadsafe(self, *args):
            raise RuntimeError("something else")

        def is_closed(self):
            return False

    with pytest.raises(RuntimeError, match="something else"):
        ui.loop(Loop())(bad)


# The parts of toolkits that a dispatcher uses -----------------------------------------------


class Toolkit:
    """Keeps what it is given, as ``(milliseconds or seconds, function)``, until `run`."""

    def __init__(self):
        self.calls = []
        self.app = object()

    def run(self):
        calls, self.calls = self.calls, []
        return [function() for _, function in calls]

    @property
    def delays(self):
        return [delay for delay, _ in self.calls]


@pytest.fixture
def toolkit():
    return Toolkit()


@pytest.fixture
def glib(toolkit, monkeypatch):
    def idle_add(function, *args):
        toolkit.calls.append((0, lambda: function(*args)))

    def timeout_add(interval, function, *args):
        assert isinstance(interval, int)
        toolkit.calls.append((interval, lambda: function(*args)))

    glib = SimpleNamespace(idle_add=idle_add, timeout_add=timeout_add)
    repository = SimpleNamespace(GLib=glib)
    monkeypatch.setitem(sys.modules, "gi", SimpleNamespace(repository=repository))
    monkeypatch.setitem(sys.modules, "gi.repository", repository)
    return toolkit


@pytest.fixture
def wx(toolkit, monkeypatch):
    def CallAfter(function, *args):
        assert toolkit.app is not None, "No wx.App created yet"
        toolkit.calls.append((0, lambda: function(*args)))

    def CallLater(millis, function, *args):
        assert isinstance(millis, int)
        toolkit.calls.append((millis, lambda: function(*args)))

    wx = SimpleNamespace(CallAfter=CallAfter, CallLater=CallLater, GetApp=lambda: toolkit.app)
    monkeypatch.setitem(sys.modules, "wx", wx)
    return toolkit


@pytest.fixture
def kivy(toolkit, monkeypatch):
    def schedule_once(function, timeout):
        toolkit.calls.append((timeout, lambda: function(timeout)))

    clock = SimpleNamespace(Clock=SimpleNamespace(schedule_once=schedule_once))
    monkeypatch.setitem(sys.modules, "kivy", SimpleNamespace(clock=clock))
    monkeypatch.setitem(sys.modules, "kivy.clock", clock)
    return toolkit


def test_gtk(glib, caplog):
    """GLib is given functions to call once, with a timer for those that are delayed."""
    seen = []
    dispatch = ui.gtk()
    dispatch(lambda: seen.append("now"))
    dispatch(lambda: seen.append("later"), 1 / 30)
    dispatch(lambda: seen.append("almost now"), 1e-9)
    dispatch(bad)
    assert seen == []
    assert glib.delays == [0, 33, 1, 0]
    assert glib.run() == [False, False, False, False]
    assert seen == ["now", "later", "almost now"]
    assert len(caplog.records) == 1


def test_wx(wx, caplog):
    """wxPython sets its timers on its own thread."""
    seen = []
    dispatch = ui.wx()
    dispatch(lambda: seen.append("now"))
    dispatch(lambda: seen.append("later"), 0.5)
    dispatch(bad)
    assert wx.delays == [0, 0, 0]
    wx.run()
    assert (seen, wx.delays) == (["now"], [500])
    wx.run()
    assert seen == ["now", "later"]
    assert len(caplog.records) == 1


def test_wx_after_the_window_has_gone(wx):
    """Without its wx.App a function is dropped."""
    dispatch = ui.wx()
    wx.app = None
    dispatch(bad)
    dispatch(bad, 0.5)
    assert wx.calls == []


def test_wx_before_there_is_an_app(wx):
    """Without a wx.App there is no dispatcher."""
    wx.app = None
    with pytest.raises(RuntimeError, match=r"make the wx\.App"):
        ui.wx()


def test_wx_that_fails_otherwise(wx, monkeypatch):
    """An error of a wx.App that is there is not hidden."""

    def CallAfter(*args):
        raise AssertionError("not callable")

    monkeypatch.setattr(sys.modules["wx"], "CallAfter", CallAfter)
    with pytest.raises(AssertionError, match="not callable"):
        ui.wx()(bad)


def test_kivy(kivy, caplog):
    """Kivy's clock is given functions that take the elapsed time."""
    seen = []
    dispatch = ui.kivy()
    dispatch(lambda: seen.append("now"))
    dispatch(lambda: seen.append("later"), 0.5)
    dispatch(bad, -1.0)
    assert kivy.delays == [0, 0.5, 0]
    kivy.run()
    assert seen == ["now", "later"]
    assert len(caplog.records) == 1


class App:
    """The parts of a Textual app that a dispatcher uses."""

    def __init__(self):
        self.is_running = True
        self.messages = []
        self.timers = []

    def call_later(self, function, *args):
        if not self.is_running:
            raise RuntimeError("Event loop is closed")
        self.messages.append(lambda: function(*args))

    def set_timer(self, delay, function):
        self.timers.append((delay, function))


def test_textual():
    """A Textual app gets messages, and sets its timers itself."""
    app, seen = App(), []
    dispatch = ui.textual(app)
    dispatch(lambda: seen.append("now"))
    dispatch(lambda: seen.append("later"), 0.5)
    assert app.timers == []
    for message in app.messages:
        message()
    ((delay, function),) = app.timers
    assert (seen, delay) == (["now"], 0.5)
    function()
    assert seen == ["now", "later"]


def test_textual_after_the_app_has_ended():
    """An app whose loop is closed takes no function, and that is no error."""
    app = App()
    app.is_running = False
    ui.textual(app)(bad)
    assert app.messages == []


def test_textual_that_fails_otherwise():
    """A RuntimeError of an app that runs is not hidden."""
    app = App()

    def call_later(function, *args):
        raise RuntimeError("something else")

    app.call_later = call_later
    with pytest.raises(RuntimeError, match="something else"):
        ui.textual(app)(bad)


@pytest.mark.parametrize(
    ("make", "module", "package"),
    [
        (ui.gtk, "gi", "PyGObject"),
        (ui.wx, "wx", "wxPython"),
        (ui.kivy, "kivy", "kivy"),
        (ui.qt, "PySide6", "PySide6-Essentials"),
    ],
)
def test_a_toolkit_that_is_missing(make, module, package, monkeypatch):
    """A toolkit is imported when its dispatcher is made; the error shows how to install it."""
    for name in (module, "PyQt6"):
        monkeypatch.setitem(sys.modules, name, None)
        for inner in list(sys.modules):
            if inner.startswith(f"{name}."):
                monkeypatch.delitem(sys.modules, inner)
    with pytest.raises(ImportError, match=f"pip install {package}"):
        make()
