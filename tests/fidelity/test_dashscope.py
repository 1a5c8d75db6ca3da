"""DashScope's own client and chatsdk read the same bytes alike."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from conversation import FAILING, PARTS, answer_of
from reading import read, transcripts

from chatsdk import dialects
from chatsdk.answer import Answer
from chatsdk.messages import Message
from chatsdk.testing import ChatServer

dashscope = pytest.importorskip("dashscope")
close_shared_sync_session = dashscope.api_entities.http_request.close_shared_sync_session

pytestmark = pytest.mark.filterwarnings("default")

TRANSCRIPTS = {item.name.removeprefix("dashscope/"): item for item in transcripts("dashscope")}

MESSAGES = [{"role": "user", "content": "Windy?"}]


@pytest.fixture(autouse=True)
def _hang_up() -> Iterator[None]:
    yield
    close_shared_sync_session()


def generation(server: ChatServer, body: bytes, **options: Any) -> Any:
    server.reply(200, body=body, content_type="text/event-stream; charset=utf-8")
    return dashscope.Generation.call(
        "tiny",
        api_key="key",
        messages=MESSAGES,
        result_format="message",
        stream=True,
        base_address=f"{server.url}/api/v1",
        **options,
    )


@pytest.mark.parametrize("name", ["sdk_types", "search", "snapshot"])
def test_same_bytes_same_answer(server, name):
    """The client and chatsdk agree about text, reasoning, calls, usage and finish reason."""
    item = TRANSCRIPTS[name]
    ours = read(dialects.get("dashscope", **item.options), [item.body], "text/event-stream").answer
    check(item.body, ours, server, snapshot=name == "snapshot")


def check(body: bytes, ours: Answer, server: ChatServer, snapshot: bool) -> None:
    """Compare the client's reading of these bytes with chatsdk's answer."""
    text, thought, calls, last = "", "", dict[int, list[str]](), None
    for response in generation(server, body, incremental_output=True):
        assert response.status_code == 200
        last = response
        message = response.output.choices[0].message
        thinking = message.get("reasoning_content", "")
        if snapshot:
            text, thought = message.content or text, thinking or thought
        else:
            text, thought = text + message.content, thought + thinking
        for call in message.get("tool_calls", ()):
            known = calls.setdefault(call["index"], ["", "", ""])
            function = call["function"]
            known[0], known[1] = call["id"] or known[0], function["name"] or known[1]
            known[2] = function["arguments"] if snapshot else known[2] + function["arguments"]
    assert last is not None
    assert (text, thought) == (ours.text, ours.reasoning)
    named = [[call.id, call.name, call.arguments] for call in ours.tool_calls]
    assert list(calls.values()) == named
    assert last.output.choices[0].finish_reason == ours.native_finish_reason
    assert ours.usage
    assert (last.usage.input_tokens, last.usage.output_tokens) == (
        ours.usage.input,
        ours.usage.output,
    )
    assert last.request_id == ours.id


@pytest.mark.parametrize("text", ["delta", "snapshot"])
def test_the_client_reads_what_we_write(server, text):
    """The client reads our events to the answer that went into them."""
    dialect = dialects.get("dashscope", text=text)
    body = b"".join(dialect.encode(PARTS))
    ours, expected = read(dialect, [body], "text/event-stream").answer, answer_of(PARTS)
    check(body, ours, server, text == "snapshot")
    assert (ours.text, ours.reasoning) == (expected.text, expected.reasoning)
    assert (ours.tool_calls, ours.usage) == (expected.tool_calls, expected.usage)
    assert (ours.finish_reason, ours.citations[0].title) == ("tool_calls", "Weather")


def test_the_client_reads_our_error(server):
    """The client gets our error with its words and code, after the text before it."""
    body = b"".join(dialects.get("dashscope").encode(FAILING))
    half, last = generation(server, body, incremental_output=True)
    assert half.output.choices[0].message.content == "Half an "
    assert (last.message, last.code) == ("the model is overloaded", "server_error")


def test_same_bytes_same_error(server):
    """An error in mid-stream has the same code and words for both."""
    item = TRANSCRIPTS["error_in_mid_stream"]
    *_, last = generation(server, item.body, incremental_output=True)
    assert (last.message, last.code) == (
        item.facts["error"]["message"],
        item.facts["error"]["code"],
    )


def test_our_request_is_like_the_clients(server):
    """chatsdk's body and the header that asks for a stream equal the client's."""
    tool = {"name": "wind", "description": "", "parameters": {}}
    list(
        generation(
            server,
            b"",
            incremental_output=True,
            top_p=0.5,
            tools=[{"type": "function", "function": tool}],
        )
    )
    request = server.wait_for_request()
    ours = dialects.get("dashscope")
    body = ours.body([Message("user", "Windy?")], model="tiny", top_p=0.5, tools=[tool])
    assert json.loads(request.body) == body
    assert request.target == ours.about.endpoint.removeprefix("POST ")
    for name, value in ours.headers("key").items():
        assert request.headers[name] == value


def test_the_transcript_is_the_sdks_own():
    """The transcript that the SDK's types wrote is still what they write."""
    import written_by_dashscope

    assert written_by_dashscope.BODY.read_bytes() == written_by_dashscope.body()
