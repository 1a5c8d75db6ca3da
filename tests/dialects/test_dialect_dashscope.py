"""DashScope's own protocol: what is asked, and what comes in place of a stream."""

from __future__ import annotations

import pytest

from chatsdk import dialects
from chatsdk.answer import AnswerBuilder, ToolCall
from chatsdk.messages import Image, Message
from chatsdk.parts import End, Failure
from chatsdk.sse import ServerSentEvent

dashscope = dialects.get("dashscope")


def test_headers():
    """A stream has to be asked for in a header."""
    assert dashscope.headers("k") == {"Authorization": "Bearer k", "X-DashScope-SSE": "enable"}
    assert dashscope.headers(None) == {"X-DashScope-SSE": "enable"}


def test_body():
    """Options are parameters, but for the model; tools are functions."""
    messages = [
        Message("system", "Be brief."),
        Message("user", "Windy?"),
        Message("assistant", "", tool_calls=(ToolCall("c1", "wind", "{}"),)),
        Message("tool", "calm", tool_call_id="c1", name="wind"),
    ]
    tool = {"name": "wind", "description": "", "parameters": {}}
    body = dashscope.body(
        messages, model="tiny", tools=[tool], top_p=0.5, parameters={"enable_search": True}
    )
    assert body == {
        "model": "tiny",
        "input": {
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Windy?"},
                {
                    "role": "assistant",
                    "content": "",
                    "tool_calls": [
                        {
                            "id": "c1",
                            "type": "function",
                            "function": {"name": "wind", "arguments": "{}"},
                        }
                    ],
                },
                {"role": "tool", "content": "calm", "tool_call_id": "c1", "name": "wind"},
            ]
        },
        "parameters": {
            "result_format": "message",
            "incremental_output": True,
            "tools": [{"type": "function", "function": tool}],
            "enable_search": True,
            "top_p": 0.5,
        },
    }


def test_snapshots_are_asked_for():
    """The dialect reads the format that the request asks for."""
    body = dialects.get("dashscope", text="snapshot").body([Message("user", "Hi")])
    assert body["parameters"]["incremental_output"] is False
    with pytest.raises(ValueError, match="'delta' or 'snapshot'"):
        dialects.get("dashscope", text="whole")


def test_pictures():
    """With a picture among them, all messages are lists of parts."""
    messages = [
        Message("system", "Be brief."),
        Message("user", "What?", images=(Image("https://e.example/a.png"),)),
    ]
    assert dashscope.body(messages)["input"]["messages"] == [
        {"role": "system", "content": [{"text": "Be brief."}]},
        {"role": "user", "content": [{"image": "https://e.example/a.png"}, {"text": "What?"}]},
    ]


def test_a_document():
    """An answer that came whole is read like a stream."""
    message = {"role": "assistant", "content": "It is 8 °C."}
    payload = {
        "output": {"choices": [{"message": message, "finish_reason": "stop"}]},
        "usage": {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7},
        "request_id": "q-1",
    }
    parts = dashscope.document(payload)
    assert parts is not None
    assert parts[-1] == End()
    builder = AnswerBuilder()
    answer = builder.step(parts)
    assert (answer.text, answer.finish_reason, answer.id) == ("It is 8 °C.", "stop", "q-1")
    assert dashscope.document({"output": "x"}) is None


def test_an_error_without_a_code():
    """The event's name alone marks an error."""
    event = ServerSentEvent("error", '{"message": "overloaded", "request_id": "q-1"}')
    assert list(dashscope.decoder().decode(event)) == [Failure("overloaded")]


def test_a_refusal():
    """The code is DashScope's own word."""
    body = b'{"code":"InvalidApiKey","message":"Invalid API-key provided.","request_id":"q"}'
    assert dashscope.error(401, {}, body) == Failure("Invalid API-key provided.", "InvalidApiKey")


@pytest.mark.parametrize(
    ("given", "said", "read"),
    [
        ("delta", False, "snapshot"),
        ("snapshot", True, "delta"),
        ("snapshot", False, "snapshot"),
        ("delta", None, "delta"),
        ("snapshot", None, "snapshot"),
    ],
)
def test_the_body_says_how_it_is_answered(given, said, read):
    """incremental_output in a body goes before the dialect's own text."""
    dialect = dialects.get("dashscope", text=given)
    parameters = {} if said is None else {"incremental_output": said}
    assert dialect.for_request({"parameters": parameters}).text == read
    assert dialect.for_request("no object") is dialect
