"""Vercel's own client and npm's `eventsource-parser` read what we write and what we read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from conversation import FAILING, PARTS, answer_of
from node import Node
from reading import TRANSCRIPTS, read, transcripts

from chatsdk import dialects, sse
from chatsdk.answer import Answer, ToolCall
from chatsdk.messages import Image, Message
from chatsdk.testing import ChatServer, EmbeddedServer
from chatsdk.testing.embedded_replies import speak

vercel = dialects.get("vercel")

HEADERS = {"x-vercel-ai-ui-message-stream": "v1"}

# The client insists on a start before each delta, and these leave it out.
LOOK_ALIKES = {"vercel/length", "vercel/finish_says_error", "vercel/wrong_type", "vercel/oddities"}


def message_of(
    node: Node, server: ChatServer, body: bytes, request: dict[str, Any] | None = None
) -> tuple[dict[str, Any] | None, list[str]]:
    server.reply(200, body=body, content_type="text/event-stream", headers=HEADERS)
    asked = request or vercel.body([Message("user", "Hi")])
    found = node.run("read_with_ai.cjs", f"{server.url}/api/chat", json.dumps(asked))
    return found["message"], found["errors"]


def check(message: dict[str, Any], answer: Answer) -> None:
    """Compare the client's message with chatsdk's answer."""
    parts = message["parts"]
    assert "".join(part["text"] for part in parts if part["type"] == "text") == answer.text
    thoughts = "".join(part["text"] for part in parts if part["type"] == "reasoning")
    assert thoughts == answer.reasoning
    calls = [part for part in parts if "toolCallId" in part]
    names = [part.get("toolName") or part["type"].removeprefix("tool-") for part in calls]
    assert names == [call.name for call in answer.tool_calls]
    assert [part["toolCallId"] for part in calls] == [call.id for call in answer.tool_calls]
    for part, call in zip(calls, answer.tool_calls, strict=True):
        if part["state"] != "output-error":
            assert part["input"] == call.parsed
    sources = [part for part in parts if part["type"].startswith("source-")]
    assert [(part.get("title"), part.get("url")) for part in sources] == [
        (item.title, item.url) for item in answer.citations
    ]
    assert message["id"] in (answer.id, "")
    usage = message.get("metadata", {}).get("usage")
    ours = answer.usage
    # After an error the client reads on, chatsdk does not.
    if usage is not None and answer.finish_reason is not None:
        assert ours
        counts = (usage["inputTokens"], usage["outputTokens"], usage["totalTokens"])
        assert counts == (ours.input, ours.output, ours.total)


@pytest.mark.parametrize(
    "transcript",
    [
        pytest.param(item, id=item.name)
        for item in transcripts("vercel")
        if item.name not in LOOK_ALIKES
    ],
)
def test_same_bytes_same_answer(node, server, transcript):
    """The client and chatsdk agree about text, reasoning, calls, sources, usage and errors."""
    ours = read(vercel, [transcript.body], "text/event-stream")
    message, errors = message_of(node, server, transcript.body)
    if message is not None:
        check(message, ours.answer)
    else:
        assert ours.answer.text == ""
    error = transcript.facts.get("error")
    if error is not None and error["type"] == "BackendError":
        assert errors == [error["message"]]
    else:
        # A truncated stream looks complete to the client: it waits for no marker.
        assert errors == []


def test_the_client_reads_what_we_write(node, server):
    """The client reads our frames to the answer that went into them."""
    expected = answer_of(PARTS)
    body = b"".join(vercel.encode(PARTS))
    message, errors = message_of(node, server, body)
    assert errors == []
    assert message is not None
    check(message, expected)
    assert {part["state"] for part in message["parts"] if "state" in part} == {
        "done",
        "input-available",
    }
    assert message["metadata"]["model"] == "tiny"


def test_the_client_reads_our_error(node, server):
    """The client reports the error that we write, and keeps the text before it."""
    message, errors = message_of(node, server, b"".join(vercel.encode(FAILING)))
    assert errors == ["the model is overloaded"]
    assert message is not None
    assert [part["text"] for part in message["parts"] if part["type"] == "text"] == ["Half an "]


def test_the_client_reads_the_embedded_server(node):
    """The client talks with the embedded server as with any route of the AI SDK."""
    asked = vercel.body([Message("user", "Tell me of Zürich")], conversation_id="chat-1")
    with EmbeddedServer("vercel", pace=0) as server:
        found = node.run("read_with_ai.cjs", f"{server.url}/api/chat", json.dumps(asked))
    assert found["errors"] == []
    (text,) = [part for part in found["message"]["parts"] if part["type"] == "text"]
    assert (text["state"], text["text"]) == ("done", speak(asked))
    assert "Zürich" in text["text"]


def test_our_request_is_like_the_clients(node, server):
    """The client, given our messages, posts the body that we write."""
    body = vercel.body(
        [
            Message("user", "Windy?", images=(Image("https://e.example/a.png"),), id="u1"),
            Message("assistant", "", tool_calls=(ToolCall("c1", "wind", "{}"),), id="a1"),
            Message("tool", "calm", tool_call_id="c1"),
        ],
        conversation_id="chat-1",
    )
    message_of(node, server, b"".join(vercel.encode([])), body)
    assert server.wait_for_request().json == body


def test_the_transcripts_are_the_softwares_own(node, tmp_path):
    """The transcripts that the AI SDK wrote are still what it writes."""
    names = node.run("written_by_ai.cjs", str(tmp_path))
    assert len(names) >= 7
    for name in names:
        kept = TRANSCRIPTS / "vercel" / f"{name}.txt"
        assert (tmp_path / f"{name}.txt").read_bytes() == kept.read_bytes()


def test_the_parser_reads_the_same_events(node):
    """npm's parser cuts every transcript, and what we write, into the events that we read."""
    files = sorted(
        path
        for path in TRANSCRIPTS.glob("*/*.txt")
        if "amazon" not in path.with_suffix(".json").read_text(encoding="utf-8")
        and "ndjson" not in path.with_suffix(".json").read_text(encoding="utf-8")
    )
    assert len(files) > 50
    found = node.run("read_with_eventsource_parser.cjs", *map(str, files))
    for path, theirs in zip(files, found, strict=True):
        # Not the ids: the standard carries the last one on, the parser gives each block's own.
        ours = [(event.event, event.data) for event in sse.parse([path.read_bytes()])]
        assert [tuple(event[:2]) for event in theirs] == ours, path.name
