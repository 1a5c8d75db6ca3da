"""Dify: what is asked, what comes in place of a stream, and how it is stopped."""

from __future__ import annotations

import json

import pytest
from reading import read

from chatsdk import ChatClient, dialects
from chatsdk.answer import Answer, AnswerBuilder, ToolCall
from chatsdk.dialects import StopRequest
from chatsdk.messages import Image, Message
from chatsdk.parts import Citation, End, Failure, Identity, Text, TextSnapshot, ToolCallDelta
from chatsdk.testing import EmbeddedServer

dify = dialects.get("dify")

HI = Message("user", "Hi")


def test_body():
    """The question, the user and a stream are asked for; options keep their names."""
    assert dify.body([HI], user="u-1", inputs={"city": "Zürich"}, auto_generate_name=False) == {
        "inputs": {"city": "Zürich"},
        "query": "Hi",
        "response_mode": "streaming",
        "conversation_id": "",
        "user": "u-1",
        "auto_generate_name": False,
    }


def test_a_conversation_that_goes_on():
    """With a conversation only the new question goes along: Dify has the others."""
    messages = [HI, Message("assistant", "Yes?", status="finished"), Message("user", "Bye")]
    body = dify.body(messages, conversation_id="c1", user="u-1")
    assert (body["query"], body["conversation_id"]) == ("Bye", "c1")


def test_pictures():
    """Images are files by URL, in addition to those given as files."""
    file = {"type": "document", "transfer_method": "local_file", "upload_file_id": "f1"}
    message = Message("user", "What?", images=(Image(url="https://e.example/a.png"),))
    assert dify.body([message], user="u-1", files=[file])["files"] == [
        {"type": "image", "transfer_method": "remote_url", "url": "https://e.example/a.png"},
        file,
    ]


@pytest.mark.parametrize(
    ("messages", "options", "remedy"),
    [
        ([HI], {}, "pass user="),
        ([HI], {"user": ""}, "pass user="),
        ([HI], {"user": "u", "tools": [{"name": "find"}]}, "in Dify's studio"),
        ([Message("system", "Be brief."), HI], {"user": "u"}, "inputs="),
        ([HI, Message("assistant", "Yes?"), HI], {"user": "u"}, "conversation_id="),
        ([HI, Message("assistant", "Yes?")], {"user": "u", "conversation_id": "c"}, "role 'user'"),
        ([Message("tool", "8 °C")], {"user": "u"}, "role 'user'"),
        (
            [Message("user", images=(Image(data="aGk=", media_type="image/png"),))],
            {"user": "u"},
            "/files/upload",
        ),
        (
            [Message("user", images=(Image(url="data:image/png;base64,aGk="),))],
            {"user": "u"},
            "/files/upload",
        ),
    ],
)
def test_what_dify_cannot_be_asked(messages, options, remedy):
    """Messages that Dify takes in another way, or not at all, are refused with the remedy."""
    with pytest.raises(ValueError, match=remedy):
        dify.body(messages, **options)


def test_a_turn_that_failed_is_no_earlier_conversation():
    """After a first turn that broke off, the next question begins a new conversation."""
    messages = [HI, Message("assistant", "Ye", status="error"), Message("user", "Again")]
    body = dify.body(messages, user="u-1")
    assert (body["query"], body["conversation_id"]) == ("Again", "")


def test_stop():
    """The task is stopped for the user who asked; without either there is nothing to send."""
    answer = Answer(task_id="t/1?x")
    assert dify.stop_request(answer, {"user": "u-1"}) == StopRequest(
        "/chat-messages/t%2F1%3Fx/stop", {"user": "u-1"}, relative="/chat-messages"
    )
    assert dify.stop_request(answer, {}) is None
    assert dify.stop_request(Answer(), {"user": "u-1"}) is None


def test_a_document():
    """A blocking answer gives the same answer as its stream."""
    document = {
        "event": "message",
        "task_id": "t1",
        "id": "m1",
        "message_id": "m1",
        "conversation_id": "c1",
        "mode": "chat",
        "answer": "Hi",
        "metadata": {
            "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
            "retriever_resources": [{"position": 1, "document_name": "D", "segment_id": "s"}],
        },
    }
    parts = dify.document(document)
    assert parts is not None
    assert parts[-1] == End()
    answer = AnswerBuilder().step(parts)
    assert (answer.text, answer.id, answer.conversation_id) == ("Hi", "m1", "c1")
    assert answer.citations == (Citation("D", document="s", position=1),)
    assert answer.usage
    assert answer.usage.total == 3


@pytest.mark.parametrize(
    "payload", [None, [], {}, {"answer": "Hi"}, {"answer": None, "message_id": "m"}]
)
def test_no_document(payload):
    """A value that is not a chat message is not an answer."""
    assert dify.document(payload) is None


def test_an_error_in_place_of_a_stream():
    """The code and message of an HTTP error are read."""
    body = {"code": "invalid_param", "message": "user is required", "status": 400}
    failure = dify.error(400, {}, json.dumps(body).encode())
    assert failure == Failure("user is required", "invalid_param")


def frames(*parts: object) -> list[dict[str, object]]:
    return [json.loads(frame.removeprefix(b"data: ")) for frame in dify.encode(parts)]


def test_ids_of_what_is_written():
    """Each frame has the ids by which a client goes on and stops."""
    given = Identity(id="m1", conversation_id="c1", task="t1")
    for frame in frames(given, Text("Hi")):
        ids = (frame["message_id"], frame["conversation_id"], frame["task_id"])
        assert ids == ("m1", "c1", "t1")
    for frame in frames(Text("Hi")):
        assert (frame["message_id"], frame["task_id"]) == ("answer-1", "task-answer-1")


def test_calls_are_written_as_steps():
    """A call is one step of an agent; arguments that are not an object are kept unchanged."""
    first, second, _ = frames(
        ToolCallDelta(0, id="c1", name="find", arguments='{"q":'),
        ToolCallDelta(0, arguments="1}"),
        ToolCallDelta(1, name="odd", arguments="text"),
    )
    assert (first["id"], first["position"], first["tool"]) == ("c1", 1, "find")
    assert first["tool_input"] == '{"find": {"q": 1}}'
    assert (second["id"], second["position"], second["tool_input"]) == ("thought-2", 2, "text")
    decoder = dify.decoder()
    answer = AnswerBuilder().step([*decoder.read(first), *decoder.read(second)])
    assert answer.tool_calls == (
        ToolCall("c1", "find", '{"q": 1}'),
        ToolCall("thought-2", "odd", "text"),
    )


workflow = dialects.dify(app="workflow")


@pytest.mark.parametrize(
    ("url", "app"),
    [
        ("https://api.dify.ai/v1/chat-messages", "chat"),
        ("https://api.dify.ai/v1/completion-messages", "completion"),
        ("https://dify.example/v1/workflows/run/", "workflow"),
        ("https://dify.example/", "chat"),
    ],
)
def test_the_address_shows_the_kind_of_app(url, app):
    """A workflow and a text generation have their own requests, chosen by their URL."""
    assert dify.at(url) == dialects.dify(app=app)
    assert workflow.at("https://dify.example/") is workflow


def test_a_workflow_is_asked():
    """The prompt fills in the input variable that is named; inputs of the caller go before it."""
    named = dialects.dify(app="workflow", prompt="question")
    assert named.body([HI], user="u-1", inputs={"city": "Zürich"}) == {
        "inputs": {"question": "Hi", "city": "Zürich"},
        "response_mode": "streaming",
        "user": "u-1",
    }
    given = named.body([HI], user="u-1", inputs={"question": "Other"})
    assert given["inputs"] == {"question": "Other"}


def test_a_workflow_keeps_no_conversation():
    """Each request is a separate run, so a second question needs no conversation."""
    messages = [HI, Message("assistant", "Yes?", status="finished"), Message("user", "Bye")]
    assert workflow.body(messages, user="u-1")["inputs"] == {"query": "Bye"}


def test_pictures_of_a_text_generation_and_of_a_workflow():
    """A text generation takes files separate from its inputs, a workflow only among them."""
    message = Message("user", "What?", images=(Image(url="https://e.example/a.png"),))
    completion = dialects.dify(app="completion")
    (file,) = completion.body([message], user="u-1")["files"]
    assert file["url"] == "https://e.example/a.png"
    with pytest.raises(ValueError, match="inputs="):
        workflow.body([message], user="u-1")


def test_an_unknown_kind_of_app():
    """A kind of app that Dify does not have is refused with those it has."""
    with pytest.raises(ValueError, match="chat, completion, workflow"):
        dialects.dify(app="flow")


@pytest.mark.parametrize(
    ("app", "path", "relative"),
    [
        ("workflow", "/workflows/tasks/t1/stop", "/workflows"),
        ("completion", "/completion-messages/t1/stop", "/completion-messages"),
    ],
)
def test_stop_of_the_other_apps(app, path, relative):
    """Each kind of app has its own URL for stopping."""
    stop = dialects.dify(app=app).stop_request(Answer(task_id="t1"), {"user": "u"})
    assert stop == StopRequest(path, {"user": "u"}, relative=relative)


def test_a_workflow_document():
    """A workflow that answers at once, for a blocking request, gives its outputs."""
    data = {"id": "w1", "status": "succeeded", "outputs": {"answer": "Hi"}, "total_tokens": 3}
    parts = workflow.document({"task_id": "t1", "workflow_run_id": "w1", "data": data})
    assert parts is not None
    answer = AnswerBuilder().step(parts)
    assert (answer.text, answer.id, answer.task_id) == ("Hi", "w1", "t1")


def test_a_workflow_there_and_back():
    """The text, the rewriting and the failure of a workflow that is written are read back."""
    reading = read(workflow, [b"".join(workflow.encode([Text("Bad"), TextSnapshot("Good")]))], "")
    assert (reading.answer.text, reading.end) == ("Good", "marker")
    reading = read(dify, [b"".join(workflow.encode([Text("Hi"), Failure("no", "x")]))], "")
    assert (reading.answer.text, reading.error["message"]) == ("Hi", "no")


def test_a_workflow_over_http():
    """A workflow's address alone is enough to ask it, and to stop it."""
    with EmbeddedServer("dify", pace=0) as server:
        client = ChatClient(f"{server.url}/v1/workflows/run", defaults={"user": "u-1"})
        with client, client.ask("Hello") as stream:
            answer = stream.result()
    assert "Hello" in answer.text
    assert answer.conversation_id is None
    assert answer.native_finish_reason == "succeeded"
