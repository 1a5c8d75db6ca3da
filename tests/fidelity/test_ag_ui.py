"""AG-UI's own types read what we write, and chatsdk reads what they write."""

from __future__ import annotations

import json

import pytest
import requests
from conversation import FAILING, PARTS, answer_of
from reading import read

from chatsdk import dialects
from chatsdk.answer import ToolCall
from chatsdk.messages import Image, Message
from chatsdk.testing import EmbeddedServer

core = pytest.importorskip("ag_ui.core")

agui = dialects.get("agui")


def events(body: bytes) -> list[object]:
    """Read frames with the SDK's types; a field that they do not know fails."""
    from pydantic import TypeAdapter

    found = []
    for frame in body.decode().split("\n\n")[:-1]:
        event = TypeAdapter(core.Event).validate_json(frame.removeprefix("data: "))
        assert not event.model_extra, event.model_extra
        found.append(event)
    return found


def test_the_sdk_reads_what_we_write():
    """chatsdk's frames are the SDK's events, with the same content."""
    body = b"".join(agui.encode(PARTS))
    found = events(body)
    expected = answer_of(PARTS)

    def joined(kind: str) -> str:
        return "".join(event.delta for event in found if event.type == kind)

    assert joined("TEXT_MESSAGE_CONTENT") == expected.text
    assert joined("REASONING_MESSAGE_CONTENT") == expected.reasoning
    assert joined("TOOL_CALL_ARGS") == "".join(call.arguments for call in expected.tool_calls)
    started = [event for event in found if event.type == "TOOL_CALL_START"]
    assert [(event.tool_call_id, event.tool_call_name) for event in started] == [
        (call.id, call.name) for call in expected.tool_calls
    ]
    last = found[-1]
    assert last.outcome.pending_tool_call_ids == ["call_1", "call_2"]
    (usage,) = last.usage
    assert usage.model == "tiny"
    counts = (usage.input_tokens, usage.output_tokens, usage.total_tokens)
    assert expected.usage
    assert counts == (expected.usage.input, expected.usage.output, expected.usage.total)
    ours = read(agui, [body], "text/event-stream").answer
    assert (ours.text, ours.reasoning, ours.tool_calls, ours.citations, ours.usage) == (
        expected.text,
        expected.reasoning,
        expected.tool_calls,
        expected.citations,
        expected.usage,
    )


def test_the_sdk_reads_our_error():
    """An error from chatsdk is the SDK's last event, with message and code."""
    *_, last = events(b"".join(agui.encode(FAILING)))
    assert (last.type, last.message, last.code) == (
        "RUN_ERROR",
        "the model is overloaded",
        "server_error",
    )


def test_the_sdk_reads_the_embedded_server():
    """The embedded server's events are the SDK's, from the run's start to its end."""
    body = agui.body([Message("user", "Tell me of Zürich")], conversation_id="th1")
    with EmbeddedServer("agui", pace=0) as server, requests.post(server.url, json=body) as response:
        found = events(response.content)
    assert (found[0].type, found[-1].type) == ("RUN_STARTED", "RUN_FINISHED")
    assert found[0].thread_id == "th1"
    assert "Zürich" in "".join(getattr(event, "delta", "") for event in found)


def test_our_request_is_an_input_of_the_sdk():
    """Our body is a RunAgentInput without a field that the SDK does not know."""
    messages = [
        Message("system", "Be brief."),
        Message("user", "Windy?", images=(Image(data="QQ==", media_type="image/png"),)),
        Message("assistant", "", tool_calls=(ToolCall("c1", "wind", "{}"),)),
        Message("tool", "calm", tool_call_id="c1"),
    ]
    tool = {"name": "wind", "description": "how windy it is", "parameters": {"type": "object"}}
    body = agui.body(messages, tools=[tool], conversation_id="th1")
    given = core.RunAgentInput.model_validate(body)
    assert not given.model_extra
    assert not any(message.model_extra for message in given.messages)
    assert json.loads(given.model_dump_json(by_alias=True)) == body


def test_the_transcript_is_the_sdks_own():
    """The transcript that the SDK's types wrote is still what they write."""
    import written_by_ag_ui

    assert written_by_ag_ui.BODY.read_bytes() == written_by_ag_ui.body()
