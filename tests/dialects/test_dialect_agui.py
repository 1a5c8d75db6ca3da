"""AG-UI: what is asked, and what is written."""

from __future__ import annotations

import json
from typing import Any

from reading import read

from chatsdk import dialects
from chatsdk.answer import ToolCall
from chatsdk.messages import Image, Message
from chatsdk.parts import Citation, Citations, Failure, Finish, Identity, Text, ToolCallDelta

agui = dialects.get("agui")


def events(parts: list[Any], **names: str) -> list[dict[str, Any]]:
    frames = b"".join(agui.encode(parts, **names)).decode()
    return [json.loads(frame[6:]) for frame in frames.split("\n\n")[:-1]]


def test_body():
    """The input of a run has all its fields; a picture is a part with its source."""
    messages = [
        Message("user", "What?", images=(Image("https://e.example/a.png"),), id="u1"),
        Message("user", "", images=(Image(data="QQ==", media_type="image/jpeg"),)),
        Message("assistant", "", tool_calls=(ToolCall("c1", "wind", "{}"),)),
        Message("tool", "calm", tool_call_id="c1"),
    ]
    tool = {"name": "wind", "parameters": {"type": "object"}}
    body = agui.body(messages, conversation_id="th1", tools=[tool], state={"n": 1})
    run = body.pop("runId")
    assert isinstance(run, str)
    assert body == {
        "threadId": "th1",
        "messages": [
            {
                "id": "u1",
                "role": "user",
                "content": [
                    {"type": "text", "text": "What?"},
                    {
                        "type": "image",
                        "source": {"type": "url", "value": "https://e.example/a.png"},
                    },
                ],
            },
            {
                "id": "message-2",
                "role": "user",
                "content": [
                    {
                        "type": "image",
                        "source": {"type": "data", "value": "QQ==", "mimeType": "image/jpeg"},
                    }
                ],
            },
            {
                "id": "message-3",
                "role": "assistant",
                "content": "",
                "toolCalls": [
                    {
                        "id": "c1",
                        "type": "function",
                        "function": {"name": "wind", "arguments": "{}"},
                    }
                ],
            },
            {"id": "message-4", "role": "tool", "content": "calm", "toolCallId": "c1"},
        ],
        "tools": [{"name": "wind", "description": "", "parameters": {"type": "object"}}],
        "context": [],
        "state": {"n": 1},
        "forwardedProps": {},
    }


def test_each_request_is_a_run():
    """Runs have ids of their own, threads too when none is named."""
    one, two = (agui.body([Message("user", "Hi")]) for _ in range(2))
    assert one["runId"] != two["runId"]
    assert one["threadId"] != two["threadId"]


def test_everything_written_is_closed():
    """A finished run has no open message or call, and its ids are those of its start."""
    parts = [
        Identity(id="r1", conversation_id="th1"),
        Text("I look."),
        ToolCallDelta("a", "c1", "wind", '{"city"'),
        ToolCallDelta("b", "c2", "now", "{}"),
        ToolCallDelta("a", arguments=': "Zürich"}'),
        Finish("tool_calls"),
    ]
    found = events(parts)
    assert [event["type"] for event in found] == [
        *("RUN_STARTED", "TEXT_MESSAGE_START", "TEXT_MESSAGE_CONTENT", "TEXT_MESSAGE_END"),
        *("TOOL_CALL_START", "TOOL_CALL_ARGS", "TOOL_CALL_START", "TOOL_CALL_ARGS"),
        *("TOOL_CALL_ARGS", "TOOL_CALL_END", "TOOL_CALL_END", "RUN_FINISHED"),
    ]
    assert found[-1] == {
        "type": "RUN_FINISHED",
        "threadId": "th1",
        "runId": "r1",
        "outcome": {"type": "success", "pendingToolCallIds": ["c1", "c2"]},
    }


def test_an_error_is_the_last_event():
    """A failed run ends with RUN_ERROR; its code is text there."""
    found = events([Text("Half"), Failure("overloaded", 529), Text("never")])
    assert [event["type"] for event in found[-2:]] == ["TEXT_MESSAGE_END", "RUN_ERROR"]
    assert found[-1] == {"type": "RUN_ERROR", "message": "overloaded", "code": "529"}


def test_calls_that_wait_without_having_been_streamed():
    """A run that names calls which wait for the client has them to wait for."""
    outcome = {"type": "success", "pendingToolCallIds": ["c1"]}
    body = f"data: {json.dumps({'type': 'RUN_FINISHED', 'outcome': outcome})}\n\n".encode()
    answer = read(agui, [body], "text/event-stream").answer
    assert (answer.finish_reason, answer.native_finish_reason) == ("tool_calls", "success")


def test_citations_are_an_event_of_our_own():
    """The protocol has no citations, and what is read elsewhere is not lost on the way."""
    items = (Citation("Weather", "https://w.example/z", "d1", "8 °C", 0.5, 1),)
    body = b"".join(agui.encode([Citations(items)]))
    assert read(agui, [body], "text/event-stream").answer.citations == items


def test_a_refusal():
    """A body that is a list gets a useful error as well."""
    body = b'[{"type": "missing", "loc": ["threadId"], "msg": "Field required"}]'
    assert agui.error(422, {}, body) == Failure(body.decode())
