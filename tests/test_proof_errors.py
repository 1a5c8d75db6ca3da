"""An error in the middle of an answer, in the shapes of other backends, is never lost."""

from __future__ import annotations

import json

import pytest
from reading import transcripts

from chatsdk import BackendError, ChatClient, ChatError, dialects
from chatsdk.testing import ChatServer

WORDS = "the context is full"
SHAPES = {
    "an error": {"error": {"message": WORDS, "code": "full"}},
    "an error's words": {"error": WORDS},
    "a flag": {"error": True, "message": WORDS},
    "vLLM": {"object": "error", "message": WORDS, "type": "BadRequestError", "code": 400},
    "Google, in an array": [{"error": {"code": 503, "message": WORDS, "status": "UNAVAILABLE"}}],
    "Anthropic": {"type": "error", "error": {"type": "overloaded_error", "message": WORDS}},
    "Dify": {"event": "error", "message": WORDS, "code": "full", "status": 400},
    "a code": {"code": 500, "message": WORDS},
    "a code and msg": {"code": 102, "msg": WORDS},
    "a status": {"status": "error", "message": WORDS},
    "no success": {"success": False, "message": WORDS},
    "FastAPI": {"detail": WORDS},
    "MiniMax": {"base_resp": {"status_code": 1004, "status_msg": WORDS}},
    "Baidu": {"error_code": 110, "error_msg": WORDS},
    "Databricks": {"error_code": "REQUEST_LIMIT_EXCEEDED", "message": WORDS},
    "AWS Lambda": {"errorType": "RuntimeError", "errorMessage": WORDS},
    "an AWS service": {"__type": "ThrottlingException", "message": WORDS},
    "JSON-RPC": {"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": WORDS}},
}
# Ids that errors may have, as the dialects' own frames do.
NAMES = ("id", "request_id", "conversation_id", "task_id", "message_id", "chat_id", "model")
IDS = dict.fromkeys(NAMES, "x-1") | {"created": 1, "choices": []}
# Without a protocol, an event is text.
WORDY = ("raw", "text", "json")


def begun():
    """The first event of one complete answer for each dialect and framing."""
    known = set()
    for transcript in transcripts():
        dialect = dialects.get(transcript.dialect, **transcript.options)
        framing = dialect.framing(transcript.content_type)
        end = {"sse": b"\n\n", "ndjson": b"\n"}.get(framing)
        place = (transcript.dialect, framing)
        if end is None or place in known or transcript.dialect in WORDY:
            continue
        first, found, rest = transcript.body.replace(b"\r\n", b"\n").partition(end)
        if transcript.facts.get("end") and rest.count(end) > 1:
            known.add(place)
            yield pytest.param(transcript, first + found, rest, id="-".join(place))


def lost(transcript, first, rest, shapes):
    """The errors that were not reported, sent behind the first event of an answer."""
    dialect = dialects.get(transcript.dialect, **transcript.options)
    lines = dialect.framing(transcript.content_type) == "ndjson"
    found = []
    with ChatServer() as server, ChatClient(f"{server.url}/x", dialect=dialect) as client:
        for name, shape in shapes.items():
            said = json.dumps(shape).encode()
            frames = [said + b"\n"] if lines else [b"data: %b\n\n" % said]
            if not lines:
                frames.append(b"event: error\ndata: %b\n\n" % said)
            for frame in frames:
                kind = {"Content-Type": transcript.content_type}
                server.reply(body=first + frame + rest, headers=kind)
                try:
                    client.send({}).result()
                except BackendError as error:
                    if WORDS not in error.message:
                        found.append((name, frame[:12], error))
                except ChatError as error:
                    found.append((name, frame[:12], error))
                else:
                    found.append((name, frame[:12], "finished"))
    return found


@pytest.mark.parametrize(("transcript", "first", "rest"), list(begun()))
def test_an_error_behind_the_first_event(transcript, first, rest):
    """An error in any known shape is a `BackendError` with the backend's words."""
    assert not lost(transcript, first, rest, SHAPES)


@pytest.mark.parametrize(("transcript", "first", "rest"), list(begun()))
def test_an_error_with_ids(transcript, first, rest):
    """Ids next to an error, which the dialect reads, do not hide the error."""
    named = {
        name: IDS | shape
        for name, shape in SHAPES.items()
        if isinstance(shape, dict) and name not in ("FastAPI", "JSON-RPC")
    }
    assert not lost(transcript, first, rest, named)
