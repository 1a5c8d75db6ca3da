"""MaxKB: what is asked and where, and what comes in place of a stream."""

from __future__ import annotations

import pytest

from chatsdk import dialects
from chatsdk.answer import AnswerBuilder
from chatsdk.messages import Image, Message
from chatsdk.parts import Failure

maxkb = dialects.get("maxkb")


def test_body():
    """Only what is new since the last answer is asked; options are kept."""
    messages = [
        Message("user", "Hi"),
        Message("assistant", "Yes?"),
        Message("user", "Windy?"),
        Message("user", "In Zürich."),
    ]
    assert maxkb.body(messages, conversation_id="c1", form_data={"a": 1}) == {
        "message": "Windy?\n\nIn Zürich.",
        "stream": True,
        "re_chat": False,
        "form_data": {"a": 1},
    }


@pytest.mark.parametrize(
    "message",
    [
        Message("system", "Be brief."),
        Message("tool", "calm", tool_call_id="c1"),
        Message("user", "What?", images=(Image("https://e.example/a.png"),)),
    ],
)
def test_what_cannot_be_asked(message):
    """An application has its own prompt and tools, and takes pictures by another way."""
    with pytest.raises(ValueError, match="MaxKB takes the text of a user"):
        maxkb.body([message])
    with pytest.raises(ValueError, match="on the server"):
        maxkb.body([Message("user", "Hi")], tools=[{"name": "wind"}])


def test_the_chat_stands_in_the_address():
    """The chat in the address gives way to the one that is named."""
    url = "https://h.example/chat/api/chat_message/c1"
    assert maxkb.url(url) == url
    assert maxkb.url(url, conversation_id="c/2") == (
        "https://h.example/chat/api/chat_message/c%2F2"
    )


def test_a_document():
    """An answer that came whole is read like a stream, an error in it too."""
    data = {"chat_id": "c1", "id": "r1", "operate": True, "content": "8 °C", "is_end": True}
    parts = maxkb.document({"code": 200, "message": "ok", "data": data})
    assert parts is not None
    builder = AnswerBuilder()
    answer = builder.step(parts)
    assert (answer.text, answer.id, answer.conversation_id) == ("8 °C", "r1", "c1")
    assert builder.ended
    failed = maxkb.document({"code": 200, "data": {**data, "content": "Exception:no model"}})
    assert failed is not None
    assert Failure("no model") in failed
    assert maxkb.document({"code": 200, "data": None}) is None


def test_a_refusal():
    """An error has its own code in the body; there, 200 is not one."""
    body = '{"code": 1002, "message": "身份验证信息不正确", "data": null}'.encode()
    assert maxkb.error(401, {}, body) == Failure("身份验证信息不正确", 1002)
    assert maxkb.error(200, {}, b'{"code": 200, "message": "ok", "data": {}}') is None
