"""Cohere: what is asked, and where."""

from __future__ import annotations

import pytest

from chatsdk import ChatClient, dialects
from chatsdk.answer import ToolCall
from chatsdk.dialects.urls import guess
from chatsdk.messages import Image, Message

cohere = dialects.get("cohere")


def test_body():
    """Calls go back with the plan behind them, and their results by their ids."""
    messages = [
        Message("system", "Brief."),
        Message("user", "See", images=(Image(url="https://e.example/a.png"),)),
        Message("assistant", reasoning="I look.", tool_calls=(ToolCall("c1", "wind", "{}"),)),
        Message("tool", "calm", tool_call_id="c1"),
        Message("assistant", "Calm.", reasoning="Not sent back."),
    ]
    tool = {"name": "wind", "parameters": {"type": "object"}}
    function = {"name": "wind", "arguments": "{}"}
    picture = {"type": "image_url", "image_url": {"url": "https://e.example/a.png"}}
    assert cohere.body(messages, model="m", tools=[tool], documents=["d"]) == {
        "messages": [
            {"role": "system", "content": "Brief."},
            {"role": "user", "content": [{"type": "text", "text": "See"}, picture]},
            {
                "role": "assistant",
                "tool_calls": [{"id": "c1", "type": "function", "function": function}],
                "tool_plan": "I look.",
            },
            {"role": "tool", "content": "calm", "tool_call_id": "c1"},
            {"role": "assistant", "content": "Calm."},
        ],
        "tools": [{"type": "function", "function": tool}],
        "stream": True,
        "model": "m",
        "documents": ["d"],
    }
    with pytest.raises(ValueError, match="model="):
        cohere.body([Message("user", "Hi")])


@pytest.mark.parametrize(
    "url", ["https://api.cohere.com/v2/chat", "http://localhost:8000/cohere/v2/chat"]
)
def test_the_address_is_enough(url):
    """Cohere's own host, and vLLM's path for it, show the dialect."""
    assert guess(url) == "cohere"
    with ChatClient("https://api.cohere.com") as client:
        assert client.url == "https://api.cohere.com/v2/chat"
