"""Turns on threads of their own, with a real client and a real server on the loopback."""

from __future__ import annotations

import logging
import threading
import time

import pytest
from session_fakes import WAIT, FakeClient, FakeUI, Log, eventually

from chatsdk import HTTPStatusError
from chatsdk.session import ChatSession, Regenerate, use_chat
from chatsdk.session import session as closing
from chatsdk.testing import ChatServer

PATH = "/v1/chat/completions"


@pytest.fixture
def server():
    with ChatServer() as server:
        yield server


def names_of_threads():
    return [thread.name for thread in threading.enumerate() if "session" in thread.name]


def test_start_returns_before_the_connection(server):
    """start() returns while nothing has been sent; the status is submitted by then."""
    script = server.answer("openai")
    listening = threading.Event()
    with use_chat(server.url + PATH) as session:
        session.subscribe(listening.set)
        handle = session.start({})
        assert session.status in ("submitted", "streaming")
        assert not handle.done
        assert repr(handle) == "<TurnHandle pending>"
        assert handle.wait(0) is False
        with pytest.raises(TimeoutError, match="not ended within 0 s"):
            handle.result(0)
        script.say("Hello")
        script.finish()
        assert handle.result(WAIT).text == "Hello"
        assert handle.done
        assert handle.answer.text == "Hello"
        assert handle.outcome.reason == "finished"
    assert repr(handle) == "<TurnHandle finished>"


def test_the_thread_of_start(server):
    """The thread of start() is a daemon with a name, and gone when the turn is over."""
    script = server.answer("openai")
    with use_chat(server.url + PATH) as session:
        handle = session.start({})
        thread = next(t for t in threading.enumerate() if t.name.startswith("chatsdk-session-"))
        assert thread.daemon
        assert thread.name.endswith("-turn-1")
        script.say("Hi")
        script.finish()
        assert handle.wait(WAIT)
        thread.join(WAIT)
        assert session._threads == set()
    assert names_of_threads() == []


def test_start_gives_errors_to_on_error(server, caplog):
    """Errors on the thread of start() are reported, kept and raised by result()."""
    server.reply(401, json={"error": {"message": "who are you?"}})
    log = Log()
    with use_chat(server.url + PATH, **log.callbacks()) as session:
        handle = session.start({})
        with pytest.raises(HTTPStatusError, match="who are you"):
            handle.result(WAIT)
        assert session.status == "error"
        assert session.error.status == 401
        assert [kind for kind, _ in log] == ["error", "finish"]
        handle = session.start({"not": {1, 2}})
        with pytest.raises(TypeError, match="cannot be written as JSON"):
            handle.result(WAIT)
        assert "cannot be written as JSON" in str(session.error)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("phase", ["connected", "streaming"])
def test_stop_a_start(server, phase):
    """handle.stop() ends a turn that waits for headers or for text, within the wait."""
    script = server.answer("openai") if phase == "streaming" else server.silent()
    log = Log()
    with use_chat(server.url + PATH, **log.callbacks()) as session:
        seen = threading.Event()
        session.subscribe(lambda: session.answer.text and seen.set())
        handle = session.start({})
        if phase == "streaming":
            script.say("Hel")
            eventually(seen)
        else:
            server.wait_for_request()
        handle.stop()
        assert session.status == "stopped"
        assert session.done
        assert handle.wait(WAIT)
        assert handle.result().text == ("Hel" if phase == "streaming" else "")
        assert log.of("finish") == ["stopped"]
        server.wait_until_no_connections()


def test_a_callback_cannot_wait_for_its_turn(caplog):
    """A callback on the turn's thread that waits for the turn gets an error and does not hang."""
    client = FakeClient(["Hi"])
    raised, handles, begun = [], [], threading.Event()

    def on_answer(answer):
        eventually(begun)
        for wait in (handles[0].wait, handles[0].result):
            with pytest.raises(RuntimeError, match="cannot wait for the turn") as info:
                wait()
            raised.append(info.value)

    session = ChatSession(client, on_answer=on_answer)
    handles.append(session.start({}))
    begun.set()
    assert handles[0].result(WAIT).text == "Hi"
    assert len(raised) == 2
    assert caplog.records == []


def test_a_handle_stops_only_its_own(server):
    """The handle of an old turn does not stop the newer one."""
    server.silent()
    script = server.answer("openai")
    with use_chat(server.url + PATH, latest=True) as session:
        old = session.start({})
        server.wait_for_request()
        new = session.start({})
        assert old.wait(WAIT)
        old.stop()
        script.say("new")
        script.finish()
        assert new.result(WAIT).text == "new"
        assert old.outcome.reason == "stopped"
        assert old.result().text == ""


def test_ctrl_c_after_start_ends_the_request(server, monkeypatch):
    """A Ctrl-C before start() returns its handle ends the thread's request, not just the turn."""
    server.silent()
    begin = threading.Thread.start

    def interrupted(thread):
        begin(thread)
        if "session" in thread.name:
            server.wait_for_request()
            raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with use_chat(server.url + PATH) as session:
        with pytest.raises(KeyboardInterrupt):
            session.start({})
        assert session.status == "stopped"
        server.wait_until_no_connections()


def test_close_within_a_second(server):
    """close() ends a turn that waits for the backend, its thread and its connection."""
    server.silent()
    log = Log()
    session = use_chat(server.url + PATH, **log.callbacks())
    handle = session.start({})
    server.wait_for_request()
    began = time.monotonic()
    session.close()
    assert time.monotonic() - began < 1.0
    assert handle.done
    assert names_of_threads() == []
    assert log == [("finish", "stopped")]
    server.wait_until_no_connections()
    session.close()
    with pytest.raises(RuntimeError, match="this session is closed"):
        session.send({})


def test_close_while_a_callback_blocks(server, monkeypatch):
    """close() does not wait for a callback that blocks; on_finish is called when that returns."""
    assert closing.CLOSE_SECONDS <= 1.0
    monkeypatch.setattr(closing, "CLOSE_SECONDS", 0.1)
    script = server.answer("openai")
    log, entered, go = Log(), threading.Event(), threading.Event()

    def on_answer(answer):
        entered.set()
        eventually(go)

    session = use_chat(server.url + PATH, **log.callbacks() | {"on_answer": on_answer})
    handle = session.start({})
    script.say("Hel")
    eventually(entered)
    began = time.monotonic()
    session.close()
    assert time.monotonic() - began < 1.0
    assert (session.status, session.done, handle.done, log) == ("stopped", True, False, [])
    go.set()
    assert handle.wait(WAIT)
    assert log == [("finish", "stopped")]
    server.wait_until_no_connections()


@pytest.mark.parametrize("begun", [False, True], ids=["submitted", "streaming"])
def test_stop_and_send_at_once(server, begun):
    """Over real connections, too, no text of a turn that was stopped is in the next one."""
    ended, texts, text_came = [], [], threading.Event()

    def on_answer(answer):
        texts.append(answer.text)
        if answer.text:
            text_came.set()

    def on_finish(outcome):
        ended.append((outcome.reason, outcome.answer.text, "".join(set(texts))))
        texts.clear()

    with use_chat(server.url + PATH, on_answer=on_answer, on_finish=on_finish) as session:
        for number in range(20):
            text_came.clear()
            script = server.answer("openai")
            handle = session.start({})
            server.wait_for_request()
            if begun:
                script.say("old")
                eventually(text_came)
            server.answer("openai", f"<{number}>")
            session.stop()
            assert session.send({}).result().text == f"<{number}>"
            assert handle.wait(WAIT)
            server.wait_for_request()
    old = "old" if begun else ""
    assert ended[::2] == [("stopped", old, old)] * 20
    assert [text for _, text, _ in ended[1::2]] == [f"<{number}>" for number in range(20)]
    assert not any("old" in shown for _, _, shown in ended[1::2])


def test_close_with_a_stream_that_nobody_reads(server):
    """close() ends a turn whose stream is silent, and notifies."""
    script = server.answer("openai")
    log = Log()
    with use_chat(server.url + PATH, **log.callbacks()) as session:
        stream = session.send({})
        script.say("Hel")
        while not next(stream).text:
            pass
    assert session.status == "stopped"
    assert log[-1] == ("finish", "stopped")
    assert list(stream) == []
    assert log.of("finish") == ["stopped"]


def test_a_window(server):
    """A window sends, sees text grow on its own thread, stops, and asks again."""
    ui, log = FakeUI(), Log()
    threads = set()
    script = server.answer("openai")
    server.answer("openai", "Good day")
    with use_chat(server.url + PATH, dispatch=ui, **log.callbacks()) as session:
        session.subscribe(lambda: threads.add(threading.current_thread()))
        handle = session.start("Hi")
        for piece in ("Hel", "lo ", "the"):
            script.say(piece)
            ui.run_until(lambda piece=piece: "".join(log.of("answer")).endswith(piece))
        session.stop()
        ui.run_until(lambda: ("finish", "stopped") in log)
        assert handle.wait(WAIT)
        assert "".join(log.of("answer")) == session.answer.text == "Hello the"
        session.start(Regenerate())
        ui.run_until(lambda: ("finish", "finished") in log)
        assert session.answer.text == "Good day"
    assert threads == {threading.current_thread()}
    assert [message.content for message in session.messages] == ["Hi", "Good day"]
