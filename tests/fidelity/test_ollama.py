"""Ollama's own client and chatsdk read the same lines alike, and it reads what we write."""

from __future__ import annotations

from typing import Any

import pytest
from conversation import FAILING, PARTS, answer_of
from reading import read, transcripts

from chatsdk import dialects
from chatsdk.answer import Answer, ToolCall
from chatsdk.messages import Image, Message
from chatsdk.testing import ChatServer

ollama = pytest.importorskip("ollama")

pytestmark = pytest.mark.filterwarnings("default")

CONTENT_TYPE = "application/x-ndjson"
TRANSCRIPTS = {item.name.removeprefix("ollama/"): item for item in transcripts("ollama")}
# The client's lines are requests-like: U+2028 and U+0085 break them. It wants arguments as objects,
# every message, and no blank lines.
WHOLE = ["length", "sdk_types", "surrogate_halves"]


def chat(server: ChatServer, body: bytes, **options: Any) -> list[Any]:
    server.reply(200, body=body, content_type=CONTENT_TYPE)
    with ollama.Client(host=server.url) as client:
        given: dict[str, Any] = {"messages": [{"role": "user", "content": "Hi"}]}
        return list(client.chat(model="tiny", stream=True, **(given | options)))


def check(found: list[Any], answer: Answer) -> None:
    """Compare the client's chunks with chatsdk's answer."""
    text = "".join(chunk.message.content or "" for chunk in found)
    assert text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") == answer.text
    assert "".join(chunk.message.thinking or "" for chunk in found) == answer.reasoning
    calls = [call.function for chunk in found for call in chunk.message.tool_calls or ()]
    named = [(call.name, dict(call.arguments)) for call in calls]
    assert named == [(call.name, call.parsed) for call in answer.tool_calls]
    last = found[-1]
    assert last.done
    assert (last.model, last.done_reason) == (answer.model, answer.native_finish_reason)
    counts = (last.prompt_eval_count, last.eval_count)
    assert counts == (answer.usage.input, answer.usage.output)


@pytest.mark.parametrize("name", WHOLE)
def test_same_bytes_same_answer(server, name):
    """The client and chatsdk agree about text, thoughts, calls, counts and the reason."""
    body = TRANSCRIPTS[name].body
    check(chat(server, body), read(dialects.get("ollama"), [body], CONTENT_TYPE).answer)


def test_the_client_stumbles_over_separators_in_text(server):
    """The client cuts lines at U+2028 inside a string and fails; chatsdk reads the text."""
    transcript = TRANSCRIPTS["thinking"]
    with pytest.raises(ValueError, match="Unterminated string"):
        chat(server, transcript.body)
    assert "\u2028" in transcript.facts["answer"]["text"]


@pytest.mark.parametrize("name", ["error_in_mid_stream", "error_first"])
def test_same_bytes_same_error(server, name):
    """An error for the client is one for chatsdk, with the same message."""
    with pytest.raises(ollama.ResponseError) as caught:
        chat(server, TRANSCRIPTS[name].body)
    assert caught.value.error == TRANSCRIPTS[name].facts["error"]["message"]


def test_the_client_reads_what_we_write(server):
    """The client reads our lines to the answer that went into them."""
    # The one separator that the client cannot read is left out.
    parts = [
        type(part)("It is ") if getattr(part, "text", "") == "It is\u2028" else part
        for part in PARTS
    ]
    body = b"".join(dialects.get("ollama").encode(parts))
    ours = read(dialects.get("ollama"), [body], CONTENT_TYPE).answer
    expected = answer_of(parts)
    assert (ours.text, ours.reasoning) == (expected.text, expected.reasoning)
    assert [call.parsed for call in ours.tool_calls] == [
        call.parsed for call in expected.tool_calls
    ]
    check(chat(server, body), ours)


def test_the_client_reads_our_error(server):
    """The client raises the error that we write in mid-stream."""
    with pytest.raises(ollama.ResponseError, match="the model is overloaded"):
        chat(server, b"".join(dialects.get("ollama").encode(FAILING)))


def test_our_request_is_like_the_clients(server):
    """chatsdk's body equals the client's for the same conversation."""
    call = {"function": {"name": "wind", "arguments": {"q": 1}}}
    chat(
        server,
        b"",
        messages=[
            {"role": "user", "content": "Hi", "images": ["aGk="]},
            {"role": "assistant", "content": "So.", "tool_calls": [call]},
            {"role": "tool", "content": "calm", "tool_name": "wind"},
        ],
        think=True,
    )
    messages = [
        Message("user", "Hi", images=(Image(data="aGk=", media_type="image/png"),)),
        Message("assistant", "So.", tool_calls=(ToolCall(None, "wind", '{"q":1}'),)),
        Message("tool", "calm", name="wind"),
    ]
    theirs = server.wait_for_request().json
    assert theirs.pop("tools", []) == []
    assert dialects.get("ollama").body(messages, model="tiny", think=True) == theirs


def test_the_transcript_is_the_sdks_own():
    """The transcript that the SDK's types wrote is still what they write."""
    import written_by_ollama

    assert written_by_ollama.BODY.read_bytes() == written_by_ollama.body()
