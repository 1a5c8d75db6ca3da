"""n8n: what is asked, and lines of JSON under the type of a document."""

from __future__ import annotations

import json

import pytest

from chatsdk import BackendError, ChatClient, StreamInterrupted, dialects
from chatsdk.answer import ToolCall
from chatsdk.dialects.urls import guess
from chatsdk.messages import Image, Message
from chatsdk.testing import ChatServer, EmbeddedServer

n8n = dialects.get("n8n")

HI = Message("user", "Hi")


def line(kind, **more):
    return json.dumps({"type": kind, **more, "metadata": {"nodeId": "n1"}}) + "\n"


LINES = (line("begin") + line("item", content="Hello ") + line("item", content="you")).encode()
JSON = {"Content-Type": "application/json; charset=utf-8"}


def test_what_is_asked():
    """The new prompt, the session, and whatever else the workflow wants."""
    messages = [HI, Message("assistant", "Yes?"), Message("user", "Bye")]
    assert n8n.body(messages, conversation_id="s1", metadata={"page": "/"}) == {
        "action": "sendMessage",
        "sessionId": "s1",
        "chatInput": "Bye",
        "metadata": {"page": "/"},
    }


def test_a_session_has_an_id_from_the_client():
    """Without a conversation, each request begins one."""
    assert n8n.body([HI])["sessionId"] != n8n.body([HI])["sessionId"]
    assert n8n.new_conversation()


def test_a_webhook_with_fields_of_its_own():
    """The fields that a webhook's workflow reads can be named."""
    dialect = dialects.get("n8n", prompt="question", session="chat")
    body = dialect.body([HI], conversation_id="s1")
    assert body == {"action": "sendMessage", "chat": "s1", "question": "Hi"}


@pytest.mark.parametrize(
    ("messages", "options", "words"),
    [
        ([HI], {"tools": [{"name": "f"}]}, "agent's node"),
        ([Message("system", "Brief."), HI], {}, "system message"),
        ([Message("user", "See", images=(Image(url="https://e.example/a"),))], {}, "pictures"),
        ([Message("assistant", "", tool_calls=(ToolCall("c", "f", "{}"),))], {}, "role 'user'"),
    ],
)
def test_what_cannot_be_asked(messages, options, words):
    """n8n takes a prompt; the error explains where the rest belongs."""
    with pytest.raises(ValueError, match=words):
        n8n.body(messages, **options)


def test_the_address_tells():
    """A chat trigger's path is n8n's alone; a webhook's is its author's."""
    assert guess("https://n8n.example/webhook/ab-1/chat") == "n8n"
    assert guess("https://n8n.example/webhook-test/ab-1/chat") == "n8n"
    assert guess("https://n8n.example/webhook/ab-1") is None


@pytest.mark.parametrize("dialect", ["n8n", "auto"])
def test_lines_under_the_type_of_a_document(dialect):
    """n8n calls its lines application/json; both the name and `auto` stream them."""
    with ChatServer() as server:
        server.reply(200, body=LINES + line("end").encode(), headers=JSON)
        with ChatClient(f"{server.url}/webhook/a/chat", dialect=dialect) as client:
            stream = client.send({})
            assert [answer.delta for answer in stream if answer.delta] == ["Hello ", "you"]
    assert stream.outcome is not None
    assert stream.outcome.end == "marker"
    assert stream.dialect is not None
    assert stream.dialect.name == "n8n"


@pytest.mark.parametrize("dialect", ["n8n", "auto"])
def test_a_run_that_did_not_end_is_interrupted(dialect):
    """A node that began and did not end leaves the answer incomplete."""
    with ChatServer() as server:
        server.reply(200, body=LINES, headers=JSON)
        with ChatClient(f"{server.url}/webhook/a/chat", dialect=dialect) as client:
            with pytest.raises(StreamInterrupted) as caught:
                client.send({}).result()
    assert caught.value.answer is not None
    assert caught.value.answer.text == "Hello you"


def test_ollama_behind_a_proxy_that_calls_it_a_document():
    """Lines of Ollama's under application/json are read by `auto`, too."""
    chunk = {"model": "m", "message": {"role": "assistant", "content": "Hi"}, "done": False}
    last = {"model": "m", "message": {"content": ""}, "done": True, "done_reason": "stop"}
    body = f"{json.dumps(chunk)}\n{json.dumps(last)}\n".encode()
    with ChatServer() as server:
        server.reply(200, body=body, headers=JSON)
        with ChatClient(f"{server.url}/proxy") as client:
            stream = client.send({})
            assert stream.result().text == "Hi"
    assert stream.dialect == dialects.get("ollama")


def test_a_node_that_fails():
    """An error of a node is the backend's, with the text before it kept."""
    with ChatServer() as server:
        body = LINES + line("error", content="The service is overloaded").encode()
        server.reply(200, body=body, headers=JSON)
        with ChatClient(f"{server.url}/webhook/a/chat") as client:
            with pytest.raises(BackendError, match="overloaded") as caught:
                client.ask("Hi").result()
    assert caught.value.answer is not None
    assert caught.value.answer.text == "Hello you"


def test_a_workflow_that_is_not_active():
    """The words of n8n's 404 are the error's."""
    said = {"code": 404, "message": 'The requested webhook "a" is not registered.'}
    with ChatServer() as server:
        server.reply(404, body=json.dumps(said).encode(), headers=JSON)
        with ChatClient(f"{server.url}/webhook/a/chat", retry=None) as client:
            with pytest.raises(Exception, match="is not registered"):
                client.ask("Hi")


def test_a_front_end_is_answered():
    """The embedded server answers as n8n does, with its content type."""
    with EmbeddedServer("n8n", pace=0) as server:
        with ChatClient(f"{server.url}/webhook/a/chat") as client:
            stream = client.ask("Hi")
            assert "Hi" in stream.result().text
    assert stream.response is not None
    assert stream.response.content_type == "application/json"
