"""Genkit: what is asked of a flow, and errors in a field that the standard drops."""

from __future__ import annotations

import pytest
from reading import transcripts

from chatsdk import BackendError, ChatClient, StreamInterrupted, dialects
from chatsdk.messages import Message
from chatsdk.testing import ChatServer

genkit = dialects.get("genkit")

HI = Message("user", "Hi")
PLAIN = "text/plain; charset=utf-8"
BODIES = {item.name.removeprefix("genkit/"): item.body for item in transcripts("genkit")}


def test_a_flow_that_takes_text():
    """The prompt is the input."""
    assert genkit.body([HI]) == {"data": "Hi"}


def test_a_flow_that_takes_an_object():
    """The prompt is in the named field, next to options and the session."""
    dialect = dialects.get("genkit", prompt="ask.question")
    assert dialect.body([HI], conversation_id="s1", language="de") == {
        "data": {"sessionId": "s1", "language": "de", "ask": {"question": "Hi"}}
    }


def test_what_cannot_be_asked():
    """A text input takes nothing else, and tools belong to the flow; the error names the remedy."""
    with pytest.raises(ValueError, match="prompt='question'"):
        genkit.body([HI], language="de")
    with pytest.raises(ValueError, match="to the flow"):
        genkit.body([HI], tools=[{"name": "f"}])


@pytest.mark.parametrize("dialect", ["genkit", "auto"])
def test_an_event_stream_that_is_called_plain_text(dialect):
    """The name and `auto` read it as it comes, calls that run on the server among it."""
    with ChatServer() as server:
        server.reply(200, body=BODIES["genkit_tool"], content_type=PLAIN)
        with ChatClient(f"{server.url}/chat", dialect=dialect) as client:
            answer = client.send({"data": "Hi"}).result()
    assert (answer.text, answer.reasoning) == ("It is calm 🙂", "I look it up.")
    assert [call.name for call in answer.tool_calls] == ["wind"]


@pytest.mark.parametrize("dialect", ["genkit", "auto"])
def test_an_error_in_a_field_of_its_own(dialect):
    """The field `error:` is the backend's error, with the text before it kept."""
    with ChatServer() as server:
        server.reply(200, body=BODIES["genkit_error"], content_type=PLAIN)
        with ChatClient(f"{server.url}/chat", dialect=dialect) as client:
            with pytest.raises(BackendError, match="Internal Error") as caught:
                client.send({"data": "Hi"}).result()
    assert caught.value.code == "INTERNAL"
    assert caught.value.answer is not None
    assert caught.value.answer.text == "It is "


def test_an_error_before_all_text():
    """An error that is all there is is the backend's, too."""
    with ChatServer() as server:
        server.reply(200, body=BODIES["error_first"], content_type=PLAIN)
        with ChatClient(f"{server.url}/chat", dialect="genkit") as client:
            with pytest.raises(BackendError, match="Unauthenticated"):
                client.ask("Hi").result()


def test_half_an_answer():
    """Without a result the answer is not complete, however cleanly the body ends."""
    with ChatServer() as server:
        server.reply(200, body=BODIES["cut"], content_type=PLAIN)
        with ChatClient(f"{server.url}/chat", dialect="genkit") as client:
            with pytest.raises(StreamInterrupted, match="result"):
                client.ask("Hi").result()


def test_a_result_without_a_stream():
    """A flow that does not stream answers with a document."""
    with ChatServer() as server:
        server.reply(200, json={"result": "Hello"})
        with ChatClient(f"{server.url}/chat", dialect="genkit") as client:
            assert client.ask("Hi").result().text == "Hello"
