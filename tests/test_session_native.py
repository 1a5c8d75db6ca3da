"""The opaque state that a backend requires with the results of tools, sent by a session."""

from __future__ import annotations

import json

import pytest

from chatsdk import Message, ToolCall
from chatsdk.session import use_chat
from chatsdk.testing import ChatServer


def frames(*values, end=""):
    return "".join(f"data: {json.dumps(value)}\n\n" for value in values) + end


def anthropic(*blocks, reason):
    payloads = []
    for index, block in enumerate(blocks):
        payloads += [
            {"type": "content_block_start", "index": index, "content_block": block},
            {"type": "content_block_stop", "index": index},
        ]
    payloads += [
        {"type": "message_delta", "delta": {"stop_reason": reason}},
        {"type": "message_stop"},
    ]
    return frames(*payloads)


def gemini(*parts):
    candidate = {"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}
    return frames({"candidates": [candidate]})


def openai(*deltas, reason):
    chunks = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}
    return frames(*chunks, end, end="data: [DONE]\n\n")


def ollama(message, **end):
    line = {"model": "m", "message": {"role": "assistant", "content": "", **message}}
    return json.dumps(line | {"done": True, "done_reason": "stop"} | end) + "\n"


def responses(*items):
    output = [{"type": "response.output_item.done", "item": item} for item in items]
    end = {"id": "resp_1", "store": False, "status": "completed", "output": items}
    return frames(*output, {"type": "response.completed", "response": end})


THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
REDACTED = {"type": "redacted_thinking", "data": "EmwK"}
USE = {"type": "tool_use", "id": "c1", "name": "look", "input": {"at": "Köln"}}
CALL = {"name": "look", "args": {"at": "Köln"}}
REASONING = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"}
FUNCTION = {"name": "look", "arguments": '{"at": "Köln"}'}
DETAIL = {"type": "reasoning.text", "index": 0, "format": "anthropic-claude-v1"}
ENCRYPTED = {"type": "REASONING_ENCRYPTED_VALUE"}
SIGNATURE = {"google": {"thought_signature": "Cs0B"}}

# Dialect, path, content type, the answer that asks for a tool, the one after it, the messages'
# place in the body, and what the model's part in the second request has to be.
ROUNDS = {
    "anthropic": (
        "/v1/messages",
        anthropic(THOUGHT, REDACTED, {"type": "text", "text": "So:"}, USE, reason="tool_use"),
        anthropic({"type": "text", "text": "Rain."}, reason="end_turn"),
        "messages",
        [
            {
                "role": "assistant",
                "content": [THOUGHT, REDACTED, {"type": "text", "text": "So:"}, USE],
            }
        ],
    ),
    "gemini": (
        "/v1beta/models/m:streamGenerateContent",
        gemini(
            {"text": "Hm.", "thought": True}, {"functionCall": CALL, "thoughtSignature": "Cs0B"}
        ),
        gemini({"text": "Rain."}),
        "contents",
        [{"role": "model", "parts": [{"functionCall": CALL, "thoughtSignature": "Cs0B"}]}],
    ),
    "deepseek": (
        "/chat/completions",
        openai(
            {"reasoning_content": "Hm."},
            {"tool_calls": [{"index": 0, "id": "c1", "function": FUNCTION}]},
            reason="tool_calls",
        ),
        openai({"content": "Rain."}, reason="stop"),
        "messages",
        [
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "c1", "type": "function", "function": FUNCTION}],
                "reasoning_content": "Hm.",
            }
        ],
    ),
    "openai": (
        "/v1/chat/completions",
        openai(
            {"reasoning": "H", "reasoning_details": [DETAIL | {"text": "H"}]},
            {"reasoning": "m.", "reasoning_details": [DETAIL | {"text": "m."}]},
            {"reasoning_details": [DETAIL | {"text": None, "signature": "c2ln"}]},
            {
                "tool_calls": [
                    {"index": 0, "id": "c1", "function": FUNCTION, "extra_content": SIGNATURE}
                ]
            },
            reason="tool_calls",
        ),
        openai({"content": "Rain."}, reason="stop"),
        "messages",
        [
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "c1",
                        "type": "function",
                        "function": FUNCTION,
                        "extra_content": SIGNATURE,
                    }
                ],
                "reasoning_details": [DETAIL | {"text": "Hm.", "signature": "c2ln"}],
            }
        ],
    ),
    "ollama": (
        "/api/chat",
        ollama(
            {
                "thinking": "Hm.",
                "tool_calls": [{"function": {"name": "look", "arguments": {"at": "Köln"}}}],
            }
        ),
        ollama({"content": "Rain."}),
        "messages",
        [
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [{"function": {"name": "look", "arguments": {"at": "Köln"}}}],
                "thinking": "Hm.",
            }
        ],
    ),
    "vercel": (
        "/api/chat",
        frames(
            {"type": "reasoning-start", "id": "r1"},
            {"type": "reasoning-delta", "id": "r1", "delta": "Hm"},
            {"type": "reasoning-delta", "id": "r1", "delta": "."},
            {"type": "reasoning-end", "id": "r1", "providerMetadata": SIGNATURE},
            {"type": "reasoning-start", "id": "r2", "providerMetadata": {"a": {"redacted": "x"}}},
            {"type": "reasoning-end", "id": "r2"},
            {"type": "text-start", "id": "t1", "providerMetadata": {"a": {"itemId": "msg_1"}}},
            {"type": "text-delta", "id": "t1", "delta": "So:"},
            {
                "type": "tool-input-available",
                "toolCallId": "c1",
                "toolName": "look",
                "input": {"at": "Köln"},
                "providerMetadata": SIGNATURE,
            },
            {"type": "finish", "finishReason": "tool-calls"},
            end="data: [DONE]\n\n",
        ),
        frames(
            {"type": "text-delta", "id": "t2", "delta": "Rain."},
            {"type": "finish", "finishReason": "stop"},
        ),
        "messages",
        [
            {"type": "reasoning", "text": "Hm.", "providerMetadata": SIGNATURE},
            {"type": "reasoning", "text": "", "providerMetadata": {"a": {"redacted": "x"}}},
            {"type": "text", "text": "So:", "providerMetadata": {"a": {"itemId": "msg_1"}}},
            {
                "type": "tool-look",
                "toolCallId": "c1",
                "state": "output-available",
                "input": {"at": "Köln"},
                "output": "wet in Köln",
                "callProviderMetadata": SIGNATURE,
            },
        ],
    ),
    "agui": (
        "/agent",
        frames(
            {"type": "RUN_STARTED", "threadId": "t1", "runId": "r1"},
            {"type": "REASONING_MESSAGE_CONTENT", "messageId": "h1", "delta": "H"},
            {"type": "REASONING_MESSAGE_CONTENT", "messageId": "h1", "delta": "m."},
            ENCRYPTED | {"subtype": "message", "entityId": "h1", "encryptedValue": "e1"},
            {"type": "TOOL_CALL_START", "toolCallId": "c1", "toolCallName": "look"},
            {"type": "TOOL_CALL_ARGS", "toolCallId": "c1", "delta": '{"at": "Köln"}'},
            ENCRYPTED | {"subtype": "tool-call", "entityId": "c1", "encryptedValue": "e2"},
            ENCRYPTED | {"subtype": "message", "entityId": "m1", "encryptedValue": "e3"},
            {"type": "RUN_FINISHED", "threadId": "t1", "runId": "r1"},
        ),
        frames(
            {"type": "TEXT_MESSAGE_CONTENT", "messageId": "m2", "delta": "Rain."},
            {"type": "RUN_FINISHED", "threadId": "t1", "runId": "r1"},
        ),
        "messages",
        [
            {"id": "h1", "role": "reasoning", "content": "Hm.", "encryptedValue": "e1"},
            {
                "role": "assistant",
                "content": "",
                "toolCalls": [
                    {"id": "c1", "type": "function", "function": FUNCTION, "encryptedValue": "e2"}
                ],
                "encryptedValue": "e3",
            },
        ],
    ),
    "openai_responses": (
        "/v1/responses",
        responses(
            REASONING | {"status": None},
            {"type": "message", "content": [{"type": "output_text", "text": "So:"}]},
            {"type": "function_call", "id": "fc_1", "call_id": "c1", **FUNCTION},
        ),
        responses({"type": "message", "content": [{"type": "output_text", "text": "Rain."}]}),
        "input",
        [
            REASONING,
            {"role": "assistant", "content": "So:"},
            {"type": "function_call", "call_id": "c1", **FUNCTION},
        ],
    ),
}


@pytest.fixture
def server():
    with ChatServer() as server:
        yield server


@pytest.mark.parametrize("dialect", ROUNDS)
@pytest.mark.parametrize("saved", [False, True], ids=["same", "saved"])
def test_what_goes_back(server, dialect, saved):
    """The model's reasoning, in its backend's form, is sent with the results and after them."""
    path, first, second, place, wanted = ROUNDS[dialect]
    kind = "application/x-ndjson" if dialect == "ollama" else "text/event-stream"
    for body in (first, second, second):
        server.reply(body=body, headers={"Content-Type": kind})

    def look(at: str) -> str:
        return f"wet in {at}"

    session = use_chat(server.url + path, dialect=dialect)
    with session:
        answer = session.run("Weather?", tools={"look": look})
        assert answer.text.endswith("Rain.")
        if saved:
            data = json.loads(json.dumps(session.to_dict()))
            session = use_chat(server.url + path, dialect=dialect, saved=data)
        with session:
            session.run("Thanks")
    for request in server.requests[1:]:
        told = json.loads(request.body)[place][1:]
        if dialect == "vercel":
            # All that the assistant does up to the next question is one message.
            told = told[0]["parts"]
        if dialect == "agui":
            told[1].pop("id", None)
        assert told[: len(wanted)] == wanted
    assert "wet in Köln" in json.dumps(json.loads(request.body), ensure_ascii=False)


def test_thoughts_of_turns_without_tools_stay(server):
    """DeepSeek gets back what it thought in turns with tools, and nothing of others."""
    think = openai({"reasoning_content": "Hm."}, {"content": "Hi."}, reason="stop")
    for _ in range(2):
        server.reply(body=think, headers={"Content-Type": "text/event-stream"})
    with use_chat(server.url, dialect="deepseek") as session:
        session.run("Hello")
        session.run("Again")
        assert session.messages[1].reasoning == "Hm."
    assert json.loads(server.requests[1].body)["messages"][1] == {
        "role": "assistant",
        "content": "Hi.",
    }


def test_each_part_of_a_turn_with_tools_has_its_thoughts():
    """If a model reasoned before one call and not before the next, both are sent."""
    from chatsdk import dialects

    call = (ToolCall("c1", "look", "{}"),)
    messages = [
        Message("user", "Weather?"),
        Message("assistant", tool_calls=call, reasoning="Hm."),
        Message("tool", "wet", tool_call_id="c1"),
        Message("assistant", tool_calls=call),
        Message("tool", "wet", tool_call_id="c1"),
        Message("assistant", "Rain.", reasoning="Oh."),
        Message("user", "Thanks"),
        Message("assistant", "Welcome.", reasoning="Polite."),
    ]
    body = dialects.get("deepseek").body(messages)
    assert [message.get("reasoning_content") for message in body["messages"]] == [
        *(None, "Hm.", None, "", None, "Oh.", None, None)
    ]


def test_the_last_answer_of_a_turn_keeps_its_own(server):
    """After the tools the model thinks again, and that goes back with the next question."""
    other = THOUGHT | {"thinking": "Oh.", "signature": "Z2lz"}
    text = {"type": "text", "text": "Rain."}
    bodies = (
        anthropic(THOUGHT, USE, reason="tool_use"),
        anthropic(other, text, reason="end_turn"),
        anthropic(text, reason="end_turn"),
    )
    for body in bodies:
        server.reply(body=body, headers={"Content-Type": "text/event-stream"})
    with use_chat(server.url, dialect="anthropic") as session:
        session.run("Weather?", tools={"look": lambda at: "wet"})
        session.run("Thanks")
    sent = json.loads(server.requests[2].body)["messages"]
    assert [turn["content"] for turn in sent if turn["role"] == "assistant"] == [
        [THOUGHT, USE],
        [other, text],
    ]
