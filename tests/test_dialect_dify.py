"""Dify: what is asked, what comes in place of a stream, and how it is stopped."""

from __future__ import annotations

import json

import pytest

from chatsdk import dialects
from chatsdk.answer import Answer, AnswerBuilder, ToolCall
from chatsdk.dialects import StopRequest
from chatsdk.messages import Image, Message
from chatsdk.parts import Citation, End, Failure, Identity, Text, ToolCallDelta

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
    """Pictures are files by address, beside those that are given as files."""
    file = {"type": "document", "transfer_method": "local_file", "upload_file_id": "f1"}
    message = Message("user", "What?", images=(Image(url="https://e.example/a.png"),))
    assert dify.body([message], user="u-1", files=[file])["files"] == [
        {"type": "image", "transfer_method": "remote_url", "url": "https://e.example/a.png"},
        file,
    ]


@pytest.mark.parametrize(
    ("messages", "options", "remedy"),
    [
        ([HI], {}, "give user="),
        ([HI], {"user": ""}, "give user="),
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
    """What Dify takes in another way, or not at all, is refused with the remedy."""
    with pytest.raises(ValueError, match=remedy):
        dify.body(messages, **options)


def test_a_turn_that_failed_is_no_earlier_conversation():
    """After a first turn that broke off, the next question begins the conversation anew."""
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
    assert answer.usage is not None
    assert answer.usage.total == 3


@pytest.mark.parametrize(
    "payload", [None, [], {}, {"answer": "Hi"}, {"answer": None, "message_id": "m"}]
)
def test_no_document(payload):
    """What is no chat message is no answer."""
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
    """A call is one step of an agent; arguments that are no object stand as they are."""
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
