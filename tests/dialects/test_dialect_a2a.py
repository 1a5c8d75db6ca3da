"""A2A: its versions and bindings, what is asked, and how a task ends."""

from __future__ import annotations

import json

import pytest
from reading import read

from chatsdk import ChatClient, ChatSession, dialects
from chatsdk.answer import Answer
from chatsdk.errors import BackendError
from chatsdk.messages import Image, Message
from chatsdk.parts import Failure, Finish, Text, TextSnapshot
from chatsdk.testing import ChatServer, EmbeddedServer

new, old = dialects.a2a(), dialects.a2a(version="0.3")

PICTURES = (Image(url="https://e.x/a.png"), Image(data="aGk=", media_type="image/png"))
HI = Message("user", "Hi", images=PICTURES, id="u1")


def test_body_of_1_0():
    """Version 1.0 has its own method, roles and parts, and names itself in a header field."""
    body = new.body([HI], conversation_id="c1", task_id="t1", configuration={"blocking": False})
    assert (body["jsonrpc"], body["method"]) == ("2.0", "SendStreamingMessage")
    assert body["params"] == {
        "message": {
            "role": "ROLE_USER",
            "messageId": "u1",
            "parts": [
                {"text": "Hi"},
                {"url": "https://e.x/a.png"},
                {"raw": "aGk=", "mediaType": "image/png"},
            ],
            "contextId": "c1",
            "taskId": "t1",
        },
        "configuration": {"blocking": False},
    }
    assert new.headers("key") == {"Authorization": "Bearer key", "A2A-Version": "1.0"}


def test_body_of_0_3():
    """Version 0.3 names the kind of every object, and has no header field."""
    body = old.body([HI])
    assert body["method"] == "message/stream"
    message = body["params"]["message"]
    assert (message["kind"], message["role"]) == ("message", "user")
    assert message["parts"] == [
        {"kind": "text", "text": "Hi"},
        {"kind": "file", "file": {"uri": "https://e.x/a.png"}},
        {"kind": "file", "file": {"bytes": "aGk=", "mimeType": "image/png"}},
    ]
    assert old.headers(None) == {}


def test_rest():
    """At its own address the REST binding takes the parameters alone, and is stopped there."""
    rest = new.at("https://agent.example/v1/message:stream")
    assert "jsonrpc" not in rest.body([HI])
    assert rest.body([HI])["message"]["role"] == "ROLE_USER"
    stop = rest.stop_request(Answer(task_id="t/1"), {})
    assert stop is not None
    assert (stop.path, stop.relative) == ("/tasks/t%2F1:cancel", "/message:stream")
    frame = json.loads(next(iter(rest.encode([Text("Hi")]))).removeprefix(b"data: "))
    assert list(frame) == ["task"]


@pytest.mark.parametrize(("dialect", "method"), [(new, "CancelTask"), (old, "tasks/cancel")])
def test_stop(dialect, method):
    """A task is cancelled at the agent's own address."""
    stop = dialect.at("https://agent.example/agents/a").stop_request(Answer(task_id="t1"), {})
    assert stop is not None
    assert (stop.path, stop.relative) == ("/agents/a", None)
    assert stop.body is not None
    assert (stop.body["method"], stop.body["params"]) == (method, {"id": "t1"})
    assert dialect.stop_request(Answer(), {}) is None


@pytest.mark.parametrize(
    ("messages", "options", "remedy"),
    [
        ([Message("system", "Brief."), HI], {}, "leave them out"),
        ([HI], {"tools": [{"name": "x"}]}, "declares none"),
        ([HI, Message("assistant", "Yes?")], {}, "role 'user'"),
    ],
)
def test_what_an_agent_cannot_be_asked(messages, options, remedy):
    """Messages that the protocol cannot express are refused with the remedy."""
    with pytest.raises(ValueError, match=remedy):
        new.body(messages, **options)
    with pytest.raises(ValueError, match=r"1\.0, 0\.3"):
        dialects.a2a(version="2.0")


@pytest.mark.parametrize("dialect", [new, old], ids=["1.0", "0.3"])
def test_there_and_back(dialect):
    """Everything written in a version is read back, including restarted text and failures."""
    parts = [Text("Bad"), TextSnapshot("Good"), Text("."), Finish("stop")]
    reading = read(dialect, [b"".join(dialect.encode(parts))], "")
    assert (reading.answer.text, reading.end) == ("Good.", "marker")
    assert reading.answer.native_finish_reason == "completed"
    failed = read(dialect, [b"".join(dialect.encode([Text("Hi"), Failure("no")]))], "")
    assert (failed.answer.text, failed.error["message"]) == ("Hi", "no")
    stopped = read(dialect, [b"".join(dialect.encode([Text("Hi"), Finish("cancelled")]))], "")
    assert stopped.answer.finish_reason == "cancelled"


def test_many_artifacts_that_begin_anew():
    """Artifacts that restart many times give the last text of each, in linear work."""
    decoder, chars = new.decoder(), 0
    count = 400
    for turn in range(3):
        for place in range(count):
            words = f"{turn}" * 20
            artifact = {"artifactId": f"a{place}", "parts": [{"text": words}]}
            update = {"artifactUpdate": {"taskId": "t", "contextId": "c", "artifact": artifact}}
            chars += sum(len(part.text) for part in decoder.read(update) if hasattr(part, "text"))
    ended = {"statusUpdate": {"taskId": "t", "status": {"state": "TASK_STATE_COMPLETED"}}}
    (last,) = [part for part in decoder.read(ended) if isinstance(part, TextSnapshot)]
    assert last.text == "2" * 20 * count
    assert chars < 20 * count * 12


def test_a_refusal_before_the_stream():
    """An error of JSON-RPC in place of a stream is the agent's own refusal."""
    error = {"code": -32603, "message": "no such skill"}
    with ChatServer() as server:
        server.reply(200, json={"error": error, "id": "1", "jsonrpc": "2.0"})
        with ChatClient(server.url, dialect="a2a") as client:
            with pytest.raises(BackendError, match="no such skill") as caught:
                client.ask("Hi")
    assert caught.value.code == -32603


def test_a_session():
    """A session goes on in the agent's context."""
    with EmbeddedServer("a2a", pace=0) as server:
        with ChatClient(f"{server.url}/agents/a", dialect="a2a") as client:
            session = ChatSession(client)
            assert "One" in session.ask("One").result().text
            session.ask("Two").result()
        first, second = (request.json["params"]["message"] for request in server.requests)
    assert "contextId" not in first
    assert second["contextId"] == session.answer.conversation_id
