"""The conversation: asking, regenerating, editing, and keeping it as JSON."""

from __future__ import annotations

import pytest
from session_fakes import WAIT, FakeClient, FakeStream, said, talk

from chatsdk import BackendError, Citation, Message, ToolCall
from chatsdk.dialects import Dialect, get
from chatsdk.parts import Citations, Identity, Reasoning, ToolCallDelta
from chatsdk.session import ChatSession, Edit, Regenerate


class KeepsHistory(Dialect):
    """A backend that keeps the conversation itself."""

    about = get("openai").about._replace(name="keeps_history", history="server")


def on_server(*plans):
    client = FakeClient(*plans)
    client.dialect = KeepsHistory()
    return client


def test_the_question_is_there_before_the_request_leaves():
    """ask() adds the user's message, with an id, before the client is asked."""
    seen = []
    client = FakeClient()
    session = ChatSession(client)

    def open(cancel):
        seen.append(session.messages)
        return FakeStream(cancel, "Hello")

    client.plans.append(open)
    stream = session.ask("Hi")
    client.streams[0].finish()
    assert seen == [(Message("user", "Hi", id="m1"),)]
    assert stream.result().text == "Hello"
    assert talk(session) == [("m1", "user", "Hi", None), ("m2", "assistant", "Hello", "finished")]


def test_all_is_sent_again():
    """If the client keeps the history, each turn sends the complete conversation."""
    client = FakeClient(["one"], ["two"])
    session = ChatSession(client, messages=[{"role": "system", "content": "Be brief."}])
    session.run("first", model="m", temperature=0)
    session.run([{"role": "user", "content": "second"}, "third"])
    assert said(client.asked[0][0]) == [("system", "Be brief."), ("user", "first")]
    assert client.asked[0][1] == {"model": "m", "temperature": 0}
    assert said(client.asked[1][0]) == [
        ("system", "Be brief."),
        ("user", "first"),
        ("assistant", "one"),
        ("user", "second"),
        ("user", "third"),
    ]
    assert client.asked[1][1] == {}


def test_the_server_gets_what_is_new():
    """If the backend keeps the history, it gets the new message and its conversation's id."""
    client = on_server([Identity(conversation_id="c1"), "one"], ["two"], ["three"])
    session = ChatSession(client)
    session.run("first")
    assert session.conversation_id == "c1"
    session.run("second")
    assert [said(messages) for messages, _ in client.asked] == [
        [("user", "first")],
        [("user", "second")],
    ]
    assert [options for _, options in client.asked] == [{}, {"conversation_id": "c1"}]
    session.reset()
    session.run("new")
    assert client.asked[2][1] == {}


def test_what_the_server_does_not_know_yet():
    """Without a conversation on the server all messages are sent, also those set before."""
    client = on_server([Identity(conversation_id="c1"), "three"], ["four"])
    session = ChatSession(client, messages=[Message("user", "one"), Message("assistant", "two")])
    session.run("three?")
    assert said(client.asked[0][0]) == [("user", "one"), ("assistant", "two"), ("user", "three?")]
    session.run("four?")
    assert said(client.asked[1][0]) == [("user", "four?")]


@pytest.mark.parametrize(
    ("told", "sent"),
    [
        ([], [("user", "two?"), ("assistant", "tw"), ("user", "three?")]),
        ([Identity(conversation_id="c1")], [("user", "three?")]),
    ],
)
def test_a_stopped_turn_on_the_server(told, sent):
    """A stopped turn is sent too, unless its answer carried the conversation's id."""
    client = on_server([Identity(conversation_id="c1"), "one"], None, ["three"])
    session = ChatSession(client)
    session.run("one?")
    stream = session.ask("two?")
    client.streams[1].feed(*told, "tw")
    for _ in (*told, "tw"):
        next(stream)
    stream.close()
    client.plans.append(["again"])
    again = ChatSession.from_dict(session.to_dict(), client)
    session.run("three?")
    assert said(client.asked[2][0]) == sent
    again.run("three?")
    assert said(client.asked[3][0]) == sent


def test_a_conversation_of_the_server_goes_on():
    """conversation_id= goes on with a conversation of the backend; ask() may name another."""
    client = on_server(["one"], ["two"])
    session = ChatSession(client, conversation_id="c7")
    session.run("Hi")
    session.run("Hi", conversation_id="c8")
    assert [options["conversation_id"] for _, options in client.asked] == ["c7", "c8"]


@pytest.mark.parametrize(("end", "status"), [("stop", "stopped"), ("fail", "error")])
def test_a_partial_answer_joins_too(end, status):
    """A turn that was stopped or failed leaves its text in the conversation, with the status."""
    client = FakeClient()
    session = ChatSession(client)
    stream = session.ask("Hi")
    client.streams[0].feed("Hel")
    next(stream)
    if end == "stop":
        session.stop()
        assert talk(session)[-1] == ("m2", "assistant", "Hel", "stopped")
        assert list(stream) == []
    else:
        client.streams[0].fail(BackendError("no"))
        with pytest.raises(BackendError):
            next(stream)
    assert talk(session) == [("m1", "user", "Hi", None), ("m2", "assistant", "Hel", status)]


def test_an_answer_that_never_began_is_not_sent():
    """The place of an answer that failed before its first word is kept, but it is not sent."""
    client = FakeClient(BackendError("no"), ["yes"])
    session = ChatSession(client)
    with pytest.raises(BackendError):
        session.ask("one")
    assert talk(session) == [("m1", "user", "one", None), ("m2", "assistant", "", "error")]
    session.run("two")
    assert said(client.asked[1][0]) == [("user", "two")]


def test_all_that_an_answer_carries():
    """The message of an answer has its tool calls, reasoning and citations."""
    client = FakeClient(
        [
            Reasoning("Hm."),
            "See [1]",
            Citations([Citation(title="A page", url="http://127.0.0.1/")]),
            ToolCallDelta(0, id="c", name="look", arguments="{}"),
        ]
    )
    session = ChatSession(client)
    session.run("Hi")
    message = session.messages[-1]
    assert message.content == "See [1]"
    assert message.reasoning == "Hm."
    assert message.citations == (Citation(title="A page", url="http://127.0.0.1/"),)
    assert message.tool_calls == (ToolCall("c", "look", "{}"),)


def test_a_body_leaves_the_conversation_alone():
    """send(body) posts that body; the messages are those of ask()."""
    client = FakeClient(["one"], ["two"])
    session = ChatSession(client)
    session.run("Hi")
    before = session.messages
    assert session.run({"n": 2}).text == "two"
    assert session.messages == before
    assert client.bodies == [{"n": 2}]


def test_nothing_to_ask():
    """An empty prompt list, a wrong kind, and options for a body are refused; no turn begins."""
    session = ChatSession(FakeClient())
    with pytest.raises(ValueError, match="at least one message"):
        session.ask([])
    for what in (None, 5, b"bytes"):
        with pytest.raises(TypeError, match="give a body"):
            session.start(what)
    with pytest.raises(TypeError, match=r"model.*into the body"):
        session.run({}, model="m")
    with pytest.raises(ValueError, match="role"):
        session.ask({"role": "nobody"})
    assert session.status == "idle"
    assert session.messages == ()


def test_the_last_question_is_edited():
    """Without an id `edit` changes the user's last message, if there is one."""
    client = FakeClient(["one"], ["two"], ["three"])
    session = ChatSession(client)
    with pytest.raises(ValueError, match="no question to edit"):
        session.edit(None, "1?")
    session.run("1?")
    session.run("2?")
    session.run(Edit(None, "3?"))
    assert said(client.asked[-1][0]) == [("user", "1?"), ("assistant", "one"), ("user", "3?")]


# Regenerating ---------------------------------------------------------------------------------


def test_regenerate_a_body():
    """After send(body), regenerate() posts that body again, as often as one likes."""
    client = FakeClient(["one"], ["two"], ["three"])
    session = ChatSession(client)
    session.run({"n": 1})
    assert session.regenerate().result().text == "two"
    assert session.run(Regenerate()).text == "three"
    assert client.bodies == [{"n": 1}] * 3
    with pytest.raises(TypeError, match="into the body"):
        session.regenerate(model="m")


def test_regenerate_the_last_answer():
    """After ask(), regenerate() sends the question again, without its answer, options and all."""
    client = FakeClient(["one"], ["two"], ["three"])
    session = ChatSession(client)
    session.run("first", model="m", seed=1)
    stream = session.regenerate(seed=2)
    assert talk(session) == [("m1", "user", "first", None)]
    stream.result()
    assert talk(session) == [("m1", "user", "first", None), ("m3", "assistant", "two", "finished")]
    session.run(Regenerate())
    assert [said(messages) for messages, _ in client.asked] == [[("user", "first")]] * 3
    assert [options for _, options in client.asked] == [
        {"model": "m", "seed": 1},
        {"model": "m", "seed": 2},
        {"model": "m", "seed": 2},
    ]


@pytest.mark.parametrize("which", ["m1", "m2"])
def test_regenerate_further_up(which):
    """An answer or a question further up is answered again; what came after is cut."""
    client = FakeClient(["one"], ["two"], ["again"])
    session = ChatSession(client)
    session.run("first")
    session.run("second")
    handle = session.start(Regenerate(which))
    assert handle.result(WAIT).text == "again"
    assert said(session.messages) == [("user", "first"), ("assistant", "again")]


def test_regenerate_while_streaming():
    """With latest=True the answer that is under way is the one that is replaced."""
    client = FakeClient(None, ["two"])
    session = ChatSession(client)
    old = session.ask("Hi")
    client.streams[0].feed("on")
    next(old)
    assert session.regenerate(latest=True).result().text == "two"
    assert said(session.messages) == [("user", "Hi"), ("assistant", "two")]
    assert list(old) == []


def test_regenerate_on_the_server():
    """If the backend keeps the history, only the last question can be asked again."""
    client = on_server([Identity(conversation_id="c1"), "one"], ["two"], ["again"])
    session = ChatSession(client)
    session.run("first")
    session.run("second")
    with pytest.raises(ValueError, match="the backend keeps this conversation"):
        session.regenerate("m2")
    assert len(session.messages) == 4
    session.regenerate().result()
    assert said(client.asked[2][0]) == [("user", "second")]
    assert client.asked[2][1] == {"conversation_id": "c1"}


def test_nothing_to_regenerate():
    """Without a question there is nothing to answer again, nor with an id that is not there."""
    session = ChatSession(FakeClient(), messages=[{"role": "system", "content": "Be brief."}])
    with pytest.raises(ValueError, match="no question to answer again"):
        session.regenerate()
    with pytest.raises(ValueError, match="no message with the id 'm9'"):
        session.start(Regenerate("m9"))
    with pytest.raises(ValueError, match="no question to answer again"):
        ChatSession(FakeClient()).regenerate()
    assert session.status == "idle"


# Editing --------------------------------------------------------------------------------------


def test_edit():
    """edit() changes what the user said, keeps its id, cuts what came after, and asks again."""
    client = FakeClient(["one"], ["two"], ["again"], ["and again"])
    session = ChatSession(client)
    session.run("first", model="m")
    session.run("second")
    session.edit("m1", "First?").result()
    assert talk(session)[0] == ("m1", "user", "First?", None)
    assert said(session.messages) == [("user", "First?"), ("assistant", "again")]
    assert said(client.asked[2][0]) == [("user", "First?")]
    assert session.run(Edit("m1", "Well?"), model="n").text == "and again"
    assert client.asked[3][1] == {"model": "n"}


def test_edit_what_cannot_be_edited():
    """Only the user's own messages are edited, and only where the client keeps the history."""
    client = FakeClient(["one"])
    session = ChatSession(client)
    session.run("first")
    with pytest.raises(ValueError, match="set_messages"):
        session.edit("m2", "No.")
    with pytest.raises(ValueError, match="no message"):
        session.edit("m9", "No.")
    with pytest.raises(TypeError, match="text is a string, not NoneType"):
        session.edit("m1", None)
    with pytest.raises(TypeError, match="text is a string, not int"):
        session.start(Edit("m1", 5))
    client.dialect = KeepsHistory()
    with pytest.raises(ValueError, match=r"reset\(\)"):
        session.edit("m1", "No.")
    assert said(session.messages) == [("user", "first"), ("assistant", "one")]
    assert session.status == "finished"
