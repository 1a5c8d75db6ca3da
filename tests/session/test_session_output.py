"""`output=` in a session: the same object, with tools, in callbacks and in later turns."""

from __future__ import annotations

import json

import attrs
import pytest

from chatsdk import BackendError, OutputError, use_chat
from chatsdk.parts import Finish, Text, ToolCallDelta
from chatsdk.testing import ChatServer

pytest.importorskip("cattrs")
pytest.importorskip("jiter")


@attrs.define
class Weather:
    place: str
    degrees: int


TEXT = '{"place": "Köln", "degrees": 21}'
KOELN = Weather("Köln", 21)


@pytest.fixture
def server():
    with ChatServer() as server:
        yield server


def test_the_answer_and_the_callbacks_have_it(server):
    """`session.answer` and each `on_answer` have the object of their step."""
    server.answer("openai", [TEXT[:15], TEXT[15:]])
    seen = []
    with use_chat(server.url, dialect="openai", on_answer=lambda a: seen.append(a.value)) as chat:
        answer = chat.run("Weather?", output=Weather, model="m")
        assert chat.answer.value == answer.value == KOELN
    assert Weather("Köln", None) in seen  # type: ignore[arg-type]
    assert seen[-1] == KOELN


def test_the_conversation_has_the_text(server):
    """The answer among the messages is its JSON; the words for the model are not there."""
    for _ in range(2):
        server.answer("deepseek", TEXT)
    with use_chat(server.url, dialect="deepseek", defaults={"model": "m"}) as chat:
        chat.run("Weather?", output=Weather)
        assert [message.content for message in chat.messages] == ["Weather?", TEXT]
        chat.run("And now?", output=Weather)
    sent = server.requests[1].json["messages"]
    assert [message["content"] for message in sent[:2]] == ["Weather?", TEXT]
    assert "JSON schema" in sent[2]["content"]


@pytest.mark.parametrize(
    ("dialect", "by"), [("openai", None), ("openai", "tool"), ("anthropic", "tool")]
)
def test_tools_run_before_it(server, dialect, by):
    """Rounds of tools come first, and the object is that of the last answer."""
    call = ToolCallDelta(0, "c1", "look", '{"at": "Köln"}')
    last = [ToolCallDelta(0, "c2", "Weather", TEXT), Finish("tool_calls")]
    server.answer(dialect, parts=[Text("Let me {look}."), call, Finish("tool_calls")])
    server.answer(dialect, parts=last if by else [Text(TEXT), Finish("stop")])
    looked = []

    def look(at: str) -> str:
        looked.append(at)
        return "21"

    seen = []
    with use_chat(server.url, dialect=dialect, on_answer=lambda a: seen.append(a.value)) as chat:
        options = {"model": "m", "output": Weather, "output_by": by}
        answer = chat.run("Weather?", tools=[look], **options)
        assert chat.messages[-1].content == TEXT
        assert chat.status.value == "finished"
    assert looked == ["Köln"]
    assert answer.value == KOELN
    assert answer.text.endswith(TEXT)
    assert None in seen
    assert seen[-1] == KOELN


def test_one_that_does_not_fit_fails_the_turn(server):
    """The turn ends with the status ``error``; its text stays in the conversation."""
    server.answer("openai", '{"place": "Köln"}')
    errors = []
    with use_chat(server.url, dialect="openai", on_error=errors.append) as chat:
        with pytest.raises(OutputError, match="degrees"):
            chat.run("Weather?", output=Weather, model="m")
        assert chat.status.value == "error"
        assert chat.error is errors[0]
        assert chat.messages[-1].content == '{"place": "Köln"}'


def test_repair_replaces_the_text(server):
    """The conversation keeps the question and the answer that fits."""
    server.answer("openai", "Warm.")
    server.answer("openai", TEXT)
    texts = []
    with use_chat(server.url, dialect="openai", on_answer=lambda a: texts.append(a.text)) as chat:
        assert chat.run("Weather?", output=Weather, model="m", repair=1).value == KOELN
        assert [message.content for message in chat.messages] == ["Weather?", TEXT]
    assert "Warm." in texts
    assert texts[-1] == TEXT


def test_regenerate_asks_for_it_again(server):
    """The options of a turn, the type among them, count for its repetition."""
    for text in (TEXT, TEXT.replace("21", "22")):
        server.answer("openai", text)
    with use_chat(server.url, dialect="openai") as chat:
        chat.run("Weather?", output=Weather, model="m")
        assert chat.regenerate().result().value == Weather("Köln", 22)
    first, second = (request.json["response_format"] for request in server.requests)
    assert first == second


def test_a_refusal_fails_the_turn(server):
    """It is the backend's error, with its words."""
    server.answer("anthropic", parts=[Text("No."), Finish("refusal")])
    with use_chat(server.url, dialect="anthropic") as chat, pytest.raises(BackendError):
        chat.run("Weather?", output=Weather, model="m")


def test_a_thread_has_it(server):
    """The handle of a started turn gives the same."""
    server.answer("openai", TEXT)
    with use_chat(server.url, dialect="openai") as chat:
        handle = chat.start("Weather?", output=Weather, model="m")
        assert handle.result(10).value == KOELN
    assert json.loads(handle.answer.text)["degrees"] == 21
