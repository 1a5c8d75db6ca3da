"""Langflow: what is asked, and JSON values that are called an event stream."""

from __future__ import annotations

import json

import pytest

from chatsdk import ChatClient, dialects
from chatsdk.dialects.urls import guess
from chatsdk.messages import Message
from chatsdk.testing import ChatServer

langflow = dialects.get("langflow")

HI = Message("user", "Hi")


def test_what_is_asked():
    """The new message, the session, and tweaks; the key has its own header."""
    messages = [HI, Message("assistant", "Yes?"), Message("user", "Bye")]
    assert langflow.body(messages, conversation_id="s1", tweaks={"ChatInput-1": {}}) == {
        "input_value": "Bye",
        "input_type": "chat",
        "output_type": "chat",
        "session_id": "s1",
        "tweaks": {"ChatInput-1": {}},
    }
    assert langflow.headers("k") == {"x-api-key": "k"}


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("http://h/api/v1/run/f", "http://h/api/v1/run/f?stream=true"),
        ("http://h/api/v1/run/f?a=1", "http://h/api/v1/run/f?a=1&stream=true"),
        ("http://h/api/v1/run/f?stream=false", "http://h/api/v1/run/f?stream=false"),
    ],
)
def test_streaming_is_asked_for_in_the_address(given, asked):
    """The query asks for streaming, unless it has that option already."""
    assert langflow.url(given) == asked
    assert guess(given) == "langflow"


def test_what_cannot_be_asked():
    """Tools belong to the flow; the error explains it."""
    with pytest.raises(ValueError, match="connect them"):
        langflow.body([HI], tools=[{"name": "f"}])


@pytest.mark.parametrize("dialect", ["langflow", "auto"])
def test_values_that_are_called_an_event_stream(dialect):
    """The name and `auto` both read JSON values with the content type of an event stream."""
    with ChatServer() as server:
        server.answer("langflow", ["Hello ", "you."])
        with ChatClient(f"{server.url}/api/v1/run/f", dialect=dialect) as client:
            stream = client.send({"input_value": "Hi"})
            assert [answer.delta for answer in stream if answer.delta] == ["Hello ", "you."]
    assert stream.dialect == langflow
    assert stream.response is not None
    assert stream.response.content_type == "text/event-stream"


@pytest.mark.parametrize("dialect", ["langflow", "auto"])
def test_an_answer_that_comes_whole(dialect):
    """Without streaming the answer is a document; its text is found deep inside."""
    message = {"results": {"message": {"text": "Hello", "data": {}}}}
    payload = {"session_id": "s1", "outputs": [{"inputs": {}, "outputs": [message]}]}
    with ChatServer() as server:
        headers = {"Content-Type": "application/json"}
        server.reply(200, body=json.dumps(payload).encode(), headers=headers)
        with ChatClient(f"{server.url}/api/v1/run/f", dialect=dialect) as client:
            answer = client.send({}).result()
    assert (answer.text, answer.conversation_id) == ("Hello", "s1")
