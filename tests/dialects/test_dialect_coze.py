"""Coze: what is asked and where, and what comes in place of a stream."""

from __future__ import annotations

import json

import pytest

from chatsdk import dialects
from chatsdk.answer import Answer
from chatsdk.client.server_stop import stop_url
from chatsdk.messages import Image, Message
from chatsdk.parts import Failure

coze = dialects.get("coze")

BOT = {"bot_id": "b1", "user_id": "u1"}


def test_body():
    """Questions and answers are distinguished; images are with the text in one JSON text."""
    messages = [
        Message("user", "Hi"),
        Message("assistant", "Yes?"),
        Message("user", "What?", images=(Image("https://e.example/a.png"),)),
    ]
    body = coze.body(messages, conversation_id="ignored here", **BOT, auto_save_history=False)
    pictured = body["additional_messages"].pop()
    assert body == {
        **BOT,
        "stream": True,
        "auto_save_history": False,
        "additional_messages": [
            {"role": "user", "type": "question", "content": "Hi", "content_type": "text"},
            {"role": "assistant", "type": "answer", "content": "Yes?", "content_type": "text"},
        ],
    }
    assert pictured["content_type"] == "object_string"
    assert json.loads(pictured["content"]) == [
        {"type": "text", "text": "What?"},
        {"type": "image", "file_url": "https://e.example/a.png"},
    ]


@pytest.mark.parametrize(
    ("messages", "options", "remedy"),
    [
        ([Message("user", "Hi")], {}, "bot_id and user_id"),
        ([Message("user", "Hi")], {"bot_id": "b1"}, "needs user_id"),
        ([Message("user", "Hi")], {**BOT, "tools": [{"name": "wind"}]}, "as plugins"),
        ([Message("system", "Be brief.")], BOT, "its own prompt"),
        ([Message("tool", "calm", tool_call_id="c1")], BOT, "submit_tool_outputs"),
        ([Message("user", "", images=(Image(data="QQ=="),))], BOT, r"Image\(url="),
        ([Message("user", "", images=(Image("data:image/png;base64,QQ=="),))], BOT, "an address"),
    ],
)
def test_what_cannot_be_asked(messages, options, remedy):
    """Messages that Coze does not take are refused before anything is sent, with the remedy."""
    with pytest.raises(ValueError, match=remedy):
        coze.body(messages, **options)


def test_the_conversation_stands_in_the_address():
    """The query names the conversation, once."""
    url = "https://api.coze.com/v3/chat"
    assert coze.url(url) == url
    first = coze.url(url, conversation_id="c 1")
    assert first == f"{url}?conversation_id=c+1"
    assert coze.url(first, conversation_id="c2") == f"{url}?conversation_id=c2"
    assert coze.url(f"{url}?a=b", conversation_id="c2") == f"{url}?a=b&conversation_id=c2"


def test_stop():
    """A chat is cancelled next to the URL of its request, once its ids are known."""
    stop = coze.stop_request(Answer(task_id="chat1", conversation_id="c1"), {})
    assert stop is not None
    assert stop_url("https://h.example/proxy/v3/chat", stop) == (
        "https://h.example/proxy/v3/chat/cancel"
    )
    assert stop.body == {"conversation_id": "c1", "chat_id": "chat1"}
    assert coze.stop_request(Answer(task_id="chat1"), {}) is None


def test_a_refusal_is_a_success_status():
    """An error arrives as 200 with a code; an answer to another request is not an answer."""
    body = b'{"code":4100,"msg":"authentication is invalid","detail":{"logid":"x"}}'
    assert coze.error(200, {}, body) == Failure("authentication is invalid", 4100)
    assert coze.error(200, {}, b'{"code":0,"msg":"","data":{"id":"chat1"}}') is None
