"""Flowise's own client reads the same events as chatsdk, and it reads what we write."""

from __future__ import annotations

import json

import pytest
from reading import read, transcripts

from chatsdk import dialects
from chatsdk.parts import Failure, Identity, Text, ToolCallDelta

flowise = pytest.importorskip("flowise")

pytestmark = pytest.mark.filterwarnings("default")

TRANSCRIPTS = {item.name.removeprefix("flowise/"): item for item in transcripts("flowise")}
PARTS = [
    Identity(id="m1", conversation_id="s1"),
    Text("It is "),
    Text("8 °C 🙂"),
    ToolCallDelta("a", id="c1", name="wind", arguments='{"city": "Zürich"}'),
]


def events(server, body):
    server.reply(200, json={"isStreaming": True})
    server.reply(200, body=body, content_type="text/event-stream")
    client = flowise.Flowise(server.url)
    asked = flowise.PredictionData(chatflowId="f", question="Hi", streaming=True)
    return [json.loads(event) for event in client.create_prediction(asked)]


def text_of(found):
    return "".join(event["data"] for event in found if event["event"] == "token")


@pytest.mark.parametrize("name", ["answer", "first_token_in_start", "agentflow", "aborted"])
def test_same_bytes_same_answer(server, name):
    """The client and chatsdk agree about the text and the session."""
    body = TRANSCRIPTS[name].body
    ours = read(dialects.get("flowise"), [body], "text/event-stream").answer
    found = events(server, body)
    assert text_of(found) == ours.text
    ids = [event["data"] for event in found if event["event"] == "metadata"]
    for told in ids:
        assert ours.conversation_id == told.get("sessionId", told["chatId"])


def test_it_reads_what_we_write(server):
    """Text, tools and the session that we write arrive; its request is read."""
    body = b"".join(dialects.get("flowise").encode(PARTS))
    found = events(server, body)
    assert text_of(found) == "It is 8 °C 🙂"
    told = {event["event"]: event["data"] for event in found}
    assert told["usedTools"][0]["toolInput"] == {"city": "Zürich"}
    assert told["metadata"]["sessionId"] == "s1"
    assert found[-1] == {"event": "end", "data": "[DONE]"}
    asked = dialects.get("flowise").read_request(server.requests[-1].json)
    assert (asked.messages[0].content, asked.stream) == ("Hi", True)


def test_it_reads_an_error_that_we_write(server):
    """A failure after text is a separate event, and then the end."""
    body = b"".join(dialects.get("flowise").encode([Text("Half "), Failure("overloaded")]))
    assert events(server, body)[-2:] == [
        {"event": "error", "data": "overloaded"},
        {"event": "end", "data": "[DONE]"},
    ]
