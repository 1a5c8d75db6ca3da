"""LangServe: what is asked, and what of a runnable's output is text."""

from __future__ import annotations

import json

import pytest

from chatsdk import dialects
from chatsdk.answer import AnswerBuilder, ToolCall
from chatsdk.messages import Image, Message
from chatsdk.parts import Failure, Text
from chatsdk.sse import ServerSentEvent

MESSAGES = [
    Message("system", "Be brief."),
    Message("user", "Hi", images=(Image("https://e.example/a.png"),)),
    Message("assistant", "", tool_calls=(ToolCall("c1", "wind", '{"city": "Zürich"}'),)),
    Message("tool", "calm", tool_call_id="c1", name="wind"),
]

WRITTEN = [
    {"type": "system", "content": "Be brief."},
    {
        "type": "human",
        "content": [
            {"type": "text", "text": "Hi"},
            {"type": "image_url", "image_url": {"url": "https://e.example/a.png"}},
        ],
    },
    {
        "type": "ai",
        "content": "",
        "tool_calls": [
            {"name": "wind", "args": {"city": "Zürich"}, "id": "c1", "type": "tool_call"}
        ],
    },
    {"type": "tool", "content": "calm", "tool_call_id": "c1", "name": "wind"},
]


def test_body():
    """A model is given the messages, in LangChain's own words."""
    body = dialects.get("langserve").body(MESSAGES, config={"tags": ["a"]})
    assert body == {"input": WRITTEN, "config": {"tags": ["a"]}}


def test_bodies_for_other_runnables():
    """The input may be an object, a text, or whatever the caller gives."""
    ask = Message("user", "Hi")
    assert dialects.get("langserve", input_key="messages").body([ask]) == {
        "input": {"messages": [{"type": "human", "content": "Hi"}]}
    }
    assert dialects.get("langserve", plain=True).body([ask]) == {"input": "Hi"}
    assert dialects.get("langserve", plain=True, input_key="topic").body([ask]) == {
        "input": {"topic": "Hi"}
    }
    assert dialects.get("langserve").body([ask], input={"n": 1}) == {"input": {"n": 1}}


def test_tools_belong_to_the_runnable():
    """Tools cannot be named in a request, and the remedy is said."""
    with pytest.raises(ValueError, match="on the server"):
        dialects.get("langserve").body(MESSAGES, tools=[{"name": "wind"}])


def test_wrong_option():
    """A text mode that does not exist is refused at once."""
    with pytest.raises(ValueError, match="'delta' or 'snapshot'"):
        dialects.get("langserve", text="whole")


def test_a_message_under_the_key():
    """The field that is named may hold a text, a message, or nothing yet."""
    decoder = dialects.get("langserve", key="answer").decoder()

    def parts(data: str) -> list[object]:
        return list(decoder.decode(ServerSentEvent("data", data)))

    assert parts('{"answer": "It is"}') == [Text("It is")]
    assert parts('{"answer": {"type": "AIMessageChunk", "content": " 8 °C"}}') == [Text(" 8 °C")]
    assert parts('{"answer": null, "other": "no"}') == []


def test_messages_that_are_whole_each_time():
    """With the option for snapshots, a message is all the text up to now."""
    decoder = dialects.get("langserve", text="snapshot").decoder()
    builder = AnswerBuilder()
    for text in ("It is", "It is", "It is cold", "It was"):
        data = json.dumps({"type": "AIMessageChunk", "content": text, "id": "run-1"})
        assert builder.step(decoder.decode(ServerSentEvent("data", data))).text == text
        assert builder.answer.rewritten == (text == "It was")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"detail": "Not Found"}', "Not Found"),
        (b'{"detail": [{"msg": "no"}]}', '[{"msg": "no"}]'),
    ],
)
def test_a_refusal(body, message):
    """FastAPI reports errors in `detail`, as text or as a list."""
    assert dialects.get("langserve").error(422, {}, body) == Failure(message)
