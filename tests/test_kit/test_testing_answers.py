from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest
from raw_client import POST, ask, dial, hear, read_all

from chatsdk import dialects
from chatsdk.answer import ToolCall
from chatsdk.parts import (
    Citation,
    Citations,
    Failure,
    Finish,
    Identity,
    Reasoning,
    Text,
    ToolCallDelta,
    Usage,
    UsageUpdate,
)
from chatsdk.testing import ChatServer, Cut, Put, Send, answer_frames, answer_parts


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as server:
        yield server


def bodies(answer: bytes) -> bytes:
    """Undo the chunks of a response."""
    rest = answer.partition(b"\r\n\r\n")[2]
    body = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        body += rest[: int(size, 16)]
        rest = rest[int(size, 16) + 2 :]
    return body


def frames(answer: bytes) -> list[str]:
    """The data of each frame of an openai answer."""
    return [frame.removeprefix("data: ") for frame in bodies(answer).decode().split("\n\n")[:-1]]


def deltas(answer: bytes) -> list[str]:
    chunks = [json.loads(frame) for frame in frames(answer) if frame != "[DONE]"]
    return [
        choice["delta"]["content"]
        for chunk in chunks
        for choice in chunk["choices"]
        if choice["delta"].get("content")
    ]


def test_answer_in_words(server: ChatServer) -> None:
    """An answer comes word by word in the dialect's frames, with its end marker."""
    server.answer("openai", "Hello  there,\nworld! ")
    answer = ask(server)
    assert deltas(answer) == ["Hello", "  there,", "\nworld! "]
    assert frames(answer)[-1] == "[DONE]"
    assert b"\r\nContent-Type: text/event-stream\r\n" in answer


@pytest.mark.parametrize(
    ("text", "pieces", "expected"),
    [
        ("abcdefg", 3, ["ab", "cd", "efg"]),
        ("ab", 5, ["a", "b"]),
        (["one", " two "], None, ["one", " two "]),
        ("  ", None, ["  "]),
    ],
)
def test_pieces(server: ChatServer, text, pieces, expected) -> None:
    """A text is cut into as many pieces as said, or comes in the pieces given."""
    server.answer("openai", text, pieces=pieces)
    assert deltas(ask(server)) == expected


def test_parts_of_an_answer() -> None:
    """An answer is made of its parts in the order in which backends send them."""
    source = Citation(title="Page", url="https://page.test")
    parts = answer_parts(
        "Hi",
        reasoning="think hard",
        tool_calls=[{"name": "add", "arguments": {"a": 1}}, ToolCall("c2", "go", "{}")],
        citations=[source],
        usage=Usage(input=3, output=4),
        id="a1",
        conversation_id="k1",
        model="m1",
    )
    assert parts == [
        Identity(id="a1", conversation_id="k1", model="m1"),
        Reasoning("think"),
        Reasoning(" hard"),
        Text("Hi"),
        ToolCallDelta(0, id="call-1", name="add", arguments='{"a"'),
        ToolCallDelta(0, arguments=": 1}"),
        ToolCallDelta(1, id="c2", name="go", arguments="{"),
        ToolCallDelta(1, arguments="}"),
        Citations((source,)),
        Finish("tool_calls"),
        UsageUpdate(input=3, output=4),
    ]


def test_failing_answer_has_no_finish(server: ChatServer) -> None:
    """An answer with a failure ends in it."""
    assert answer_parts("x", failure=Failure("no")) == [
        Identity(id="answer-1", model="built-in"),
        Text("x"),
        Failure("no"),
    ]
    server.answer("openai", "x", failure=Failure("overloaded", 529))
    last = json.loads(frames(ask(server))[-1])
    assert last["error"]["message"] == "overloaded"


def test_answer_from_parts(server: ChatServer) -> None:
    """An answer may be given part by part, under an id and a model."""
    server.answer("openai", parts=[Text("a"), Finish("length")], id="x1", model="m1")
    chunks = [json.loads(frame) for frame in frames(ask(server))[:-1]]
    assert {(chunk["id"], chunk["model"]) for chunk in chunks} == {("x1", "m1")}
    assert chunks[-1]["choices"][0]["finish_reason"] == "length"


def test_unknown_dialect(server: ChatServer) -> None:
    """An unknown dialect is refused at once, with those there are."""
    with pytest.raises(ValueError, match="openai"):
        server.answer("klingon", "nuqneH")
    with pytest.raises(ValueError, match="number of pieces"):
        server.answer("openai", "x", pieces=0)


def test_frames_for_faults(server: ChatServer) -> None:
    """The frames of an answer may be streamed by hand, and cut."""
    parts = answer_frames("openai", "one two", id="f1")
    server.stream([*parts[:2], Send(parts[2][:10]), Cut()])
    with dial(server) as sock:
        sock.sendall(POST)
        assert bodies(read_all(sock)) == b"".join(parts[:2]) + parts[2][:10]
    assert b'"id": "f1"' in parts[0]
    server.cut_after(50, b"".join(parts), how="finish")
    assert bodies(ask(server)) == b"".join(parts)[:50]


def read_to(sock: socket.socket, mark: str) -> str:
    """Read until `mark` has come."""
    data = b""
    while mark.encode() not in data:
        piece = sock.recv(65_536)
        assert piece, f"no {mark} in {data!r}"
        data += piece
    return data.decode()


def test_answer_driven_by_the_test(server: ChatServer) -> None:
    """Without text the test sends the answer piece by piece; each arrives before the next."""
    script = server.answer("openai")
    with dial(server) as sock:
        sock.sendall(POST)
        script.think("Hm")
        read_to(sock, '"reasoning_content": "Hm"')
        script.say("Hel")
        read_to(sock, '"content": "Hel"')
        script.push(": ping\n\n")
        read_to(sock, ": ping\n\n")
        script.put(UsageUpdate(input=1))
        script.finish("length")
        last = read_to(sock, "data: [DONE]\n\n")
    assert '"finish_reason": "length"' in last
    assert '"prompt_tokens": 1' in last
    script.wait_until_sent()


def test_driven_answer_without_a_reason(server: ChatServer) -> None:
    """A driven answer may end without saying why."""
    script = server.answer("openai")
    script.say("x")
    script.finish(None)
    answer = ask(server)
    assert b'"finish_reason": "' not in answer
    assert frames(answer)[-1] == "[DONE]"


def test_driven_answer_that_fails(server: ChatServer) -> None:
    """A driven answer may end in the backend's own error, and is then complete."""
    script = server.answer("openai")
    script.fail("no more", code="quota")
    assert json.loads(frames(ask(server))[-1])["error"]["code"] == "quota"
    script.wait_until_sent()


def test_driven_answer_that_is_cut(server: ChatServer) -> None:
    """A driven answer may be cut in the middle, without an end marker."""
    script = server.answer("openai")
    script.say("x")
    script.cut()
    with dial(server) as sock:
        sock.sendall(POST)
        answer = read_all(sock)
    assert deltas(answer) == ["x"]
    assert not answer.endswith(b"0\r\n\r\n")
    script.wait_until_sent()


def test_paced_answer_ends_with_the_client(server: ChatServer) -> None:
    """Between two pieces lies the pace; it is over when the client goes."""
    script = server.answer("openai", "one two", pace=1000.0)
    with dial(server) as sock:
        sock.sendall(POST)
        assert deltas(hear(sock)) == ["one"]
    script.wait_for_disconnect()


def test_paced_answer_ends_with_the_server() -> None:
    """A pause is over when the server closes."""
    with ChatServer() as server:
        script = server.answer("openai", "one two", pace=1000.0)
        with dial(server) as sock:
            sock.sendall(POST)
            assert deltas(hear(sock)) == ["one"]
            server.close()
    script.wait_until_ended(timeout=0)


def test_put_needs_a_dialect(server: ChatServer) -> None:
    """A part in a script without dialect is noted as an error."""
    script = server.stream([Put(Text("x"))])
    with dial(server) as sock:
        sock.sendall(POST)
        script.wait_until_ended()
    server.wait_until_no_connections()
    assert isinstance(server.errors[0], TypeError)
    assert "server.answer(dialect)" in str(server.errors[0])


def test_chosen_dialect_is_kept(server: ChatServer) -> None:
    """A dialect may be given as a value with its options."""
    chosen = dialects.get("openai", text="snapshot")
    assert server.answer(chosen, "x").dialect is chosen
