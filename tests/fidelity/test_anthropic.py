"""Anthropic's own client and chatsdk read the same bytes alike, and it reads what we write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from conversation import FAILING, PARTS, answer_of
from reading import read, transcripts

from chatsdk import dialects
from chatsdk.answer import Answer
from chatsdk.messages import Message
from chatsdk.testing import ChatServer

anthropic = pytest.importorskip("anthropic")

pytestmark = pytest.mark.filterwarnings("default")

TRANSCRIPTS = transcripts("anthropic")
# The client goes by the event's name, so it ignores the events of a gateway that omits it.
NAMELESS = {"anthropic/gateway"}


class Client:
    """The client, and the server that records its requests."""

    def __init__(self, server: ChatServer, api: Any) -> None:
        self.server = server
        self.api = api

    def answer(self, body: bytes = b"") -> Any:
        self.server.reply(200, body=body, content_type="text/event-stream; charset=utf-8")
        return self.api.messages

    def stream(self, body: bytes) -> Any:
        messages = [{"role": "user", "content": "Hi"}]
        return self.answer(body).stream(model="tiny", max_tokens=100, messages=messages)

    def final(self, body: bytes) -> Any:
        with self.stream(body) as events:
            return events.get_final_message()


@pytest.fixture
def client(server: ChatServer) -> Iterator[Client]:
    with anthropic.Anthropic(api_key="key", base_url=server.url, max_retries=0) as api:
        yield Client(server, api)


def check(message: Any, answer: Answer) -> None:
    """Compare the client's message with chatsdk's answer."""
    blocks = message.content
    assert "".join(block.text for block in blocks if block.type == "text") == answer.text
    thinking = "".join(block.thinking for block in blocks if block.type == "thinking")
    assert thinking == answer.reasoning
    calls = [(block.id, block.name, block.input) for block in blocks if block.type == "tool_use"]
    assert calls == [(call.id, call.name, call.parsed) for call in answer.tool_calls]
    found = [item for b in blocks if b.type == "text" for item in b.citations or ()]
    cited = {item.cited_text: item.model_dump() for item in found}
    assert cited.keys() == {item.snippet for item in answer.citations}
    for item in answer.citations:
        theirs = cited[item.snippet].values()
        assert {item.title, item.url} - {None} <= set(theirs)
    assert message.stop_reason == answer.native_finish_reason
    assert (message.id, message.model) == (answer.id, answer.model)
    usage, ours = message.usage, answer.usage
    assert ours is not None
    counts = (usage.cache_creation_input_tokens, usage.cache_read_input_tokens)
    assert ours.input == usage.input_tokens + sum(count or 0 for count in counts)
    assert (ours.output, ours.cached) == (usage.output_tokens, usage.cache_read_input_tokens)
    details = usage.output_tokens_details
    assert ours.reasoning == (details.thinking_tokens if details else None)


@pytest.mark.parametrize(
    "transcript",
    [
        pytest.param(item, id=item.name)
        for item in TRANSCRIPTS
        if "end" in item.facts
        and item.name not in NAMELESS
        # Its JSON library takes no lone half of a pair for text that can be compared.
        and item.name != "anthropic/surrogate_halves"
    ],
)
def test_same_bytes_same_answer(client, transcript):
    """The client and chatsdk agree about text, calls, citations, usage and finish reason."""
    ours = read(dialects.get("anthropic"), [transcript.body], transcript.content_type).answer
    check(client.final(transcript.body), ours)


def test_halves_of_a_pair_stay_halves_there(client):
    """If text was split inside a pair, the client's text cannot be encoded; chatsdk's can."""
    (transcript,) = [item for item in TRANSCRIPTS if item.name == "anthropic/surrogate_halves"]
    theirs = "".join(block.text for block in client.final(transcript.body).content)
    with pytest.raises(UnicodeEncodeError):
        theirs.encode()
    ours = theirs.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert transcript.facts["answer"]["text"] == ours


@pytest.mark.parametrize("name", ["error_in_mid_stream", "error_first"])
def test_same_bytes_same_error(client, name):
    """An error for the client is one for chatsdk, with the same message."""
    (transcript,) = [item for item in TRANSCRIPTS if item.name == f"anthropic/{name}"]
    with pytest.raises(anthropic.APIStatusError) as caught:
        client.final(transcript.body)
    theirs = caught.value.body["error"]
    ours = transcript.facts["error"]
    assert (theirs["message"], theirs["type"]) == (ours["message"], ours["code"])


def test_the_client_reads_what_we_write(client):
    """The client reads our frames to the answer that went into them."""
    body = b"".join(dialects.get("anthropic").encode(PARTS))
    message = client.final(body)
    expected = answer_of(PARTS)
    assert message.stop_reason == "tool_use"
    ours = read(dialects.get("anthropic"), [body], "text/event-stream").answer
    assert (ours.text, ours.reasoning) == (expected.text, expected.reasoning)
    assert (ours.tool_calls, ours.usage) == (expected.tool_calls, expected.usage)
    check(message, ours)


def test_the_client_reads_our_error(client):
    """The client raises the error that we write in mid-stream."""
    body = b"".join(dialects.get("anthropic").encode(FAILING))
    with client.stream(body) as events:
        texts = iter(events.text_stream)
        assert next(texts) == "Half an "
        with pytest.raises(anthropic.APIStatusError, match="the model is overloaded"):
            next(texts)


def test_our_request_is_like_the_clients(client):
    """chatsdk's body equals the client's for the same conversation."""
    dialect = dialects.get("anthropic")
    messages = [Message("system", "Be brief."), Message("user", "Hi"), Message("assistant", "Yes?")]
    found = client.answer().create(
        model="tiny",
        max_tokens=8192,
        system="Be brief.",
        messages=[{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes?"}],
        stream=True,
    )
    found.close()
    assert client.server.wait_for_request().json == dialect.body(messages, model="tiny")


def test_the_transcript_is_the_sdks_own():
    """The transcript that the SDK's types wrote is still what they write."""
    import written_by_anthropic

    assert written_by_anthropic.BODY.read_bytes() == written_by_anthropic.body()
