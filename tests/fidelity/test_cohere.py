"""Cohere's own client and chatsdk read the same events alike, and ask alike."""

from __future__ import annotations

from typing import Any

import pytest
from reading import read, transcripts

from chatsdk import dialects
from chatsdk.answer import Answer, ToolCall
from chatsdk.messages import Message
from chatsdk.testing import ChatServer

cohere = pytest.importorskip("cohere")
httpx = pytest.importorskip("httpx")

pytestmark = pytest.mark.filterwarnings("default")

WHOLE = [item for item in transcripts("cohere") if "end" in item.facts]
MESSAGES = [
    Message("system", "Brief."),
    Message("user", "How windy is it?"),
    Message("assistant", reasoning="I look.", tool_calls=(ToolCall("c1", "wind", '{"q": 1}'),)),
    Message("tool", "calm", tool_call_id="c1"),
]
TOOL = {"name": "wind", "description": "Wind.", "parameters": {"type": "object"}}


def stream(server: ChatServer, body: bytes, **asked: Any) -> list[Any]:
    server.reply(200, body=body, content_type="text/event-stream")
    with httpx.Client() as http:
        client = cohere.ClientV2(api_key="key", base_url=server.url, httpx_client=http)
        return list(client.chat_stream(model="tiny", **asked))


def check(found: list[Any], answer: Answer) -> None:
    content = [item.delta.message.content for item in found if item.type == "content-delta"]
    assert "".join(item.text or "" for item in content) == answer.text
    plans = [item.delta.message.tool_plan for item in found if item.type == "tool-plan-delta"]
    thoughts = "".join(getattr(item, "thinking", None) or "" for item in content)
    assert thoughts + "".join(plans) == answer.reasoning
    starts = [item.delta.message.tool_calls for item in found if item.type == "tool-call-start"]
    assert [(item.id, item.function.name) for item in starts] == [
        (call.id, call.name) for call in answer.tool_calls
    ]
    end = found[-1].delta
    assert end.finish_reason == answer.native_finish_reason
    if end.usage is not None:
        tokens = end.usage.tokens
        assert (tokens.input_tokens, tokens.output_tokens) == (
            answer.usage.input,
            answer.usage.output,
        )


@pytest.mark.parametrize("transcript", [pytest.param(item, id=item.name) for item in WHOLE])
def test_same_bytes_same_answer(server, transcript):
    """The client and chatsdk agree about text, reasoning, calls, counts and the reason."""
    found = stream(server, transcript.body, messages=[{"role": "user", "content": "Hi"}])
    check(found, read(dialects.get("cohere"), [transcript.body], "").answer)


def test_our_request_is_like_the_clients(server):
    """The client, given our messages, posts the body and the key that we would."""
    body = dialects.get("cohere").body(MESSAGES, model="tiny", tools=[TOOL])
    stream(server, WHOLE[0].body, messages=body["messages"], tools=body["tools"])
    seen = server.wait_for_request()
    assert (seen.path, seen.json) == ("/v2/chat", body)
    assert seen.headers["authorization"] == "Bearer key"


def test_the_transcript_is_the_clients_own():
    """The transcript that the client's types wrote is still what they write."""
    import written_by_cohere as written

    assert written.BODY.read_bytes() == written.body()
