"""Coze's own client and chatsdk read the same bytes alike."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from conversation import PARTS, answer_of
from reading import read, transcripts

from chatsdk import dialects
from chatsdk.messages import Image, Message
from chatsdk.parts import Failure, Text
from chatsdk.testing import ChatServer

with warnings.catch_warnings():
    # A library that it uses announces its own end of life.
    warnings.simplefilter("ignore")
    cozepy = pytest.importorskip("cozepy")

pytestmark = pytest.mark.filterwarnings("default")

TRANSCRIPTS = {item.name.removeprefix("coze/"): item for item in transcripts("coze")}


@pytest.fixture
def client(server: ChatServer) -> Iterator[Any]:
    with cozepy.SyncHTTPClient() as http:
        yield cozepy.Coze(cozepy.TokenAuth("key"), server.url, http)


def chat(client: Any, server: ChatServer, body: bytes, **options: Any) -> Any:
    server.reply(200, body=body, content_type="text/event-stream; charset=utf-8")
    return client.chat.stream(bot_id="b1", user_id="u1", **options)


@pytest.mark.parametrize("name", ["sdk_types", "workflow", "requires_action", "failed"])
def test_same_bytes_same_answer(client, server, name):
    """The client and chatsdk agree about text, reasoning, calls, usage and status."""
    ours = read(dialects.get("coze"), [TRANSCRIPTS[name].body], "text/event-stream").answer
    said, thought, calls, last, streamed = "", "", [], None, set()
    for event in chat(client, server, TRANSCRIPTS[name].body):
        message = event.message
        if message is not None and message.type == "answer" and message.content_type == "text":
            whole = event.event == "conversation.message.completed"
            if whole and message.id in streamed:
                continue
            streamed.add(message.id)
            said += message.content
            thought += message.reasoning_content or ""
        if event.chat is not None:
            last = event.chat
            action = last.required_action
            if action is not None:
                calls = action.submit_tool_outputs.tool_calls
        if event.event == "conversation.chat.failed":
            break
    assert last is not None
    assert (said, thought) == (ours.text, ours.reasoning)
    assert (last.id, last.conversation_id) == (ours.task_id, ours.conversation_id)
    assert [(c.id, c.function.name, c.function.arguments) for c in calls] == [
        (c.id, c.name, c.arguments) for c in ours.tool_calls
    ]
    if name != "failed":
        assert last.status == ours.native_finish_reason
    usage = last.usage
    if usage is not None and usage.token_count:
        assert ours.usage
        counts = (usage.input_count, usage.output_count, usage.token_count)
        assert (ours.usage.input, ours.usage.output, ours.usage.total) == counts
    else:
        assert not ours.usage


def test_the_client_reads_what_we_write(client, server):
    """The client reads our events to the answer that went into them."""
    parts = [part for part in PARTS if "\u2028" not in getattr(part, "text", "")]
    expected = answer_of(parts)
    said, thought, last = "", "", None
    for event in chat(client, server, b"".join(dialects.get("coze").encode(parts))):
        if event.event == "conversation.message.delta":
            said += event.message.content
            thought += event.message.reasoning_content or ""
        last = event.chat or last
    assert (said, thought) == (expected.text, expected.reasoning)
    assert last is not None
    assert last.status == "requires_action"
    calls = last.required_action.submit_tool_outputs.tool_calls
    assert [(c.id, c.function.name, c.function.arguments) for c in calls] == [
        (c.id, c.name, c.arguments) for c in expected.tool_calls
    ]
    assert expected.usage
    counts = (expected.usage.input, expected.usage.output, expected.usage.total)
    usage = last.usage
    assert (usage.input_count, usage.output_count, usage.token_count) == counts


def test_the_client_reads_our_failure(client, server):
    """The client gets our failure as the chat's, with its words, after the text before it."""
    parts = [Text("Half an "), Failure("the model is overloaded", 701231)]
    *_, delta, failed = chat(client, server, b"".join(dialects.get("coze").encode(parts)))
    assert delta.message.content == "Half an "
    error = failed.chat.last_error
    assert (error.msg, error.code) == ("the model is overloaded", 701231)


def test_the_client_drops_what_follows_a_separator(client, server):
    """The client ends lines at U+2028, inside a string too, and breaks; chatsdk reads the text."""
    body = b"".join(dialects.get("coze").encode([Text("a\u2028b")]))
    with pytest.raises(Exception, match=r"invalid data|Unterminated|not valid|JSON"):
        list(chat(client, server, body))
    assert read(dialects.get("coze"), [body], "text/event-stream").answer.text == "a\u2028b"


def test_an_error_is_an_error_there_too(client, server):
    """The client raises for an error in the stream, without taking it apart as we do."""
    item = TRANSCRIPTS["error_first"]
    with pytest.raises(Exception, match=item.facts["error"]["message"]):
        list(chat(client, server, item.body))


def test_same_refusal(client, server):
    """A code in a body of status 200 is an error for both, with the same words."""
    body = b'{"code": 4100, "msg": "authentication is invalid"}'
    server.reply(200, body=body, content_type="application/json")
    with pytest.raises(cozepy.CozeAPIError) as caught:
        client.chat.stream(bot_id="b1", user_id="u1")
    ours = dialects.get("coze").error(200, {}, body)
    assert ours is not None
    assert (caught.value.msg, caught.value.code) == (ours.message, ours.code)


def test_our_request_is_like_the_clients(client, server):
    """chatsdk's body and URL equal the client's."""
    picture = cozepy.MessageObjectString.build_image(file_url="https://e.example/a.png")
    question = cozepy.MessageObjectString.build_text("What?")
    given = [
        cozepy.Message.build_user_question_text("Hi"),
        cozepy.Message.build_assistant_answer("Yes?"),
        cozepy.Message.build_user_question_objects([question, picture]),
    ]
    chat(client, server, b"", additional_messages=given, conversation_id="c1")
    request = server.wait_for_request()
    coze = dialects.get("coze")
    messages = [
        Message("user", "Hi"),
        Message("assistant", "Yes?"),
        Message("user", "What?", images=(Image("https://e.example/a.png"),)),
    ]
    theirs = json.loads(request.body)
    for message in theirs["additional_messages"]:
        for name in [name for name, value in message.items() if value is None]:
            del message[name]
    ours = coze.body(messages, bot_id="b1", user_id="u1")
    pictured = [body["additional_messages"][2].pop("content") for body in (theirs, ours)]
    theirs = {name: value for name, value in theirs.items() if value not in (None, {})}
    assert ours == theirs
    known = [
        [{name: value for name, value in part.items() if value is not None} for part in parts]
        for parts in map(json.loads, pictured)
    ]
    assert known[0] == known[1]
    assert request.target == coze.url("/v3/chat", conversation_id="c1")


def test_our_stop_is_like_the_clients(client, server):
    """chatsdk's request to cancel a chat equals the client's."""
    server.reply(200, body=b'{"code": 0, "data": {"id": "x", "conversation_id": "c1"}}')
    client.chat.cancel(conversation_id="c1", chat_id="chat1")
    request = server.wait_for_request()
    answer = read(dialects.get("coze"), [TRANSCRIPTS["cut"].body], "text/event-stream").answer
    stop = dialects.get("coze").stop_request(answer, {})
    assert stop is not None
    assert (request.method, request.target) == (stop.method, stop.path)
    assert request.json.keys() == (stop.body or {}).keys()


def test_the_transcript_is_the_sdks_own():
    """The transcript that the SDK's types wrote is still what they write."""
    import written_by_cozepy

    assert written_by_cozepy.BODY.read_bytes() == written_by_cozepy.body()
