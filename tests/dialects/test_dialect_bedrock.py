"""Bedrock and Strands: what is asked, in which frames it is answered, and what goes back."""

from __future__ import annotations

import pytest
from reading import read

from chatsdk import ChatClient, dialects
from chatsdk.amazon_frames import encode
from chatsdk.answer import AnswerBuilder, ToolCall
from chatsdk.dialects.urls import guess
from chatsdk.errors import BackendError, HTTPStatusError
from chatsdk.messages import Image, Message
from chatsdk.parts import Native
from chatsdk.sse import ServerSentEvent
from chatsdk.testing import ChatServer, EmbeddedServer

bedrock = dialects.get("bedrock")
strands = dialects.get("strands")

HI = Message("user", "Hi")
SIGNED = {"reasoningText": {"text": "Hm", "signature": "c2ln"}}


def test_body():
    """Messages are turns of blocks; widespread options have Bedrock's names."""
    messages = [
        Message("system", "Brief."),
        Message("user", "See", images=(Image(data="aGk=", media_type="image/jpg"),)),
        Message(
            "assistant",
            "I look.",
            tool_calls=(ToolCall("c1", "wind", '{"q": 1}'), ToolCall("c2", "now", "")),
            native=Native.of("bedrock", [SIGNED]),
        ),
        Message("tool", '{"wind": 3}', tool_call_id="c1"),
        Message("tool", "no clock", tool_call_id="c2", status="error"),
    ]
    tool = {"name": "wind", "description": "Wind.", "parameters": {"type": "object"}}
    body = bedrock.body(messages, max_tokens=64, stop="END", tools=[tool], requestMetadata={})
    assert body == {
        "messages": [
            {
                "role": "user",
                "content": [
                    {"image": {"format": "jpeg", "source": {"bytes": "aGk="}}},
                    {"text": "See"},
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"reasoningContent": SIGNED},
                    {"text": "I look."},
                    {"toolUse": {"toolUseId": "c1", "name": "wind", "input": {"q": 1}}},
                    {"toolUse": {"toolUseId": "c2", "name": "now", "input": {}}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"toolResult": {"toolUseId": "c1", "content": [{"text": '{"wind": 3}'}]}},
                    {
                        "toolResult": {
                            "toolUseId": "c2",
                            "content": [{"text": "no clock"}],
                            "status": "error",
                        }
                    },
                ],
            },
        ],
        "system": [{"text": "Brief."}],
        "inferenceConfig": {"maxTokens": 64, "stopSequences": ["END"]},
        "toolConfig": {
            "tools": [
                {
                    "toolSpec": {
                        "name": "wind",
                        "description": "Wind.",
                        "inputSchema": {"json": {"type": "object"}},
                    }
                }
            ]
        },
        "requestMetadata": {},
    }


@pytest.mark.parametrize(
    ("message", "options", "remedy"),
    [
        (HI, {"model": "m"}, "in the URL"),
        (
            Message("user", "", images=(Image(url="https://e.example/a.png"),)),
            {},
            "by their content",
        ),
    ],
)
def test_what_bedrock_cannot_be_asked(message, options, remedy):
    """Messages that Bedrock takes in another way are refused with the remedy."""
    with pytest.raises(ValueError, match=remedy):
        bedrock.body([message], **options)


def test_signed_thoughts_are_kept():
    """Thoughts come back as they were signed, and those that were not are left out."""
    decoder, builder = bedrock.decoder(), AnswerBuilder()
    for name, value in (
        ("messageStart", {}),
        ("contentBlockDelta", '{"contentBlockIndex": 0, "delta": {"reasoningContent": %s}}'),
    ):
        if name == "messageStart":
            builder.step(decoder.decode(ServerSentEvent(name, "{}")))
            continue
        for piece in ('{"text": "H"}', '{"text": "m"}', '{"signature": "c2ln"}'):
            builder.step(decoder.decode(ServerSentEvent(name, value % piece)))
    last = '{"contentBlockIndex": 1, "delta": {"reasoningContent": {"redactedContent": "eA=="}}}'
    builder.step(decoder.decode(ServerSentEvent("contentBlockDelta", last)))
    builder.step(decoder.decode(ServerSentEvent("messageStop", '{"stopReason": "tool_use"}')))
    native = builder.answer.native
    assert native is not None
    assert native.value == [SIGNED, {"redactedContent": "eA=="}]


def test_over_http():
    """The model goes into the address, percent-encoded, and the answer is read from its frames."""
    with EmbeddedServer("bedrock", pace=0) as server:
        url = f"{server.url}/model/{{model}}/converse-stream"
        with ChatClient(url, dialect="bedrock", token="key") as client:
            stream = client.ask("Hello", model="amazon.nova-lite-v1:0")
            assert "Hello" in stream.result().text
        request = server.requests[0]
    assert stream.outcome.end == "marker"
    assert request.path == "/model/amazon.nova-lite-v1%3A0/converse-stream"
    assert request.headers["authorization"] == "Bearer key"
    assert guess("https://bedrock-runtime.eu-west-1.amazonaws.com/model/m/converse-stream") == (
        "bedrock"
    )


def test_told_by_the_content_type():
    """Without a name the content type shows Bedrock; an exception is the backend's own error."""
    body = encode("messageStart", "{}") + encode(
        "contentBlockDelta", '{"contentBlockIndex": 0, "delta": {"text": "Half"}}'
    )
    body += encode("exception:modelStreamErrorException", '{"originalMessage": "overloaded"}')
    with ChatServer() as server:
        server.reply(200, body=body, content_type="application/vnd.amazon.eventstream")
        with ChatClient(f"{server.url}/any") as client:
            stream = client.send({})
            with pytest.raises(BackendError, match="overloaded") as caught:
                stream.result()
    assert (caught.value.code, caught.value.answer.text) == ("modelStreamErrorException", "Half")


def test_an_http_error():
    """The kind of an HTTP error is in a header field."""
    with ChatServer() as server:
        headers = {"x-amzn-ErrorType": "AccessDeniedException:http://internal"}
        server.reply(403, json={"message": "no access"}, headers=headers)
        with ChatClient(f"{server.url}/model/m/converse-stream") as client:
            with pytest.raises(HTTPStatusError) as caught:
                client.ask("Hi")
    assert (caught.value.code, caught.value.message) == ("AccessDeniedException", "no access")


def test_strands_is_asked():
    """An agent gets the new message; its session is in a header field."""
    messages = [HI, Message("assistant", "Yes?", status="finished"), Message("user", "Bye")]
    assert strands.body(messages, user="u") == {"prompt": "Bye", "user": "u"}
    for given, options, remedy in (
        ([HI], {"conversation_id": "s"}, "Session-Id"),
        ([HI], {"tools": [{"name": "x"}]}, "to the agent"),
        ([Message("system", "Brief."), HI], {}, "its own instructions"),
        ([HI, Message("assistant", "Yes?")], {}, "must be a user's"),
    ):
        with pytest.raises(ValueError, match=remedy):
            strands.body(given, **options)


def test_strands_that_yields_words():
    """An entry point that yields words in place of events is read, too."""
    reading = read(strands, [b'data: "Hello "\n\ndata: "world"\n\n'], "text/event-stream")
    assert (reading.answer.text, reading.end) == ("Hello world", "marker")
