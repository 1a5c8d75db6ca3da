"""Anthropic Messages: what is asked, and what comes in place of a stream."""

from __future__ import annotations

import json

import pytest

from chatsdk import dialects
from chatsdk.answer import Answer, AnswerBuilder, ToolCall
from chatsdk.messages import Image, Message
from chatsdk.parts import End, Failure, Native, Reasoning, Text, ToolCallDelta
from chatsdk.sse import ServerSentEvent

anthropic = dialects.get("anthropic")


def test_headers():
    """The key goes into x-api-key; the version is said without a key too."""
    assert anthropic.headers("k") == {"x-api-key": "k", "anthropic-version": "2023-06-01"}
    assert anthropic.headers(None) == {"anthropic-version": "2023-06-01"}


def test_body():
    """System messages are separate from the others; the token limit can be given."""
    messages = Message.all_of(
        [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Yes?"},
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "Bye"},
        ]
    )
    assert anthropic.body(messages, model="m") == {
        "model": "m",
        "max_tokens": 8192,
        "stream": True,
        "system": "Be brief.\n\nBe kind.",
        "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Yes?"},
            {"role": "user", "content": "Bye"},
        ],
    }
    assert anthropic.body(messages, max_tokens=5)["max_tokens"] == 5
    assert "system" not in anthropic.body(Message.all_of("Hi"))


def test_a_round_of_tools():
    """Calls are blocks with parsed input, and all results of a round are in one message."""
    messages = [
        Message("user", "Weather?"),
        Message(
            "assistant",
            "I look.",
            tool_calls=(
                ToolCall("t1", "find", '{"q": "ä"}'),
                ToolCall("t2", "now", ""),
                ToolCall("t3", "bad", '{"q'),
            ),
        ),
        Message("tool", "8 °C", tool_call_id="t1"),
        Message("tool", "noon", tool_call_id="t2"),
        Message("user", "Thanks"),
    ]
    tool = {"name": "find", "description": "Finds.", "parameters": {"type": "object"}}
    body = anthropic.body(messages, tools=[tool, {"type": "web_search_20250305", "name": "w"}])
    assert body["tools"] == [
        {"name": "find", "description": "Finds.", "input_schema": {"type": "object"}},
        {"type": "web_search_20250305", "name": "w"},
    ]
    assert body["messages"][1:] == [
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "t1", "name": "find", "input": {"q": "ä"}},
                {"type": "tool_use", "id": "t2", "name": "now", "input": {}},
                {"type": "tool_use", "id": "t3", "name": "bad", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": "8 °C"},
                {"type": "tool_result", "tool_use_id": "t2", "content": "noon"},
            ],
        },
        {"role": "user", "content": "Thanks"},
    ]


def test_pictures():
    """A picture goes by its address, or by its content, also out of a data: URL."""
    images = (
        Image(url="https://e.example/a.png"),
        Image(data="aGk=", media_type="image/webp"),
        Image(url="data:image/gif;base64,R0lG"),
    )
    (turn,) = anthropic.body([Message("user", "What?", images=images)])["messages"]
    assert [block.get("source", block) for block in turn["content"]] == [
        {"type": "url", "url": "https://e.example/a.png"},
        {"type": "base64", "media_type": "image/webp", "data": "aGk="},
        {"type": "base64", "media_type": "image/gif", "data": "R0lG"},
        {"type": "text", "text": "What?"},
    ]


def test_an_answer_without_text_is_left_out():
    """An answer that was stopped before its first text is not sent as a message."""
    messages = [Message("user", "Hi"), Message("assistant", ""), Message("user", "Well?")]
    assert [turn["role"] for turn in anthropic.body(messages)["messages"]] == ["user", "user"]


def test_a_document():
    """A message that came whole gives the same answer as its stream."""
    message = {
        "type": "message",
        "id": "msg_1",
        "model": "m",
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "Hm.", "signature": "s"},
            {
                "type": "text",
                "text": "Hi",
                "citations": [{"type": "char_location", "cited_text": "c", "document_title": "D"}],
            },
            {"type": "tool_use", "id": "t1", "name": "find", "input": {"q": "ä"}},
        ],
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 3, "output_tokens": 4},
    }
    parts = anthropic.document(message)
    assert parts is not None
    assert parts[-1] == End()
    answer = AnswerBuilder().step(parts)
    assert (answer.text, answer.reasoning, answer.id, answer.model) == ("Hi", "Hm.", "msg_1", "m")
    assert answer.tool_calls == (ToolCall("t1", "find", '{"q": "ä"}'),)
    assert [(item.title, item.snippet) for item in answer.citations] == [("D", "c")]
    assert answer.usage
    assert (answer.usage.input, answer.usage.output, answer.usage.total) == (3, 4, 7)
    assert answer.finish_reason == "tool_calls"


@pytest.mark.parametrize("payload", [None, [], {}, {"type": "error"}, {"type": "completion"}, "x"])
def test_no_document(payload):
    """A value that is not a message is not an answer."""
    assert anthropic.document(payload) is None


@pytest.mark.parametrize(
    ("status", "body", "failure"),
    [
        (
            529,
            {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
            Failure("Overloaded", "overloaded_error"),
        ),
        (502, "Bad Gateway", Failure("Bad Gateway")),
        (200, {"error": {"message": "no credit", "code": 7}}, Failure("no credit", 7)),
        (200, {"type": "message", "content": []}, None),
    ],
)
def test_an_error_in_place_of_a_stream(status, body, failure):
    """The message and the type of an HTTP error are read, and those of a refusal under 200."""
    raw = (body if isinstance(body, str) else json.dumps(body)).encode()
    assert anthropic.error(status, {}, raw) == failure


def test_an_error_that_is_no_json():
    """A gateway's error event may be plain text, which is then the message."""
    event = ServerSentEvent("error", "upstream connect error")
    assert anthropic.decoder().decode(event) == (Failure("upstream connect error"),)


def test_blocks_follow_each_other():
    """The writer has one block open at a time, and closes each."""
    parts = [
        Reasoning("Hm"),
        Text("I look."),
        ToolCallDelta(0, id="t1", name="find", arguments="{"),
        ToolCallDelta(1, id="t2", name="now"),
        ToolCallDelta(0, arguments="}"),
        Text("So."),
    ]
    frames = [frame.decode().splitlines() for frame in anthropic.encode(parts)]
    payloads = [json.loads(data.removeprefix("data: ")) for _, data, _ in frames]
    assert [name for name, _, _ in frames] == [f"event: {item['type']}" for item in payloads]
    blocks = [
        (item["type"].removeprefix("content_block_"), item["index"])
        for item in payloads
        if "index" in item
    ]
    assert blocks == [
        *(("start", 0), ("delta", 0), ("stop", 0)),
        *(("start", 1), ("delta", 1), ("stop", 1)),
        *(("start", 2), ("delta", 2), ("stop", 2)),
        *(("start", 3), ("delta", 2), ("stop", 3)),
        *(("start", 4), ("delta", 4), ("stop", 4)),
    ]


def test_nothing_stops_it_on_the_server():
    """There is no endpoint that stops an answer."""
    assert anthropic.stop_request(Answer(id="msg_1"), {}) is None


def events(*blocks):
    """The answer to a stream of these blocks, each a start and its deltas."""
    decoder, builder = anthropic.decoder(), AnswerBuilder()

    def take(kind, **payload):
        data = json.dumps({"type": kind, **payload})
        builder.step(decoder.decode(ServerSentEvent(kind, data)))

    for index, (start, *deltas) in enumerate(blocks):
        take("content_block_start", index=index, content_block=start)
        for delta in deltas:
            take("content_block_delta", index=index, delta=delta)
        take("content_block_stop", index=index)
    take("message_delta", delta={"stop_reason": "tool_use"})
    take("message_stop")
    return builder.answer


def thought(*pieces, signature="sig"):
    return [
        {"type": "thinking", "thinking": "", "signature": ""},
        *({"type": "thinking_delta", "thinking": piece} for piece in pieces),
        {"type": "sparkle_delta", "sparkle": "of a later version"},
        {"type": "signature_delta", "signature": signature[:2]},
        {"type": "signature_delta", "signature": signature[2:]},
    ]


CALL = [
    {"type": "tool_use", "id": "t1", "name": "find", "input": {}},
    {"type": "input_json_delta", "partial_json": '{"q": '},
    {"type": "input_json_delta", "partial_json": '"\\u00e4"}'},
]


def reply(answer, **changed):
    given = {"tool_calls": answer.tool_calls, "native": answer.native} | changed
    return Message("assistant", given.pop("content", answer.text), **given)


def test_thoughts_go_back_as_they_came():
    """With the results of tools the API gets its thoughts, signed, redacted, in their places."""
    redacted = {"type": "redacted_thinking", "data": "EmwKAhgB"}
    answer = events(
        thought("Let me ", "see. \ud83d", "\ude42"),
        [redacted],
        [
            {"type": "text", "text": ""},
            {"type": "text_delta", "text": "I "},
            {"type": "text_delta", "text": "look."},
        ],
        thought("More.", signature="gis"),
        CALL,
        [{"type": "text", "text": ""}],
    )
    (turn,) = anthropic.body([reply(answer)])["messages"]
    assert turn["content"] == [
        {"type": "thinking", "thinking": "Let me see. 🙂", "signature": "sig"},
        redacted,
        {"type": "text", "text": "I look."},
        {"type": "thinking", "thinking": "More.", "signature": "gis"},
        {"type": "tool_use", "id": "t1", "name": "find", "input": {"q": "ä"}},
    ]
    assert answer.reasoning == "Let me see. 🙂More."


def test_searches_of_the_api_go_back_too():
    """The API's own tool calls are between the thoughts, and their results are encrypted."""
    search = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}}
    found = {"type": "web_search_tool_result", "tool_use_id": "s1", "content": [{"a": "b"}]}
    cited = {"type": "web_search_result_location", "encrypted_index": "x"}
    answer = events(
        [search, {"type": "input_json_delta", "partial_json": '{"query": "q"}'}],
        [found],
        [
            {"type": "text", "text": "", "citations": []},
            {"type": "text_delta", "text": "So."},
            {"type": "citations_delta", "citation": cited},
        ],
    )
    (turn,) = anthropic.body([reply(answer)])["messages"]
    assert turn["content"] == [
        search | {"input": {"query": "q"}},
        found,
        {"type": "text", "text": "So.", "citations": [cited]},
    ]


def test_what_was_changed_goes_back_without_thoughts():
    """A message whose text or calls differ from the answer's is sent as its fields are."""
    answer = events(thought("Hm."), [{"type": "text", "text": "A"}], CALL)
    assert anthropic.body([reply(answer, content="B", tool_calls=())])["messages"] == [
        {"role": "assistant", "content": "B"}
    ]
    (turn,) = anthropic.body([reply(answer, tool_calls=())])["messages"]
    assert turn["content"] == "A"
    elsewhere = Native.of("gemini", [{"text": "A"}])
    (turn,) = anthropic.body([reply(answer, native=elsewhere)])["messages"]
    assert [block["type"] for block in turn["content"]] == ["text", "tool_use"]


def test_unsigned_thoughts_go_back_beside_calls_only():
    """A gateway that leaves signatures out may want thoughts in a round, and no other time."""
    unsigned = [{"type": "thinking", "thinking": "Hm.", "signature": ""}]
    said = [{"type": "text", "text": "A"}]
    (turn,) = anthropic.body([reply(events(unsigned, said))])["messages"]
    assert turn["content"] == said
    (turn,) = anthropic.body([reply(events(unsigned, CALL))])["messages"]
    assert [block["type"] for block in turn["content"]] == ["thinking", "tool_use"]


def test_without_thoughts_nothing_is_kept():
    """Text and calls have their own fields; they are not kept twice."""
    assert events([{"type": "text", "text": "A"}], CALL).native is None


def test_a_flood_of_thoughts_is_not_kept(monkeypatch):
    """The state to send back is bounded, however much a server sends."""
    monkeypatch.setattr("chatsdk.dialects.request.MOST_NATIVE_CHARS", 500)
    assert events(thought("a" * 100)).native is not None
    assert events(*[thought("a" * 100)] * 4).native is None
