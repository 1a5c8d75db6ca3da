"""TGI and llama.cpp, asked through their own APIs: they continue a prompt."""

from __future__ import annotations

import pytest

from chatsdk import ChatClient, dialects
from chatsdk.dialects.urls import guess
from chatsdk.messages import Message
from chatsdk.testing import ChatServer

HI = Message("user", "Hi")


def test_what_tgi_is_asked():
    """Options are parameters, and details are asked for, which hold why it stopped."""
    body = dialects.get("tgi").body([HI], max_new_tokens=20, parameters={"seed": 1})
    assert body == {
        "inputs": "Hi",
        "parameters": {"details": True, "seed": 1, "max_new_tokens": 20},
    }


def test_what_llama_cpp_is_asked():
    """Options are next to the prompt."""
    body = dialects.get("llama_cpp").body([HI], n_predict=20)
    assert body == {"prompt": "Hi", "stream": True, "n_predict": 20}


@pytest.mark.parametrize("name", ["tgi", "llama_cpp"])
def test_a_conversation_is_refused(name):
    """They have no conversations and no tools; the error names the address that has."""
    dialect = dialects.get(name)
    for messages in ([Message("system", "Brief."), HI], [HI, Message("assistant", "Yes?"), HI]):
        with pytest.raises(ValueError, match="/v1/chat/completions"):
            dialect.body(messages)
    with pytest.raises(ValueError, match="no tools"):
        dialect.body([HI], tools=[{"name": "f"}])


def test_the_addresses_tell():
    """Each has its own path; a base URL is completed."""
    assert guess("http://h:8080/generate_stream") == "tgi"
    assert guess("http://h:8080/completion") == "llama_cpp"
    for name, path in (("tgi", "/generate_stream"), ("llama_cpp", "/completion")):
        with ChatClient("http://h:8080", dialect=name) as client:
            assert client.url == f"http://h:8080{path}"


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("tgi", [{"generated_text": "Hello", "details": {"finish_reason": "length"}}]),
        ("llama_cpp", {"content": "Hello", "stop": True, "stop_type": "limit"}),
    ],
)
def test_an_answer_that_comes_whole(name, payload):
    """A document is read with why it stopped."""
    with ChatServer() as server:
        server.reply(200, json=payload)
        with ChatClient(f"{server.url}/x", dialect=name) as client:
            answer = client.ask("Hi").result()
    assert (answer.text, answer.finish_reason) == ("Hello", "length")
