"""Gemini: what is asked, where, and what comes in place of a stream."""

from __future__ import annotations

import json

import pytest

from chatsdk import BackendError, ChatClient, StreamInterrupted, dialects
from chatsdk.answer import AnswerBuilder, ToolCall
from chatsdk.messages import Image, Message
from chatsdk.parts import Citation, Citations, End, Failure, Finish, Native, Text
from chatsdk.sse import ServerSentEvent
from chatsdk.testing import ChatServer

gemini = dialects.get("gemini")


def test_headers():
    """The key goes into x-goog-api-key."""
    assert gemini.headers("k") == {"x-goog-api-key": "k"}
    assert gemini.headers(None) == {}


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("https://h/v1beta/models/m:streamGenerateContent", "?alt=sse"),
        ("https://h/v1beta/models/m:streamGenerateContent?key=a%20b", "&alt=sse"),
        ("https://h/v1beta/models/m:streamGenerateContent?alt=sse", ""),
        ("https://h/v1beta/models/m:streamGenerateContent?alt=json", ""),
        ("https://h/proxy?x=1", ""),
    ],
)
def test_the_address(given, asked):
    """A URL without a kind of answer is asked for an event stream."""
    assert gemini.url(given) == given + asked


def test_body():
    """The system message is separate from the others, and the assistant is called model."""
    messages = Message.all_of(
        [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Yes?"},
            {"role": "assistant", "content": ""},
            {"role": "user", "content": "Bye"},
        ]
    )
    assert gemini.body(messages, generationConfig={"temperature": 0}) == {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "Hi"}]},
            {"role": "model", "parts": [{"text": "Yes?"}]},
            {"role": "user", "parts": [{"text": "Bye"}]},
        ],
        "generationConfig": {"temperature": 0},
    }


def test_the_model_stands_in_the_url():
    """A model among the options is refused with the remedy; None is as if it were not there."""
    with pytest.raises(ValueError, match="has its model in the URL"):
        gemini.body([Message("user", "Hi")], model="gemini-3-pro")
    assert "model" not in gemini.body([Message("user", "Hi")], model=None)


def test_a_round_of_tools():
    """The first call of a round has no signature, and all results are in one content."""
    messages = [
        Message("user", "Weather?"),
        Message(
            "assistant",
            "I look.",
            tool_calls=(ToolCall(None, "find", '{"q": "ä"}'), ToolCall("c2", "now", "")),
        ),
        Message("tool", "8 °C", name="find"),
        Message("tool", '{"time": "noon"}', tool_call_id="c2"),
        Message("tool", "[1]", name="list"),
    ]
    tool = {"name": "find", "description": "Finds.", "parameters": {"type": "object"}}
    body = gemini.body(messages, tools=[tool, {"name": "now"}, {"googleSearch": {}}])
    assert body["tools"] == [
        {"googleSearch": {}},
        {
            "functionDeclarations": [
                {
                    "name": "find",
                    "description": "Finds.",
                    "parametersJsonSchema": {"type": "object"},
                },
                {"name": "now"},
            ]
        },
    ]
    assert body["contents"][1:] == [
        {
            "role": "model",
            "parts": [
                {"text": "I look."},
                {
                    "functionCall": {"name": "find", "args": {"q": "ä"}},
                    "thoughtSignature": "skip_thought_signature_validator",
                },
                {"functionCall": {"name": "now", "args": {}, "id": "c2"}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"name": "find", "response": {"result": "8 °C"}}},
                {"functionResponse": {"name": "now", "response": {"time": "noon"}, "id": "c2"}},
                {"functionResponse": {"name": "list", "response": {"result": [1]}}},
            ],
        },
    ]
    assert gemini.body(messages, tools=[{"googleSearch": {}}])["tools"] == [{"googleSearch": {}}]


def test_pictures():
    """A picture goes by its content, or by its address."""
    images = (
        Image(data="aGk=", media_type="image/webp"),
        Image(url="https://e.example/a.png"),
        Image(url="gs://b/a.png", media_type="image/png"),
    )
    (content,) = gemini.body([Message("user", "What?", images=images)])["contents"]
    assert content["parts"] == [
        {"inlineData": {"mimeType": "image/webp", "data": "aGk="}},
        {"fileData": {"fileUri": "https://e.example/a.png"}},
        {"fileData": {"fileUri": "gs://b/a.png", "mimeType": "image/png"}},
        {"text": "What?"},
    ]


RESPONSE = {
    "candidates": [
        {"content": {"parts": [{"text": "Hi"}]}, "finishReason": "STOP", "index": 0},
    ],
    "responseId": "r1",
}


def test_a_document():
    """A response that came whole gives the same answer as its stream."""
    parts = gemini.document(RESPONSE)
    assert parts is not None
    assert parts[-1] == End()
    answer = AnswerBuilder().step(parts)
    assert (answer.text, answer.finish_reason, answer.id) == ("Hi", "stop", "r1")


@pytest.mark.parametrize("payload", [None, [], [RESPONSE], {}, {"candidates": []}, {"error": {}}])
def test_no_document(payload):
    """A value that is not a response is not an answer, and neither is an array of them."""
    assert gemini.document(payload) is None


def error(status: int, value: object, *, cut: int | None = None) -> Failure | None:
    return gemini.error(status, {}, json.dumps(value).encode()[:cut])


@pytest.mark.parametrize("cut", [None, 40])
def test_an_array_in_place_of_a_stream(cut):
    """Answers in a JSON array, complete or truncated, are an error with the remedy."""
    failure = error(200, [RESPONSE, RESPONSE], cut=cut)
    assert failure is not None
    assert "add ?alt=sse" in failure.message


def test_an_error_in_place_of_a_stream():
    """Google's word and message are read, also out of an array; other bodies as they are."""
    refusal = {"error": {"code": 429, "message": "Too many", "status": "RESOURCE_EXHAUSTED"}}
    expected = Failure("Too many", "RESOURCE_EXHAUSTED")
    assert error(429, refusal) == expected
    assert error(429, [refusal]) == expected
    assert error(200, [refusal]) == expected
    assert error(403, {"error": {"code": 403, "message": "No"}}) == Failure("No", 403)
    assert gemini.error(502, {}, b"Bad Gateway") == Failure("Bad Gateway")
    assert gemini.error(500, {}, b"[1") == Failure("[1")
    assert gemini.error(500, {}, b"[]") == Failure("[]")
    assert error(200, RESPONSE) is None
    assert gemini.error(200, {}, b"[" * 100_000) == gemini.error(200, {}, b"[")


def test_sources_are_written_once_at_the_end():
    """Citations are in the last frame, each in the shape that has room for it."""
    web, passage = Citation("W", "https://w.example"), Citation("P", document="d", snippet="s")
    frames = list(gemini.encode([Text("Hi"), Citations((web, passage)), Finish("stop")]))
    last = json.loads(frames[-1].removeprefix(b"data: "))
    assert last["candidates"][0]["groundingMetadata"] == {
        "groundingChunks": [
            {"web": {"uri": "https://w.example", "title": "W"}},
            {"retrievedContext": {"title": "P", "text": "s", "documentName": "d"}},
        ]
    }


def content(*groups):
    """The answer to a stream of events with these parts; the last one has STOP."""
    decoder, builder = gemini.decoder(), AnswerBuilder()
    for place, group in enumerate(groups, 1):
        candidate = {"content": {"role": "model", "parts": group}}
        if place == len(groups):
            candidate["finishReason"] = "STOP"
        event = ServerSentEvent("message", json.dumps({"candidates": [candidate]}))
        builder.step(decoder.decode(event))
    return builder.step(decoder.close())


def reply(answer, **changed):
    given = {"tool_calls": answer.tool_calls, "native": answer.native} | changed
    return Message("assistant", given.pop("content", answer.text), **given)


def parts_of(message):
    (turn,) = gemini.body([message])["contents"]
    return turn["parts"]


FIND = {"name": "find", "args": {"q": "ä"}}


def test_signatures_go_back_as_they_came():
    """Each signature goes back in its own part, also in one without text; thoughts do not."""
    answer = content(
        [{"text": "Hm.", "thought": True}],
        [{"text": "I "}],
        [{"text": "lo"}, {"text": "ok"}],
        [{"text": ".", "thoughtSignature": "S1"}],
        [{"text": "Now"}, {"functionCall": FIND, "thoughtSignature": "S2"}],
        [{"functionCall": {"name": "now"}}],
        [{"text": "", "thoughtSignature": "S3"}],
        [{"text": ""}],
    )
    assert (answer.text, answer.reasoning) == ("I look.Now", "Hm.")
    assert parts_of(reply(answer)) == [
        {"text": "I look"},
        {"text": ".", "thoughtSignature": "S1"},
        {"text": "Now"},
        {"functionCall": FIND, "thoughtSignature": "S2"},
        {"functionCall": {"name": "now"}},
        {"text": "", "thoughtSignature": "S3"},
    ]


def test_without_a_signature_nothing_is_kept():
    """Text and calls have their own fields; they are not kept twice."""
    assert content([{"text": "A"}], [{"functionCall": FIND}]).native is None


def test_what_was_changed_goes_back_without_signatures():
    """A message whose text or calls differ from the answer's is sent as its fields are."""
    answer = content([{"text": "A", "thoughtSignature": "S1"}], [{"functionCall": FIND}])
    assert parts_of(reply(answer, content="B", tool_calls=())) == [{"text": "B"}]
    assert parts_of(reply(answer, tool_calls=(ToolCall(None, "find", "{}"),)))[1] == {
        "functionCall": {"name": "find", "args": {}},
        "thoughtSignature": "skip_thought_signature_validator",
    }
    elsewhere = Native.of("anthropic", answer.native.value)
    assert parts_of(reply(answer, native=elsewhere))[0] == {"text": "A"}


def test_a_flood_of_signatures_is_not_kept(monkeypatch):
    """The state to send back is bounded, however much a server sends."""
    monkeypatch.setattr("chatsdk.dialects.request.MOST_NATIVE_CHARS", 500)
    signed = [{"text": "a", "thoughtSignature": "S" * 100}]
    assert content(signed).native is not None
    assert content(*[signed] * 4).native is None


BARE = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}


@pytest.mark.parametrize(
    ("end", "error"),
    [
        (json.dumps(BARE, indent=2), BackendError),
        ("," + json.dumps(BARE) + "]\n", BackendError),
        (json.dumps(BARE)[:40], StreamInterrupted),
        ('data: {"a": "\\n{\\"error\\": 1}"}\n\n', StreamInterrupted),
        ("", StreamInterrupted),
    ],
)
def test_an_error_between_the_events(end, error):
    """An error without `data:` breaks the stream off with Google's words, if they are whole."""
    said = json.dumps({"candidates": [{"content": {"parts": [{"text": "Well"}]}}]})
    with ChatServer() as server:
        server.reply(body=f"data: {said}\n\n{end}", headers={"Content-Type": "text/event-stream"})
        with ChatClient(server.url, dialect="gemini") as client, pytest.raises(error) as caught:
            client.send({}).result()
    assert caught.value.answer.text == "Well"
    if error is BackendError:
        assert (caught.value.code, caught.value.message) == (
            "UNAVAILABLE",
            BARE["error"]["message"],
        )
