"""The hook with a real client and a real server on the loopback."""

from __future__ import annotations

import gc
import logging
import threading
import time
import weakref

import pytest
from session_fakes import WAIT, FakeUI, Log, eventually

import chatsdk
from chatsdk import BackendError, ChatClient, ConnectError, HTTPStatusError, StreamInterrupted
from chatsdk.session import ChatSession, Regenerate, use_chat
from chatsdk.testing import ChatServer

PATH = "/v1/chat/completions"


@pytest.fixture
def server():
    with ChatServer() as server:
        yield server


def names_of_threads():
    return [thread.name for thread in threading.enumerate() if "session" in thread.name]


def test_the_hook(server):
    """use_chat gives send, answer and done; the answer grows while the stream is read."""
    server.answer("openai", "Hello there", pieces=2)
    with use_chat(server.url + PATH) as session:
        assert session.done
        assert session.answer.text == ""
        texts = [session.answer.text for _ in session.send({"messages": []})]
        assert session.done
    assert texts[-1] == session.answer.text == "Hello there"
    assert texts == sorted(texts, key=len)
    assert server.requests[0].json == {"messages": []}


def test_each_answer_comes_before_the_next_event(server):
    """The session has each piece before the server sends the next one."""
    script = server.answer("openai")
    with use_chat(server.url + PATH) as session:
        stream = session.send({})
        for n in range(20):
            script.say(f"<{n}>")
            while not session.answer.text.endswith(f"<{n}>"):
                next(stream)
        script.finish()
        assert stream.result().text == "".join(f"<{n}>" for n in range(20))


def test_the_request_of_ask(server):
    """ask() sends the conversation, and the options of use_chat go to the client."""
    for text in ("one", "two"):
        server.answer("openai", text)
    url = server.url + "/chat"
    with use_chat(url, dialect="openai", token="k", defaults={"model": "m"}) as session:
        session.run("first")
        session.run("second")
    request = server.requests[1]
    assert request.json["model"] == "m"
    assert [(m["role"], m["content"]) for m in request.json["messages"]] == [
        ("user", "first"),
        ("assistant", "one"),
        ("user", "second"),
    ]
    assert request.headers["authorization"] == "Bearer k"


def test_a_backend_that_keeps_the_history(server):
    """Where the URL tells that the backend keeps the history, it gets only the new message."""
    for text in ("one", "two"):
        server.answer("ragflow", text, conversation_id="c1")
    with use_chat(server.url + "/api/v1/chats/1/completions") as session:
        session.run("first")
        session.run("second")
        with pytest.raises(ValueError, match="the backend keeps this conversation"):
            session.edit(session.messages[0].id, "First?")
    first, second = (request.json for request in server.requests)
    assert "c1" not in str(first)
    assert "c1" in str(second)
    assert "first" not in str(second)


def test_start_returns_before_the_connection(server):
    """start() returns while nothing has been sent; the status is submitted by then."""
    script = server.answer("openai")
    listening = threading.Event()
    with use_chat(server.url + PATH) as session:
        session.subscribe(listening.set)
        handle = session.start({})
        assert session.status in ("submitted", "streaming")
        assert not handle.done
        assert repr(handle) == "<TurnHandle under way>"
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
        assert session._threads == []
    assert names_of_threads() == []


def test_start_gives_errors_to_on_error(server, caplog):
    """What goes wrong on the thread of start() is told, kept and raised by result()."""
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


def test_errors_keep_the_text(server):
    """A cut answer is an error with the text so far; regenerate tries again."""
    script = server.answer("openai")
    server.answer("openai", "Hello")
    with use_chat(server.url + PATH) as session:
        stream = session.ask("Hi")
        script.say("Hel")
        script.cut()
        with pytest.raises(StreamInterrupted):
            stream.result()
        assert session.error.answer.text == session.answer.text == "Hel"
        assert [message.status for message in session.messages] == [None, "error"]
        assert session.run(Regenerate()).text == "Hello"
        assert [message.content for message in session.messages] == ["Hi", "Hello"]


def test_a_server_that_is_not_there():
    """A refused connection is the session's error too, raised by send at once."""
    with ChatServer() as server:
        url = server.url + PATH
    with use_chat(url, retry=chatsdk.Retry(attempts=1)) as session:
        with pytest.raises(ConnectError):
            session.send({})
        assert isinstance(session.error, ConnectError)


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


def test_close_with_a_stream_that_nobody_reads(server):
    """close() ends a turn whose stream stands still, and tells it."""
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


def test_a_client_of_ones_own_stays_open(server):
    """A session closes the client that use_chat made, and no other."""
    for _ in range(2):
        server.answer("openai", "Hi")
    with ChatClient(server.url + PATH) as client:
        with use_chat(client, latest=True) as session:
            assert session.client is client
            session.run({})
        assert client.send({}).result().text == "Hi"
    with pytest.raises(TypeError, match=r"timeout.*ChatClient"):
        use_chat(client, timeout=5)


def test_a_client_that_use_chat_made_is_closed(server):
    """With the session end the connections that its client kept alive."""
    server.answer("openai", "Hi")
    with use_chat(server.url + PATH) as session:
        session.run({})
        assert server.open_connections == 1
    server.wait_until_no_connections()


def test_wrong_options():
    """An option that neither the session nor the client has is a TypeError, as a wrong URL is."""
    with pytest.raises(TypeError, match="colour"):
        use_chat("http://127.0.0.1/", colour="red")
    with pytest.raises(ValueError, match="http"):
        use_chat("127.0.0.1")
    with pytest.raises(TypeError, match="throttle"):
        use_chat("http://127.0.0.1/", throttle="fast")


def test_saved_through_use_chat(server):
    """use_chat(saved=...) goes on with a conversation kept as JSON."""
    server.answer("openai", "one")
    server.answer("openai", "two")
    with use_chat(server.url + PATH) as session:
        session.run("first")
        data = session.to_dict()
    with use_chat(server.url + PATH, saved=data) as session:
        session.run("second")
        assert [message.content for message in session.messages] == [
            "first",
            "one",
            "second",
            "two",
        ]


def test_what_a_stream_tells(server):
    """The stream has what the client's stream has: response, dialect, attempts, body, deltas."""
    server.answer("openai", "Hello there", pieces=2)
    with use_chat(server.url + PATH) as session:
        stream = session.send({"n": 1})
        assert stream.response.status == 200
        assert stream.attempts == 1
        assert stream.body == {"n": 1}
        assert stream.outcome is None
        assert "".join(stream.deltas()) == "Hello there"
        assert stream.dialect.name == "openai"
        assert stream.outcome is session.outcome
        assert stream.answer == session.answer


def test_deltas_may_be_left(server):
    """Leaving deltas() half-way ends the turn as stopped."""
    server.answer("openai", "Hello there", pieces=4)
    with use_chat(server.url + PATH) as session:
        stream = session.send({})
        for delta in stream.deltas():
            assert delta
            break
        assert session.status == "stopped"
        assert stream.answer.text == delta


def test_dropped_streams_leave_nothing(server):
    """A stream dropped half-way closes its connection, at once and without the collector."""
    script = server.answer("openai")
    gc.disable()
    try:
        with use_chat(server.url + PATH) as session:
            stream = session.send({})
            script.say("Hi")
            next(stream)
            dropped = weakref.ref(stream)
            del stream
            assert dropped() is None
            server.wait_until_no_connections()
            assert session.status == "stopped"
    finally:
        gc.enable()


def test_a_dropped_session_is_collected(server):
    """A session that was used and dropped is freed, with its turn and its answers."""
    server.answer("openai", "Hi")
    client = ChatClient(server.url + PATH)
    session = ChatSession(client, on_answer=lambda answer: None)
    session.start("Hi").result(WAIT)
    dropped = weakref.ref(session)
    del session
    gc.collect()
    assert dropped() is None
    client.close()


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


def test_a_backend_error_in_the_stream(server):
    """The backend's own error in mid-stream reaches on_error with the text before it."""
    from chatsdk.parts import Failure

    server.answer("openai", "Hel", failure=Failure("overloaded", "busy"))
    log = Log()
    with use_chat(server.url + PATH, **log.callbacks()) as session:
        with pytest.raises(BackendError, match="overloaded"):
            session.run({})
        assert session.answer.text == "Hel"
    assert log[-1] == ("finish", "error")
    assert "overloaded" in log[-2][1]


def test_nothing_secret_in_a_repr(server):
    """The repr of a session, its streams and handles shows neither token nor query."""
    server.answer("openai", "Hi")
    with use_chat(server.url + PATH + "?key=sesame", token="sesame") as session:
        stream = session.ask("Hi", password="sesame")
        shown = repr([session, stream, session._machine.seen, stream._turn, session.outcome])
        stream.close()
    assert "sesame" not in shown
    assert "ChatSession submitted, 1 messages" in shown


def test_the_front_door():
    """The hook's names are imported from chatsdk itself, and a plain client does without."""
    assert chatsdk.use_chat is use_chat
    assert {"use_chat", "ChatSession", "Regenerate", "Edit"} <= set(dir(chatsdk))
    with pytest.raises(AttributeError, match="nothing"):
        chatsdk.nothing  # noqa: B018
