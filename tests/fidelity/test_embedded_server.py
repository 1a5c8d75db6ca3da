"""OpenAI's own client asks the embedded server, as it would ask a backend."""

from __future__ import annotations

import pytest

from chatsdk import ChatClient
from chatsdk.testing import EmbeddedServer

openai = pytest.importorskip("openai")

pytestmark = pytest.mark.filterwarnings("default")

PROMPT = "What is 8 °C in °F? 你好"
MESSAGES = [{"role": "user", "content": PROMPT}]


def test_the_client_reads_the_same_text() -> None:
    """The client's deltas add up to what chatsdk reads, and to its counts and reason."""
    with EmbeddedServer("openai", pace=0) as server:
        url = f"{server.url}/v1"
        with openai.OpenAI(api_key="key", base_url=url, max_retries=0) as api:
            with api.chat.completions.create(
                model="any",
                messages=MESSAGES,
                stream=True,
                stream_options={"include_usage": True},
            ) as chunks:
                theirs = list(chunks)
        with ChatClient(f"{url}/chat/completions") as client:
            ours = client.ask(PROMPT, model="any").result()
        asked_by_them, asked_by_us = server.requests
    choices = [choice for chunk in theirs for choice in chunk.choices]
    assert "".join(choice.delta.content or "" for choice in choices) == ours.text
    assert f"You said: “{PROMPT}”." in ours.text
    reasons = [choice.finish_reason for choice in choices if choice.finish_reason]
    assert reasons == [ours.finish_reason] == ["stop"]
    usage = next(chunk.usage for chunk in theirs if chunk.usage)
    assert ours.usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens) == (ours.usage.input, ours.usage.output)
    assert asked_by_them.json == asked_by_us.json


def test_the_clients_own_helper() -> None:
    """The client's helper, which gathers an answer, ends with the text that chatsdk reads."""
    with EmbeddedServer("openai", pace=0) as server:
        url = f"{server.url}/v1"
        with openai.OpenAI(api_key="key", base_url=url, max_retries=0) as api:
            with api.chat.completions.stream(model="any", messages=MESSAGES) as stream:
                (choice,) = stream.get_final_completion().choices
        with ChatClient(f"{url}/chat/completions") as client:
            assert choice.message.content == client.ask(PROMPT).result().text
