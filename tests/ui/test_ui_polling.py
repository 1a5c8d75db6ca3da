"""The dispatcher to Tk, with a widget whose clock and `after` are the test's."""

from __future__ import annotations

import gc
import itertools
import sys
import threading
import weakref
from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from chatsdk import ui
from chatsdk.ui import tk_poll


class TclError(Exception):
    pass


class Widget:
    """The root window, and a widget in it: what the dispatcher uses of both."""

    def __init__(self):
        self.now = 0.0
        self.exists = True
        self.destroyed = False
        self.timers = {}
        self.commands = {}
        self.calls = 0
        self.threads = set()
        self.tags = ("its own",)
        self.bound = {}
        self.tk = SimpleNamespace(
            call=self._call, createcommand=self._create, deletecommand=self._delete
        )
        self._ids = itertools.count()

    def _touch(self):
        self.calls += 1
        self.threads.add(threading.current_thread())
        if self.destroyed:
            raise TclError("application has been destroyed")

    def nametowidget(self, name):
        assert name == "."
        return self

    def bindtags(self, tags=None):
        self._touch()
        if tags is not None:
            self.tags = tags
        return self.tags

    def winfo_exists(self):
        self._touch()
        return self.exists

    def _create(self, name, function):
        self._touch()
        assert name not in self.commands
        self.commands[name] = function

    def _delete(self, name):
        self._touch()
        del self.commands[name]

    def _call(self, command, *arguments):
        self._touch()
        if command == "bind":
            tag, event, what = arguments
            assert event == "<Destroy>"
            self.bound[tag] = what
            return None
        assert command == "after"
        when, what = arguments
        if when == "cancel":
            self.timers.pop(what, None)
            return None
        id = f"after#{next(self._ids)}"
        self.timers[id] = (self.now + when / 1000, self.commands[what])
        return id

    def destroy(self):
        """Be destroyed, from the dispatcher's point of view."""
        for tag in self.tags:
            if what := self.bound.get(tag):
                self.commands[what]()

    def turn(self, seconds=tk_poll.POLL_MS / 1000 + 1e-6):
        """Let time pass, and call what is due by then."""
        self.now += seconds
        for id in [id for id, (due, _) in self.timers.items() if due <= self.now]:
            self.timers.pop(id)[1]()


@pytest.fixture
def widget(monkeypatch):
    widget = Widget()
    monkeypatch.setitem(sys.modules, "tkinter", SimpleNamespace(TclError=TclError))
    monkeypatch.setattr(tk_poll, "time", SimpleNamespace(monotonic=lambda: widget.now))
    return widget


def from_elsewhere(function, *args):
    thread = threading.Thread(target=function, args=args)
    thread.start()
    thread.join()


def test_only_the_window_touches_tk(widget):
    """Functions from another thread run on the window's own, and only that one touches Tk."""
    threads = []
    dispatch = ui.tk(widget)
    from_elsewhere(dispatch, lambda: threads.append(threading.current_thread()))
    assert threads == []
    widget.turn()
    assert threads == [threading.current_thread()]
    assert widget.threads == {threading.current_thread()}


def test_few_calls(widget):
    """A check of an empty queue is one call of Tk, and one that finds work is two."""
    dispatch = ui.tk(widget)
    before = widget.calls
    widget.turn()
    assert widget.calls == before + 1
    dispatch(lambda: None)
    widget.turn()
    assert widget.calls == before + 3


def test_order_and_delay(widget):
    """Functions run in their order, and a delayed one when its time has come."""
    seen = []
    dispatch = ui.tk(widget)
    dispatch(lambda: seen.append("late"), 0.04)
    dispatch(lambda: seen.append("first"))
    dispatch(lambda: seen.append("second"), -1.0)
    widget.turn(0.015)
    assert sorted(seen) == ["first", "second"]
    widget.turn(0.015)
    assert len(seen) == 2
    widget.turn(0.015)
    assert seen[2:] == ["late"]


def test_one_that_raises(widget, caplog):
    """Exceptions of a function are logged, and the window keeps polling."""
    seen = []
    dispatch = ui.tk(widget)
    dispatch(lambda: 1 // 0)
    dispatch(lambda: seen.append("after it"))
    widget.turn()
    dispatch(lambda: seen.append("and later"))
    widget.turn()
    assert seen == ["after it", "and later"]
    assert [record.exc_info[0] for record in caplog.records] == [ZeroDivisionError]


def test_an_interrupt(widget):
    """Ctrl-C in a function reaches Tk, and the window goes on asking."""
    seen = []

    def interrupt():
        raise KeyboardInterrupt

    dispatch = ui.tk(widget)
    dispatch(interrupt)
    dispatch(lambda: seen.append("after it"))
    with pytest.raises(KeyboardInterrupt):
        widget.turn()
    widget.turn()
    assert seen == ["after it"]


def test_one_that_dispatches_itself(widget):
    """A function that dispatches itself leaves the window time to draw."""
    seen = []
    dispatch = ui.tk(widget)

    def again():
        seen.append(widget.now)
        dispatch(again)

    dispatch(again)
    widget.turn()
    assert len(seen) == 1
    widget.turn()
    assert len(seen) == 2


def test_one_that_opens_a_dialog(widget):
    """While a function runs the main loop within itself, the others are not kept waiting."""
    seen = []
    dispatch = ui.tk(widget)

    def dialog():
        from_elsewhere(dispatch, lambda: seen.append("during"))
        widget.turn()
        seen.append("closed")

    dispatch(dialog)
    dispatch(lambda: seen.append("waited"))
    widget.turn()
    assert seen == ["waited", "during", "closed"]
    assert len(widget.timers) == 1


def test_time_to_draw(widget):
    """After functions that took long, Tk gets the time of a poll before the next one."""
    dispatch = ui.tk(widget)

    def slow():
        widget.now += 1.0

    dispatch(slow)
    widget.turn()
    ((due, _),) = widget.timers.values()
    assert due - widget.now == pytest.approx(tk_poll.POLL_MS / 1000)


@pytest.mark.parametrize("how", ["exists", "destroyed"])
def test_the_window_has_gone(widget, how):
    """Once the widget or all of Tk is gone, the asking ends, and functions are not even kept."""
    seen = []
    dispatch = ui.tk(widget)
    dispatch(lambda: seen.append("too late"))
    setattr(widget, how, how == "destroyed")
    widget.turn()
    assert widget.timers == {}
    assert bool(widget.commands) == widget.destroyed
    much_too_late = Mock()
    kept = weakref.ref(much_too_late)
    dispatch(much_too_late)
    del much_too_late
    gc.collect()
    assert kept() is None
    assert seen == []


@pytest.mark.parametrize("how", ["exists", "destroyed"])
def test_a_function_that_closes_the_window(widget, how):
    """After a function that destroyed the window, those that wait are dropped."""
    dispatch = ui.tk(widget)
    seen = []

    def close():
        seen.append("closed")
        setattr(widget, how, how == "destroyed")

    dispatch(close)
    dispatch(lambda: seen.append("after it"))
    widget.turn()
    dispatch(lambda: seen.append("much too late"))
    widget.turn()
    assert seen == ["closed"]


def test_the_window_is_destroyed(widget):
    """When the widget goes, Tk forgets the next asking at once."""
    seen = []
    dispatch = ui.tk(widget)
    assert widget.tags[1:] == ("its own",)
    dispatch(lambda: seen.append("still there"))
    widget.turn()
    assert seen == ["still there"]
    widget.destroy()
    assert (widget.timers, widget.commands) == ({}, {})
    dispatch(lambda: seen.append("dropped"))
    widget.destroy()
    widget.turn()
    assert seen == ["still there"]


def test_a_function_destroys_the_window_at_once(widget):
    """A function that destroys the widget leaves no asking behind either."""
    dispatch = ui.tk(widget)
    dispatch(widget.destroy)
    widget.turn()
    assert (widget.timers, widget.commands) == ({}, {})
