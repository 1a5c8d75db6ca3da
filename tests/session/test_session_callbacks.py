"""Callbacks and subscribers: when they are called, with what, and what they may do."""

from __future__ import annotations

import contextlib
import threading
from collections import deque

import pytest
from session_fakes import WAIT, FakeClient, Log, eventually

from chatsdk import BackendError
from chatsdk.session import ChatSession, Regenerate
from chatsdk.session.notifier import WHO, Delivery


def test_in_order():
    """on_answer gets each step, then on_finish the outcome with the whole answer."""
    log = Log()
    outcomes = []
    session = ChatSession(
        FakeClient(["Hel", "lo"]), **log.callbacks() | {"on_finish": outcomes.append}
    )
    assert session.run({}).text == "Hello"
    assert log == [("answer", "Hel"), ("answer", "lo")]
    assert [(o.reason, o.end, o.error, o.answer.text) for o in outcomes] == [
        ("finished", "marker", None, "Hello")
    ]
    assert outcomes[0] is session.outcome


def test_an_error_in_order():
    """After an error on_answer has had the partial text, then comes on_error, then on_finish."""
    client = FakeClient()
    log = Log()
    session = ChatSession(client, **log.callbacks())
    handle = session.start({})
    client.stream().feed("Hel")
    client.stream().fail(BackendError("it broke"))
    assert handle.wait(WAIT)
    assert log == [("answer", "Hel"), ("error", "it broke"), ("finish", "error")]


def test_a_refusal_is_told_too():
    """on_error and on_finish are called for a turn whose send raised."""
    log = Log()
    session = ChatSession(FakeClient(BackendError("no")), **log.callbacks())
    with pytest.raises(BackendError):
        session.send({})
    assert log == [("error", "no"), ("finish", "error")]


def test_busy_is_told_to_nobody():
    """A BusyError begins no turn, so no callback hears of it."""
    log = Log()
    session = ChatSession(FakeClient(), **log.callbacks())
    stream = session.send({})
    with pytest.raises(Exception, match="in flight"):
        session.send({})
    assert log == []
    stream.close()
    assert log == [("finish", "stopped")]


def test_the_state_comes_before_the_answer():
    """When an answer is yielded, session and callbacks have it already."""
    client = FakeClient(["Hel", "lo"])
    log = Log()
    session = ChatSession(client, **log.callbacks())
    for answer in session.send({}):
        assert session.answer is answer
        assert log[-1] == ("answer", answer.delta)


def test_callbacks_see_the_state():
    """Within on_answer the session shows that answer, within on_finish it is done."""
    seen = []
    session = ChatSession(
        FakeClient(["Hel", "lo"]),
        on_answer=lambda answer: seen.append((answer.text, session.answer.text, session.done)),
        on_finish=lambda outcome: seen.append((outcome.reason, session.status, session.done)),
    )
    session.run({})
    assert seen == [
        ("Hel", "Hel", False),
        ("Hello", "Hello", False),
        ("finished", "finished", True),
    ]


def test_subscribers():
    """A subscriber is called without arguments after each change, until it unsubscribes."""
    session = ChatSession(FakeClient(["Hel", "lo"], ["again"]))
    seen = []
    unsubscribe = session.subscribe(lambda: seen.append((str(session.status), session.answer.text)))
    session.run({})
    assert seen == [
        ("submitted", ""),
        ("streaming", "Hel"),
        ("streaming", "Hello"),
        ("finished", "Hello"),
    ]
    session.set_messages(["Hi"])
    session.reset()
    assert len(seen) == 6
    unsubscribe()
    unsubscribe()
    session.run({})
    assert len(seen) == 6


def test_the_same_listener_twice():
    """The same function subscribed twice is called twice, and each ends on its own."""
    session = ChatSession(FakeClient())
    calls = []

    def listener():
        calls.append(1)

    first = session.subscribe(listener)
    session.subscribe(listener)
    session.reset()
    assert len(calls) == 2
    first()
    first()
    session.reset()
    assert len(calls) == 3


def test_unsubscribing_in_a_call():
    """A subscriber may unsubscribe itself, and another that would have been next."""
    session = ChatSession(FakeClient())
    calls = []

    def first():
        calls.append("first")
        ends[0]()
        ends[1]()

    ends = [session.subscribe(first), session.subscribe(lambda: calls.append("second"))]
    session.subscribe(lambda: calls.append("third"))
    session.reset()
    session.reset()
    assert calls == ["first", "third", "third"]


def test_one_that_raises(caplog):
    """A callback that raises is logged with its name, and the others still run."""
    calls = []

    def bad(*args):
        raise LookupError("not mine")

    session = ChatSession(
        FakeClient(BackendError("no"), ["Hi"]), on_answer=bad, on_finish=bad, on_error=bad
    )
    session.subscribe(bad)
    session.subscribe(lambda: calls.append(str(session.status)))
    with pytest.raises(BackendError):
        session.send({})
    assert session.run({}).text == "Hi"
    assert calls == ["submitted", "error", "submitted", "streaming", "finished"]
    names = [record.getMessage() for record in caplog.records]
    assert {record.name for record in caplog.records} == {"chatsdk"}
    assert names.count("on_answer raised") == 1
    assert names.count("on_finish raised") == 2
    assert names.count("on_error raised") == 1
    assert names.count("a subscriber raised") == 5
    assert all("LookupError: not mine" in record.exc_text for record in caplog.records)


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_in_a_callback(interrupt):
    """Ctrl-C within a callback is raised where the answer is read, and ends the turn once."""
    log = Log()

    def on_answer(answer):
        log.append(("answer", answer.delta))
        raise interrupt

    session = ChatSession(
        FakeClient(["Hel", "lo"], ["again"]), **log.callbacks() | {"on_answer": on_answer}
    )
    with pytest.raises(interrupt):
        session.run({})
    assert session.status == "stopped"
    assert log == [("answer", "Hel"), ("finish", "stopped")]
    thread = threading.Thread(target=session.reset)
    session.subscribe(lambda: log.append(("thread", threading.current_thread() is thread)))
    thread.start()
    thread.join(WAIT)
    assert log[-1] == ("thread", True)


def test_an_interrupt_before_the_request(caplog):
    """Ctrl-C within a subscriber that is notified of the new turn ends that turn."""
    session = ChatSession(FakeClient(["Hi"]))

    def interrupt():
        unsubscribe()
        raise KeyboardInterrupt

    unsubscribe = session.subscribe(interrupt)
    with pytest.raises(KeyboardInterrupt):
        session.send({})
    assert session.status == "stopped"
    assert session.run({}).text == "Hi"


def test_on_answer_may_stop():
    """A callback that stops gets no further answer."""
    client = FakeClient(["Hel", "lo"])
    log = Log()

    def on_answer(answer):
        log.append(("answer", answer.delta))
        session.stop()

    session = ChatSession(client, **log.callbacks() | {"on_answer": on_answer})
    assert session.run({}).text == "Hel"
    assert log == [("answer", "Hel"), ("finish", "stopped")]


def test_on_answer_may_close_the_stream():
    """A callback may close the stream; on_finish follows when that callback has returned."""
    client = FakeClient(["Hel", "lo"])
    log = Log()

    def on_answer(answer):
        log.append(("answer", answer.delta))
        stream.close()
        log.append(("closed", session.done))

    session = ChatSession(client, **log.callbacks() | {"on_answer": on_answer})
    stream = session.send({})
    assert [answer.text for answer in stream] == ["Hel"]
    assert log == [("answer", "Hel"), ("closed", True), ("finish", "stopped")]


def test_on_answer_may_close(caplog):
    """A callback may close the session that calls it, from the turn's own thread too."""
    log = Log()

    def on_answer(answer):
        log.append(("answer", answer.delta))
        session.close()

    session = ChatSession(FakeClient(["Hel", "lo"]), **log.callbacks() | {"on_answer": on_answer})
    handle = session.start({})
    assert handle.result(WAIT).text == "Hel"
    assert log == [("answer", "Hel"), ("finish", "stopped")]
    assert caplog.records == []


def test_on_finish_may_send():
    """A callback may begin and finish the next turn; its callbacks come in between, in order."""
    client = FakeClient(["one"], ["two"])
    log = Log()

    def on_finish(outcome):
        log.append(("finish", outcome.answer.text))
        if outcome.answer.text == "one":
            assert session.run({}).text == "two"
            log.append(("back", None))

    session = ChatSession(client, **log.callbacks() | {"on_finish": on_finish})
    session.run({})
    assert log == [
        ("answer", "one"),
        ("finish", "one"),
        ("answer", "two"),
        ("finish", "two"),
        ("back", None),
    ]


@pytest.mark.parametrize("dispatch", [None, lambda function, delay=0.0: function()])
@pytest.mark.parametrize("how", ["run", "start"])
def test_no_subscriber_misses_an_end(how, dispatch):
    """A subscriber sees how a turn ended, once, also where on_finish begins the next one."""
    states, over = [], threading.Event()
    texts = ["one", "two", "three"]

    def on_finish(outcome):
        if outcome.answer.text == "three":
            over.set()
        else:
            getattr(session, how)({})

    client = FakeClient(*([text] for text in texts))
    session = ChatSession(client, dispatch=dispatch, on_finish=on_finish)
    session.subscribe(lambda: states.append((session.status, session.answer.text)))
    session.run({})
    eventually(over)
    session.close()
    ends = [(status, text) for status, text in states if status == "finished"]
    assert ends == [("finished", text) for text in texts]


def test_on_answer_may_begin_the_next_turn():
    """A turn that begins within on_answer ends the old one first; nothing comes twice or late."""
    client = FakeClient(["one", "more"], ["two"])
    log = Log()

    def on_answer(answer):
        log.append(("answer", answer.delta))
        if answer.text == "one":
            session.run({}, latest=True)

    session = ChatSession(client, **log.callbacks() | {"on_answer": on_answer})
    assert session.run({}).text == "one"
    assert log == [
        ("answer", "one"),
        ("finish", "stopped"),
        ("answer", "two"),
        ("finish", "finished"),
    ]
    assert session.answer.text == "two"


def test_a_listener_may_regenerate():
    """A subscriber may call any method of the session, also one that notifies it again."""
    client = FakeClient(BackendError("no"), ["yes"])
    session = ChatSession(client)
    handles = []

    def retry():
        if session.status == "error":
            handles.append(session.start(Regenerate()))

    session.subscribe(retry)
    with pytest.raises(BackendError):
        session.ask("Hi")
    assert handles[0].result(WAIT).text == "yes"
    assert [message.content for message in session.messages] == ["Hi", "yes"]


def test_callbacks_never_overlap():
    """While one thread is in a callback, another one leaves what it has to the first."""
    client = FakeClient()
    entered, go = threading.Event(), threading.Event()
    log = []

    def on_answer(answer):
        log.append((answer.text, threading.current_thread().name))
        if answer.text == "old":
            entered.set()
            eventually(go)
            log.append(("old is through", None))

    session = ChatSession(
        client, on_answer=on_answer, on_finish=lambda outcome: log.append((outcome.reason, None))
    )
    old = session.send({})
    client.streams[0].feed("old")
    reader = threading.Thread(target=next, args=(old,), name="reader")
    reader.start()
    eventually(entered)
    client.plans.append(["new"])
    assert session.run({}, latest=True).text == "new"
    assert session.status == "finished"
    assert log == [("old", "reader")]
    go.set()
    reader.join(WAIT)
    assert log == [
        ("old", "reader"),
        ("old is through", None),
        ("stopped", None),
        ("new", "reader"),
        ("finished", None),
    ]


def test_a_step_that_another_thread_left():
    """A step that found another thread delivering, which then left, is in the next delta."""
    client = FakeClient()
    log = Log()
    session = ChatSession(client, **log.callbacks())
    stream = session.send({})
    client.streams[0].feed("a", "b", "c")
    next(stream)
    notifier = session._notifier
    notifier.owner[WHO] = Delivery(-1)
    next(stream)
    notifier.owner.clear()
    next(stream)
    assert log == [("answer", "a"), ("answer", "bc")]
    stream.close()


def test_an_end_that_another_thread_left():
    """An end that found another thread delivering is delivered before the next step."""
    client = FakeClient()
    log = Log()
    session = ChatSession(client, latest=True, **log.callbacks())
    old = session.send({})
    client.streams[0].feed("old")
    next(old)
    notifier = session._notifier
    notifier.owner[WHO] = Delivery(-1)
    new = session.send({})
    notifier.owner.clear()
    client.streams[1].feed("new")
    next(new)
    assert log == [("answer", "old"), ("finish", "stopped"), ("answer", "new")]
    new.close()


class LateQueue(deque):
    """A queue that was found empty just before something happened."""

    then = None

    def popleft(self):
        try:
            return super().popleft()
        except IndexError:
            then, self.then = self.then, None
            if then is not None:
                then()
            raise


def test_an_end_that_comes_while_the_thread_looks():
    """The end of a turn is delivered before the next step, whenever it comes."""
    client = FakeClient()
    log = Log()
    session = ChatSession(client, latest=True, **log.callbacks())
    streams = [session.send({})]
    client.streams[0].feed("old")
    next(streams[0])
    queue = session._notifier.queue = LateQueue()

    def begin():
        streams.append(session.send({}))
        client.streams[1].feed("new")
        next(streams[1])

    def meanwhile():
        thread = threading.Thread(target=begin)
        thread.start()
        thread.join(WAIT)

    queue.then = meanwhile
    session._notifier.changed()
    assert queue.then is None
    assert log == [("answer", "old"), ("finish", "stopped"), ("answer", "new")]
    streams[1].close()


@pytest.mark.parametrize("at", ["answer", "finish"])
def test_an_interrupted_thread_leaves_nothing(at):
    """If the delivering thread is interrupted, other threads' updates are delivered first."""
    client = FakeClient(["old"], ["new"])
    entered, go = threading.Event(), threading.Event()
    log = Log()

    def interrupted():
        entered.set()
        eventually(go)
        raise SystemExit

    def on_answer(answer):
        log.append(("answer", answer.delta))
        if at == "answer" and answer.text == "old":
            interrupted()

    def on_finish(outcome):
        log.append(("finish", outcome.answer.text))
        if at == "finish" and outcome.answer.text == "old":
            interrupted()

    session = ChatSession(client, latest=True, on_answer=on_answer, on_finish=on_finish)

    def run():
        with contextlib.suppress(SystemExit):
            session.run({})

    thread = threading.Thread(target=run)
    thread.start()
    eventually(entered)
    session.run({})
    assert ("answer", "new") not in log
    go.set()
    thread.join(WAIT)
    assert log == [("answer", "old"), ("finish", "old"), ("answer", "new"), ("finish", "new")]


def test_callbacks_must_be_functions():
    """A callback that is not a function is a TypeError when the session is made."""
    for name in ("on_answer", "on_finish", "on_error", "dispatch"):
        with pytest.raises(TypeError, match=f"{name} is a function, not str"):
            ChatSession(FakeClient(), **{name: "print"})
    with pytest.raises(TypeError, match="a listener is a function"):
        ChatSession(FakeClient()).subscribe("print")
