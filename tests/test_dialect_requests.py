"""`Dialect.read_request`: the bodies that clients of a dialect send, read."""

from __future__ import annotations

import re
from typing import Any

import pytest

from chatsdk import dialects
from chatsdk.answer import ToolCall
from chatsdk.messages import Image, Message

CONVERSATION = (
    Message("system", "Be brief."),
    Message("user", "Weather?", images=(Image(url="https://example.com/a.png"),)),
    Message(
        "assistant", "Let me look.", tool_calls=(ToolCall("c1", "weather", '{"city":"Oslo"}'),)
    ),
    Message("tool", "rain", tool_call_id="c1", name="weather"),
    Message("assistant", "It rains."),
    Message("user", "Thanks"),
)


def said(message: Message) -> tuple[Any, ...]:
    images = tuple(image.source for image in message.images)
    calls = tuple((call.id, call.name, call.parsed) for call in message.tool_calls)
    return (message.role, message.content, images, calls, message.tool_call_id)


@pytest.mark.parametrize("name", ["openai", "vercel", "anthropic"])
def test_what_body_wrote_is_read_back(name: str) -> None:
    """Messages, calls, results and options survive writing and reading."""
    dialect = dialects.get(name)
    tools = [{"name": "weather", "parameters": {"type": "object"}}]
    asked = dialect.read_request(dialect.body(CONVERSATION, temperature=0.5, tools=tools))
    assert list(map(said, asked.messages)) == list(map(said, CONVERSATION))
    assert asked.options | {"temperature": 0.5, "tools": tools} == asked.options
    assert asked.stream


def test_use_chat_with_tools_and_results() -> None:
    """A message of `useChat` becomes an assistant's calls, their results, and what came after."""
    part = {"type": "tool-weather", "toolCallId": "c1", "input": {"city": "Oslo"}}
    parts = [
        {"type": "step-start"},
        {"type": "reasoning", "text": "hm", "state": "done"},
        part | {"state": "output-available", "output": {"sky": "grey"}},
        {"type": "step-start"},
        {"type": "text", "text": "Grey.", "state": "done"},
        {"type": "source-url", "sourceId": "1", "url": "https://example.com"},
    ]
    asked = dialects.vercel().read_request(
        {
            "id": "chat-1",
            "messages": [
                {"id": "m1", "role": "user", "parts": [{"type": "text", "text": "Sky?"}]},
                {"id": "m2", "role": "assistant", "parts": parts},
            ],
            "trigger": "submit-message",
        }
    )
    user, call, result, answer = asked.messages
    assert asked.conversation_id == "chat-1"
    assert (user.role, user.content, user.id) == ("user", "Sky?", "m1")
    assert (call.tool_calls[0].parsed, call.reasoning) == ({"city": "Oslo"}, "hm")
    assert (result.role, result.content, result.tool_call_id) == ("tool", '{"sky":"grey"}', "c1")
    assert (answer.role, answer.content) == ("assistant", "Grey.")


@pytest.mark.parametrize(
    ("name", "body", "field"),
    [
        ("openai", [], "the request body"),
        ("openai", {}, "messages"),
        ("openai", {"messages": "Hi"}, "messages"),
        ("openai", {"messages": []}, "messages"),
        ("openai", {"messages": [1]}, "messages[0]"),
        ("openai", {"messages": [{"role": "dog", "content": "Wuff"}]}, "messages[0]"),
        ("openai", {"messages": [{"role": "user", "content": 1}]}, "messages[0]"),
        ("openai", {"messages": [{"role": "user", "content": "a"}], "stream": "yes"}, "stream"),
        ("openai", {"messages": [{"role": "user", "content": "a"}], "tools": {}}, "tools"),
        ("openai", {"messages": [{"role": "user", "content": "a"}], "tools": [{}]}, "tools[0]"),
        ("vercel", None, "the request body"),
        ("vercel", {"messages": [{"role": "user"}]}, "messages[0].parts"),
        ("vercel", {"messages": [{"role": "user", "parts": [{}]}]}, "messages[0].parts[0].type"),
        ("vercel", {"id": 1, "messages": [{"role": "user", "content": "a"}]}, "id"),
        ("vercel", {"messages": [{"role": "tool", "parts": []}]}, "messages[0].role"),
    ],
)
def test_a_bad_body_names_its_field(name: str, body: Any, field: str) -> None:
    """A body that is not a request of the dialect raises ValueError with the field's path."""
    with pytest.raises(ValueError, match="^" + re.escape(field)):
        dialects.get(name).read_request(body)


def test_a_dialect_without_a_reader_says_so() -> None:
    """A dialect that cannot read requests raises ValueError."""
    with pytest.raises(ValueError, match="does not read requests"):
        dialects.raw().read_request({})
