"""LangGraph's own client and chatsdk read the same bytes alike."""

from __future__ import annotations

from typing import Any

import pytest
from conversation import FAILING, PARTS, answer_of
from reading import read, transcripts

from chatsdk import dialects
from chatsdk.answer import Answer
from chatsdk.messages import Message
from chatsdk.testing import ChatServer

langgraph_sdk = pytest.importorskip("langgraph_sdk")

pytestmark = pytest.mark.filterwarnings("default")

TRANSCRIPTS = transcripts("langgraph")


def run(server: ChatServer, body: bytes, **options: Any) -> list[Any]:
    server.reply(200, body=body, content_type="text/event-stream; charset=utf-8")
    with langgraph_sdk.get_sync_client(url=server.url, api_key=None) as client:
        return list(client.runs.stream(**{"thread_id": None, "assistant_id": "agent"} | options))


@pytest.mark.parametrize(
    "transcript",
    [
        pytest.param(item, id=item.name)
        for item in TRANSCRIPTS
        if item.facts["source"].startswith("written by")
    ],
)
def test_same_bytes_same_answer(server, transcript):
    """The client's messages, put together, are chatsdk's answer; its error is ours."""
    ours = read(dialects.get("langgraph"), [transcript.body], "text/event-stream").answer
    error = check(run(server, transcript.body), ours)
    failed = transcript.facts.get("error")
    assert (error is None) == (failed is None)
    if failed is not None:
        assert (error["message"], error["error"]) == (failed["message"], failed["code"])


def check(found: list[Any], ours: Answer) -> Any:
    """Compare the client's joined messages with chatsdk's answer; return its error."""
    pieces: dict[str, str] = {}
    calls: dict[tuple[str, int], list[str | None]] = {}
    thought, reason, error = "", None, None
    usage: dict[str, Any] = {}
    for part in found:
        messages: list[Any] = []
        if part.event == "messages":
            messages = part.data[:1]
        elif part.event == "messages/partial":
            messages = part.data
        elif part.event == "values":
            messages = part.data["messages"]
        elif part.event == "error":
            error = part.data
        for message in messages:
            if message["type"] not in ("ai", "AIMessageChunk"):
                continue
            id = message["id"]
            whole = message["type"] == "ai"
            pieces[id] = message["content"] if whole else pieces.get(id, "") + message["content"]
            if not whole:
                thought += message["additional_kwargs"].get("reasoning_content", "")
            reason = message["response_metadata"].get("finish_reason") or reason
            if message["usage_metadata"]:
                usage[id] = message["usage_metadata"]
            for call in message.get("tool_call_chunks", ()):
                known = calls.setdefault((id, call["index"]), [None, None, ""])
                known[0], known[1] = call["id"] or known[0], call["name"] or known[1]
                known[2] = (known[2] or "") + call["args"]
    assert "".join(pieces.values()) == ours.text
    assert thought in ("", ours.reasoning)
    if calls:
        named = [[call.id, call.name, call.arguments] for call in ours.tool_calls]
        assert list(calls.values()) == named
    if ours.finish_reason != "cancelled":
        assert reason == ours.native_finish_reason
    if usage:
        assert ours.usage
        for name in ("input", "output", "total"):
            counts = [known[f"{name}_tokens"] for known in usage.values()]
            assert getattr(ours.usage, name) == sum(counts)
    return error


def test_the_client_reads_what_we_write(server):
    """The client reads our events to the answer that went into them."""
    langgraph, expected = dialects.get("langgraph"), answer_of(PARTS)
    body = b"".join(langgraph.encode(PARTS))
    ours = read(langgraph, [body], "text/event-stream").answer
    assert (ours.text, ours.reasoning) == (expected.text, expected.reasoning)
    assert (ours.tool_calls, ours.usage) == (expected.tool_calls, expected.usage)
    assert ours.finish_reason == "tool_calls"
    assert check(run(server, body), ours) is None


def test_the_client_reads_our_error(server):
    """The client gets our error as the last event, after the text before it."""
    body = b"".join(dialects.get("langgraph").encode(FAILING))
    *_, half, last = run(server, body)
    assert (half.event, half.data[0]["content"]) == ("messages", "Half an ")
    assert last.event == "error"
    assert last.data == {"error": "server_error", "message": "the model is overloaded"}


def test_the_client_sees_the_same_events(server):
    """An end without data is an event for both."""
    (item,) = [item for item in TRANSCRIPTS if item.name == "langgraph/values_without_messages"]
    last = run(server, item.body)[-1]
    assert (last.event, last.data) == ("end", None)
    assert read(dialects.get("langgraph"), [item.body], "text/event-stream").end == "marker"


def test_the_client_breaks_on_half_a_pair(server):
    """If text was split inside a pair, the client's JSON library fails; chatsdk does not."""
    (item,) = [item for item in TRANSCRIPTS if item.name == "langgraph/oddities"]
    with pytest.raises(ValueError, match="surrogate"):
        run(server, item.body)
    assert "🙂" in read(dialects.get("langgraph"), [item.body], "text/event-stream").answer.text


def test_our_request_is_like_the_clients(server):
    """chatsdk's body and URL equal the client's."""
    given = {"messages": [{"type": "human", "content": "Hi"}]}
    run(
        server,
        b"",
        thread_id="t2",
        input=given,
        stream_mode=["messages-tuple"],
        on_disconnect="cancel",
    )
    request = server.wait_for_request()
    langgraph = dialects.get("langgraph")
    theirs = {name: value for name, value in request.json.items() if value not in (None, False)}
    assert theirs == langgraph.body([Message("user", "Hi")], assistant_id="agent")
    assert request.path == langgraph.url("/threads/t1/runs/stream", conversation_id="t2")


def test_our_stop_is_like_the_clients(server):
    """Our request to cancel a run goes where the client's goes."""
    server.reply(202, body=b"null")
    with langgraph_sdk.get_sync_client(url=server.url, api_key=None) as client:
        client.runs.cancel("t1", "r1")
    request = server.wait_for_request()
    (item,) = [item for item in TRANSCRIPTS if item.name == "langgraph/cancelled"]
    answer = read(dialects.get("langgraph"), [item.body], "text/event-stream").answer
    stop = dialects.get("langgraph").stop_request(answer, {})
    assert stop is not None
    path = stop.path.replace(str(answer.conversation_id), "t1").replace(str(answer.task_id), "r1")
    assert (request.method, request.path) == (stop.method, path)
