"""Mistral's conversations: how one begins, and how it goes on."""

from __future__ import annotations

import pytest

from chatsdk import ChatClient, dialects
from chatsdk.answer import ToolCall
from chatsdk.dialects.urls import guess
from chatsdk.messages import Image, Message

mistral = dialects.get("mistral_conversations")

HI = Message("user", "Hi")
WIND = {"name": "wind", "parameters": {"type": "object"}}


def test_how_a_conversation_begins():
    """The model, the instructions and the tools are in the first request."""
    body = mistral.body([Message("system", "Brief."), HI], model="m", tools=[WIND])
    assert body == {
        "inputs": "Hi",
        "stream": True,
        "instructions": "Brief.",
        "tools": [{"type": "function", "function": WIND}],
        "model": "m",
    }


def test_how_it_goes_on():
    """The results of functions follow alone; what the conversation began with stays with it."""
    messages = [
        Message("system", "Brief."),
        HI,
        Message("assistant", "", tool_calls=(ToolCall("c1", "wind", "{}"),)),
        Message("tool", "calm", tool_call_id="c1"),
    ]
    body = mistral.body(messages, conversation_id="conv", model="m", tools=[WIND], store=True)
    assert body == {
        "inputs": [{"type": "function.result", "tool_call_id": "c1", "result": "calm"}],
        "stream": True,
        "store": True,
    }


def test_pictures():
    """A picture is a part of the message, by its address or its content."""
    message = Message("user", "See", images=(Image(data="aGk=", media_type="image/gif"),))
    (entry,) = mistral.body([message], agent_id="a")["inputs"]
    assert entry["content"] == [
        {"type": "text", "text": "See"},
        {"type": "image_url", "image_url": "data:image/gif;base64,aGk="},
    ]


def test_what_cannot_be_asked():
    """A conversation begins with a model or an agent, and Mistral speaks after a user."""
    with pytest.raises(ValueError, match="agent_id"):
        mistral.body([HI])
    with pytest.raises(ValueError, match="last message"):
        mistral.body([HI, Message("assistant", "Yes?")], model="m")


def test_the_addresses():
    """A continued conversation has its own URL below the first one."""
    first = "https://api.mistral.ai/v1/conversations"
    assert mistral.url(first) == first
    assert mistral.url(first, conversation_id="c1") == f"{first}/c1"
    assert guess(first) == guess(f"{first}/c1") == "mistral_conversations"
    with ChatClient("https://api.mistral.ai/v1", dialect="mistral_conversations") as client:
        assert client.url == first
