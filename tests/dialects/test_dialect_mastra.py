"""Mastra: what is asked, and what cannot be."""

from __future__ import annotations

import pytest
from reading import read

from chatsdk import ChatClient, dialects
from chatsdk.answer import ToolCall
from chatsdk.dialects.urls import guess
from chatsdk.messages import Image, Message
from chatsdk.parts import Finish, Text
from chatsdk.testing import EmbeddedServer

mastra = dialects.get("mastra")

HI = Message("user", "Hi")


def test_all_messages_without_a_thread():
    """Without a thread the conversation goes along, calls and their results among it."""
    messages = [
        Message("system", "Brief."),
        Message("user", "See", images=(Image(url="https://e.example/a.png"),)),
        Message("assistant", "", tool_calls=(ToolCall("c1", "wind", '{"city": "Zürich"}'),)),
        Message("tool", "calm", tool_call_id="c1", name="wind"),
    ]
    assert mastra.body(messages, maxSteps=3) == {
        "messages": [
            {"role": "system", "content": "Brief."},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "See"},
                    {"type": "image", "image": "https://e.example/a.png"},
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {
                        "type": "tool-call",
                        "toolCallId": "c1",
                        "toolName": "wind",
                        "input": {"city": "Zürich"},
                    }
                ],
            },
            {
                "role": "tool",
                "content": [
                    {
                        "type": "tool-result",
                        "toolCallId": "c1",
                        "toolName": "wind",
                        "output": {"type": "text", "value": "calm"},
                    }
                ],
            },
        ],
        "maxSteps": 3,
    }


def test_a_thread_of_the_agents_memory():
    """With a thread the agent remembers, and only the new message goes along."""
    messages = [HI, Message("assistant", "Yes?", status="finished"), Message("user", "Bye")]
    body = mastra.body(messages, conversation_id="t1", resource="u1")
    assert body == {
        "messages": [{"role": "user", "content": "Bye"}],
        "memory": {"thread": "t1", "resource": "u1"},
    }
    with pytest.raises(ValueError, match="conversation_id="):
        mastra.body([HI], resource="u1")


def test_tools_of_the_client():
    """The client's own tools are declared by their names."""
    tool = {"name": "locate", "description": "Where.", "parameters": {"type": "object"}}
    body = mastra.body([HI], tools=[tool])
    assert body["clientTools"] == {
        "locate": {"id": "locate", "description": "Where.", "inputSchema": {"type": "object"}}
    }


def test_never_taken_for_vercels():
    """Named Vercel, or guessed, its events are not read as another family's."""
    body = b"".join(mastra.encode([Text("Hello"), Finish("stop")]))
    assert read(dialects.get("auto"), [body], "text/event-stream").dialect == "mastra"
    reading = read(dialects.get("vercel"), [body], "text/event-stream")
    assert reading.end is None
    assert "pass dialect='mastra'" in reading.error["message"]


def test_the_address_is_enough():
    """The path of an agent's stream is Mastra's alone."""
    assert guess("https://e.example/api/agents/weather/stream") == "mastra"
    with EmbeddedServer("mastra", pace=0) as server:
        with ChatClient(f"{server.url}/api/agents/weather/stream") as client:
            answer = client.ask("Hello").result()
    assert "Hello" in answer.text
    assert answer.finish_reason == "stop"
