"""Stopping a turn: from any thread, in any phase, and immediately before another one."""

from __future__ import annotations

import contextlib
import itertools
import threading

import pytest
from session_fakes import WAIT, CtrlCAt, FakeClient, FakeStream, Log, eventually, reading

from chatsdk import BackendError
from chatsdk.parts import Text
from chatsdk.session import ChatSession, TurnStream
from chatsdk.session.notifier import Notifier
from chatsdk.session.plan import TurnPlan
from chatsdk.session.snapshot import Snapshot
from chatsdk.session.store import Store


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


@pytest.mark.parametrize("reason", ["finished", "error"])
def test_a_stop_that_comes_too_late_is_never_seen(reason, monkeypatch):
    """Stopped while its end is committed: no thread sees "stopped", and then another end."""
    ended = Snapshot.ended
    seen = []

    def late(snapshot, outcome):
        after = ended(snapshot, outcome)
        if not seen:
            seen.append("before")
            session.stop()
            seen.append(session.status)
        return after

    log = Log()
    failure = [BackendError("no")] if reason == "error" else []
    session = ChatSession(FakeClient(["Hi", *failure]), **log.callbacks())
    monkeypatch.setattr(Snapshot, "ended", late)
    with contextlib.suppress(BackendError):
        session.run({})
    assert seen == ["before", "streaming"]
    assert session.status == session.outcome.reason == reason
    assert session.answer.text == "Hi"
    assert log[-1] == ("finish", reason)


def test_an_end_that_is_interrupted_can_still_be_stopped(monkeypatch):
    """After a Ctrl-C in the midst of the commit the turn ends as stopped, and keeps its text."""
    ended = Snapshot.ended
    raised = []

    def interrupted(snapshot, outcome):
        if not raised:
            raised.append(True)
            raise KeyboardInterrupt
        return ended(snapshot, outcome)

    session = ChatSession(FakeClient(["Hi"]))
    stream = session.send({})
    monkeypatch.setattr(Snapshot, "ended", interrupted)
    with pytest.raises(KeyboardInterrupt):
        list(stream)
    session.stop()
    assert (session.status, session.answer.text) == ("stopped", "Hi")
    stream.close()
    assert (session.outcome.reason, session.outcome.answer.text) == ("stopped", "Hi")


def test_an_end_that_is_interrupted_at_any_call_is_told():
    """After a Ctrl-C at any call of the commit, closing the stream delivers a missing end."""
    for number in itertools.count(1):
        log = Log()
        session = ChatSession(FakeClient(["Hi"]), **log.callbacks())
        stream = session.send({})
        next(stream)
        with CtrlCAt(number, within=Store._end) as ctrl_c:
            list(stream)
        stream.close()
        assert (len(log.of("finish")), session.done) == (1, True)
        assert session.outcome.answer.text == "Hi"
        if not ctrl_c.came:
            break
    assert number > 10


def test_an_end_that_was_not_told_is_told_by_close(monkeypatch):
    """After a Ctrl-C between the commit of an end and its delivery, close() delivers it, once."""
    log = Log()
    session = ChatSession(FakeClient(["Hi"]), **log.callbacks())
    stream = session.send({})
    next(stream)

    def interrupted(self, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Notifier, "changed", interrupted)
        with pytest.raises(KeyboardInterrupt):
            next(stream)
    assert session.status == "finished"
    assert log == [("answer", "Hi")]
    stream.close()
    stream.close()
    assert log == [("answer", "Hi"), ("finish", "finished")]


def test_a_step_while_a_newer_turn_begins_is_kept(monkeypatch):
    """The outcome of the old turn in on_finish is the one that is kept and sent."""
    log = Log()
    client = FakeClient(["Hel", "lo"], ["Hi"])
    session = ChatSession(client, **log.callbacks())
    stream = session.ask("Who?")
    next(stream)
    plan_of = TurnPlan.of

    def while_planned(*args, **kwargs):
        plan = plan_of(*args, **kwargs)
        if len(log) == 1:
            # As another thread may, which reads on: a step takes no lock.
            next(stream)
        return plan

    monkeypatch.setattr(TurnPlan, "of", while_planned)
    newer = session.ask("Again", latest=True)
    sent, _ = client.asked[-1]
    assert log == [("answer", "Hel"), ("answer", "lo"), ("finish", "stopped")]
    assert [message.content for message in session.messages] == ["Who?", "Hello", "Again"]
    assert [message.content for message in sent] == ["Who?", "Hello", "Again"]
    assert list(newer)[-1].text == "Hi"


def test_stop_while_send_is_connecting():
    """stop() from another thread ends a send that has not returned, and calls on_finish."""
    entered = threading.Event()

    def connect(cancel):
        stream = FakeStream(cancel)
        entered.set()
        assert list(stream) == []  # until it is cancelled
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
    """Text or an error read by a reader that no Cancel reaches changes nothing."""
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
        # The answer of on_finish is the one shown last, or the step on its way.
        assert outcome.answer.text.replace(f"<{turn}>", "") == ""
    assert shown[-1] == "new"


def test_two_senders():
    """If two threads send at once, one gets the turn, the other one BusyError."""
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
        ended = [stream for stream in results if stream.outcome]
        assert len(ended) == 1
        for stream in results:
            stream.close()
        assert len(finishes) == 2


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


@pytest.mark.parametrize("read", [next, TurnStream.result, list])
def test_two_readers(read):
    """A second reader of a stream gets an error, and the first reader continues."""
    client = FakeClient()
    session = ChatSession(client)
    stream = session.send({})
    texts = []
    thread = threading.Thread(target=lambda: texts.extend(str(answer) for answer in stream))
    thread.start()
    eventually(client.stream().waiting)
    with pytest.raises(RuntimeError, match="is already being read, by another thread"):
        read(stream)
    client.streams[0].feed("Hel", "lo")
    client.streams[0].finish()
    thread.join(WAIT)
    assert texts == ["Hel", "Hello"]
    assert session.status == "finished"


def test_a_value_error_of_the_reading_code():
    """A ValueError from within, such as a bug in a tap, is not taken for a second reader."""
    for read in (next, TurnStream.result):
        client = FakeClient()
        session = ChatSession(client)
        stream = session.send({})
        client.streams[0].fail(ValueError("a bug"))
        with pytest.raises(ValueError, match="a bug"):
            read(stream)
        assert session.status == "error"


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
