"""The messages that a session sends with tool results, in the backends' own types."""

from __future__ import annotations

import json
from typing import Any

import pytest
from reading import read, transcripts
from test_session_native import ROUNDS

from chatsdk import dialects
from chatsdk.messages import Message
from chatsdk.session import use_chat
from chatsdk.testing import ChatServer

pydantic = pytest.importorskip("pydantic")

pytestmark = pytest.mark.filterwarnings("default")

# For each dialect the type of a body's messages in its own client, and their place in the body.
TYPES = {
    "anthropic": ("anthropic.types", "MessageParam", "messages"),
    "gemini": ("google.genai.types", "Content", "contents"),
    "openai_responses": ("openai.types.responses", "ResponseInputItemParam", "input"),
    "openai": ("openai.types.chat", "ChatCompletionMessageParam", "messages"),
    "ollama": ("ollama", "Message", "messages"),
    "agui": ("ag_ui.core", "Message", "messages"),
}


def second_request(server: ChatServer, dialect: str) -> Any:
    """The body with which a session sends the result of its tool."""
    path, first, second, _, _ = ROUNDS[dialect]
    kind = "application/x-ndjson" if dialect == "ollama" else "text/event-stream"
    for body in (first, second):
        server.reply(body=body, headers={"Content-Type": kind})
    with use_chat(server.url + path, dialect=dialect) as session:
        session.run("Weather?", tools={"look": lambda at: "wet"})
    return json.loads(server.requests[1].body)


@pytest.mark.parametrize("dialect", TYPES)
def test_the_backends_own_types_take_it(server, dialect):
    """Each message is one of the client's own types, thoughts and signatures included."""
    module, name, place = TYPES[dialect]
    kind = getattr(pytest.importorskip(module), name)
    adapter = pydantic.TypeAdapter(kind)
    messages = second_request(server, dialect)[place]
    assert len(messages) > 2
    read = [adapter.validate_python(message) for message in messages]
    if dialect == "gemini":
        (part,) = read[1].parts
        assert (part.thought_signature, part.function_call.args) == (b"\n\xcd\x01", {"at": "Köln"})
    if dialect == "agui":
        assert (read[1].role, read[1].encrypted_value) == ("reasoning", "e1")
        assert (read[2].encrypted_value, read[2].tool_calls[0].encrypted_value) == ("e3", "e2")
    if dialect == "ollama":
        assert read[1].thinking == "Hm."


@pytest.mark.parametrize("name", ["thinking", "sdk_types"])
def test_the_blocks_are_those_of_anthropics_client(server, name):
    """A session sends back the message that the client's users would send back."""
    anthropic = pytest.importorskip("anthropic")
    (transcript,) = [item for item in transcripts("anthropic") if item.name.endswith(f"/{name}")]
    server.reply(body=transcript.body, headers={"Content-Type": "text/event-stream"})
    question = {"role": "user", "content": "Hi"}
    with (
        anthropic.Anthropic(api_key="key", base_url=server.url, max_retries=0) as api,
        api.messages.stream(model="tiny", max_tokens=100, messages=[question]) as events,
    ):
        theirs = [block.to_dict() for block in events.get_final_message().content]
    dialect = dialects.get("anthropic")
    answer = read(dialect, [transcript.body], transcript.content_type).answer
    assert answer.native is not None
    message = Message("assistant", answer.text, tool_calls=answer.tool_calls, native=answer.native)
    (turn,) = dialect.body([message])["messages"]
    assert [shown(block) for block in turn["content"]] == [shown(block) for block in theirs]


def shown(block: dict[str, Any]) -> dict[str, Any]:
    """A block without the fields that are empty, of which each side leaves out others."""
    return {name: value for name, value in block.items() if value not in (None, "", [])}
