"""Google's own client and chatsdk read the same chunks alike, and it reads what we write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from conversation import FAILING, PARTS, answer_of
from reading import read, transcripts

from chatsdk import dialects
from chatsdk.answer import Answer, ToolCall
from chatsdk.messages import Image, Message
from chatsdk.testing import ChatServer

genai = pytest.importorskip("google.genai")

pytestmark = pytest.mark.filterwarnings("default")

TRANSCRIPTS = {item.name.removeprefix("gemini/"): item for item in transcripts("gemini")}
# The client takes no null for a list, no `data:` without a space, no lone half of a pair.
LEFT_OUT = {"null_fields", "surrogate_halves"}
WHOLE = [name for name, item in TRANSCRIPTS.items() if "end" in item.facts and name not in LEFT_OUT]


class Client:
    """Compare the client's chunks with chatsdk's answer."""

    def __init__(self, server: ChatServer, api: Any) -> None:
        self.server = server
        self.api = api

    def chunks(self, body: bytes, contents: Any = "Hi", **config: Any) -> Iterator[Any]:
        self.server.reply(200, body=body, content_type="text/event-stream")
        stream = self.api.models.generate_content_stream
        yield from stream(model="tiny", contents=contents, config=config or None)


@pytest.fixture
def client(server: ChatServer) -> Iterator[Client]:
    options = genai.types.HttpOptions(base_url=server.url, api_version="v1beta")
    with genai.Client(api_key="key", http_options=options) as api:
        yield Client(server, api)


def check(found: list[Any], answer: Answer) -> None:
    """The client, and the server that records its requests."""
    firsts = [item for chunk in found for item in chunk.candidates or () if not item.index]
    parts = [part for item in firsts if item.content for part in item.content.parts or ()]
    assert "".join(p.text for p in parts if p.text and not p.thought) == answer.text
    assert "".join(p.text for p in parts if p.text and p.thought) == answer.reasoning
    calls = [p.function_call for p in parts if p.function_call]
    named = [(call.id, call.name, call.args or {}) for call in calls]
    assert named == [(call.id, call.name, call.parsed) for call in answer.tool_calls]
    feedback = found[-1].prompt_feedback
    reasons = [item.finish_reason for item in firsts if item.finish_reason]
    native = feedback.block_reason if feedback else reasons[-1]
    assert native.value == answer.native_finish_reason
    grounds = [c for i in firsts if i.grounding_metadata for c in _chunks(i.grounding_metadata)]
    cited = [(item.url, item.title) for item in answer.citations]
    assert {(ground.uri, ground.title) for ground in grounds} <= set(cited)
    usages = [chunk.usage_metadata for chunk in found if chunk.usage_metadata]
    if usages:
        check_usage(usages[-1], answer)


def _chunks(metadata: Any) -> Iterator[Any]:
    for chunk in metadata.grounding_chunks or ():
        source = chunk.web or chunk.retrieved_context or chunk.maps
        if source is not None:
            yield source


def check_usage(usage: Any, answer: Answer) -> None:
    ours = answer.usage
    assert ours
    assert ours.total in (usage.total_token_count, (ours.input or 0) + (ours.output or 0))
    assert ours.cached == usage.cached_content_token_count
    assert ours.reasoning == usage.thoughts_token_count
    assert ours.input == usage.prompt_token_count + (usage.tool_use_prompt_token_count or 0)
    out = (usage.candidates_token_count, usage.thoughts_token_count)
    assert (ours.output or 0) == sum(count or 0 for count in out)


@pytest.mark.parametrize("name", WHOLE)
def test_same_bytes_same_answer(client, name):
    """The client and chatsdk agree about text, thoughts, calls, sources, usage and reason."""
    body = TRANSCRIPTS[name].body
    ours = read(dialects.get("gemini"), [body], "text/event-stream").answer
    check(list(client.chunks(body)), ours)


@pytest.mark.parametrize("name", ["bare_error", "error_in_mid_stream", "error_first"])
def test_same_bytes_same_error(client, name):
    """An error for the client is one for chatsdk, with the same message."""
    transcript = TRANSCRIPTS[name]
    with pytest.raises(genai.errors.APIError) as caught:
        list(client.chunks(transcript.body))
    ours = transcript.facts["error"]
    assert (caught.value.message, caught.value.status) == (ours["message"], ours["code"])


def test_the_client_reads_what_we_write(client):
    """The client reads our chunks to the answer that went into them."""
    body = b"".join(dialects.get("gemini").encode(PARTS))
    ours = read(dialects.get("gemini"), [body], "text/event-stream").answer
    expected = answer_of(PARTS)
    assert (ours.text, ours.reasoning) == (expected.text, expected.reasoning)
    assert ours.usage == expected.usage
    assert [(c.id, c.name, c.parsed) for c in ours.tool_calls] == [
        (c.id, c.name, c.parsed) for c in expected.tool_calls
    ]
    assert ours.citations == expected.citations
    check(list(client.chunks(body)), ours)


def test_the_client_reads_our_error(client):
    """The client raises the error that we write, after the text before it."""
    found = client.chunks(b"".join(dialects.get("gemini").encode(FAILING)))
    assert next(found).text == "Half an "
    with pytest.raises(genai.errors.ServerError, match="the model is overloaded"):
        next(found)


def camel(value: Any) -> Any:
    """Write names in the one of the two ways that the API takes; the client uses both."""
    if isinstance(value, list):
        return [camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    words = {name: name.split("_") for name in value}
    return {
        first + "".join(word.capitalize() for word in rest): camel(value[name])
        for name, (first, *rest) in words.items()
    }


def test_our_request_is_like_the_clients(client):
    """chatsdk's body, URL and key equal the client's for the same conversation."""
    types = genai.types
    call = types.FunctionCall(name="wind", args={"q": 1})
    signed = {"function_call": call, "thought_signature": b"skip"}
    contents = [
        types.Content(
            role="user",
            parts=[
                types.Part(inline_data=types.Blob(data=b"hi", mime_type="image/png")),
                types.Part(text="Hi"),
            ],
        ),
        types.Content(role="model", parts=[types.Part(**signed)]),
        types.Content(
            role="user",
            parts=[types.Part.from_function_response(name="wind", response={"result": "calm"})],
        ),
    ]
    schema = {"type": "object", "properties": {"q": {"type": "integer"}}}
    declared = types.FunctionDeclaration(
        name="wind", description="Wind.", parameters_json_schema=schema
    )
    list(
        client.chunks(
            b"",
            contents,
            system_instruction="Be brief.",
            tools=[types.Tool(function_declarations=[declared])],
            automatic_function_calling={"disable": True},
        )
    )
    messages = [
        Message("system", "Be brief."),
        Message("user", "Hi", images=(Image(data="aGk=", media_type="image/png"),)),
        Message("assistant", tool_calls=(ToolCall(None, "wind", '{"q": 1}'),)),
        Message("tool", "calm", name="wind"),
    ]
    tool = {"name": "wind", "description": "Wind.", "parameters": schema}
    request = client.server.wait_for_request()
    dialect = dialects.get("gemini")
    theirs = camel(request.json)
    theirs["systemInstruction"].pop("role", None)
    ours = dialect.body(messages, tools=[tool])
    for body in (theirs, ours):
        assert body["contents"][1]["parts"][0].pop("thoughtSignature")
    assert ours == {name: value for name, value in theirs.items() if value != {}}
    assert request.headers["x-goog-api-key"] == dialect.headers("key")["x-goog-api-key"]
    bare = request.target.partition("?")[0]
    assert dialect.url(bare) == request.target


def test_the_transcript_is_the_sdks_own():
    """The transcript that the SDK's types wrote is still what they write."""
    import written_by_google_genai as written

    assert written.BODY.read_bytes() == written.body()
