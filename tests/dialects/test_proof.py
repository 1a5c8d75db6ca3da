"""A stream that was not recognised, or that failed, is never a complete answer."""

from __future__ import annotations

import json

import pytest

from chatsdk import BackendError, ChatClient, NotAStreamError, StreamInterrupted, dialects
from chatsdk.errors import ChatError, HTTPStatusError
from chatsdk.testing import ChatServer

DONE = "data: [DONE]\n\n"
WORDS = "the context is full"
# Those whose events are server-sent events, and have a protocol.
NAMED = [
    name
    for name in dialects.names()
    if name not in ("auto", "raw", "ollama")
    and dialects.get(name).framing("text/event-stream") == "sse"
]


def frames(*payloads, done=True):
    body = "".join(f"data: {json.dumps(item)}\n\n" for item in payloads)
    return body + (DONE if done else "")


def read(body, dialect, *, content_type="text/event-stream", status=200):
    """The answer, the outcome and the error of one response."""
    with ChatServer() as server:
        server.reply(status, body=body, headers={"Content-Type": content_type})
        with ChatClient(f"{server.url}/x", dialect=dialect, retry=None) as client:
            try:
                stream = client.send({})
                answer = stream.result()
            except ChatError as error:
                return error.answer, None, error
            return answer, stream.outcome, None


STRANGE = frames({"say": "Hello"}, {"say": "there"})


@pytest.mark.parametrize("name", [*NAMED, "auto"])
def test_a_stream_of_another_protocol(name):
    """A clean end and [DONE] prove nothing if nothing was understood; the first event is shown."""
    _, outcome, error = read(STRANGE, name)
    assert outcome is None
    assert isinstance(error, NotAStreamError)
    assert '\'{"say": "Hello"}\'' in str(error)
    assert "dialect='raw'" in str(error)
    assert error.status == 200


def test_the_error_names_the_dialect_that_it_may_be():
    """OpenAI's chunks read as Anthropic's: the error shows what to pass."""
    body = frames({"id": "c", "choices": [{"index": 0, "delta": {"content": "Hi"}}]})
    _, _, error = read(body, "anthropic")
    assert isinstance(error, NotAStreamError)
    assert "dialect='openai'" in str(error)


def test_the_error_shows_how_to_read_a_hand_written_service():
    """The error names the likely place of the text."""
    _, _, error = read(frames({"data": {"content": "Hi"}}), "auto")
    assert "dialects.json(text='data.content')" in str(error)


@pytest.mark.parametrize("dialect", [*NAMED, "auto"])
def test_an_event_named_error(dialect):
    """Plain words under ``event: error`` are the backend's."""
    _, _, error = read(f"event: error\ndata: {WORDS}\n\n", dialect)
    assert isinstance(error, BackendError), error
    assert error.message == WORDS


def test_a_long_event_is_shown_shortened():
    """The error shows the beginning of a long event."""
    _, _, error = read(frames({"say": "x" * 5000}), "openai")
    assert isinstance(error, NotAStreamError)
    assert len(str(error)) < 1000


ONLY_IDS = {
    "openai": frames({"id": "c1", "model": "m", "choices": []}),
    "anthropic": "event: message_start\ndata: "
    + json.dumps({"type": "message_start", "message": {"id": "m", "model": "m"}})
    + '\n\nevent: message_stop\ndata: {"type": "message_stop"}\n\n',
    "vercel": frames({"type": "start", "messageId": "m"}, {"type": "finish"}),
    "dify": frames({"event": "message_end", "message_id": "m", "conversation_id": "c"}, done=False),
    "langserve": 'event: metadata\ndata: {"run_id": "r"}\n\nevent: end\n\n',
    "ragflow": frames({"code": 0, "data": {"answer": "", "id": "m"}}, {"code": 0, "data": True}),
}


@pytest.mark.parametrize("name", sorted(ONLY_IDS))
def test_ids_and_markers_prove_nothing(name):
    """A stream of ids, pings and its end marker was interrupted before its answer."""
    for dialect in (name, "auto"):
        _, outcome, error = read(ONLY_IDS[name], dialect)
        assert outcome is None
        assert isinstance(error, StreamInterrupted), (dialect, error)


@pytest.mark.parametrize("name", [*NAMED, "auto"])
def test_a_marker_alone(name):
    """[DONE] alone is not an answer in any dialect."""
    _, outcome, error = read(DONE, name)
    assert outcome is None
    assert isinstance(error, ChatError)


DATA = {
    "vercel": frames({"type": "data-weather", "data": {"celsius": 9}}, {"type": "finish"}),
    "langgraph": 'event: values\ndata: {"topic": "tea"}\n\nevent: end\n\n',
    "agui": frames(
        {"type": "RUN_STARTED", "threadId": "t", "runId": "r"},
        {"type": "STATE_SNAPSHOT", "snapshot": {"n": 1}},
        {"type": "RUN_FINISHED", "threadId": "t", "runId": "r"},
        done=False,
    ),
}


@pytest.mark.parametrize("name", sorted(DATA))
def test_data_of_the_application_is_proof(name):
    """An answer of state or data and no text is complete."""
    for dialect in (name, "auto"):
        answer, outcome, error = read(DATA[name], dialect)
        assert error is None
        assert outcome is not None
        assert outcome.reason == "finished"
        assert answer.text == ""


def test_raw_understands_every_event():
    """By its name, raw takes any event for an answer, but [DONE] is not text."""
    answer, outcome, error = read(STRANGE, "raw")
    assert error is None
    assert outcome is not None
    assert answer.text == '{"say": "Hello"}{"say": "there"}'


@pytest.mark.parametrize("dialect", ["raw", "auto"])
def test_done_is_never_text(dialect):
    """Plain words end with [DONE]."""
    answer, outcome, error = read("data: Hello\n\n" + DONE, dialect)
    assert error is None
    assert outcome is not None
    assert answer.text == "Hello"


ENVELOPES = {
    "MiniMax": ({"base_resp": {"status_code": 1004, "status_msg": WORDS}}, 1004),
    "Baidu": ({"error_code": 110, "error_msg": WORDS}, 110),
    "Tencent": ({"Response": {"Error": {"Code": "Full", "Message": WORDS}}}, "Full"),
    "Tencent, in a stream": ({"ErrorMsg": {"Code": 4001, "Msg": WORDS}}, 4001),
    "Volcengine": ({"ResponseMetadata": {"Error": {"Code": "Full", "Message": WORDS}}}, "Full"),
    "Cloudflare": ({"success": False, "errors": [{"code": 7003, "message": WORDS}]}, 7003),
    "an error": ({"error": {"message": WORDS, "code": "full"}}, "full"),
    "an error's words": ({"error": WORDS}, None),
    "a code": ({"code": 500, "message": WORDS}, 500),
    "one in another": ({"error": {"error": {"message": WORDS, "code": "full"}}}, "full"),
}


@pytest.mark.parametrize("dialect", [*NAMED, "auto"])
@pytest.mark.parametrize("shape", sorted(ENVELOPES))
def test_an_envelope_with_an_error(shape, dialect):
    """An error in an event, or in a document with status 200, has the backend's words and code."""
    payload, code = ENVELOPES[shape]
    _, _, error = read(frames(payload), dialect)
    assert isinstance(error, BackendError), error
    assert (error.message, error.code) == (WORDS, code)


@pytest.mark.parametrize("dialect", ["openai", "anthropic", "dify", "auto"])
@pytest.mark.parametrize("shape", sorted(ENVELOPES))
def test_a_document_with_an_error(shape, dialect):
    """The same as one JSON document, with status 200 and with 400."""
    payload, code = ENVELOPES[shape]
    kind = "application/json"
    _, _, error = read(json.dumps(payload), dialect, content_type=kind)
    assert isinstance(error, BackendError), error
    assert (error.message, error.code) == (WORDS, code)
    _, _, error = read(json.dumps(payload), dialect, content_type=kind, status=400)
    assert isinstance(error, HTTPStatusError)
    assert (error.message, error.code) == (WORDS, code)


def test_an_envelope_that_says_all_is_well():
    """MiniMax's and Cloudflare's envelopes around an answer are no errors."""
    chunk = {"id": "c", "choices": [{"index": 0, "delta": {"content": "Hi"}}]}
    fine = {"base_resp": {"status_code": 0, "status_msg": ""}, "success": True, "errors": []}
    end = {"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    answer, _, error = read(frames(chunk | fine, end | fine), "openai")
    assert error is None
    assert answer.text == "Hi"


TEXT = {
    "openai": frames(
        {"id": "c", "choices": [{"index": 0, "delta": {"content": "Hi"}}]}, done=False
    ),
    "anthropic": frames(
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "text_delta", "text": "Hi"},
        },
        done=False,
    ),
    "gemini": frames({"candidates": [{"content": {"parts": [{"text": "Hi"}]}}]}, done=False),
    "dify": frames({"event": "message", "answer": "Hi", "conversation_id": "c"}, done=False),
    "vercel": frames({"type": "text-delta", "id": "t", "delta": "Hi"}, done=False),
    "ragflow": frames({"code": 0, "data": {"answer": "Hi", "final": False}}, done=False),
    "maxkb": frames({"chat_record_id": "r", "content": "Hi", "is_end": False}, done=False),
}
OUTSIDE = {
    "a field": f'error: {{"code": "full", "message": "{WORDS}"}}\n\n',
    "a field with an envelope": f'error: {{"error": {{"code": "full", "message": "{WORDS}"}}}}\n\n',
    "bare JSON": f'{{"error": {{"code": "full", "message": "{WORDS}"}}}}\n\n',
    "bare JSON on lines": '{\n  "error": {\n    "code": "full",\n'
    f'    "message": "{WORDS}"\n  }}\n}}\n\n',
    "an event": f'event: error\ndata: {{"error": {{"code": "full", "message": "{WORDS}"}}}}\n\n',
}


@pytest.mark.parametrize("name", sorted(TEXT))
@pytest.mark.parametrize("where", sorted(OUTSIDE))
def test_an_error_outside_of_events(where, name):
    """A field ``error:``, or bare JSON, ends the stream with the words of the server."""
    for dialect in (name, "auto"):
        for after in ("", DONE, frames({"type": "ping"})):
            answer, _, error = read(TEXT[name] + OUTSIDE[where] + after, dialect)
            assert isinstance(error, BackendError), (dialect, after, error)
            assert (error.message, error.code) == (WORDS, "full")
            assert answer.text == "Hi"


@pytest.mark.parametrize("where", ["a field", "bare JSON"])
def test_an_error_without_a_blank_line_behind_it(where):
    """The body may end with the error's own line."""
    answer, _, error = read(TEXT["openai"] + OUTSIDE[where].rstrip("\n") + "\n", "openai")
    assert isinstance(error, BackendError)
    assert error.message == WORDS
    assert answer.text == "Hi"


def test_words_then_an_error():
    """Plain words that end with an error did fail."""
    for last in ('data: {"error": "the context is full"}\n\n', f"event: error\ndata: {WORDS}\n\n"):
        answer, _, error = read("data: Hello\n\n" + last, "auto")
        assert isinstance(error, BackendError)
        assert error.message == WORDS
        assert answer.text == "Hello"


def test_what_the_provider_behind_a_gateway_said():
    """A gateway's ``metadata.raw`` is among the words."""
    error = {"code": 502, "message": "Provider returned error", "metadata": {"raw": "busy (33/32)"}}
    _, _, found = read(frames({"error": error}), "openai")
    assert isinstance(found, BackendError)
    assert found.message == "Provider returned error: busy (33/32)"
    assert found.code == 502


@pytest.mark.parametrize("dialect", ["openai", "anthropic", "gemini", "dashscope", "auto", "raw"])
@pytest.mark.parametrize("end", ["\n\n", "\n", "\r\n\r\n", ""])
def test_a_refusal_framed_as_events(dialect, end):
    """The message of an HTTP error comes from its event, complete or truncated after it."""
    line = json.dumps({"error": {"message": WORDS, "code": "full"}})
    for field in ("data: ", "data:", "error: ", "event: error\ndata: ", "id: 1\n: c\ndata: "):
        _, _, error = read(field + line + end, dialect, status=400)
        assert isinstance(error, HTTPStatusError)
        assert (error.message, error.code) == (WORDS, "full")
