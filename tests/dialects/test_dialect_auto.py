"""`auto` decides by the first event that carries text, holds none back, never changes its mind."""

from __future__ import annotations

import json

import pytest
from reading import events_of, transcripts

from chatsdk import ChatClient, dialects
from chatsdk.answer import AnswerBuilder
from chatsdk.dialects.auto import KEPT_EVENTS
from chatsdk.dialects.content_type import is_ndjson, media_type
from chatsdk.errors import BackendError, NotAStreamError, ProtocolError
from chatsdk.messages import Message
from chatsdk.parts import Citations, End, Failure, Identity, Text
from chatsdk.sse import ServerSentEvent
from chatsdk.testing import ChatServer

AUTO = dialects.get("auto")


def event(data: str = "", name: str = "message") -> ServerSentEvent:
    return ServerSentEvent(name, data)


@pytest.mark.parametrize("item", [pytest.param(i, id=i.name) for i in transcripts()])
def test_decided_with_the_first_text(item):
    """When the first text is there the dialect is decided, and it stays that object."""
    events = list(events_of(AUTO, [item.body], item.content_type))
    decoder = AUTO.decoder(item.content_type)
    builder = AnswerBuilder()
    decided = None
    for found in events:
        try:
            answer = builder.step(decoder.decode(found))
        except ProtocolError:
            break
        if decided is not None:
            assert decoder.dialect is decided
        decided = decoder.dialect
        if answer.text:
            assert decided is not None


def test_ids_before_the_decision_are_kept():
    """The content of an undecided event arrives with the event that decides."""
    decoder = AUTO.decoder()
    assert decoder.decode(event('{"run_id": "r1"}', "metadata")) == ()
    assert decoder.dialect is None
    parts = decoder.decode(event('"Hi"', "data"))
    assert decoder.dialect is not None
    assert decoder.dialect.name == "langserve"
    assert Text("Hi") in parts
    assert any(isinstance(part, Identity) and part.id == "r1" for part in parts)


def test_never_changes_its_mind():
    """Events of another family after the decision are the decided one's to read."""
    decoder = AUTO.decoder()
    assert list(decoder.decode(event("Hello"))) == [Text("Hello")]
    chunk = '{"choices": [{"index": 0, "delta": {"content": "Hi"}}]}'
    assert list(decoder.decode(event(chunk))) == [Text(chunk)]
    assert decoder.dialect is not None
    assert decoder.dialect.name == "raw"


@pytest.mark.parametrize("data", ["Hello", "17", "true", '"Hi"', "{broken"])
def test_words_are_raw(data):
    """Words of no known family are text, unchanged and at once."""
    decoder = AUTO.decoder()
    assert list(decoder.decode(event(data))) == [Text(data)]
    assert decoder.dialect is not None
    assert decoder.dialect.name == "raw"


def test_signs_of_life_decide_nothing():
    """Pings and events without data leave it open."""
    decoder = AUTO.decoder()
    for sign in (event("", "ping"), event('{"type": "ping"}', "ping"), event("")):
        assert decoder.decode(sign) == ()
    assert decoder.dialect is None
    assert decoder.close() == ()


@pytest.mark.parametrize("data", ["null", "[1]", '{"text": "Hi"}', '{"type": "note"}'])
def test_an_object_without_a_known_word_is_held(data):
    """It decides nothing. If words follow, it is unchanged text before them."""
    decoder = AUTO.decoder()
    assert decoder.decode(event(data)) == ()
    assert decoder.dialect is None
    assert list(decoder.decode(event("Hello"))) == [Text(data), Text("Hello")]


@pytest.mark.parametrize(
    ("data", "name", "family"),
    [
        (
            '{"type": "text-delta", "runId": "r", "from": "AGENT", "payload": {}}',
            "message",
            "vercel",
        ),
        ('{"usageMetadata": {"promptTokenCount": 7}, "invocationId": "e"}', "message", "gemini"),
        ('{"usageMetadata": {"promptTokenCount": 7}}', "message", "gemini"),
        ('{"type": "x"}', "conversation.response.started", "coze"),
        ('{"code": 0, "data": {"content": "Hi"}}', "message", "ragflow"),
        ('{"done": false, "response": "Hi"}', "message", "ollama"),
        ('{"request_id": "r", "output": {}}', "message", "dashscope"),
        ('{"content": "Hi"}', "data", "langserve"),
        ('{"type": "start"}', "message", "vercel"),
    ],
)
def test_one_field_does_not_make_a_family(data, name, family):
    """An event that shares a field with another family's does not settle on it."""
    decoder = AUTO.decoder()
    decoder.decode(event(data, name))
    assert decoder.dialect is None or decoder.dialect.name != family


def test_it_gives_up_on_a_protocol_that_nobody_knows():
    """After a number of unknown objects, the error shows the first one and what to pass."""
    decoder = AUTO.decoder()
    for _ in range(KEPT_EVENTS):
        assert decoder.decode(event('{"say": "Hi"}')) == ()
    with pytest.raises(NotAStreamError, match=r"say.*dialect='raw'"):
        decoder.decode(event('{"say": "Hi"}'))


def test_signs_of_life_are_waited_through():
    """However many pings come first, the first event of a family decides."""
    decoder = AUTO.decoder()
    for _ in range(10 * KEPT_EVENTS):
        assert decoder.decode(event('{"type": "ping"}')) == ()
    chunk = '{"choices": [{"index": 0, "delta": {"content": "Hi"}}]}'
    assert Text("Hi") in decoder.decode(event(chunk))


def test_empty_events_are_shown_only_to_who_wants_them():
    """An event without data after the decision reaches LangServe's reader, and no other."""
    decoder = AUTO.decoder()
    decoder.decode(event('"Hi"', "data"))
    assert list(decoder.decode(event("", "end"))) == [End()]
    decoder = AUTO.decoder()
    decoder.decode(event('{"choices": []}'))
    assert decoder.decode(event("", "end")) == ()


def test_a_run_without_text_is_langgraphs():
    """LangServe marks its end; a LangGraph server may end after its metadata."""
    decoder = AUTO.decoder()
    decoder.decode(event('{"run_id": "r1"}', "metadata"))
    decoder.close()
    assert decoder.dialect is not None
    assert decoder.dialect.name == "langgraph"


DOCUMENTS = {
    "openai": {"choices": [{"message": {"content": "Hi"}}]},
    "openai_responses": {
        "object": "response",
        "status": "completed",
        "output": [
            {"type": "message", "content": [{"type": "output_text", "text": "Hi"}], "id": "m"}
        ],
    },
    "anthropic": {"type": "message", "content": [{"type": "text", "text": "Hi"}]},
    "gemini": {"candidates": [{"content": {"parts": [{"text": "Hi"}]}, "finishReason": "STOP"}]},
    "a2a": {"jsonrpc": "2.0", "result": {"message": {"messageId": "m", "parts": [{"text": "Hi"}]}}},
    "ollama": {"message": {"role": "assistant", "content": "Hi"}, "done": True},
    "ragflow": {"code": 0, "data": {"answer": "Hi", "reference": {}}},
    "llama_cpp": {"content": "Hi", "stop": True, "tokens_predicted": 1},
    "mcp": {"jsonrpc": "2.0", "id": 1, "result": {"content": [{"type": "text", "text": "Hi"}]}},
    "genkit": {"result": {"message": {"role": "model", "content": [{"text": "Hi"}]}}},
    "tgi": {"generated_text": "Hi", "details": {"finish_reason": "length"}},
    "flowise": {"text": "Hi", "chatId": "c", "chatMessageId": "m"},
    "langflow": {
        "session_id": "s",
        "outputs": [{"outputs": [{"results": {"message": {"text": "Hi"}}}]}],
    },
    "dify": {"event": "message", "answer": "Hi", "conversation_id": "c", "message_id": "m"},
    "dashscope": {"output": {"choices": [{"message": {"content": "Hi"}}]}, "request_id": "r"},
    "maxkb": {"code": 200, "message": "ok", "data": {"content": "Hi", "chat_id": "c"}},
}


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_documents(name):
    """An answer that came as one document is read by the dialect that it is of."""
    payload = DOCUMENTS[name]
    parts = AUTO.document(payload)
    assert parts is not None
    assert parts == dialects.get(name).document(payload)
    builder = AnswerBuilder()
    assert builder.step(parts).text == "Hi"
    assert builder.ended


def test_every_kind_of_document_is_recognised():
    """No dialect that reads documents is left out of the test above, but those of a family."""
    family = {"deepseek", "fastgpt", "ragflow_openai", "ragflow_legacy", "ragflow_agent", "auto"}
    reading = {
        name
        for name in dialects.names()
        if type(dialects.get(name)).document is not dialects.Dialect.document
    }
    assert reading - family == set(DOCUMENTS)


@pytest.mark.parametrize("payload", [None, [], {}, 17, "Hi", {"a": 1}, [1], {"choices": 1}])
def test_no_documents(payload):
    """JSON without an answer is not an answer."""
    assert not AUTO.document(payload)


def test_asking_names_the_dialects():
    """It cannot be asked; the error lists who can."""
    with pytest.raises(ValueError, match=r"openai.*ragflow") as caught:
        AUTO.body([Message("user", "Hi")])
    assert "dialect='openai'" in str(caught.value)


def test_content_types():
    """The media type is read up to the first semicolon or comma, in any case."""
    assert media_type("Text/Event-Stream; charset=utf-8, text/event-stream") == "text/event-stream"
    assert media_type("text/event-stream, text/event-stream") == "text/event-stream"
    assert is_ndjson("application/x-ndjson; charset=utf-8")
    assert not is_ndjson("application/json")
    assert AUTO.framing("application/jsonl") == "ndjson"
    assert AUTO.framing("text/event-stream") == "sse_or_json"
    assert AUTO.framing("text/plain") == "sse"


def test_amazons_binary_frames_are_bedrocks():
    """The content type of Amazon's binary frames is Bedrock's alone."""
    assert AUTO.for_response("application/vnd.amazon.eventstream", {}, b"").name == "bedrock"
    assert AUTO.for_response("text/event-stream", {}, b"") is AUTO


def test_sources_of_a_decided_stream():
    """After the decision all parts come through, not only text."""
    decoder = AUTO.decoder()
    frame = (
        '{"code":0,"data":{"answer":"Hi","final":true,"reference":{"chunks":[{"content":"c"}]}}}'
    )
    assert any(isinstance(part, Citations) for part in decoder.decode(event(frame)))


ARRAY = '[{"candidates": [{"content": {"parts": [{"text": "Hi"}]}}]}\n,\n{"usageMetadata": {}}]'


@pytest.mark.parametrize("dialect", ["auto", "gemini"])
def test_an_array_of_gemini_names_the_remedy(dialect):
    """Without alt=sse Gemini answers with an array: the error names the missing part of the URL."""
    with ChatServer() as server:
        server.reply(body=ARRAY, headers={"Content-Type": "application/json"})
        with (
            ChatClient(f"{server.url}/v1beta/models/m:streamGenerateContent", dialect=dialect) as c,
            pytest.raises(BackendError, match="alt=sse"),
        ):
            c.send({})


def test_arrays_that_are_not_geminis():
    """Any other array is neither an answer nor a refusal; an array with Google's error is one."""
    assert AUTO.error(200, {}, b'[{"a": 1}]') is None
    google = {"error": {"code": 429, "message": "Quota", "status": "RESOURCE_EXHAUSTED"}}
    assert AUTO.error(429, {}, json.dumps(google).encode()) == Failure(
        "Quota", google["error"]["status"]
    )
    refused = b'[{\n  "error": {"code": 429, "message": "Quota", "status": "RESOURCE_EXHAUSTED"}}]'
    assert AUTO.error(429, {}, refused) == Failure("Quota", "RESOURCE_EXHAUSTED")
