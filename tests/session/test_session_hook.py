"""The hook with a real client and a real server on the loopback."""

from __future__ import annotations

import gc
import weakref

import pytest
from session_fakes import WAIT, Log

import chatsdk
from chatsdk import BackendError, ChatClient, ConnectError, StreamInterrupted
from chatsdk.session import ChatSession, Regenerate, use_chat
from chatsdk.testing import ChatServer

PATH = "/v1/chat/completions"


@pytest.fixture
def server():
    with ChatServer() as server:
        yield server


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
    """If the URL shows that the backend keeps the history, it gets only the new message."""
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


def test_errors_keep_the_text(server):
    """A truncated answer is an error with the partial text; regenerate tries again."""
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


def test_no_client():
    """A session needs a client; the error names the function for an address."""
    for client in ("http://127.0.0.1/", None):
        with pytest.raises(TypeError, match="use_chat takes an address"):
            ChatSession(client)


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
        assert not stream.outcome
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
        shown = repr([session, stream, session._store.seen, stream._source.turn, session.outcome])
        stream.close()
    assert "sesame" not in shown
    assert "ChatSession submitted, 1 messages" in shown


def test_the_front_door():
    """The hook's names are imported from chatsdk itself, and a plain client does without."""
    assert chatsdk.use_chat is use_chat
    assert {"use_chat", "ChatSession", "Regenerate", "Edit"} <= set(dir(chatsdk))
    with pytest.raises(AttributeError, match="nothing"):
        chatsdk.nothing  # noqa: B018
