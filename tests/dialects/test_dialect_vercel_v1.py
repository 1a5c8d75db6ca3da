"""Vercel's data stream v1: requests, encoding and its end."""

from __future__ import annotations

import pytest
from reading import read, transcripts

from chatsdk import ChatClient, dialects
from chatsdk.answer import ToolCall
from chatsdk.messages import Image, Message
from chatsdk.parts import Text
from chatsdk.testing import ChatServer

v1 = dialects.get("vercel_v1")

(ANSWER,) = [item for item in transcripts("vercel_v1") if item.name.endswith("/ai_answer")]


@pytest.mark.parametrize("dialect", ["auto", "vercel", "vercel_v1"])
@pytest.mark.parametrize(
    ("content_type", "headers"),
    [
        ("text/plain; charset=utf-8", {}),
        ("text/plain; charset=utf-8", {"x-vercel-ai-data-stream": "v1"}),
        ("text/event-stream", {"X-Vercel-AI-Data-Stream": "v1"}),
        ("application/octet-stream", {"X-Vercel-AI-Data-Stream": "v1"}),
    ],
)
def test_told_by_the_header_or_the_first_line(dialect, content_type, headers):
    """The stream is read by its name, as Vercel's, and without one, whatever it calls itself."""
    with ChatServer() as server:
        server.reply(200, body=ANSWER.body, content_type=content_type, headers=headers)
        with ChatClient(f"{server.url}/api/chat", dialect=dialect) as client:
            stream = client.send({})
            answer = stream.result()
    assert answer.text == "It is calm 🙂\n"
    assert (stream.dialect.name, stream.outcome.end) == ("vercel_v1", "marker")


@pytest.mark.parametrize("words", [b"0: zero, 1: one", b"Hello: world", b"a: [", b"g:hello"])
def test_words_are_no_data_stream(words):
    """Plain words with a colon are not taken for it."""
    assert dialects.get("auto").for_response("text/plain", {}, words).name == "auto"


def test_body():
    """The body is that of the AI SDK 4: results are in the call's own part."""
    messages = [
        Message("user", "See", images=(Image(data="aGk=", media_type="image/png"),), id="u1"),
        Message("assistant", "I look.", tool_calls=(ToolCall("c1", "wind", '{"q": 1}'),)),
        Message("tool", '"calm"', tool_call_id="c1"),
        Message("assistant", "Calm."),
    ]
    body = v1.body(messages, conversation_id="chat-1", lang="de")
    assert (body["id"], body["lang"]) == ("chat-1", "de")
    user, assistant = body["messages"]
    assert user["experimental_attachments"] == [
        {"url": "data:image/png;base64,aGk=", "contentType": "image/png"}
    ]
    assert (user["id"], user["content"]) == ("u1", "See")
    called = {
        "state": "result",
        "toolCallId": "c1",
        "toolName": "wind",
        "args": {"q": 1},
        "result": "calm",
    }
    assert assistant["parts"] == [
        {"type": "text", "text": "I look."},
        {"type": "tool-invocation", "toolInvocation": called},
        {"type": "step-start"},
        {"type": "text", "text": "Calm."},
    ]
    assert v1.body([Message("user", "Hi")])["id"] != v1.body([Message("user", "Hi")])["id"]
    with pytest.raises(ValueError, match="tool_calls"):
        v1.body([Message("tool", "x", tool_call_id="c9")])


def test_an_open_call_is_an_end():
    """Without the end line, a step that waits for the client's tool is complete."""
    call = b'9:{"toolCallId":"c1","toolName":"locate","args":{}}\n'
    end = b'e:{"finishReason":"tool-calls","isContinued":false}\n'
    reading = read(v1, [b"f:{}\n", call, end], "text/plain")
    assert (reading.answer.finish_reason, reading.end) == ("tool_calls", "finish_reason")


def test_what_is_written_has_its_header():
    """A test server names its protocol, as clients of the AI SDK 4 require."""
    assert ("x-vercel-ai-data-stream", "v1") in v1.about.response_headers
    frames = list(v1.encode([Text("Hi")]))
    assert frames[:2] == [b'f:{"messageId": "answer-1"}\n', b'0:"Hi"\n']
