"""The messages of a session: set, named, written as JSON and read back."""

from __future__ import annotations

import copy
import json
import pickle

import pytest
from session_fakes import FakeClient, said, talk

from chatsdk import BusyError, Citation, Image, Message, ToolCall
from chatsdk.parts import Native
from chatsdk.session import ChatSession


def test_set_messages():
    """set_messages() replaces the conversation and gives an id to what has none."""
    client = FakeClient(["one"])
    session = ChatSession(client)
    session.set_messages(["Hi", Message("assistant", "Hello", id="mine")])
    assert talk(session) == [("m1", "user", "Hi", None), ("mine", "assistant", "Hello", None)]
    session.run("And?")
    assert said(client.asked[0][0]) == [("user", "Hi"), ("assistant", "Hello"), ("user", "And?")]
    assert [message.id for message in session.messages] == ["m1", "mine", "m2", "m3"]
    with pytest.raises(ValueError, match="the id 'x'"):
        session.set_messages([Message("user", "a", id="x"), Message("user", "b", id="x")])
    session.set_messages([])
    assert session.messages == ()


def test_an_id_is_never_given_twice():
    """Ids that messages bring along are not given to others."""
    session = ChatSession(FakeClient(["one"]), messages=[Message("system", "Be brief.", id="m2")])
    session.run("Hi")
    ids = [message.id for message in session.messages]
    assert len(set(ids)) == 3


def test_set_messages_after_a_stop():
    """A turn that was stopped, but whose reader has not noticed, does not come back."""
    client = FakeClient()
    session = ChatSession(client)
    stream = session.ask("Hi")
    session.stop()
    session.set_messages(["new"])
    assert list(stream) == []
    assert said(session.messages) == [("user", "new")]
    assert session.status == "stopped"


def test_load_into_a_session():
    """A saved conversation replaces the one of a session, whose next question continues it."""
    client = FakeClient(["one"], ["two"])
    session = ChatSession(client)
    session.run("Hi")
    saved = session.to_dict()
    session.reset()
    told = []
    session.subscribe(lambda: told.append(said(session.messages)))
    session.load(saved)
    assert told == [[("user", "Hi"), ("assistant", "one")]]
    assert session.status == "idle"
    session.run("And?")
    assert said(client.asked[-1][0])[:2] == [("user", "Hi"), ("assistant", "one")]
    assert len({message.id for message in session.messages}) == 4


def test_load_is_refused():
    """A turn in flight, and a damaged conversation, are refused, and nothing has changed."""
    session = ChatSession(FakeClient(), messages=["Hi"])
    twice = [{"role": "user", "content": "a", "id": "x"}] * 2
    before = session.to_dict()
    for damaged in ({"version": 1}, before | {"messages": twice}):
        with pytest.raises(ValueError):  # noqa: PT011
            session.load(damaged)
    assert session.to_dict() == before
    stream = session.ask("Hello")
    with pytest.raises(BusyError, match=r"load\(\)"):
        session.load(before)
    stream.close()


def rich():
    return [
        Message("system", "Be brief."),
        Message(
            "user",
            "Look: ☃",
            images=(
                Image(url="http://127.0.0.1/a.png"),
                Image(data="QQ==", media_type="image/png"),
            ),
        ),
        Message(
            "assistant",
            "",
            tool_calls=(ToolCall("c1", "look", '{"at": 1}'),),
            reasoning="Hm.",
            native=Native.of("anthropic", [{"type": "thinking", "signature": "s", "n": 1.5}]),
            status="finished",
        ),
        Message("tool", "a cat", tool_call_id="c1", name="look"),
        Message(
            "assistant",
            "A cat [0]",
            citations=(Citation(title="Cats", url="http://127.0.0.1/", score=0.5, position=0),),
            status="stopped",
            id="mine",
        ),
    ]


def test_there_and_back():
    """to_dict() is JSON, and from_dict() gives a session that goes on with the same."""
    session = ChatSession(FakeClient(), messages=rich(), conversation_id="c1")
    data = json.loads(json.dumps(session.to_dict()))
    assert data["version"] == 1
    client = FakeClient(["one"])
    again = ChatSession.from_dict(data, client, on_finish=None)
    assert again.messages == session.messages
    assert again.conversation_id == "c1"
    assert again.status == "idle"
    assert again.to_dict() == session.to_dict()
    again.run("More")
    ids = [message.id for message in again.messages]
    assert ids == ["m1", "m2", "m3", "m4", "mine", "m5", "m6"]


def test_saved_while_streaming():
    """to_dict() in mid-answer has the question; after a stop it has the partial answer."""
    client = FakeClient()
    session = ChatSession(client)
    stream = session.ask("Hi")
    client.streams[0].feed("Hel")
    next(stream)
    assert said(map(Message.of, session.to_dict()["messages"])) == [("user", "Hi")]
    session.stop()
    assert said(map(Message.of, session.to_dict()["messages"])) == [
        ("user", "Hi"),
        ("assistant", "Hel"),
    ]
    stream.close()


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"version": 2}, "version 2, and this chatsdk reads 1"),
        ({"version": None}, "version None"),
        ({"messages": "Hi"}, "damaged"),
        ({"messages": [{"role": "nobody"}]}, "role"),
        ({"messages": [5]}, "a message is"),
        ({"conversation_id": 5}, "damaged"),
        ({"server_has": 5}, "damaged"),
        ({"ids": -1}, "damaged"),
        ({"ids": True}, "damaged"),
        ({"messages": [{"role": "assistant", "citations": [{"colour": 1}]}]}, "citation"),
        ({"messages": [{"role": "assistant", "reasoning": 5}]}, "reasoning"),
        ({"messages": [{"role": "assistant", "native": {"value": 5}}]}, "native"),
        ({"messages": [{"role": "user", "id": 5}]}, "id"),
    ],
)
def test_a_damaged_session(change, match):
    """Data that to_dict() did not write is refused, and the message shows what to do."""
    data = ChatSession(FakeClient()).to_dict() | change
    with pytest.raises((TypeError, ValueError), match=match):
        ChatSession.from_dict(data, FakeClient())


def test_no_dict_at_all():
    """from_dict() wants the dict itself, not its JSON, and nothing that contradicts it."""
    with pytest.raises(TypeError, match="the dict that to_dict"):
        ChatSession.from_dict("{}", FakeClient())
    data = ChatSession(FakeClient()).to_dict()
    with pytest.raises(TypeError, match="leave those out"):
        ChatSession.from_dict(data, FakeClient(), messages=["Hi"])


def test_what_cannot_be_pickled():
    """A session, a stream and a handle are not pickled or copied; the error names what can be."""
    client = FakeClient()
    session = ChatSession(client)
    stream = session.send({})
    client.streams[0].feed("Hi")
    next(stream)
    with pytest.raises(TypeError, match="take its `answer`"):
        pickle.dumps(stream)
    assert pickle.loads(pickle.dumps(stream.answer)) == stream.answer
    stream.close()
    client.plans.append(["Hi"])
    with pytest.raises(TypeError, match=r"handle\.result\(\) can"):
        copy.copy(session.start({}))
    with pytest.raises(TypeError, match=r"to_dict\(\) gives"):
        copy.deepcopy(session)


def test_more_than_we_wrote():
    """Keys that a newer chatsdk may add are left alone."""
    data = ChatSession(FakeClient(), messages=["Hi"]).to_dict() | {"theme": "dark"}
    assert said(ChatSession.from_dict(data, FakeClient()).messages) == [("user", "Hi")]
