"""OpenAI's own client and chatsdk read the same completions alike, and it reads what we write."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from conversation import FAILING, PARTS, answer_of
from reading import read, transcripts

from chatsdk import dialects
from chatsdk.answer import Answer, ToolCall
from chatsdk.messages import Image, Message
from chatsdk.testing import ChatServer

openai = pytest.importorskip("openai")

pytestmark = pytest.mark.filterwarnings("default")

# Frames that the client, or its user, cannot read as intended.
LEFT_OUT = {
    "openai/cumulative": "the text as snapshots is an option of ours",
    "openai/cumulative_rewritten": "the text as snapshots is an option of ours",
    "openai/marker_without_blank_line": "an unfinished event is dropped by the standard",
    "openai/wrapped": "frames inside frames",
    "openai/nulls": "the marker in quotes",
    "openai/mistral_thinking": "content as a list",
    "openai/same_index": "arguments as an object",
    "openai/moonshot": "usage inside the choice",
    "openai/completions": "the older endpoint",
    "openai/unknown_events": "a chunk with counts that are none",
    "ragflow_openai/repeated_with_reference": "the server says its text twice, the client too",
}
WHOLE = [
    item
    for name in ("openai", "deepseek", "ragflow_openai")
    for item in transcripts(name)
    if item.facts.get("end") is not None and item.name not in LEFT_OUT
]


class Client:
    """The client, and the server that records its requests."""

    def __init__(self, server: ChatServer, api: Any) -> None:
        self.server = server
        self.api = api

    def chunks(self, body: bytes, **options: Any) -> list[Any]:
        self.server.reply(200, body=body, content_type="text/event-stream")
        given: dict[str, Any] = {"messages": [{"role": "user", "content": "Hi"}]}
        completions = self.api.chat.completions
        with completions.create(model="tiny", stream=True, **(given | options)) as found:
            return list(found)


@pytest.fixture
def client(server: ChatServer) -> Iterator[Client]:
    url = f"{server.url}/v1"
    with openai.OpenAI(api_key="key", base_url=url, max_retries=0) as api:
        yield Client(server, api)


class Gathered:
    """The client's chunks put together the way its documentation does."""

    def __init__(self, chunks: list[Any]) -> None:
        self.text = ""
        self.reasoning = ""
        self.calls: dict[int, list[str | None]] = {}
        self.reason: str | None = None
        self.usage: Any = None
        for chunk in chunks:
            self.usage = chunk.usage or self.usage
            for choice in chunk.choices or ():
                if choice.index == 0:
                    self._choice(choice)

    def _choice(self, choice: Any) -> None:
        self.reason = choice.finish_reason or self.reason
        delta = choice.delta
        if delta is None:
            return
        self.text += (delta.content or "") + (delta.refusal or "")
        extra = delta.model_extra or {}
        self.reasoning += extra.get("reasoning_content") or extra.get("reasoning") or ""
        for call in delta.tool_calls or ():
            known = self.calls.setdefault(call.index, [None, None, ""])
            known[0] = call.id or known[0]
            known[1] = call.function.name or known[1]
            known[2] = (known[2] or "") + (call.function.arguments or "")
        if delta.function_call:
            known = self.calls.setdefault(0, [None, None, ""])
            known[1] = delta.function_call.name or known[1]
            known[2] = (known[2] or "") + (delta.function_call.arguments or "")

    def check(self, answer: Answer) -> None:
        """Compare it with chatsdk's answer."""
        text = self.text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        assert (text, self.reasoning) == (answer.text, answer.reasoning)
        calls = [[call.id, call.name, call.arguments] for call in answer.tool_calls]
        assert list(self.calls.values()) == calls
        assert self.reason == answer.native_finish_reason
        if self.usage is None:
            assert not answer.usage
            return
        assert answer.usage
        counts = (answer.usage.input, answer.usage.output, answer.usage.total)
        usage = self.usage
        assert counts == (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens)


@pytest.mark.parametrize("transcript", [pytest.param(item, id=item.name) for item in WHOLE])
def test_same_bytes_same_answer(client, transcript):
    """The client and chatsdk agree about text, reasoning, calls, counts and the reason."""
    dialect = dialects.get(transcript.dialect)
    ours = read(dialect, [transcript.body], "text/event-stream").answer
    Gathered(client.chunks(transcript.body)).check(ours)


@pytest.mark.parametrize("name", ["error_after_text", "error_first", "litellm_failing"])
def test_same_bytes_same_error(client, name):
    """An error in mid-stream has the same words for both."""
    (transcript,) = [item for item in transcripts("openai") if item.name == f"openai/{name}"]
    with pytest.raises(openai.APIError) as caught:
        client.chunks(transcript.body)
    assert caught.value.message == transcript.facts["error"]["message"]


def test_the_client_reads_what_we_write(client):
    """The client's chunks add up to the answer that went into our frames."""
    body = b"".join(dialects.get("openai").encode(PARTS))
    expected = answer_of(PARTS)
    chunks = client.chunks(body)
    assert {(chunk.id, chunk.model) for chunk in chunks} == {("answer_7", "tiny")}
    found = Gathered(chunks)
    assert (found.text, found.reasoning) == (expected.text, expected.reasoning)
    calls = [
        (id, name, json.loads(arguments or "")) for id, name, arguments in found.calls.values()
    ]
    assert calls == [(call.id, call.name, call.parsed) for call in expected.tool_calls]
    assert found.reason == "tool_calls"
    assert expected.usage
    assert found.usage.completion_tokens_details.reasoning_tokens == expected.usage.reasoning
    assert found.usage.prompt_tokens_details.cached_tokens == expected.usage.cached
    Gathered(chunks).check(read(dialects.get("openai"), [body], "text/event-stream").answer)


def test_the_clients_own_helper_reads_what_we_write(client):
    """The client's helper that adds chunks up ends with the same message."""
    body = b"".join(dialects.get("openai").encode(PARTS))
    client.server.reply(200, body=body, content_type="text/event-stream")
    messages = [{"role": "user", "content": "Hi"}]
    with client.api.chat.completions.stream(model="tiny", messages=messages) as stream:
        completion = stream.get_final_completion()
    (choice,) = completion.choices
    assert choice.message.content == answer_of(PARTS).text
    assert [call.function.name for call in choice.message.tool_calls] == ["wind", "now"]


def test_the_client_reads_our_error(client):
    """The client raises our failure with its words."""
    with pytest.raises(openai.APIError, match="the model is overloaded"):
        client.chunks(b"".join(dialects.get("openai").encode(FAILING)))


def test_our_request_is_like_the_clients(client):
    """chatsdk's body equals the client's for the same conversation."""
    messages = [
        Message("system", "Be brief."),
        Message("user", "Weather?", images=(Image(url="https://e.x/a.png"),)),
        Message("assistant", tool_calls=(ToolCall("c1", "wind", '{"q":1}'),)),
        Message("tool", "calm", tool_call_id="c1"),
    ]
    function = {"name": "wind", "description": "", "parameters": {"type": "object"}}
    call = {"id": "c1", "type": "function", "function": {"name": "wind", "arguments": '{"q":1}'}}
    client.chunks(
        b"data: [DONE]\n\n",
        messages=[
            {"role": "system", "content": "Be brief."},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Weather?"},
                    {"type": "image_url", "image_url": {"url": "https://e.x/a.png"}},
                ],
            },
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": "calm"},
        ],
        tools=[{"type": "function", "function": function}],
        stream_options={"include_usage": True},
    )
    dialect = dialects.get("openai")
    request = client.server.wait_for_request()
    assert request.json == dialect.body(messages, model="tiny", tools=[function])
    assert request.headers["authorization"] == dialect.headers("key")["Authorization"]


def test_the_transcripts_are_the_sdks_own():
    """The transcripts that the SDK's types wrote are still what they write."""
    import written_by_openai as written

    assert written.BODY.read_bytes() == written.body(written.chunks())
    assert written.DEEPSEEK.read_bytes() == written.body(written.deepseek_chunks())
    assert written.RAGFLOW.read_bytes() == written.body(written.ragflow_chunks())
    assert written.MAXKB.read_bytes() == written.maxkb_body()
