"""Vercel's UI message stream: requests, and features of this protocol alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from reading import read

from chatsdk import dialects
from chatsdk.answer import ToolCall
from chatsdk.dialects import CallDecision
from chatsdk.messages import Image, Message
from chatsdk.parts import (
    Citation,
    Citations,
    Failure,
    Finish,
    Reasoning,
    Text,
    ToolApproval,
    ToolCallDelta,
    ToolResult,
)

vercel = dialects.get("vercel")


def chunks(parts: list[Any]) -> list[dict[str, Any]]:
    frames = b"".join(vercel.encode(parts)).decode().removesuffix("data: [DONE]\n\n")
    return [json.loads(frame[6:]) for frame in frames.split("\n\n")[:-1]]


def test_body():
    """Messages are lists of parts, the chat has the id of the conversation, options are kept."""
    messages = [
        Message("system", "Be brief."),
        Message("user", "What is this?", images=(Image("https://e.example/a.png"),), id="u1"),
        Message("user", "", images=(Image(data="QQ==", media_type="image/jpeg"),)),
    ]
    body = vercel.body(messages, conversation_id="chat-1", model="tiny", tools=[])
    assert body == {
        "id": "chat-1",
        "trigger": "submit-message",
        "model": "tiny",
        "messages": [
            {
                "id": "message-1",
                "role": "system",
                "parts": [{"type": "text", "text": "Be brief."}],
            },
            {
                "id": "u1",
                "role": "user",
                "parts": [
                    {"type": "text", "text": "What is this?"},
                    {
                        "type": "file",
                        "mediaType": "image/*",
                        "url": "https://e.example/a.png",
                    },
                ],
            },
            {
                "id": "message-3",
                "role": "user",
                "parts": [
                    {
                        "type": "file",
                        "mediaType": "image/jpeg",
                        "url": "data:image/jpeg;base64,QQ==",
                    }
                ],
            },
        ],
    }
    tool = {"name": "wind", "description": "", "parameters": {}}
    assert vercel.body(messages, tools=[tool])["tools"] == [tool]


def test_a_new_chat_has_an_id_of_its_own():
    """Without a conversation each request is a separate chat."""
    ids = {vercel.body([Message("user", "Hi")])["id"] for _ in range(2)}
    assert len(ids) == 2
    assert all(ids)


def test_a_round_of_tools():
    """Call, result and what comes after them are steps of one message."""
    messages = [
        Message("user", "Windy?"),
        Message(
            "assistant",
            "I look.",
            tool_calls=(ToolCall("c1", "wind", '{"city": "Zürich"}'), ToolCall("c2", "now", "{")),
        ),
        Message("tool", '{"calm": true}', tool_call_id="c1"),
        Message("tool", "noon", tool_call_id="c2"),
        Message("assistant", "It is calm."),
    ]
    (_, answer) = vercel.body(messages)["messages"]
    assert answer["parts"] == [
        {"type": "text", "text": "I look."},
        {
            "type": "tool-wind",
            "toolCallId": "c1",
            "state": "output-available",
            "input": {"city": "Zürich"},
            "output": {"calm": True},
        },
        {
            "type": "tool-now",
            "toolCallId": "c2",
            "state": "output-available",
            "input": "{",
            "output": "noon",
        },
        {"type": "step-start"},
        {"type": "text", "text": "It is calm."},
    ]


def test_a_result_without_its_call():
    """A tool's result whose call is not among the messages cannot be written."""
    with pytest.raises(ValueError, match="tool_calls too"):
        vercel.body([Message("tool", "8 °C", tool_call_id="c1")])


def test_written_parts_are_opened_and_closed():
    """The reader insists on a start before each delta, and on an end."""
    call = ToolCallDelta("a", name="wind", arguments="{}")
    found = chunks([Reasoning("Hm."), Text("It is"), call, Text("calm")])
    assert [chunk["type"] for chunk in found] == [
        *("start", "start-step", "reasoning-start", "reasoning-delta", "reasoning-end"),
        *("text-start", "text-delta", "text-end"),
        *("tool-input-start", "tool-input-delta", "text-start", "text-delta", "text-end"),
        *("tool-input-available", "finish-step", "finish"),
    ]
    assert found[-1]["finishReason"] == "tool-calls"
    assert {c["toolCallId"] for c in found if "toolCallId" in c} == {"call-1"}


def test_arguments_that_are_no_json_are_written_as_an_error():
    """The model's malformed arguments reach the reader as text, not as an input."""
    found = chunks([ToolCallDelta("a", "c1", "wind", '{"city"')])
    error = next(chunk for chunk in found if chunk["type"] == "tool-input-error")
    assert (error["input"], error["toolName"]) == ('{"city"', "wind")


def test_streamed_arguments_stay_as_they_came():
    """The whole input changes nothing where it is what was streamed, however it was spaced."""
    call = {"toolCallId": "c1", "toolName": "wind"}
    stream = [
        {"type": "tool-input-start", **call},
        {"type": "tool-input-delta", "toolCallId": "c1", "inputTextDelta": '{"city" :"Zürich"}'},
        {"type": "tool-input-available", **call, "input": {"city": "Zürich"}},
    ]
    body = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in stream).encode()
    (found,) = read(vercel, [body], "text/event-stream").answer.tool_calls
    assert found.arguments == '{"city" :"Zürich"}'


def test_passages_survive():
    """Content without a field in the protocol comes back all the same."""
    items = (
        Citation("Weather", "https://w.example/z", "d1", "8 °C", 0.5, 1),
        Citation("Handbook", document="d2", snippet="Page 8"),
        Citation(document="d3"),
    )
    body = b"".join(vercel.encode([Citations(items)]))
    found = read(vercel, [body], "text/event-stream").answer.citations
    assert found == (items[0], items[1], Citation("d3", document="d3"))


def test_a_cancelled_answer_is_an_abort():
    """An answer that was ended on request is written as one, and complete."""
    parts = [Text("Half"), Finish("cancelled")]
    assert chunks(parts)[-1] == {"type": "abort"}
    reading = read(vercel, [b"".join(vercel.encode(parts))], "text/event-stream")
    assert (reading.end, reading.answer.finish_reason) == ("marker", "cancelled")


def test_a_refusal():
    """The text of a refusal is its message."""
    assert vercel.error(500, {}, b"An error occurred.") == Failure("An error occurred.")
    assert vercel.error(429, {}, b'{"error": "Slow down"}') == Failure("Slow down")
    assert vercel.error(200, {}, b"hello") is None


def test_a_question_ends_the_step_of_its_call():
    """A request for approval follows the complete input of its call, in the same step."""
    call = ToolCallDelta(0, "c1", "delete", "{}")
    found = chunks([call, ToolApproval("a1", "c1"), Finish("tool_calls")])
    assert [chunk["type"] for chunk in found] == [
        *("start", "start-step", "tool-input-start", "tool-input-delta", "tool-input-available"),
        *("tool-approval-request", "finish-step", "finish"),
    ]
    assert found[5] == {
        "type": "tool-approval-request",
        "approvalId": "a1",
        "toolCallId": "c1",
    }


RESULT = {"type": "tool-output-available", "toolCallId": "c1", "output": "done"}
DENIED = {"type": "tool-output-denied", "toolCallId": "c1"}
ASKED = {"type": "tool-approval-request", "approvalId": "a1", "toolCallId": "c1"}


@pytest.mark.parametrize(
    ("part", "chunk"),
    [
        (ToolResult("c1", "done"), RESULT),
        (ToolResult("c1", "no", failed=True, rejected=True), DENIED),
        (ToolApproval("a1", "c1"), ASKED),
    ],
)
def test_what_comes_first_belongs_to_the_step_before(part, chunk):
    """Results and questions about calls of an earlier answer open no step of their own."""
    found = chunks([part, Text("Done."), Finish("stop")])
    assert found[1:3] == [chunk, {"type": "start-step"}]
    # Without a further text there is no step at all: clients look for questions in the last one.
    kinds = [one["type"] for one in chunks([part, Finish("tool_calls")])]
    assert kinds == ["start", chunk["type"], "finish"]


def asked_for(*parts: dict[str, Any], then: list[dict[str, Any]] | None = None) -> Any:
    question = {"id": "u1", "role": "user", "parts": [{"type": "text", "text": "Go"}]}
    answer = {"id": "a1", "role": "assistant", "parts": list(parts)}
    return vercel.read_request({"id": "chat-1", "messages": [question, answer, *(then or [])]})


def call_part(state: str, **fields: Any) -> dict[str, Any]:
    known = {"type": "tool-delete", "toolCallId": "c1", "state": state, "input": {}}
    return known | fields


def test_decisions_are_read():
    """Those about the last step of the last message, decided or not."""
    approved = call_part("approval-responded", approval={"id": "a1", "approved": True})
    rejected = call_part(
        "approval-responded",
        toolCallId="c2",
        approval={"id": "a2", "approved": False, "reason": "too risky"},
    )
    waiting = call_part("approval-requested", toolCallId="c3", approval={"id": "a3"})
    asked = asked_for(approved, {"type": "step-start"}, rejected, waiting)
    assert asked.decisions == (
        CallDecision("c2", "a2", False, "too risky"),
        CallDecision("c3", "a3", None),
    )
    assert [call.id for call in asked.messages[-1].tool_calls] == ["c2", "c3"]
    more = {"id": "u2", "role": "user", "parts": [{"type": "text", "text": "No"}]}
    assert asked_for(rejected, then=[more]).decisions == ()


def test_a_denied_call_is_a_failed_result():
    """A call that a person rejected earlier is sent to the model again, with the reason."""
    denied = call_part("output-denied", approval={"id": "a1", "approved": False, "reason": "no"})
    asked = asked_for(denied)
    result = asked.messages[-1]
    assert (result.role, result.content) == ("tool", "error: the user rejected this call: no")
    assert (result.status, asked.decisions) == ("error", ())


@pytest.mark.parametrize(
    "approval",
    [1, {"id": 1}, {"id": "a1", "approved": "yes"}, {"id": "a1", "reason": []}],
)
def test_a_damaged_decision(approval):
    """It is refused with the path of the field."""
    with pytest.raises(ValueError, match=r"messages\[1\]\.parts\[0\]\.approval"):
        asked_for(call_part("approval-responded", approval=approval))
