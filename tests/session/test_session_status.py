"""The states of a session and how they follow each other."""

from __future__ import annotations

import itertools

import pytest
from session_fakes import FakeClient, FakeStream

from chatsdk import BackendError, BusyError
from chatsdk.session import ChatSession, Status
from chatsdk.session.status import TRANSITIONS, IllegalMove, Move, after

ALL = list(itertools.product(Status, Move))


@pytest.mark.parametrize(("status", "move"), [cell for cell in ALL if cell not in TRANSITIONS])
def test_a_missing_cell_is_an_illegal_move(status, move):
    """A move that is not in the table raises an error that names it."""
    with pytest.raises(IllegalMove, match=rf"that is {status} cannot {move.value}"):
        after(status, move)


@pytest.mark.parametrize(
    ("status", "moves"),
    [
        ("idle", {Move.SEND: "submitted", Move.RESET: "idle"}),
        (
            "submitted",
            {
                Move.STEP: "streaming",
                Move.ASK: "waiting",
                Move.FINISH: "finished",
                Move.STOP: "stopped",
                Move.FAIL: "error",
            },
        ),
        (
            "streaming",
            {
                Move.STEP: "streaming",
                Move.ASK: "waiting",
                Move.FINISH: "finished",
                Move.STOP: "stopped",
                Move.FAIL: "error",
            },
        ),
        ("waiting", {Move.GO_ON: "streaming", Move.STOP: "stopped", Move.FAIL: "error"}),
        ("finished", {Move.SEND: "submitted", Move.RESET: "idle"}),
        ("stopped", {Move.SEND: "submitted", Move.RESET: "idle"}),
        ("error", {Move.SEND: "submitted", Move.RESET: "idle", Move.CLEAR: "idle"}),
    ],
)
def test_the_table(status, moves):
    """Each status has exactly these ways out."""
    have = {move: to for (of, move), to in TRANSITIONS.items() if of == status}
    assert have == moves


def test_a_status_is_its_word():
    """A status equals its word, prints as it, and knows whether a turn is under way."""
    assert Status.STREAMING == "streaming"
    assert f"{Status.STREAMING} {Status.IDLE!s}" == "streaming idle"
    assert [status.value for status in Status if status.in_flight] == [
        *("submitted", "streaming", "waiting")
    ]


def seen(session):
    return str(session.status), session.done, session.error is not None, session.answer.text


def test_from_idle_to_finished():
    """A turn goes through submitted and streaming, and the session shows each."""
    client = FakeClient()
    session = ChatSession(client)
    assert seen(session) == ("idle", True, False, "")
    stream = session.send({})
    assert seen(session) == ("submitted", False, False, "")
    client.streams[0].feed("Hel", "lo")
    client.streams[0].finish()
    assert next(stream).text == "Hel"
    assert seen(session) == ("streaming", False, False, "Hel")
    assert next(stream).delta == "lo"
    assert seen(session) == ("streaming", False, False, "Hello")
    assert next(stream, None) is None
    assert seen(session) == ("finished", True, False, "Hello")
    assert session.outcome.reason == "finished"
    assert session.outcome.end == "marker"


def test_after_the_end():
    """A turn that has ended takes no further step, even if there were one to read."""
    client = FakeClient(["Hi"])
    session = ChatSession(client)
    stream = session.send({})
    stream.result()
    client.streams[0].outcome = None
    client.streams[0].feed("more")
    assert list(stream) == []
    assert seen(session) == ("finished", True, False, "Hi")


def test_an_answer_without_steps():
    """From submitted a turn can finish at once."""
    session = ChatSession(FakeClient([]))
    assert list(session.send({})) == []
    assert seen(session) == ("finished", True, False, "")


@pytest.mark.parametrize("texts", [[], ["Hel"]])
def test_an_error_while_reading(texts):
    """An error ends the turn from either status, keeps the text, and is raised."""
    client = FakeClient()
    session = ChatSession(client)
    stream = session.send({})
    client.streams[0].feed(*texts)
    error = BackendError("it broke")
    client.streams[0].fail(error)
    with pytest.raises(BackendError, match="it broke"):
        stream.result()
    assert seen(session) == ("error", True, True, "".join(texts))
    assert session.error is error
    assert session.outcome.error is error
    assert list(stream) == []
    with pytest.raises(BackendError, match="it broke"):
        stream.result()


@pytest.mark.parametrize("texts", [[], ["Hel"]])
def test_stopped(texts):
    """A stop ends the turn from either status and keeps the text."""
    client = FakeClient()
    session = ChatSession(client)
    stream = session.send({})
    client.streams[0].feed(*texts)
    for _ in texts:
        next(stream)
    session.stop()
    assert seen(session) == ("stopped", True, False, "".join(texts))
    assert session.outcome.reason == "stopped"
    assert list(stream) == []
    assert seen(session) == ("stopped", True, False, "".join(texts))


@pytest.mark.parametrize("end", ["finished", "stopped", "error"])
def test_on_again_after_each_end(end):
    """However a turn ended, the next one begins with an empty answer and no error."""
    client = FakeClient()
    session = ChatSession(client)
    stream = session.send({})
    client.streams[0].feed("old")
    next(stream)
    if end == "stopped":
        session.stop()
    elif end == "error":
        client.streams[0].fail(BackendError("it broke"))
        with pytest.raises(BackendError):
            next(stream)
    else:
        client.streams[0].finish()
        assert list(stream) == []
    assert session.status == end
    again = session.send({})
    assert seen(session) == ("submitted", False, False, "")
    assert not session.outcome
    again.close()


def test_an_error_is_cleared():
    """clear_error leads from error to idle, and does nothing in any other state."""
    session = ChatSession(FakeClient(BackendError("no"), ["Hi"]))
    with pytest.raises(BackendError):
        session.send({})
    session.clear_error()
    assert seen(session) == ("idle", True, False, "")
    assert not session.outcome
    session.run({})
    session.clear_error()
    assert seen(session) == ("finished", True, False, "Hi")


def test_reset_from_everywhere():
    """reset leads to idle from each status and forgets the answer."""
    client = FakeClient(["Hi"], None, None, BackendError("no"))
    session = ChatSession(client)
    session.reset()
    assert seen(session) == ("idle", True, False, "")
    session.run({})
    session.reset()
    assert seen(session) == ("idle", True, False, "")
    submitted = session.send({})
    session.reset()
    assert seen(session) == ("idle", True, False, "")
    assert list(submitted) == []
    streaming = session.send({})
    client.streams[-1].feed("Hel")
    next(streaming)
    session.reset()
    assert list(streaming) == []
    assert streaming.outcome.reason == "stopped"
    with pytest.raises(BackendError):
        session.send({})
    session.reset()
    assert seen(session) == ("idle", True, False, "")


def test_busy():
    """While a turn is in flight another one is a BusyError, which names the method called."""
    client = FakeClient()
    session = ChatSession(client)
    stream = session.send({})
    with pytest.raises(BusyError, match=r"^send\(\) while .* stop"):
        session.send({})
    client.streams[0].feed("Hel")
    next(stream)
    with pytest.raises(BusyError, match=r"^start\(\) while"):
        session.start("Hello?")
    with pytest.raises(BusyError, match=r"^ask\(\) while"):
        session.ask("Hello?")
    with pytest.raises(BusyError, match=r"^set_messages\(\) while"):
        session.set_messages([])
    client.streams[0].finish()
    assert stream.result().text == "Hel"
    assert len(client.bodies) == 1


@pytest.mark.parametrize("where", ["session", "send"])
def test_latest(where):
    """With latest=True the newer turn wins: the older one ends as stopped."""
    client = FakeClient()
    session = ChatSession(client, latest=where == "session")
    old = session.send({"n": 1})
    client.streams[0].feed("old")
    next(old)
    new = session.send({"n": 2}, latest=None if where == "session" else True)
    assert old.outcome.reason == "stopped"
    assert old.outcome.answer.text == "old"
    assert client.streams[0]._cancel.is_set()
    client.streams[0].feed("more")
    assert list(old) == []
    client.streams[1].feed("new")
    client.streams[1].finish()
    assert new.result().text == "new"
    assert session.answer.text == "new"


def test_a_refused_send_is_an_error():
    """The exception of send is also the session's error, and the next send may succeed."""
    session = ChatSession(FakeClient(BackendError("no"), ["yes"]))
    with pytest.raises(BackendError, match="no"):
        session.send({})
    assert seen(session) == ("error", True, True, "")
    assert session.run({}).text == "yes"
    assert seen(session) == ("finished", True, False, "yes")


def test_a_body_that_cannot_be_sent_is_an_error():
    """A wrong body raises the client's error, and the turn ends with it as a ChatError."""
    session = ChatSession(FakeClient(TypeError("no JSON")))
    with pytest.raises(TypeError, match="no JSON"):
        session.send({})
    assert session.status == "error"
    assert str(session.error) == "TypeError: no JSON"


def test_an_error_in_the_reading_code_closes_the_stream():
    """An exception that is not a ChatError, such as a bug in a tap, is raised and ends the turn."""
    client = FakeClient()
    session = ChatSession(client)
    stream = session.send({})
    client.streams[0].fail(ZeroDivisionError("a tap"))
    with pytest.raises(ZeroDivisionError):
        next(stream)
    assert client.streams[0].closed
    assert seen(session) == ("error", True, True, "")


def test_an_interrupt_stops():
    """Ctrl-C while reading is raised, and the turn ends as stopped with its text."""
    client = FakeClient(lambda cancel: Interrupted(cancel, "Hel"))
    session = ChatSession(client)
    with pytest.raises(KeyboardInterrupt):
        session.run({})
    assert seen(session) == ("stopped", True, False, "Hel")
    assert client.streams[0].closed


class Interrupted(FakeStream):
    """A stream during whose second read the user presses Ctrl-C."""

    def __next__(self):
        if self.answer.text:
            raise KeyboardInterrupt
        return super().__next__()
