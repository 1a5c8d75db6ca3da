"""Services of one's own: fields that are named, plain text, and how they are asked."""

from __future__ import annotations

import pytest
from reading import read

from chatsdk import ChatClient, ChatSession, dialects
from chatsdk.errors import BackendError, NotAStreamError, StreamInterrupted
from chatsdk.messages import Image, Message
from chatsdk.parts import Failure, Reasoning, Text
from chatsdk.testing import ChatServer

HI = Message("user", "Hi")


def ask(body: bytes, dialect: object, content_type: str, **options: object):
    with ChatServer() as server:
        server.reply(200, body=body, content_type=content_type)
        with ChatClient(f"{server.url}/answer", dialect=dialect) as client:
            stream = client.send({"q": "Hi"})
            return stream.result(), stream


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/event-stream", b'data: {"delta": "Hel"}\n\ndata: {"delta": "lo"}\n\n'),
        ("text/plain", b'data: {"delta": "Hel"}\n\ndata: {"delta": "lo"}\n\n'),
        ("application/json", b'{"delta": "Hel"}\n{"delta": "lo"}\n'),
        ("application/x-ndjson", b'{"delta": "Hel"}\n{"delta": "lo"}\n'),
        ("text/event-stream", b'{"delta": "Hel"}\n\n{"delta": "lo"}\n\n'),
        ("text/html; charset=utf-8", b'{"delta": "Hel"}\n\n{"delta": "lo"}\n\n'),
        ("text/html; charset=utf-8", b'data: {"delta": "Hel"}\n\ndata: {"delta": "lo"}\n\n'),
        ("application/json", b'{"delta": "Hello"}'),
    ],
)
def test_whatever_the_framing(content_type, body):
    """One line names the field; the framing is detected, whatever the content type is."""
    answer, stream = ask(body, dialects.json(text="delta"), content_type)
    assert (answer.text, stream.outcome.end) == ("Hello", "framing")


@pytest.mark.parametrize("content_type", ["text/plain", "text/html", "application/octet-stream"])
def test_plain_text(content_type):
    """Words without any framing are the answer, whatever the content type is."""
    answer, stream = ask("Größe 🙂\n".encode(), "text", content_type)
    assert (answer.text, stream.outcome.end) == ("Größe 🙂\n", "framing")


@pytest.mark.parametrize("dialect", ["text", "json"])
def test_a_web_page_is_no_answer(dialect):
    """A login page is refused, although its bytes could be words."""
    with pytest.raises(NotAStreamError, match="a web page"):
        ask(b"<!doctype html><p>Log in", dialect, "text/html")


def test_plain_text_that_nobody_named():
    """With `auto`, words alone prove nothing: the error names the dialect for them."""
    with pytest.raises(NotAStreamError, match="dialect='text'"):
        ask(b"Hello world", "auto", "text/plain")


def test_a_told_end_that_does_not_come():
    """If the end is named, a body without it was interrupted, and its text is kept."""
    with pytest.raises(StreamInterrupted) as caught:
        ask(b'{"text": "Hi"}\n', dialects.json(end="done"), "application/json")
    assert caught.value.answer.text == "Hi"


def test_an_error_is_the_services_own():
    """An error in its field is a BackendError with the service's words."""
    with pytest.raises(BackendError, match="out of quota") as caught:
        ask(
            b'{"text": "Hi"}\n{"failure": {"message": "out of quota", "code": 7}}\n',
            dialects.json(error="failure"),
            "application/json",
        )
    assert (caught.value.code, caught.value.answer.text) == (7, "Hi")


@pytest.mark.parametrize(
    ("end", "frame"),
    [
        ("done", b'data: {"done": true}\n\n'),
        ("type=end", b'data: {"type": "end"}\n\n'),
        ("done=true", b'data: {"done": true}\n\n'),
        ("n=3", b'data: {"n": 3}\n\n'),
        ("event:end", b"event: end\n\n"),
        ("event:end", b"event: end\ndata: bye\n\n"),
        ("event:end", b"event: end\ndata: {}\n\n"),
        ("done", b"data: [DONE]\n\n"),
    ],
)
def test_ways_to_end(end, frame):
    """A field that is set, its value, an event's name, and [DONE] are the end."""
    dialect = dialects.json(end=end)
    body = b'data: {"text": "Hi", "done": false, "n": 1, "type": "token"}\n\n' + frame
    reading = read(dialect, [body, b'data: {"text": "more"}\n\n'], "text/event-stream")
    assert (reading.answer.text, reading.end) == ("Hi", "marker")


@pytest.mark.parametrize(
    "options",
    [
        {"text": "choices.0.text", "delta": False},
        {"text": "content", "when": "type=token", "end": "type=end"},
        {"text": "content", "when": "event:token", "end": "event:end", "reasoning": "thought"},
        {"text": "", "end": "event:end"},
    ],
)
def test_there_and_back(options):
    """An answer written with named fields is read back with them."""
    dialect = dialects.json(**options)
    parts = [Reasoning("Hm"), Text("Hel"), Text("lo")]
    reading = read(dialect, [b"".join(dialect.encode(parts))], "text/event-stream")
    assert (reading.answer.text, reading.deltas, reading.end) == ("Hello", ["Hel", "lo"], "marker")
    assert reading.answer.reasoning == ("Hm" if "reasoning" in options else "")
    failed = read(dialect, [b"".join(dialect.encode([Text("Hi"), Failure("no", "x")]))], "")
    assert (failed.answer.text, failed.error["message"], failed.error["code"]) == ("Hi", "no", "x")


def test_bodies():
    """The prompt or the messages are in the named field, next to options."""
    asked = dialects.json(prompt="input.question", conversation="session")
    assert asked.body([HI], conversation_id="s1", lang="de") == {
        "input": {"question": "Hi"},
        "session": "s1",
        "lang": "de",
    }
    messages = [
        Message("system", "Brief."),
        HI,
        Message("assistant", "Yes?"),
        Message("user", "Bye"),
    ]
    body = dialects.json(messages="messages").body(messages)
    assert [item["role"] for item in body["messages"]] == ["system", "user", "assistant", "user"]
    assert body["messages"][-1] == {"role": "user", "content": "Bye"}


def test_a_session_with_a_prompt():
    """A service that takes one prompt is given the new one, and its conversation's id."""
    dialect = dialects.json(text="answer", prompt="question", conversation="chat")
    with ChatServer() as server:
        for _ in range(2):
            server.reply(200, body=b'{"answer": "Yes", "chat": "c1"}\n', content_type="text/plain")
        with ChatClient(f"{server.url}/answer", dialect=dialect) as client:
            session = ChatSession(client)
            session.ask("One").result()
            session.ask("Two").result()
        bodies = [request.json for request in server.requests]
    assert bodies == [{"question": "One"}, {"question": "Two", "chat": "c1"}]


@pytest.mark.parametrize(
    ("dialect", "messages", "remedy"),
    [
        (dialects.json(), [HI], "prompt='question'"),
        (dialects.json(prompt="q"), [Message("system", "Brief."), HI], "messages="),
        (
            dialects.json(prompt="q"),
            [Message("user", "", images=(Image("http://h/u"),))],
            "client.send",
        ),
        (dialects.json(prompt=""), [HI], "name a field"),
        (dialects.text(), [HI], "client.send"),
    ],
)
def test_what_cannot_be_asked(dialect, messages, remedy):
    """A question that has no field is refused with the remedy."""
    with pytest.raises(ValueError, match=remedy):
        dialect.body(messages)


@pytest.mark.parametrize(
    "options",
    [{"text": "a..b"}, {"text": 3}, {"end": ""}, {"end": 3}, {"when": "a..b=1"}],
)
def test_names_that_are_none(options):
    """A field or an event that is not named as described is refused at once."""
    with pytest.raises((TypeError, ValueError), match=r"field|give"):
        dialects.json(**options)
    with pytest.raises(ValueError, match="one of the two"):
        dialects.json(prompt="q", messages="m")


def test_equal_and_shown():
    """Two with the same fields are equal, and the repr shows the named fields."""
    assert dialects.json(text="a") == dialects.json("a")
    assert hash(dialects.json(text="a")) == hash(dialects.json("a"))
    assert dialects.json(text="a") != dialects.json(text="b")
    assert "text='a.0'" in repr(dialects.json(text="a.0"))
    assert "about" not in repr(dialects.json())
