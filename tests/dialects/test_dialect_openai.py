"""Asking OpenAI's endpoints and their look-alikes, and what they answer without a stream."""

from __future__ import annotations

import pytest

from chatsdk import dialects
from chatsdk.answer import Answer, AnswerBuilder, ToolCall
from chatsdk.dialects import StopRequest
from chatsdk.messages import Image, Message
from chatsdk.parts import Failure

OPENAI = dialects.get("openai")
HI = [Message("user", "Hi")]


def test_the_body():
    """A prompt asks for a stream with its usage, next to options."""
    assert OPENAI.body(HI, model="m", temperature=0) == {
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "model": "m",
        "temperature": 0,
    }


def test_stream_options_can_be_left_out():
    """Some look-alikes refuse stream_options: None leaves them out."""
    assert "stream_options" not in OPENAI.body(HI, stream_options=None)


def test_pictures_calls_and_results():
    """Pictures, tool calls and their results are written as OpenAI wants them."""
    messages = [
        Message("system", "Be brief."),
        Message("user", images=(Image(data="QUJD", media_type="image/png"),)),
        Message("assistant", "One moment.", tool_calls=(ToolCall("c1", "find", '{"q":1}'),)),
        Message("tool", "none", tool_call_id="c1", name="find"),
    ]
    tool = {"name": "find", "description": "d", "parameters": {"type": "object"}}
    body = OPENAI.body(messages, tools=[tool])
    assert body["tools"] == [{"type": "function", "function": tool}]
    assert body["messages"][1]["content"] == [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}
    ]
    assert body["messages"][2] == {
        "role": "assistant",
        "content": "One moment.",
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"q":1}'}}
        ],
    }
    assert body["messages"][3] == {"role": "tool", "tool_call_id": "c1", "content": "none"}


def test_a_wrong_text_mode():
    """The text mode is one of two words."""
    with pytest.raises(ValueError, match="snapshot"):
        dialects.get("openai", text="whole")


def test_an_unknown_option():
    """An option that a dialect does not have is a TypeError."""
    with pytest.raises(TypeError):
        dialects.get("deepseek", text="snapshot")


def test_a_document():
    """A completion that came whole gives what its stream would have given."""
    payload = {
        "id": "a-1",
        "object": "chat.completion",
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hi", "reasoning_content": "Hm"},
                "finish_reason": "stop",
            },
            {"index": 1, "message": {"content": "Salut"}, "finish_reason": "stop"},
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
    }
    parts = OPENAI.document(payload)
    assert parts is not None
    builder = AnswerBuilder()
    answer = builder.step(parts)
    assert (answer.text, answer.reasoning, answer.id) == ("Hi", "Hm", "a-1")
    assert answer.usage
    assert (answer.usage.total, answer.finish_reason, builder.ended) == (3, "stop", True)


@pytest.mark.parametrize("payload", [None, [], {}, {"choices": None}, {"error": {"message": "no"}}])
def test_no_document(payload):
    """JSON without choices is not an answer."""
    assert OPENAI.document(payload) is None


@pytest.mark.parametrize(
    ("body", "failure"),
    [
        (
            b'{"error": {"message": "Bad key", "type": "invalid_request_error", "code": null}}',
            Failure("Bad key", "invalid_request_error"),
        ),
        (b'{"error": "model not found"}', Failure("model not found")),
        (b'{"detail": "Not found"}', Failure("Not found")),
        (b"upstream gone", Failure("upstream gone")),
        (b"<html>", Failure("")),
        (b"", Failure("")),
    ],
)
def test_errors(body, failure):
    """A refused request has the words of OpenAI or of the server that speaks alike."""
    assert OPENAI.error(400, {}, body) == failure


def test_repr_shows_the_options():
    """A dialect is shown as it is written, options included; the same options are equal."""
    assert dialects.get("openai", text="snapshot") == dialects.get("openai", text="snapshot")
    assert dialects.get("openai", text="snapshot") != OPENAI
    assert "snapshot" in repr(dialects.get("openai", text="snapshot"))


def test_fastgpt_asks_for_details():
    """FastGPT is asked for the details, which hold the sources, and for the named conversation."""
    fastgpt = dialects.get("fastgpt")
    body = fastgpt.body(HI, conversation_id="c-1", variables={"uid": "u"})
    assert body == {
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": True,
        "detail": True,
        "chatId": "c-1",
        "variables": {"uid": "u"},
    }
    with pytest.raises(ValueError, match="itself"):
        fastgpt.body(HI, tools=[{"name": "find"}])


def test_fastgpt_is_stopped_by_its_ids():
    """The stop endpoint wants the application and the conversation that the request named."""
    fastgpt = dialects.get("fastgpt")
    ids = {"appId": "a", "chatId": "c"}
    stop = StopRequest("/api/v2/chat/stop", ids, relative="/api")
    assert fastgpt.stop_request(Answer("Hi"), ids | {"stream": True}) == stop
    assert fastgpt.stop_request(Answer("Hi"), {"chatId": "c"}) is None
    assert OPENAI.stop_request(Answer("Hi"), ids) is None
