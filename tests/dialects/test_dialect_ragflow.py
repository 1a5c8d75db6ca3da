"""Asking RAGFlow, stopping it, its refusals, and what it answers without a stream."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chatsdk import ChatClient, dialects
from chatsdk.answer import Answer, AnswerBuilder, ToolCall
from chatsdk.dialects import StopRequest
from chatsdk.messages import Image, Message
from chatsdk.parts import Citation, Failure, Text
from chatsdk.testing import ChatServer

CHAT = dialects.get("ragflow")
LEGACY = dialects.get("ragflow_legacy")
AGENT = dialects.get("ragflow_agent")
OPENAI = dialects.get("ragflow_openai")
HI = [Message("user", "Hi")]


def read(dialect: dialects.Dialect, *frames: object, end: bool = True) -> AnswerBuilder:
    """Read frames given as Python values."""
    from chatsdk.sse import ServerSentEvent

    decoder = dialect.decoder()
    builder = AnswerBuilder()
    for frame in frames:
        builder.step(decoder.decode(ServerSentEvent(data=json.dumps(frame))))
    if end:
        builder.step(decoder.close())
    return builder


def chat(answer: str, **more: object) -> dict[str, Any]:
    return {"code": 0, "data": {"answer": answer, **more}}


def test_the_question():
    """The body has the messages, all of them to count, and the question for older endpoints."""
    body = CHAT.body([Message("user", "Hi"), Message("assistant", "Yes?"), Message("user", "More")])
    assert body == {
        "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Yes?"},
            {"role": "user", "content": "More"},
        ],
        "question": "More",
        "stream": True,
        "pass_all_history_messages": True,
    }
    assert CHAT.body(HI) == {
        "messages": [{"role": "user", "content": "Hi"}],
        "question": "Hi",
        "stream": True,
    }


def test_going_on():
    """A conversation continues in its session, next to the options."""
    body = CHAT.body(HI, conversation_id="s-1", chat_id="c-1", temperature=0.1)
    assert (body["session_id"], body["chat_id"], body["temperature"]) == ("s-1", "c-1", 0.1)


def test_an_agents_question():
    """An agent gets the last message, and its session keeps the others."""
    assert AGENT.body(HI, agent_id="a-1") == {
        "query": "Hi",
        "question": "Hi",
        "stream": True,
        "agent_id": "a-1",
    }
    later = [*HI, Message("assistant", "Yes?"), Message("user", "More")]
    assert AGENT.body(later, conversation_id="s-1")["query"] == "More"
    with pytest.raises(ValueError, match="conversation_id"):
        AGENT.body(later)


def test_the_openai_form():
    """The OpenAI form names the assistant's own model and its session."""
    body = OPENAI.body(HI, conversation_id="s-1", extra_body={"reference": True})
    assert body == {
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": True,
        "model": "model",
        "session_id": "s-1",
        "extra_body": {"reference": True},
    }


@pytest.mark.parametrize("dialect", [CHAT, LEGACY, AGENT], ids=lambda dialect: dialect.name)
@pytest.mark.parametrize(
    ("messages", "options", "remedy"),
    [
        ([Message("assistant", "Hi")], {}, "user"),
        (HI, {"tools": [{"name": "find"}]}, "itself"),
    ],
)
def test_what_cannot_be_asked(dialect, messages, options, remedy):
    """A message that RAGFlow cannot accept is a ValueError with the reason."""
    with pytest.raises(ValueError, match=remedy):
        dialect.body(messages, conversation_id="s-1", **options)


@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        (Message("user", "Hi", images=(Image(url="https://e.x"),)), "files"),
        (Message("system", "Be brief."), "inputs="),
    ],
)
def test_what_an_agent_does_not_take(message, remedy):
    """Pictures and instructions are refused, instead of being left out in silence."""
    with pytest.raises(ValueError, match=remedy):
        AGENT.body([message] if message.role == "user" else [message, *HI])


def test_the_openai_form_runs_its_own_tools():
    """RAGFlow reads no tools there either, so giving some is refused."""
    with pytest.raises(ValueError, match="itself"):
        OPENAI.body(HI, tools=[{"name": "find"}])
    assert "tools" not in OPENAI.body(HI, tools=[])


def test_pictures_and_tools_of_a_chat():
    """Pictures and tool calls have no place in a chat's messages."""
    with pytest.raises(ValueError, match="files"):
        CHAT.body([Message("user", "Hi", images=(Image(url="https://e.x"),))])
    with pytest.raises(ValueError, match="itself"):
        CHAT.body([Message("assistant", tool_calls=(ToolCall("c", "f", "{}"),)), *HI])


@pytest.mark.parametrize("how", ["send", "ask"])
def test_a_legacy_request_is_answered_with_snapshots(how):
    """A body with legacy: true is read as it is answered, without another dialect's name."""
    with ChatServer() as server:
        server.answer("ragflow_legacy", ["You ", "have ", "10 days"])
        with ChatClient(server.url, dialect="ragflow") as client:
            if how == "send":
                stream = client.send({"question": "Hi", "legacy": True})
            else:
                stream = client.ask("Hi", legacy=True)
            assert list(stream.deltas()) == ["You ", "have ", "10 days"]
            assert stream.dialect.name == "ragflow_legacy"


def test_who_reads_a_request():
    """The user's `text=` goes before the body, and a contradiction is refused."""
    deltas = dialects.get("ragflow", text="delta")
    assert deltas.for_request({"legacy": True}) is deltas
    assert CHAT.for_request({"legacy": False}) is CHAT
    assert CHAT.for_request([1]) is CHAT
    with pytest.raises(ValueError, match='leave text="delta" out'):
        deltas.body(HI, legacy=True)
    assert LEGACY.body(HI, legacy=True)["legacy"] is True
    assert LEGACY.for_request({"legacy": True}) is LEGACY


def test_options():
    """A wrong option is a ValueError; the text mode can be forced."""
    with pytest.raises(ValueError, match="snapshot"):
        dialects.get("ragflow", text="whole")
    forced = dialects.get("ragflow", text="delta")
    assert read(forced, chat("ha"), chat("ha")).answer.text == "haha"
    assert read(CHAT, chat("ha"), chat("ha")).answer.text == "ha"
    forced = dialects.get("ragflow", text="snapshot")
    assert read(forced, chat("ha", final=False), chat("ha", final=False)).answer.text == "ha"
    assert (CHAT.text, LEGACY.text, forced.text) == ("delta", "snapshot", "snapshot")


def test_decided_once_for_the_stream():
    """The first frame with text decides; a later key `final` changes nothing."""
    frames = [chat("Hi"), chat("Hi you", final=False), chat("Hi you!", final=True)]
    assert read(CHAT, *frames).answer.text == "Hi you!"
    marks = [chat("", start_to_think=True), chat("Hm"), chat("", end_to_think=True), chat("Hi")]
    answer = read(CHAT, *marks).answer
    assert (answer.text, answer.reasoning) == ("Hi", "Hm")


def test_stopping():
    """An agent's run is stopped by its task; a chat has none."""
    assert AGENT.stop_request(Answer("Hi"), {}) is None
    assert CHAT.stop_request(Answer("Hi", task_id="t/1 2"), {}) == StopRequest(
        "/api/v1/tasks/t%2F1%202/cancel", relative="/api/v1"
    )


@pytest.mark.parametrize(
    ("status", "body", "failure"),
    [
        (
            200,
            {"code": 102, "message": "Please input your question."},
            Failure("Please input your question.", 102),
        ),
        (
            200,
            {"code": 109, "data": False, "message": "no authorization"},
            Failure("no authorization", 109),
        ),
        (
            200,
            {"code": 100, "data": None, "message": "LookupError('x')"},
            Failure("LookupError('x')", 100),
        ),
        (
            401,
            {"code": 401, "data": None, "message": "<Unauthorized '401: Unauthorized'>"},
            Failure("<Unauthorized '401: Unauthorized'>", 401),
        ),
        (200, {"code": 0, "data": {"answer": "Hi"}}, None),
    ],
)
def test_refusals(status, body, failure):
    """RAGFlow refuses with 200 and a code; code 0 is no refusal."""
    for dialect in (CHAT, LEGACY, AGENT, OPENAI, dialects.get("auto")):
        assert dialect.error(status, {}, json.dumps(body).encode()) == failure


def test_a_page_of_nginx():
    """A page in front of RAGFlow is not an answer."""
    assert CHAT.error(502, {}, b"<html>502 Bad Gateway</html>") == Failure("")


def test_documents():
    """An answer without a stream gives text, thinking and sources."""
    reference = {"chunks": [{"content": "c", "document_name": "a.pdf"}]}
    payload = chat("<think>Hm</think>Hi", reference=reference, session_id="s-1", id="m-1")
    parts = CHAT.document(payload)
    assert parts is not None
    builder = AnswerBuilder()
    answer = builder.step(parts)
    assert (answer.text, answer.reasoning) == ("Hi", "Hm")
    assert answer.citations == (Citation("a.pdf", snippet="c", position=0),)
    assert (answer.id, answer.conversation_id, builder.ended) == ("m-1", "s-1", True)


def test_a_document_of_an_agent():
    """An agent's document holds the last frame of its run."""
    inner = {"event": "workflow_finished", "session_id": "s-1", "data": {"content": "Hi"}}
    parts = AGENT.document({"code": 0, "data": inner})
    assert parts is not None
    assert Text("Hi") in parts


@pytest.mark.parametrize("payload", [None, [], {"code": 102, "message": "no"}, {"data": {}}, {}])
def test_no_documents(payload):
    """JSON without an answer is no document."""
    assert CHAT.document(payload) is None


def test_an_error_as_a_document():
    """An answer that is an error is the backend's failure."""
    parts = CHAT.document(chat("**ERROR**: gone"))
    assert parts is not None
    assert [part for part in parts if isinstance(part, Failure)] == [Failure("gone")]
