"""`Dialect.read_request`: the bodies that clients of a dialect send, read."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatsdk import dialects
from chatsdk.answer import ToolCall
from chatsdk.dialects import Dialect
from chatsdk.dialects.request import new_messages
from chatsdk.messages import Image, Message

WEATHER = {
    "name": "weather",
    "description": "Tell the weather.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}

# Options that a dialect requires.
NEEDED: dict[str, dict[str, Any]] = {
    "adk": {"app_name": "app", "user_id": "u"},
    "coze": {"bot_id": "b", "user_id": "u"},
    "dify": {"user": "u"},
    "langgraph": {"assistant_id": "agent"},
}
# The fields that body() adds to the messages and the options.
ADDED = {
    "anthropic": {"max_tokens": 8192},
    "ragflow_openai": {"model": "model"},
}
# Whose server keeps the conversation, so that only the new message is sent.
ONE_MESSAGE = ("a2a", "dify", "ragflow_agent", "adk", "n8n", "flowise", "langflow")
# Dialects with the conversation's id in the body.
CONVERSATION_IN_BODY = (
    *("a2a", "adk", "agui", "dify", "fastgpt", "mastra", "openai_responses"),
    *("ragflow", "ragflow_agent", "ragflow_legacy", "vercel", "vercel_v1"),
    *("flowise", "langflow", "n8n"),
)


def readable() -> list[Any]:
    """Every dialect that is asked and written, by its name; `json` with its fields named."""
    found = []
    for name in dialects.names():
        dialect = dialects.get(name)
        if name == "json":
            dialect = dialects.get("json", messages="chat.turns", conversation="chat.id")
        if type(dialect).body is Dialect.body or name in ("auto", "text"):
            continue
        try:
            dialect.encode(())
        except ValueError:
            continue
        found.append(pytest.param(dialect, id=name))
    return found


def said(message: Message) -> tuple[Any, ...]:
    """The content that has to survive."""
    images = tuple(image.source for image in message.images)
    calls = tuple((call.id, call.name, call.parsed) for call in message.tool_calls)
    return (message.role, message.content, images, calls, message.tool_call_id)


words = st.text(min_size=1, max_size=12).filter(lambda text: bool(text.strip()))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=4,
)


@st.composite
def conversations(draw: Any, tools: bool, images: bool, system: bool) -> tuple[Message, ...]:
    """A conversation in the order that backends take, which ends with a question."""
    messages = []
    if system and draw(st.booleans()):
        messages.append(Message("system", draw(words)))
    for number in range(draw(st.integers(0, 2))):
        messages.append(Message("user", draw(words)))
        if tools and draw(st.booleans()):
            arguments = json.dumps(draw(st.dictionaries(st.text(max_size=4), values, max_size=2)))
            call = ToolCall(f"call-{number}", "weather", arguments)
            messages.append(Message("assistant", draw(words), tool_calls=(call,)))
            messages.append(Message("tool", draw(words), tool_call_id=call.id, name="weather"))
        messages.append(Message("assistant", draw(words)))
    pictures = ()
    if images and draw(st.booleans()):
        pictures = (Image(data="aGk=", media_type="image/png"),)
    messages.append(Message("user", draw(words), images=pictures))
    return tuple(messages)


def takes(dialect: Dialect, message: Message, *, before: tuple[Message, ...] = ()) -> bool:
    """Whether a dialect can be asked with this message; some cannot take all."""
    try:
        dialect.body(
            (*before, message),
            conversation_id="c" if dialect.name == "adk" else None,
            **NEEDED.get(dialect.name, {}),
        )
    except ValueError:
        return False
    return True


def abilities(dialect: Dialect) -> dict[str, bool]:
    question = Message("user", "Hi")
    call = Message("assistant", "", tool_calls=(ToolCall("c", "weather", "{}"),))
    result = Message("tool", "rain", tool_call_id="c", name="weather")
    picture = Message("user", "Hi", images=(Image(data="aGk=", media_type="image/png"),))
    return {
        "tools": takes(dialect, question, before=(question, call, result)),
        "images": takes(dialect, picture),
        "system": takes(dialect, question, before=(Message("system", "Be brief."),)),
    }


@pytest.mark.parametrize("dialect", readable())
@given(data=st.data())
def test_what_body_wrote_is_read_back(dialect: Dialect, data: st.DataObject) -> None:
    """Messages, calls, results, tools, options and ids survive writing and reading."""
    can = abilities(dialect)
    if dialect.name in ONE_MESSAGE:
        messages: tuple[Message, ...] = (Message("user", data.draw(words)),)
    else:
        messages = data.draw(conversations(**can))
    id = data.draw(st.none() | st.just("conv-1")) if dialect.name != "adk" else "conv-1"
    options: dict[str, Any] = {**NEEDED.get(dialect.name, {}), "temperature": 0.5}
    if can["tools"] and data.draw(st.booleans()):
        options["tools"] = [WEATHER]
    try:
        body = dialect.body(messages, conversation_id=id, **options)
    except ValueError:
        options.pop("tools", None)
        body = dialect.body(messages, conversation_id=id, **options)
    asked = dialect.read_request(json.loads(json.dumps(body)))
    told: Sequence[Message] = messages
    if dialect.name in ("mastra", "openai_responses") and id is not None:
        # The server has the rest; of instructions, Responses keeps none.
        told = new_messages(messages)
        if dialect.name == "openai_responses" and len(told) < len(messages):
            told = [*(m for m in messages if m.role == "system"), *told]
    assert list(map(said, asked.messages)) == list(map(said, told))
    assert asked.stream
    if dialect.name in CONVERSATION_IN_BODY and id is not None:
        assert asked.conversation_id == id
    known = ADDED.get(dialect.name, {})
    extra = {"resource": "chatsdk"} if dialect.name == "mastra" and id is not None else {}
    assert asked.options == known | extra | options


@pytest.mark.parametrize("dialect", readable())
@pytest.mark.parametrize("body", [None, [], "x", 1, {}, {"messages": 1}, {"input": []}])
def test_what_is_not_a_request(dialect: Dialect, body: Any) -> None:
    """A body that is not a request of the dialect is a ValueError in one sentence."""
    with pytest.raises(ValueError, match=r"must be|a message") as caught:
        dialect.read_request(body)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("dialect", readable())
@given(data=st.data())
def test_mutated_requests(dialect: Dialect, data: st.DataObject) -> None:
    """Any value that a client sends for a field is read, or is a ValueError."""
    messages = (
        (Message("user", "Hi"),)
        if dialect.name in ONE_MESSAGE
        else (Message("user", "Hi"), Message("assistant", "Ho"), Message("user", "Hm"))
    )
    body = dialect.body(messages, conversation_id="conv-1", **NEEDED.get(dialect.name, {}))
    body = json.loads(json.dumps(body))
    holders: list[Any] = [body]
    for holder in holders:
        inner = holder.values() if isinstance(holder, dict) else holder
        holders += [value for value in inner if isinstance(value, (dict, list)) and value]
    holder = data.draw(st.sampled_from(holders))
    places = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
    place = data.draw(st.sampled_from(places))
    holder[place] = data.draw(values)
    with contextlib.suppress(ValueError):
        dialect.read_request(body)


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
        ("gemini", {"contents": [{"parts": [{}]}]}, "contents[0].parts[0]"),
        ("openai_responses", {"input": [{"type": "image"}]}, "input[0].type"),
        ("dify", {"inputs": {}}, "query"),
        ("adk", {"app_name": "a", "new_message": {"parts": [{"text": "x"}]}}, "session_id"),
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
