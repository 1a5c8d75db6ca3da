"""Google's Agent Development Kit: what is asked, and the session that has to exist."""

from __future__ import annotations

import pytest
from reading import read

from chatsdk import ChatClient, dialects
from chatsdk.answer import ToolCall
from chatsdk.dialects.urls import guess
from chatsdk.errors import HTTPStatusError
from chatsdk.messages import Image, Message
from chatsdk.parts import Finish, Text, ToolCallDelta
from chatsdk.testing import ChatServer, EmbeddedServer

adk = dialects.get("adk")

HI = Message("user", "Hi")


def test_body():
    """The new message of the user goes into the session that is named."""
    messages = [
        Message("user", "Before"),
        Message("assistant", "Yes?", status="finished"),
        Message("user", "See", images=(Image(data="aGk=", media_type="image/png"),)),
    ]
    body = adk.body(messages, conversation_id="s1", app_name="weather", user_id="u1")
    assert body == {
        "app_name": "weather",
        "user_id": "u1",
        "session_id": "s1",
        "streaming": True,
        "new_message": {
            "role": "user",
            "parts": [{"inlineData": {"mimeType": "image/png", "data": "aGk="}}, {"text": "See"}],
        },
    }
    assert adk.body([HI], session_id="s2", app_name="a")["session_id"] == "s2"
    assert adk.body([HI], session_id="s2", app_name="a")["user_id"] == "user"


def test_the_result_of_a_long_running_tool():
    """A person's approval is sent back as the answer to the call."""
    messages = [
        HI,
        Message("assistant", "", tool_calls=(ToolCall("c1", "approve", "{}"),)),
        Message("tool", "granted", tool_call_id="c1"),
    ]
    body = adk.body(messages, conversation_id="s1", app_name="a")
    assert body["new_message"]["parts"] == [
        {"functionResponse": {"name": "approve", "response": {"result": "granted"}, "id": "c1"}}
    ]


@pytest.mark.parametrize(
    ("messages", "options", "remedy"),
    [
        ([HI], {}, "app_name="),
        ([HI], {"app_name": "a"}, "/apps/a/users/user/sessions/ID"),
        ([HI], {"app_name": "a", "session_id": "s", "tools": [{"name": "x"}]}, "to the agent"),
        (
            [Message("system", "Brief."), HI],
            {"app_name": "a", "session_id": "s"},
            "its own instructions",
        ),
        ([HI, Message("assistant", "Yes?")], {"app_name": "a", "session_id": "s"}, "role 'user'"),
    ],
)
def test_what_adk_cannot_be_asked(messages, options, remedy):
    """Messages that ADK takes in another way, or not at all, are refused with the remedy."""
    with pytest.raises(ValueError, match=remedy):
        adk.body(messages, **options)


def test_a_session_that_does_not_exist():
    """Its 404 explains how to create it."""
    with ChatServer() as server:
        server.reply(404, json={"detail": "Session not found: s1"})
        with ChatClient(f"{server.url}/run_sse", defaults={"app_name": "a"}) as client:
            with pytest.raises(HTTPStatusError) as caught:
                client.ask("Hi", conversation_id="s1")
    assert "Session not found: s1" in caught.value.message
    assert "POST of {} to /apps/APP/users/USER/sessions/SESSION" in caught.value.message


def test_a_call_that_waits_shows_in_the_reason():
    """A call of a long-running tool is for the client; others the agent has run itself."""
    call = ToolCallDelta(0, id="c1", name="approve", arguments="{}")
    waits = b"".join(adk.encode([call, Finish("tool_calls")]))
    assert read(adk, [waits], "").answer.finish_reason == "tool_calls"
    ran = b"".join(adk.encode([call, Text("Done."), Finish("stop")]))
    assert read(adk, [ran], "").answer.finish_reason == "stop"


def test_the_address_is_enough():
    """The path is ADK's alone."""
    assert guess("https://e.example/run_sse") == "adk"
    with EmbeddedServer("adk", pace=0) as server:
        with ChatClient(f"{server.url}/run_sse", defaults={"app_name": "a"}) as client:
            stream = client.ask("Hello", conversation_id="s1")
            assert "Hello" in stream.result().text
            assert stream.outcome.end == "marker"
