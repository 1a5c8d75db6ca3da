"""The transcript of a chat window, derived from the session's state alone."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from chatsdk import ChatClient, ChatSession, Citation, Image, Message, Tool, ToolCall
from chatsdk.parts import ToolCallDelta
from chatsdk.session.properties import snapshot_of
from chatsdk.session.snapshot import Snapshot
from chatsdk.testing import ChatServer
from chatsdk.windows.transcript import (
    CallPart,
    Question,
    ReasoningPart,
    Source,
    TextPart,
    Transcript,
    notice_of,
)

WAIT = 20.0


def shown_of(messages: list[Message]) -> Transcript:
    with ChatClient("http://127.0.0.1:9/v1/chat/completions") as client:
        return Transcript.read(snapshot_of(ChatSession(client, messages=messages)))


@pytest.fixture
def server():
    with ChatServer() as server:
        yield server


@pytest.fixture
def session(server):
    with ChatClient(f"{server.url}/v1/chat/completions") as client, ChatSession(client) as session:
        yield session


def until(fact: Callable[[], object]) -> None:
    over = threading.Event()
    for _ in range(int(WAIT * 200)):
        if fact():
            return
        over.wait(0.005)
    raise AssertionError("it did not happen")


def read(session: ChatSession, **options) -> Transcript:
    return Transcript.read(snapshot_of(session), **options)


def test_an_unused_session_shows_nothing() -> None:
    """A session without messages has no turns."""
    assert Transcript.read(Snapshot()).turns == ()


def test_messages_become_turns() -> None:
    """A question and the messages that answer it are one turn; system messages are left out."""
    transcript = shown_of(
        [
            Message("system", "Be brief."),
            Message("user", "Hi", images=(Image(url="https://example.com/a.png"),), id="q"),
            Message("assistant", "Hello", reasoning="A greeting.", id="a"),
            Message("user", "Again"),
            Message("assistant", "Hello again"),
        ]
    )
    first, second = transcript.turns
    assert first.question == Question("Hi", (Image(url="https://example.com/a.png"),), (), "q")
    assert first.parts == (ReasoningPart("A greeting."), TextPart("Hello"))
    assert (first.reply_id, first.notice, first.live) == ("a", None, False)
    assert (second.question.text, second.text) == ("Again", "Hello again")


def test_tool_calls_stand_where_they_were_made() -> None:
    """Each call has its result and its state, between the texts of its turn."""
    weather = ToolCall("c1", "weather", '{"city":"Rome"}')
    clock = ToolCall(None, "clock", "{}")
    lost = ToolCall("c3", "lost", "{}")
    (turn,) = shown_of(
        [
            Message("user", "Weather?"),
            Message("assistant", "Let me see.", tool_calls=(weather, clock, lost)),
            Message("tool", "sunny", tool_call_id="c1", status="finished"),
            Message("tool", "error: no clock", status="error"),
            Message("assistant", "It is sunny."),
        ]
    ).turns
    assert turn.parts == (
        TextPart("Let me see."),
        CallPart("weather", '{"city":"Rome"}', "finished", "sunny", "c1"),
        CallPart("clock", "{}", "error", "error: no clock", None),
        CallPart("lost", "{}", "called", None, "c3"),
        TextPart("It is sunny."),
    )
    assert turn.text == "Let me see.\n\nIt is sunny."


def test_citations_are_numbered_and_checked() -> None:
    """A source has the backend's number or its own, and a URL only if that is safe to open."""
    (turn,) = shown_of(
        [
            Message("user", "Hi"),
            Message(
                "assistant",
                "Hello",
                citations=(
                    Citation(title="A\npage", url="https://example.com/"),
                    Citation(title="Script", url="javascript:alert(1)", position=7),
                    Citation(document="notes.pdf", snippet="see"),
                ),
            ),
        ]
    ).turns
    assert turn.sources == (
        Source(1, "A page", "https://example.com/"),
        Source(7, "Script"),
        Source(3, "notes.pdf", None, "see"),
    )


@pytest.mark.parametrize(
    ("message", "kind", "retry"),
    [
        (Message("assistant", "Hal", status="stopped"), "stopped", False),
        (Message("assistant", "", status="finished"), "empty", False),
        (Message("assistant", "Hal", status="error"), "error", True),
        (None, "stopped", True),
    ],
)
def test_a_restored_turn_says_how_it_ended(message, kind, retry) -> None:
    """Stopped, failed, empty and unanswered turns have a notice, also after they were saved."""
    reply = [] if message is None else [message]
    (turn,) = shown_of([Message("user", "Hi"), *reply]).turns
    assert (turn.notice.kind, turn.notice.retry) == (kind, retry)


def test_only_the_last_turn_offers_a_retry() -> None:
    """Asking an earlier failed question again would remove what follows it."""
    failed = Message("assistant", "", status="error")
    turns = shown_of(
        [Message("user", "Hi"), failed, Message("user", "Again"), Message("assistant", "Yes")]
    ).turns
    assert [turn.notice.kind if turn.notice else None for turn in turns] == ["error", None]
    assert not turns[0].notice.retry


def test_a_turn_in_flight(server, session) -> None:
    """It shows that it is alive until its text begins, and for how long."""
    script = server.answer("openai")
    handle = session.start("Hi")
    (turn,) = read(session, seconds=65).turns
    assert (turn.question.text, turn.parts, turn.live) == ("Hi", (), True)
    assert (turn.notice.kind, turn.notice.text) == ("waiting", "Thinking · 1 min 5 s")
    script.think("Hm.")
    until(lambda: session.answer.reasoning)
    (turn,) = read(session).turns
    assert (turn.parts, turn.notice.kind) == ((ReasoningPart("Hm."),), "waiting")
    script.say("Hello")
    until(lambda: session.answer.text)
    (turn,) = read(session).turns
    assert (turn.parts[1:], turn.notice) == ((TextPart("Hello"),), None)
    script.finish()
    assert handle.wait(WAIT)
    (turn,) = read(session).turns
    assert (turn.text, turn.notice, turn.live) == ("Hello", None, False)


def test_an_error_stands_in_its_turn(server, session) -> None:
    """The error's text and an offer to retry belong to the turn that failed."""
    server.reply(500, json={"error": {"message": "out of order"}})
    session.start("Hi").wait(WAIT)
    notice = notice_of(snapshot_of(session))
    assert "out of order" in notice.text
    (turn,) = read(session, notices={session.messages[-1].id: notice}).turns
    assert turn.notice == notice._replace(retry=True)


def test_tool_rounds_in_flight(server) -> None:
    """A call is written, then runs, and its result is shown before the turn has ended."""
    go, began = threading.Event(), threading.Event()

    def weather(city: str) -> str:
        began.set()
        assert go.wait(WAIT)
        return f"sunny in {city}"

    first = server.answer("openai")
    second = server.answer("openai")
    with ChatClient(f"{server.url}/v1/chat/completions") as client, ChatSession(client) as session:
        handle = session.start("Weather?", tools=[weather])
        first.put(ToolCallDelta(0, id="c1", name="weather", arguments='{"city":"Rome"}'))
        first.finish("tool_calls")
        assert began.wait(WAIT)
        (turn,) = read(session).turns
        assert turn.parts == (CallPart("weather", '{"city":"Rome"}', "running", None, "c1"),)
        assert turn.notice.text == "Running…"
        go.set()
        done = CallPart("weather", '{"city":"Rome"}', "finished", "sunny in Rome", "c1")
        until(lambda: read(session).turns[0].parts == (done,))
        second.say("Sunny.")
        until(lambda: read(session).turns[0].parts == (done, TextPart("Sunny.")))
        second.finish()
        assert handle.wait(WAIT)
        assert read(session).turns[0].parts == (done, TextPart("Sunny."))


def test_a_call_that_waits_for_a_person(server, session) -> None:
    """Calls that a person must allow are marked, each with the id to decide by."""
    script = server.answer("openai")
    for number, name in enumerate(("delete", "read_file", "phone")):
        script.put(ToolCallDelta(number, id=None if number else "c1", name=name, arguments="{}"))
    script.finish("tool_calls")
    server.answer("openai", "Done.")
    by_hand = {"name": "phone", "description": "Call.", "parameters": {"type": "object"}}
    tools = [Tool(delete, approve=True), read_file, Tool(by_hand)]
    handle = session.start("Go", tools=tools)
    until(lambda: session.status == "waiting")
    (turn,) = read(session).turns
    first, second, third = turn.parts
    assert (first.state, first.id, first.by_hand) == ("waiting", "c1", False)
    assert (second.state, second.result) == ("finished", "text")
    assert (third.state, third.by_hand) == ("waiting", True)
    assert [call.id for call in session.pending] == [first.id, third.id]
    assert turn.notice is None
    saved = session.to_dict()
    session.approve(first.id)
    assert read(session).turns[0].parts[0].state == "running"
    session.answer_call(third.id, "nobody")
    assert handle.wait(WAIT)
    assert read(session).turns[0].parts[-1] == TextPart("Done.")
    session.load(saved)
    assert [part.state for part in read(session).turns[0].parts] == [
        "waiting",
        "finished",
        "waiting",
    ]


def delete() -> str:
    """Delete everything."""
    return "deleted"


def read_file() -> str:
    """Read something."""
    return "text"


def test_a_posted_body_has_an_answer_without_a_question(server, session) -> None:
    """An answer to a body is shown although it is not part of the conversation."""
    server.answer("openai", "Hello")
    session.run({"messages": []})
    (turn,) = read(session).turns
    assert (turn.question, turn.text) == (None, "Hello")


def test_unchanged_turns_are_counted(server, session) -> None:
    """A view draws only what follows the turns that are the same as before."""
    server.answer("openai", "One")
    server.answer("openai", "Two")
    session.run("Hi")
    before = read(session)
    assert read(session, earlier=before).same_as(before) == 1
    session.run("Again")
    after = read(session, earlier=before)
    assert (after.same_as(before), len(after.turns)) == (1, 2)
    # The messages have not changed, so their turns are not read again.
    assert read(session, earlier=after).turns[0] is after.turns[0]
