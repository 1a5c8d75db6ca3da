"""A turn that failed before its first word: its question is shown, and not sent with the next."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from session_fakes import WAIT, FakeClient, said, talk
from test_session_tool_requests import owed
from test_session_tools import PATHS, call

from chatsdk import BackendError, ChatError, Message, dialects
from chatsdk.parts import Failure, ToolCallDelta
from chatsdk.session import ChatSession, Edit, Regenerate, use_chat
from chatsdk.testing import ChatServer

NEEDED = {
    "coze": {"bot_id": "b", "user_id": "u"},
    "dify": {"user": "u"},
    "langgraph": {"assistant_id": "a"},
}

GEMINI = "/v1beta/models/tiny:streamGenerateContent"


def can_be_asked(name):
    if name == "gemini":
        return True
    dialect = dialects.get(name)
    try:
        dialect.encode(())
        dialect.body([Message("user", "Hi")], **NEEDED.get(name, {}))
    except ValueError:
        return False
    return True


ASKED = [name for name in dialects.names() if can_be_asked(name)]


@pytest.fixture
def server():
    with ChatServer() as server:
        yield server


def hook(server, dialect, **options):
    path = GEMINI if dialect == "gemini" else ""
    return use_chat(server.url + path, dialect=dialect, defaults=NEEDED.get(dialect, {}), **options)


def end_before_the_first_word(server, session, dialect, how):
    """Ask "LONG QUESTION", and have that turn end in this way."""
    if how == "stopped":
        response = server.silent()
        handle = session.start("LONG QUESTION")
        response.wait_for_request(WAIT)
        session.stop()
        assert handle.wait(WAIT)
        return
    if how == "refused":
        server.reply(413, json={"error": {"message": "maximum context length is 8192 tokens"}})
    elif how == "failed":
        server.answer(dialect, parts=[Failure("overloaded")])
    else:
        server.drop()
    with pytest.raises(ChatError):
        session.run("LONG QUESTION")


@pytest.mark.parametrize("restored", [False, True], ids=["", "restored"])
@pytest.mark.parametrize("how", ["refused", "failed", "dropped", "stopped"])
@pytest.mark.parametrize("dialect", ASKED)
def test_the_next_question_goes_without_it(server, dialect, how, restored):
    """A question that never got a word is not sent with the next one, but still shown."""
    with hook(server, dialect) as session:
        server.answer(dialect, "Hello.")
        session.run("First")
        end_before_the_first_word(server, session, dialect, how)
        assert [message.content for message in session.messages if message.role == "user"] == [
            "First",
            "LONG QUESTION",
        ]
        saved = json.loads(json.dumps(session.to_dict()))
        server.answer(dialect, "Good.")
        if restored:
            with hook(server, dialect, saved=saved) as again:
                again.run("Short")
        else:
            session.run("Short")
    body = server.requests[-1].body.decode()
    assert "Short" in body
    assert "LONG QUESTION" not in body


@pytest.mark.parametrize("dialect", ASKED)
def test_it_can_be_asked_again(server, dialect):
    """`regenerate` sends the question that failed; answered at last, it goes along from then on."""
    with hook(server, dialect) as session:
        end_before_the_first_word(server, session, dialect, "refused")
        server.answer(dialect, "Good.")
        session.run(Regenerate())
        assert "LONG QUESTION" in server.requests[-1].body.decode()
        assert [message.content for message in session.messages] == ["LONG QUESTION", "Good."]
        server.answer(dialect, "Fine.")
        session.run("Short")
        if dialects.get(dialect).history(session.client.url) == "client" and dialect != "vercel":
            assert "LONG QUESTION" in server.requests[-1].body.decode()


def test_one_further_up_can_be_asked_again():
    """A question that failed before others can be answered again, or be changed."""
    client = FakeClient(BackendError("no"), ["two"], ["one"], ["three"])
    session = ChatSession(client)
    with pytest.raises(BackendError):
        session.run("1?")
    session.run("2?")
    saved = session.to_dict()
    session.run(Regenerate("m1"))
    assert said(client.asked[-1][0]) == [("user", "1?")]
    again = ChatSession(client, saved=saved)
    again.run(Edit("m1", "one?"))
    assert said(client.asked[-1][0]) == [("user", "one?")]


def test_an_answer_that_broke_off_goes_along():
    """A partial answer is sent with its question."""
    client = FakeClient(None, ["two"])
    session = ChatSession(client)
    stream = session.ask("1?")
    client.streams[0].feed("on")
    next(stream)
    stream.close()
    session.run("2?")
    assert said(client.asked[-1][0]) == [("user", "1?"), ("assistant", "on"), ("user", "2?")]


def test_only_the_question_is_left_out():
    """The initial messages are sent, whatever their roles are."""
    client = FakeClient(BackendError("no"), BackendError("no"), ["three"])
    begun = [Message("system", "Be brief."), Message("user", "This is my text: ...")]
    session = ChatSession(client, messages=begun)
    for question in ("1?", ["2?", "And 2b?"]):
        with pytest.raises(BackendError):
            session.run(question)
    session.run("3?")
    assert said(client.asked[-1][0]) == [
        ("system", "Be brief."),
        ("user", "This is my text: ..."),
        ("user", "3?"),
    ]


def test_a_call_that_broke_off_is_no_word():
    """Half a call is not sent, nor is its question."""
    client = FakeClient(None, ["two"])
    session = ChatSession(client)
    stream = session.ask("1?")
    client.streams[0].feed(ToolCallDelta(0, id="c1", name="look", arguments='{"a'))
    next(stream)
    client.streams[0].fail(BackendError("no"))
    with pytest.raises(BackendError):
        stream.result()
    session.run("2?")
    assert said(client.asked[-1][0]) == [("user", "2?")]


@pytest.mark.parametrize(
    ("status", "sent"),
    [
        ("error", [("user", "2?")]),
        ("stopped", [("user", "2?")]),
        ("finished", [("user", "1?"), ("user", "2?")]),
    ],
)
def test_a_conversation_saved_by_0_1_0(status, sent):
    """It has no list of failures: the answer's status is enough."""
    saved = {
        "version": 1,
        "conversation_id": None,
        "server_has": None,
        "origin": None,
        "ids": 2,
        "messages": [
            {"role": "user", "content": "1?", "id": "m1"},
            {"role": "assistant", "content": "", "id": "m2", "status": status},
        ],
    }
    client = FakeClient(["two"])
    session = ChatSession(client, saved=saved)
    session.run("2?")
    assert said(client.asked[-1][0]) == sent
    assert talk(session)[0] == ("m1", "user", "1?", None)


def test_a_damaged_note_of_what_failed():
    """A saved session whose list of failed questions is malformed is refused as damaged."""
    saved = ChatSession(FakeClient()).to_dict()
    for failed in ("m1", [1]):
        with pytest.raises(ValueError, match="damaged"):
            ChatSession(FakeClient(), saved={**saved, "failed": failed})


@pytest.mark.parametrize("how", ["refused", "failed", "dropped", "stopped in the tool"])
@pytest.mark.parametrize("restored", [False, True], ids=["", "restored"])
@pytest.mark.parametrize("dialect", PATHS)
def test_a_round_that_failed_half_way(server, dialect, how, restored):
    """No call is sent without its result, and no result without its call."""
    options = {"dialect": dialect, "defaults": {"model": "m"} if dialect != "gemini" else {}}
    with use_chat(server.url + PATHS[dialect], **options) as session:
        tool = session.stop if how == "stopped in the tool" else lambda: "done"
        server.answer(dialect, tool_calls=[call("halt")], id="resp_1")
        if how == "refused":
            server.reply(400, json={"error": {"message": "too long"}})
        elif how == "failed":
            server.answer(dialect, parts=[Failure("overloaded")])
        elif how == "dropped":
            server.drop()
        try:
            session.run("1?", tools={"halt": tool})
        except ChatError:
            assert how != "stopped in the tool"
        server.answer(dialect, "Yes.")
        saved = json.loads(json.dumps(session.to_dict()))
        if restored:
            with use_chat(server.url + PATHS[dialect], **options, saved=saved) as again:
                again.run("2?")
        else:
            session.run("2?")
    body = json.loads(server.requests[-1].body)
    assert "2?" in json.dumps(body)
    assert owed(dialect, body) == []


def test_what_tools_have_returned_goes_along(server):
    """The model is informed that its call was carried out, and that no answer followed."""
    with use_chat(server.url, dialect="openai") as session:
        server.answer("openai", tool_calls=[call("book")])
        server.reply(500)
        with pytest.raises(ChatError):
            session.run("Book it.", tools={"book": lambda: "booked"})
        server.answer("openai", "Yes.")
        session.run("Is it booked?")
        messages = server.requests[-1].json["messages"]
    assert [(message["role"], message["content"] or "") for message in messages] == [
        ("user", "Book it."),
        ("assistant", ""),
        ("tool", "booked"),
        ("assistant", "[The answer was interrupted.]"),
        ("user", "Is it booked?"),
    ]
    assert [message.content for message in session.messages if message.role == "assistant"] == [
        "",
        "",
        "Yes.",
    ]


ENDS = st.sampled_from(["finished", "refused", "failed at once", "broke off", "stopped"])


@given(st.lists(ENDS, max_size=8), st.booleans())
def test_what_is_sent_takes_turns(ends, saved):
    """However the turns before have ended, user and assistant take turns in what is sent."""
    client = FakeClient()
    session = ChatSession(client)
    for number, end in enumerate(ends):
        if end == "refused":
            client.plans.append(BackendError("no"))
            with pytest.raises(BackendError):
                session.ask(f"{number}?")
        else:
            client.plans.append(None)
            stream = session.ask(f"{number}?")
            source = client.streams[-1]
            if end in ("finished", "broke off"):
                source.feed(f"{number}!")
                next(stream)
            if end == "finished":
                source.finish()
                stream.result()
            elif end == "stopped":
                stream.close()
            else:
                source.fail(BackendError("no"))
                with pytest.raises(BackendError):
                    stream.result()
        if saved:
            session = ChatSession(client, saved=session.to_dict())
    client.plans.append(["Yes."])
    session.run("last?")
    answered = [number for number, end in enumerate(ends) if end in ("finished", "broke off")]
    expected = [
        turn
        for number in answered
        for turn in (("user", f"{number}?"), ("assistant", f"{number}!"))
    ]
    assert said(client.asked[-1][0]) == [*expected, ("user", "last?")]
    assert sum(message.role == "user" for message in session.messages) == len(ends) + 1
