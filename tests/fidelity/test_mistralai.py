"""Mistral's own client and chatsdk read the same events alike, and its types take what we ask."""

from __future__ import annotations

import json
from typing import Any

import pytest
from reading import read, transcripts

from chatsdk import dialects
from chatsdk.answer import ToolCall
from chatsdk.messages import Message
from chatsdk.testing import ChatServer

mistralai = pytest.importorskip("mistralai.client")

pytestmark = pytest.mark.filterwarnings("default")

TRANSCRIPTS = {
    item.name.removeprefix("mistral_conversations/"): item
    for item in transcripts("mistral_conversations")
}
HI = Message("user", "Hi")
WIND = {"name": "wind", "description": "The wind.", "parameters": {"type": "object"}}


def events(server: ChatServer, body: bytes) -> list[Any]:
    server.reply(200, body=body, content_type="text/event-stream")
    with mistralai.Mistral(api_key="key", server_url=server.url) as client:
        with client.beta.conversations.start_stream(inputs="Hi", model="tiny") as stream:
            return [event.data for event in stream]


def said(content: Any) -> tuple[str, str]:
    """The text and the reasoning of one chunk."""
    if isinstance(content, str):
        return content, ""
    if content.type == "thinking":
        return "", "".join(item.text for item in content.thinking)
    return getattr(content, "text", ""), ""


@pytest.mark.parametrize("name", ["sdk_types", "sdk_types_function", "sdk_types_error", "handoff"])
def test_same_bytes_same_answer(server, name):
    """The client and chatsdk agree about text, reasoning, calls, usage, ids and errors."""
    body = TRANSCRIPTS[name].body
    ours = read(dialects.get("mistral_conversations"), [body], "text/event-stream")
    text, thought, calls, usage, conversation, failure = "", "", {}, None, None, None
    for event in events(server, body):
        if event.type == "conversation.response.started":
            conversation = event.conversation_id
        elif event.type == "message.output.delta":
            added = said(event.content)
            text, thought = text + added[0], thought + added[1]
        elif event.type == "function.call.delta":
            known = calls.get(event.tool_call_id, ("", ""))[1]
            calls[event.tool_call_id] = (event.name, known + event.arguments)
        elif event.type == "tool.execution.started":
            calls[event.id] = (event.name, event.arguments)
        elif event.type == "conversation.response.done":
            usage = event.usage
        elif event.type == "conversation.response.error":
            failure = event
    answer = ours.answer
    assert (answer.text, answer.reasoning) == (text, thought)
    assert answer.conversation_id == conversation
    assert {call.id: (call.name, call.arguments) for call in answer.tool_calls} == calls
    if usage is not None:
        assert (answer.usage.input, answer.usage.output) == (
            usage.prompt_tokens,
            usage.completion_tokens,
        )
    if failure is not None:
        assert ours.error is not None
        assert (ours.error["message"], ours.error["code"]) == (failure.message, failure.code)


def test_what_is_asked():
    """Its types take our requests, the first of a conversation and those that go on with it."""
    dialect = dialects.get("mistral_conversations")
    models = mistralai.models
    first = dialect.body([Message("system", "Brief."), HI], model="m", tools=[WIND])
    known = json.loads(models.ConversationStreamRequest(**first).model_dump_json(by_alias=True))
    assert (known["inputs"], known["instructions"]) == ("Hi", "Brief.")
    assert known["tools"][0]["function"]["name"] == "wind"
    call = Message("assistant", "", tool_calls=(ToolCall("c1", "wind", "{}"),))
    told = [HI, call, Message("tool", "calm", tool_call_id="c1")]
    body = dialect.body(told, conversation_id="conv", model="m")
    more = models.ConversationAppendStreamRequest(**body)
    (entry,) = more.inputs
    assert (entry.type, entry.tool_call_id, entry.result) == ("function.result", "c1", "calm")
