"""Stopping an answer also stops it on the server, where the backend has an endpoint for that."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from chatsdk import ChatClient, Retry
from chatsdk.client.server_stop import STOP_SECONDS, stop_url
from chatsdk.dialects import StopRequest
from chatsdk.testing import ChatServer

DIFY = (
    b'data: {"event":"message","task_id":"t1","message_id":"m1","conversation_id":"c1",'
    b'"answer":"Hel"}\n\n'
)


@pytest.fixture
def server():
    with ChatServer() as server:
        yield server


@pytest.fixture
def client(server):
    with ChatClient(
        server.url + "/v1/chat-messages", dialect="dify", token="t-123", retry=Retry(attempts=1)
    ) as client:
        yield client


def test_the_backend_is_told_in_the_background(server, client):
    """Dify's stop endpoint gets the task, the user and the same token; the outcome shows it."""
    server.stream(path="/v1/chat-messages").push(DIFY)
    reply = server.stream(path="/v1/chat-messages/t1/stop", content_type="application/json")
    stream = client.send({"query": "Hi", "user": "u1"})
    next(stream)
    stream.stop()
    assert list(stream) == []
    assert stream.outcome.reason == "stopped"
    server.wait_for_request()
    request = server.wait_for_request()
    assert (request.path, request.json) == ("/v1/chat-messages/t1/stop", {"user": "u1"})
    assert request.headers["authorization"] == "Bearer t-123"
    assert stream.outcome.server_stop is None
    reply.push(b'{"result": "success"}')
    reply.finish()
    assert told(stream) == "stopped"


def test_a_backend_that_refuses_is_reported(server, client):
    """A status that is not a success is a refusal, and not an error of the stream."""
    server.stream(path="/v1/chat-messages").push(DIFY)
    server.reply(
        404, json={"code": "not_found", "message": "no task"}, path="/v1/chat-messages/t1/stop"
    )
    stream = client.send({"user": "u1"})
    next(stream)
    stream.close()
    assert (stream.outcome.reason, told(stream)) == ("stopped", "refused")


def test_a_backend_without_an_endpoint_is_unsupported(server):
    """If closing the connection is the only way to stop, the outcome shows it."""
    server.stream().push(b'data: {"choices":[{"delta":{"content":"x"}}]}\n\n')
    with ChatClient(server.url, dialect="openai") as client:
        stream = client.send({})
        next(stream)
        stream.close()
    assert stream.outcome.server_stop == "unsupported"


def test_a_backend_that_is_gone_gives_the_error(server, client):
    """The text of the error is kept, and nothing is raised anywhere."""
    server.stream(path="/v1/chat-messages").push(DIFY)
    stream = client.send({"user": "u1"})
    next(stream)
    server.close()
    stream.close()
    assert "refused" in told(stream)


def test_an_answer_that_finished_is_not_stopped(server, client):
    """After the end there is nothing to stop."""
    server.stream([DIFY, b'data: {"event":"message_end","task_id":"t1","id":"m1"}\n\n'])
    stream = client.send({"user": "u1"})
    stream.result()
    stream.stop()
    assert (stream.outcome.reason, stream.outcome.server_stop) == ("finished", None)


@pytest.mark.parametrize(
    ("url", "stop", "expected"),
    [
        (
            "http://h/v1/chat-messages",
            StopRequest("/chat-messages/t/stop", relative="/chat-messages"),
            "http://h/v1/chat-messages/t/stop",
        ),
        ("http://h/a/b", StopRequest("/v3/chat/cancel"), "http://h/v3/chat/cancel"),
        (
            "http://h/x/runs/stream",
            StopRequest("/runs/r/cancel", relative=("/threads", "/runs")),
            "http://h/x/runs/r/cancel",
        ),
        ("http://h/p?k=1", StopRequest("/s"), "http://h/s?k=1"),
    ],
)
def test_the_address_of_a_stop_request(url, stop, expected):
    """It replaces a part of the path, or all of it, and keeps the query."""
    assert stop_url(url, stop) == expected


def told(stream):
    """Return the result of the stop, as soon as it is known."""
    looks = threading.Event()
    for _ in range(2000):
        if stream.outcome.server_stop is not None:
            break
        looks.wait(0.005)
    return stream.outcome.server_stop


def test_a_client_that_is_closed_at_once_still_tells(server, client):
    """The call goes on without its client, which may be closed before it has begun."""
    server.stream(path="/v1/chat-messages").push(DIFY)
    reply = server.stream(path="/v1/chat-messages/t1/stop", content_type="application/json")
    stream = client.send({"user": "u1"})
    next(stream)
    client.close()
    assert list(stream) == []
    server.wait_for_request()
    assert server.wait_for_request().path == "/v1/chat-messages/t1/stop"
    client.close()
    reply.push(b'{"result": "success"}')
    reply.finish()
    assert told(stream) == "stopped"


SCRIPT = """
import sys
from chatsdk import ChatClient
client = ChatClient(sys.argv[1], dialect="dify")
stream = client.send({"user": "u1"})
next(stream)
stream.stop()
list(stream)
client.close()
"""


def test_a_script_that_ends_at_once_still_tells(server):
    """The end of the process waits for the call, but not for long."""
    url = server.url + "/v1/chat-messages"
    server.stream(path="/v1/chat-messages").push(DIFY)
    server.reply(json={"result": "success"}, path="/v1/chat-messages/t1/stop")
    subprocess.run([sys.executable, "-c", SCRIPT, url], check=True, timeout=60)
    assert [request.path for request in server.requests][1:] == ["/v1/chat-messages/t1/stop"]
    server.stream(path="/v1/chat-messages").push(DIFY)
    server.silent(path="/v1/chat-messages/t1/stop")
    subprocess.run([sys.executable, "-c", SCRIPT, url], check=True, timeout=STOP_SECONDS)
    assert len(server.requests) == 4
