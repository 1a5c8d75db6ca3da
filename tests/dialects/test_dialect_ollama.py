"""Ollama: what is asked, and what comes in place of a stream."""

from __future__ import annotations

import json

import pytest

from chatsdk import dialects
from chatsdk.answer import AnswerBuilder, ToolCall
from chatsdk.messages import Image, Message
from chatsdk.parts import End, Failure, Finish, ToolCallDelta

ollama = dialects.get("ollama")


def test_body():
    """Messages go as they are, options under their own names; a stream is asked for."""
    messages = Message.all_of(
        [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    )
    assert ollama.body(messages, model="m", think=True, options={"num_ctx": 9}) == {
        "model": "m",
        "think": True,
        "options": {"num_ctx": 9},
        "stream": True,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hi"},
        ],
    }


def test_a_round_of_tools():
    """Arguments go back as an object, results by the tool's name, which an id leads to."""
    messages = [
        Message("user", "Weather?"),
        Message(
            "assistant",
            tool_calls=(
                ToolCall(None, "find", '{"q": "ä"}'),
                ToolCall("c2", "now", ""),
                ToolCall("c3", "bad", '{"q'),
            ),
        ),
        Message("tool", "8 °C", name="find"),
        Message("tool", "noon", tool_call_id="c2"),
    ]
    tool = {"name": "find", "parameters": {"type": "object"}}
    body = ollama.body(messages, tools=[tool])
    assert body["tools"] == [{"type": "function", "function": tool}]
    assert body["messages"][1:] == [
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {"function": {"name": "find", "arguments": {"q": "ä"}}},
                {"id": "c2", "function": {"name": "now", "arguments": {}}},
                {"id": "c3", "function": {"name": "bad", "arguments": {}}},
            ],
        },
        {"role": "tool", "content": "8 °C", "tool_name": "find"},
        {"role": "tool", "content": "noon", "tool_name": "now", "tool_call_id": "c2"},
    ]


def test_a_result_of_an_unknown_tool():
    """A result that names no tool is refused with the remedy."""
    with pytest.raises(ValueError, match="give the message a name"):
        ollama.body([Message("tool", "8 °C", tool_call_id="c9")])


def test_pictures():
    """A picture goes by its content; one with an address is refused with the remedy."""
    images = (Image(data="aGk=", media_type="image/webp"), Image(url="data:image/gif;base64,R0lG"))
    (message,) = ollama.body([Message("user", "What?", images=images)])["messages"]
    assert message == {"role": "user", "content": "What?", "images": ["aGk=", "R0lG"]}
    with pytest.raises(ValueError, match="Image\\(data="):
        ollama.body([Message("user", images=(Image(url="https://e.example/a.png"),))])


@pytest.mark.parametrize(
    ("content_type", "framing"),
    [
        ("application/x-ndjson", "ndjson"),
        ("application/json; charset=utf-8", "ndjson"),
        ("", "ndjson"),
        ("text/event-stream;charset=utf-8", "sse"),
    ],
)
def test_framing(content_type, framing):
    """Lines are read, unless the content type is that of an event stream."""
    assert ollama.framing(content_type) == framing


def test_a_document():
    """An answer that came whole gives the same answer as its stream."""
    document = {
        "model": "m",
        "message": {
            "role": "assistant",
            "content": "Hi",
            "thinking": "Hm",
            "tool_calls": [{"function": {"name": "find", "arguments": {"q": 1}}}],
        },
        "done": True,
        "done_reason": "stop",
        "prompt_eval_count": 3,
        "eval_count": 4,
    }
    parts = ollama.document(document)
    assert parts is not None
    assert parts[-1] == End()
    answer = AnswerBuilder().step(parts)
    assert (answer.text, answer.reasoning, answer.model) == ("Hi", "Hm", "m")
    assert answer.tool_calls == (ToolCall(None, "find", '{"q": 1}'),)
    assert (answer.finish_reason, answer.native_finish_reason) == ("tool_calls", "stop")
    generated = ollama.document({"model": "m", "response": "Hi", "done": True})
    assert generated is not None
    assert AnswerBuilder().step(generated).text == "Hi"


@pytest.mark.parametrize(
    "payload", [None, [], {}, {"done": True}, {"done": False, "message": {}}, {"error": "no"}]
)
def test_no_document(payload):
    """A value that is not a complete answer is not an answer."""
    assert ollama.document(payload) is None


def test_an_error_in_place_of_a_stream():
    """The message of an HTTP error is read."""
    body = json.dumps({"error": 'model "m" not found'}).encode()
    assert ollama.error(404, {}, body) == Failure('model "m" not found')


def test_calls_are_written_whole():
    """A call whose arguments come in pieces is one line, written once."""
    parts = [
        ToolCallDelta(0, id="c1", name="find"),
        ToolCallDelta(0, arguments='{"q":'),
        ToolCallDelta(0, arguments="1}"),
        Finish("tool_calls"),
        Finish("tool_calls"),
    ]
    lines = [json.loads(line) for line in ollama.encode(parts)]
    assert [line["message"].get("tool_calls") for line in lines] == [
        [{"id": "c1", "function": {"index": 0, "name": "find", "arguments": {"q": 1}}}],
        None,
    ]
    assert (lines[-1]["done"], lines[-1]["done_reason"]) == (True, "stop")
