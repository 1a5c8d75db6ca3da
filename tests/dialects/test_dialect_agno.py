"""agno: forms in place of JSON, and how a run is stopped."""

from __future__ import annotations

from urllib.parse import parse_qs

import pytest
from reading import transcripts

from chatsdk import Answer, ChatClient, HTTPStatusError, dialects
from chatsdk.client.server_stop import stop_url
from chatsdk.dialects.urls import guess
from chatsdk.messages import Image, Message
from chatsdk.testing import ChatServer

agno = dialects.get("agno")

HI = Message("user", "Hi")
SHORT = next(item.body for item in transcripts("agno") if item.name == "agno/agno_short")
FORM = "application/x-www-form-urlencoded"


def test_what_is_asked():
    """The new message, the session, and the run's own options."""
    messages = [HI, Message("assistant", "Yes?"), Message("user", "Bye")]
    body = agno.body(messages, conversation_id="s1", user_id="u1")
    assert body == {"message": "Bye", "stream": True, "session_id": "s1", "user_id": "u1"}


def test_a_form():
    """Text is written unchanged, other values as JSON, and fields without a value are omitted."""
    fields = {"message": "a&b=ü 🙂", "stream": True, "n": 2, "state": {"a": [1]}, "none": None}
    written = parse_qs(agno.request_body(fields).decode())
    assert written == {
        "message": ["a&b=ü 🙂"],
        "stream": ["true"],
        "n": ["2"],
        "state": ['{"a": [1]}'],
    }


def test_half_of_a_pair_in_a_form():
    """A form cannot carry half of a surrogate pair; it is replaced."""
    assert agno.request_body({"message": "a\ud83d"}) == b"message=a%3F"


@pytest.mark.parametrize("how", ["ask", "send"])
@pytest.mark.parametrize("token", [None, "secret"])
def test_the_client_posts_the_form(how, token):
    """Both `ask` and `send` post a form, with the token and the content type in the header."""
    with ChatServer() as server:
        server.reply(200, body=SHORT, content_type="text/event-stream")
        url = f"{server.url}/agents/weather/runs"
        with ChatClient(url, dialect="agno", token=token) as client:
            body = {"message": "Hi", "stream": True}
            stream = client.ask("Hi") if how == "ask" else client.send(body)
            assert stream.result().text == "It is calm 🙂"
        request = server.requests[0]
    assert request.headers["content-type"] == FORM
    assert request.headers.get("authorization") == (token and f"Bearer {token}")
    assert parse_qs(request.body.decode()) == {"message": ["Hi"], "stream": ["true"]}


def test_a_body_that_is_no_form():
    """A list has no fields; the error names the expected type."""
    with ChatClient("http://127.0.0.1:9/agents/a/runs", dialect="agno") as client:
        with pytest.raises(TypeError, match="fields of a form as a dict, not list"):
            client.send([1])


@pytest.mark.parametrize(
    ("messages", "options", "words"),
    [
        ([HI], {"tools": [{"name": "f"}]}, "to the agent"),
        ([Message("user", "See", images=(Image(url="https://e.example/a"),))], {}, "multipart"),
        ([Message("system", "Brief."), HI], {}, "system message"),
    ],
)
def test_what_cannot_be_asked(messages, options, words):
    """The error explains where tools, images and instructions belong."""
    with pytest.raises(ValueError, match=words):
        agno.body(messages, **options)


@pytest.mark.parametrize("kind", ["agents", "teams", "workflows"])
def test_the_address_tells(kind):
    """The paths of runs are AgentOS's alone."""
    assert guess(f"http://localhost:7777/{kind}/a/runs") == "agno"


def test_a_run_is_stopped_on_the_server():
    """The run's id, from its first event, is cancelled below the URL of the request."""
    stop = agno.stop_request(Answer(id="r1"), {})
    assert stop is not None
    asked = stop_url("http://h/os/agents/runs-1/runs?a=1", stop)
    assert asked == "http://h/os/agents/runs-1/runs/r1/cancel?a=1"
    assert agno.stop_request(Answer(), {}) is None


def test_an_agent_that_does_not_exist():
    """The words of the 404 are the error's."""
    with ChatServer() as server:
        server.reply(404, json={"detail": "Agent not found"})
        with ChatClient(f"{server.url}/agents/none/runs", retry=None) as client:
            with pytest.raises(HTTPStatusError, match="Agent not found"):
                client.ask("Hi")
