"""OpenAI's own client and chatsdk read the same responses alike, and it reads what we write."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from conversation import FAILING, PARTS, answer_of
from reading import read, transcripts

from chatsdk import dialects
from chatsdk.answer import Answer, ToolCall
from chatsdk.messages import Message
from chatsdk.testing import ChatServer

openai = pytest.importorskip("openai")

pytestmark = pytest.mark.filterwarnings("default")

TRANSCRIPTS = transcripts("openai_responses")
# The client puts up with events that lack their names, but not with pieces that lack their place.
# And it has no type for the end of a response that was cancelled.
LEFT_OUT = {"openai_responses/gateway", "openai_responses/cancelled"}
# It reads one response, with its end; agents send several, and MLflow sends none.
OF_AGENTS = ("openai_responses/agents_", "openai_responses/mlflow_")
WHOLE = [
    item
    for item in TRANSCRIPTS
    if "end" in item.facts and item.name not in LEFT_OUT and not item.name.startswith(OF_AGENTS)
]


class Client:
    """The client, and the server that records its requests."""

    def __init__(self, server: ChatServer, api: Any) -> None:
        self.server = server
        self.api = api

    def answer(self, body: bytes = b"") -> Any:
        self.server.reply(200, body=body, content_type="text/event-stream; charset=utf-8")
        return self.api.responses

    def events(self, body: bytes) -> list[Any]:
        with self.answer(body).create(model="tiny", input="Hi", stream=True) as found:
            return list(found)


@pytest.fixture
def client(server: ChatServer) -> Iterator[Client]:
    url = f"{server.url}/v1"
    with openai.OpenAI(api_key="key", base_url=url, max_retries=0) as api:
        yield Client(server, api)


def text_of(found: list[Any]) -> str:
    kinds = ("response.output_text.delta", "response.refusal.delta")
    deltas = "".join(event.delta for event in found if event.type in kinds)
    whole = (event.text for event in found if event.type == "response.output_text.done")
    return deltas or "".join(whole) or str(found[-1].response.output_text)


def check_end(response: Any, answer: Answer) -> None:
    """Compare the final response of a stream with chatsdk's answer."""
    assert (response.id, response.model) == (answer.id, answer.model)
    native = response.incomplete_details and response.incomplete_details.reason
    assert (native or response.status) == answer.native_finish_reason
    usage = response.usage
    if usage is None or not isinstance(usage.input_tokens, int):
        assert answer.usage.input is None
        return
    assert answer.usage
    counts = (answer.usage.input, answer.usage.output, answer.usage.total)
    assert counts == (usage.input_tokens, usage.output_tokens, usage.total_tokens)
    if usage.output_tokens_details is not None:
        assert answer.usage.reasoning == usage.output_tokens_details.reasoning_tokens
        assert answer.usage.cached == usage.input_tokens_details.cached_tokens


@pytest.mark.parametrize("transcript", [pytest.param(item, id=item.name) for item in WHOLE])
def test_same_bytes_same_answer(client, transcript):
    """The client and chatsdk agree about text, calls, usage and the end."""
    ours = read(dialects.get("openai_responses"), [transcript.body], "text/event-stream").answer
    found = client.events(transcript.body)
    theirs = text_of(found).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert theirs == ours.text
    response = found[-1].response
    calls = [item for item in response.output if item.type == "function_call"]
    if calls:
        named = {call.id: (call.name, call.arguments) for call in ours.tool_calls}
        assert {
            call.call_id: (call.name, call.arguments) for call in calls
        }.items() <= named.items()
    check_end(response, ours)


def test_same_bytes_same_failure(client):
    """A failure in mid-stream has the same words for both."""
    (transcript,) = [item for item in TRANSCRIPTS if item.name == "openai_responses/failed"]
    error = client.events(transcript.body)[-1].response.error
    ours = transcript.facts["error"]
    assert (error.message, error.code) == (ours["message"], ours["code"])


def test_the_client_reads_what_we_write(client):
    """The client's strict reader takes our events, to the answer that went into them."""
    body = b"".join(dialects.get("openai_responses").encode(PARTS))
    expected = answer_of(PARTS)
    with client.answer(body).stream(model="tiny", input="Hi") as stream:
        kinds = [event.type for event in stream]
        response = stream.get_final_response()
    assert kinds.count("response.output_text.delta") == 2
    assert response.output_text == expected.text
    reasoning, message, *calls = response.output
    assert reasoning.summary[0].text == expected.reasoning
    (note,) = message.content[0].annotations
    assert (note.url, note.title) == ("https://weather.example/z", "Weather")
    named = [(call.call_id, call.name, json.loads(call.arguments)) for call in calls]
    assert named == [(call.id, call.name, call.parsed) for call in expected.tool_calls]
    ours = read(dialects.get("openai_responses"), [body], "text/event-stream").answer
    assert (ours.text, ours.reasoning) == (expected.text, expected.reasoning)
    assert (ours.tool_calls, ours.usage) == (expected.tool_calls, expected.usage)
    check_end(response, ours)


def test_the_client_reads_our_error(client):
    """The client gets our failure as the end of the response, after the text before it."""
    found = client.events(b"".join(dialects.get("openai_responses").encode(FAILING)))
    assert text_of(found) == "Half an "
    assert found[-1].type == "response.failed"
    error = found[-1].response.error
    assert (error.code, error.message) == ("server_error", "the model is overloaded")


def test_our_request_is_like_the_clients(client):
    """chatsdk's body equals the client's for the same conversation."""
    messages = [
        Message("system", "Be brief."),
        Message("user", "Weather?"),
        Message("assistant", tool_calls=(ToolCall("c1", "wind", '{"q":1}'),)),
        Message("tool", "calm", tool_call_id="c1"),
    ]
    found = client.answer().create(
        model="tiny",
        instructions="Be brief.",
        input=[
            {"role": "user", "content": "Weather?"},
            {"type": "function_call", "call_id": "c1", "name": "wind", "arguments": '{"q":1}'},
            {"type": "function_call_output", "call_id": "c1", "output": "calm"},
        ],
        stream=True,
    )
    found.close()
    dialect = dialects.get("openai_responses")
    request = client.server.wait_for_request()
    assert request.json == dialect.body(messages, model="tiny")
    assert request.headers["authorization"] == dialect.headers("key")["Authorization"]


def test_the_transcript_is_the_sdks_own():
    """The transcript that the SDK's types wrote is still what they write."""
    import written_by_openai_responses as written

    assert written.BODY.read_bytes() == written.body()
