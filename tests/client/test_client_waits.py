"""`AnswerStream.on_wait`: a program learns that everything that arrived has been yielded."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chatsdk import Cancel, ChatClient, ChatSession
from chatsdk.testing import ChatServer, Hang, Send


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as server:
        yield server


@pytest.fixture
def client(server: ChatServer) -> Iterator[ChatClient]:
    with ChatClient(server.url, dialect="openai") as client:
        yield client


def test_called_before_each_wait(server, client) -> None:
    """It is called before the first read, and again before each later one."""
    script = server.answer("openai")
    stream = client.ask("Hi")
    waits: list[str] = []
    stream.on_wait(lambda: waits.append(stream.answer.text))
    script.say("One")
    assert next(answer for answer in stream if answer.text).text == "One"
    assert set(waits) == {""}
    script.say(" two")
    assert next(stream).text == "One two"
    assert waits[-1] == "One"
    script.finish()
    assert stream.result().text == "One two"


def test_events_that_came_together(server) -> None:
    """It is called once for each read, and not between the events of one."""
    frame = b'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'
    server.stream([frame * 50 + b"data: [DONE]\n\n"])
    reads: list[int] = []
    with ChatClient(
        server.url, dialect="openai", tap=lambda data, at: reads.append(len(data))
    ) as client:
        stream = client.ask("Hi")
        waits: list[int] = []
        stream.on_wait(lambda: waits.append(len(stream.answer.text)))
        assert stream.result().text == "a" * 50
    # The last ones are for the end of the body.
    assert len(waits) <= len(reads) + 2


def test_wait_for_the_end_of_the_body(server, client) -> None:
    """It is called before the short wait after the end marker, too: the answer is complete then."""
    frame = b'data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}\n\n'
    server.stream([Send(frame + b"data: [DONE]\n\n"), Hang()])
    stream = client.ask("Hi")
    waits: list[str] = []
    stream.on_wait(lambda: waits.append(stream.answer.text))
    assert stream.result().text == "a"
    assert waits[-1] == "a"


def test_none_ends_the_calls(server, client) -> None:
    """`None` takes the callback away."""
    server.answer("openai", "Hello")
    stream = client.ask("Hi")
    stream.on_wait(lambda: pytest.fail("it was called"))
    stream.on_wait(None)
    assert stream.result().text == "Hello"


def test_stopped_before_its_response(server, client) -> None:
    """A stream that never began has nothing to wait for."""
    cancel = Cancel()
    cancel.set()
    stream = client.ask("Hi", cancel=cancel)
    stream.on_wait(lambda: pytest.fail("it was called"))
    assert list(stream) == []


def test_stream_of_a_session(server, client) -> None:
    """A session's stream passes it on, except one that runs tools, which sends several requests."""
    server.answer("openai", "Hello", repeat=True)
    session = ChatSession(client)
    waits: list[str] = []
    with session.ask("Hi") as stream:
        assert stream.on_wait(lambda: waits.append(stream.answer.text)) is True
        assert stream.result().text == "Hello"
    assert waits
    with session.ask("Hi", tools=[weather]) as stream:
        assert stream.on_wait(lambda: pytest.fail("it was called")) is False
        assert stream.result().text == "Hello"


def weather(city: str) -> str:
    """Return the weather."""
    return "rain"
