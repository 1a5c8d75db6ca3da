"""LangGraph's server: what is asked and where, and how a run is stopped."""

from __future__ import annotations

import json

import pytest

from chatsdk import dialects
from chatsdk.answer import Answer
from chatsdk.client.server_stop import stop_url
from chatsdk.messages import Message
from chatsdk.parts import Failure, Finish
from chatsdk.sse import ServerSentEvent

langgraph = dialects.get("langgraph")

THREAD = "https://h.example/base/threads/t%201/runs/stream?x=1"
STATELESS = "https://h.example/base/runs/stream"


@pytest.mark.parametrize("mode", ["messages-tuple", "messages", "values"])
def test_body(mode):
    """The messages are the graph's input; a client that hangs up cancels the run."""
    dialect = dialects.get("langgraph", mode=mode)
    body = dialect.body([Message("user", "Hi")], assistant_id="agent", config={"n": 1})
    assert body == {
        "assistant_id": "agent",
        "input": {"messages": [{"type": "human", "content": "Hi"}]},
        "stream_mode": [mode],
        "on_disconnect": "cancel",
        "config": {"n": 1},
    }
    assert dialect.text == ("delta" if mode == "messages-tuple" else "snapshot")


def test_what_cannot_be_asked():
    """Without a graph's name, or with tools, nothing is written; the remedy is said."""
    with pytest.raises(ValueError, match="assistant_id='agent'"):
        langgraph.body([Message("user", "Hi")])
    with pytest.raises(ValueError, match="has its own"):
        langgraph.body([Message("user", "Hi")], assistant_id="agent", tools=[{"name": "wind"}])
    with pytest.raises(ValueError, match="mode is one of messages-tuple, messages, values"):
        dialects.get("langgraph", mode="debug")


def test_the_thread_keeps_the_conversation():
    """A thread in the address keeps it, and gives way to the one that is named."""
    assert langgraph.history(THREAD) == "server"
    assert langgraph.history(STATELESS) == "client"
    assert langgraph.url(THREAD) == THREAD
    moved = langgraph.url(THREAD, conversation_id="t/2")
    assert moved == "https://h.example/base/threads/t%2F2/runs/stream?x=1"
    assert langgraph.url(STATELESS, conversation_id="t2") == STATELESS


@pytest.mark.parametrize(
    ("url", "thread", "path"),
    [
        (THREAD, "t1", "/base/threads/t1/runs/r1/cancel?x=1"),
        (STATELESS, "t1", "/base/threads/t1/runs/r1/cancel"),
        (THREAD, None, "/base/threads/t%201/runs/r1/cancel?x=1"),
    ],
)
def test_stop(url, thread, path):
    """A run is cancelled in its thread, next to the URL of its request."""
    stop = langgraph.stop_request(Answer(task_id="r1", conversation_id=thread), {})
    assert stop is not None
    assert (stop_url(url, stop), stop.body) == (f"https://h.example{path}", None)
    assert langgraph.stop_request(Answer(conversation_id="t1"), {}) is None


@pytest.mark.parametrize(
    "detail",
    ["No runs found to cancel.", "No matching runs to cancel. Please verify the thread ID."],
)
def test_nothing_left_to_stop(detail):
    """That the run has ended by itself is no refusal; that it is not found elsewhere is one."""
    body = json.dumps({"detail": detail}).encode()
    assert langgraph.error(404, {}, body) is None
    assert langgraph.error(409, {}, body) == Failure(detail)
    assert langgraph.error(404, {}, b'{"detail": "Thread not found"}') == Failure(
        "Thread not found"
    )


def test_an_old_server_does_not_say_that_a_run_was_cancelled():
    """If no message has a last piece, none is taken for an unfinished one."""
    decoder = langgraph.decoder()
    decoder.decode(
        ServerSentEvent("messages", '[{"type": "AIMessageChunk", "content": "Hi", "id": "m1"}, {}]')
    )
    assert decoder.close() == ()


def test_the_message_under_way_counts():
    """If two messages arrive at once, the unfinished one shows that the run was cancelled."""
    decoder = langgraph.decoder()
    for id, position in (("m1", "null"), ("m2", "null"), ("m2", '"last"')):
        decoder.decode(
            ServerSentEvent(
                "messages",
                f'[{{"type": "AIMessageChunk", "content": "", "id": "{id}", '
                f'"chunk_position": {position}}}, {{}}]',
            )
        )
    assert decoder.close() == (Finish("cancelled"),)
