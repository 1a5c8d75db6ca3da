"""OpenAI Responses: what is asked, what comes in place of a stream, and how it is stopped."""

from __future__ import annotations

import json

import pytest

from chatsdk import dialects
from chatsdk.answer import Answer, AnswerBuilder, ToolCall
from chatsdk.dialects import StopRequest
from chatsdk.messages import Image, Message
from chatsdk.parts import End, Failure

responses = dialects.get("openai_responses")

HISTORY = (
    Message("system", "Be brief."),
    Message("user", "Hi"),
    Message("assistant", "Yes?"),
    Message("user", "Bye"),
)


def test_body():
    """Without a conversation all messages go along, the system's as instructions."""
    assert responses.body(HISTORY, model="m", temperature=0) == {
        "model": "m",
        "temperature": 0,
        "stream": True,
        "instructions": "Be brief.",
        "input": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Yes?"},
            {"role": "user", "content": "Bye"},
        ],
    }


@pytest.mark.parametrize(
    ("id", "field"), [("resp_1", "previous_response_id"), ("conv_1", "conversation")]
)
def test_a_conversation_that_goes_on(id, field):
    """With a conversation only the new messages go along, and the instructions again."""
    assert responses.body(HISTORY, conversation_id=id) == {
        "stream": True,
        "instructions": "Be brief.",
        field: id,
        "input": [{"role": "user", "content": "Bye"}],
    }


def test_a_turn_that_was_stopped_is_sent_again():
    """OpenAI has not kept an answer that was stopped, so it goes along with its question."""
    messages = [
        Message("user", "Hi"),
        Message("assistant", "Yes?", status="finished"),
        Message("user", "Sing"),
        Message("assistant", "La l", status="stopped"),
        Message("user", "Bye"),
    ]
    body = responses.body(messages, conversation_id="resp_1")
    assert [item["content"] for item in body["input"]] == ["Sing", "La l", "Bye"]


def test_a_round_of_tools():
    """Calls and results are items; with a conversation only the results go along."""
    messages = [
        Message("user", "Weather?"),
        Message(
            "assistant",
            tool_calls=(ToolCall("c1", "find", '{"q": 1}'), ToolCall("c2", "now", "")),
            status="streaming",
        ),
        Message("tool", "8 °C", tool_call_id="c1"),
        Message("tool", "noon", tool_call_id="c2"),
    ]
    results = [
        {"type": "function_call_output", "call_id": "c1", "output": "8 °C"},
        {"type": "function_call_output", "call_id": "c2", "output": "noon"},
    ]
    tool = {"name": "find", "description": "Finds.", "parameters": {"type": "object"}}
    body = responses.body(messages, tools=[tool, {"type": "web_search"}])
    assert body["tools"] == [
        {"type": "function", "strict": False, **tool},
        {"type": "web_search"},
    ]
    assert body["input"] == [
        {"role": "user", "content": "Weather?"},
        {"type": "function_call", "call_id": "c1", "name": "find", "arguments": '{"q": 1}'},
        {"type": "function_call", "call_id": "c2", "name": "now", "arguments": "{}"},
        *results,
    ]
    assert responses.body(messages, conversation_id="resp_1")["input"] == results


def test_pictures():
    """Pictures are parts of the message, by address or as a data: URL."""
    images = (Image(url="https://e.example/a.png"), Image(data="aGk=", media_type="image/webp"))
    (item,) = responses.body([Message("user", "What?", images=images)])["input"]
    assert item["content"] == [
        {"type": "input_text", "text": "What?"},
        {"type": "input_image", "image_url": "https://e.example/a.png"},
        {"type": "input_image", "image_url": "data:image/webp;base64,aGk="},
    ]


def test_only_background_responses_are_stopped():
    """A background response is cancelled by its id; others end with their connection."""
    assert responses.stop_request(Answer(id="resp_1/../x"), {"background": True}) == StopRequest(
        "/responses/resp_1%2F..%2Fx/cancel", relative="/responses"
    )
    assert responses.stop_request(Answer(id="resp_1"), {}) is None
    assert responses.stop_request(Answer(), {"background": True}) is None


def document(status: str = "completed", **fields: object) -> dict[str, object]:
    return {
        "object": "response",
        "id": "resp_1",
        "model": "m",
        "status": status,
        "output": [
            {
                "type": "message",
                "content": [
                    {
                        "type": "output_text",
                        "text": "Hi",
                        "annotations": [{"type": "url_citation", "url": "https://e.example"}],
                    }
                ],
            },
            {"type": "function_call", "call_id": "c1", "name": "find", "arguments": "{}"},
        ],
        "usage": {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
    } | fields


def test_a_document():
    """A response that came whole gives the same answer as its stream."""
    parts = responses.document(document())
    assert parts is not None
    assert parts[-1] == End()
    answer = AnswerBuilder().step(parts)
    assert (answer.text, answer.id, answer.conversation_id) == ("Hi", "resp_1", "resp_1")
    assert answer.tool_calls == (ToolCall("c1", "find", "{}"),)
    assert [item.url for item in answer.citations] == ["https://e.example"]
    assert answer.finish_reason == "tool_calls"
    assert answer.usage
    assert answer.usage.total == 3


def test_a_document_of_a_failure():
    """A response that failed is an error with the text that it has."""
    error = {"code": "server_error", "message": "It fell over."}
    parts = responses.document(document("failed", error=error))
    assert parts is not None
    assert parts[-1] == Failure("It fell over.", "server_error")
    assert AnswerBuilder().step(parts).text == "Hi"
    parts = responses.document(document("failed"))
    assert parts is not None
    assert parts[-1] == Failure("the response failed")


@pytest.mark.parametrize("status", ["queued", "in_progress"])
def test_a_document_without_an_answer(status):
    """A background response that was only accepted is not an answer yet."""
    assert responses.document(document(status)) is None


@pytest.mark.parametrize("payload", [None, [], {}, {"object": "chat.completion"}])
def test_no_document(payload):
    """A value that is not a response is not an answer."""
    assert responses.document(payload) is None


def test_an_error_in_place_of_a_stream():
    """The message and the code of an HTTP error are read."""
    body = {"error": {"message": "no such model", "type": "invalid_request_error", "code": None}}
    failure = responses.error(400, {}, json.dumps(body).encode())
    assert failure == Failure("no such model", "invalid_request_error")
    assert responses.error(200, {}, json.dumps(document()).encode()) is None
