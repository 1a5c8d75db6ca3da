"""Servers that play a recording, and that pass requests on to a backend."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path

import pytest
import requests

from chatsdk import ChatClient, ChatTimeout, HTTPStatusError, StreamInterrupted, Timeout
from chatsdk.recording import load
from chatsdk.testing import ChatServer, Hang, Pause, RefusingPort, RelayServer, Send, replay

EVENTS = [f"data: event {number}\n\n".encode() for number in range(1, 6)]


@pytest.fixture
def server():
    with ChatServer() as server:
        yield server


def recording(
    path: Path, end: str = "whole", status: int = 200, headers: dict | None = None, step: float = 0
) -> Path:
    fields = {"Content-Type": "text/event-stream"} if headers is None else headers
    first = {"chatsdk": 1, "request": None, "response": {"status": status, "headers": fields}}
    reads = [
        {"at": number * step, "bytes": base64.b64encode(data).decode()}
        for number, data in enumerate(EVENTS, 1)
    ]
    lines = [first, *reads, {"at": 6 * step, "end": end}]
    file = path / "r.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return file


def chunks_of(url: str, **options) -> tuple[requests.Response, list[bytes]]:
    """The response, and its body chunk by chunk."""
    with requests.post(url, json={}, stream=True, timeout=10, **options) as response:
        return response, list(response.iter_content(None))


def test_replay(tmp_path: Path) -> None:
    """Every request at any path gets status, headers and a chunk for each read."""
    headers = {"Content-Type": "text/event-stream", "X-A": "b", "Content-Length": "9"}
    with replay(recording(tmp_path, status=201, headers=headers)) as played:
        for path in ("/", "/v1/chat?x=1"):
            response, chunks = chunks_of(played.url + path)
            assert (response.status_code, response.headers["x-a"]) == (201, "b")
            assert response.headers["transfer-encoding"] == "chunked"
            assert "content-length" not in response.headers
            assert b"".join(chunks) == b"".join(EVENTS)


def test_replay_speed(tmp_path: Path) -> None:
    """At speed 1 the reads keep their times, at speed 10 they take a tenth."""
    file = recording(tmp_path, step=0.1)
    for speed, seconds in ((1, 0.5), (10, 0.05)):
        with replay(file, speed=speed) as played, ChatClient(played.url, dialect="raw") as client:
            started = time.monotonic()
            steps = [time.monotonic() - started for _ in client.send({})]
            assert steps[-1] >= seconds * 0.98
            assert len(steps) >= len(EVENTS)


def test_replay_cut(tmp_path: Path) -> None:
    """A recording that was cut is cut again."""
    with (
        replay(recording(tmp_path, end="cut")) as played,
        ChatClient(played.url, dialect="raw") as client,
        pytest.raises(StreamInterrupted),
    ):
        client.send({}).result()


def test_replay_timeout(tmp_path: Path) -> None:
    """A recording that fell silent is silent again."""
    with (
        replay(recording(tmp_path, end="timeout")) as played,
        ChatClient(played.url, dialect="raw", timeout=Timeout(idle=0.2)) as client,
        pytest.raises(ChatTimeout),
    ):
        client.send({}).result()


def test_replay_bad_speed(tmp_path: Path) -> None:
    """A speed below 0 is refused at once."""
    with pytest.raises(ValueError, match="speed"):
        replay(recording(tmp_path), speed=-1)


# Relays ---------------------------------------------------------------------------------------


def test_relay_passes_everything(server: ChatServer) -> None:
    """Method, path, query, headers and body go through, and so do status and headers."""
    server.reply(207, body="done", headers=[("X-A", "1"), ("X-A", "2")])
    with RelayServer(f"{server.url}/base?k=v") as relay:
        response = requests.put(
            f"{relay.url}/a/b?c=d", data=b"body", headers={"X-B": "c"}, timeout=10
        )
    (request,) = server.requests
    assert (request.method, request.target) == ("PUT", "/base/a/b?k=v&c=d")
    assert (request.body, request.headers["x-b"]) == (b"body", "c")
    assert request.headers["host"] == f"127.0.0.1:{server.port}"
    assert (response.status_code, response.text) == (207, "done")
    assert response.headers["x-a"] == "1, 2"
    assert response.headers["content-length"] == "4"


def test_relay_keeps_what_belongs_to_a_connection(server: ChatServer) -> None:
    """Header fields that the Connection field names are not passed on, in either direction."""
    server.reply(200, headers=[("Connection", "X-Hop, keep-alive"), ("X-Hop", "1"), ("X-A", "2")])
    with RelayServer(server.url) as relay:
        sent = {"Connection": "x-mine", "X-Mine": "1", "X-B": "2"}
        response = requests.get(relay.url, headers=sent, timeout=10)
    (request,) = server.requests
    assert ("x-mine" in request.headers, request.headers["x-b"]) == (False, "2")
    assert ("x-hop" in response.headers, response.headers["x-a"]) == (False, "2")


def test_relay_is_prompt(server: ChatServer) -> None:
    """Each piece passes before the next is sent."""
    script = server.stream()
    with RelayServer(server.url) as relay, ChatClient(relay.url, dialect="raw") as client:
        script.send_head()
        stream = client.send({})
        for number, event in enumerate(EVENTS, 1):
            script.push(event)
            assert next(stream).delta.strip() == f"event {number}"
        script.finish()
        stream.result()


def test_relay_cuts_as_the_backend(server: ChatServer) -> None:
    """A stream that the backend cuts is cut."""
    server.cut_after(20)
    with (
        RelayServer(server.url) as relay,
        ChatClient(relay.url, dialect="raw") as client,
        pytest.raises(StreamInterrupted),
    ):
        client.send({}).result()


def test_relay_leaves_with_its_client(server: ChatServer) -> None:
    """A client that leaves closes the backend's stream."""
    script = server.stream([Send(EVENTS[0]), Hang()])
    with RelayServer(server.url) as relay, ChatClient(relay.url, dialect="raw") as client:
        stream = client.send({})
        next(stream)
        stream.close()
        script.wait_for_disconnect()


def test_relay_without_a_backend() -> None:
    """A backend that cannot be reached is a 502 that names it."""
    with (
        RefusingPort() as port,
        RelayServer(port.url) as relay,
        ChatClient(relay.url, dialect="raw") as client,
        pytest.raises(HTTPStatusError, match="cannot be reached") as error,
    ):
        client.send({})
    assert error.value.status == 502


def test_break_gzip(server: ChatServer) -> None:
    """It compresses for a client that asks for it, without flushing, and for no other."""
    server.stream([*EVENTS], repeat=True)
    with RelayServer(server.url, "gzip") as relay:
        response, chunks = chunks_of(relay.url, headers={"Accept-Encoding": "gzip"})
        assert response.headers["content-encoding"] == "gzip"
        assert b"".join(chunks) == b"".join(EVENTS)
        response, chunks = chunks_of(relay.url, headers={"Accept-Encoding": "identity"})
        assert "content-encoding" not in response.headers


def test_break_buffer(server: ChatServer) -> None:
    """Head and body wait for the end."""
    script = server.stream()
    with RelayServer(server.url, "buffer") as relay:
        script.push(EVENTS[0])
        with pytest.raises(requests.exceptions.ReadTimeout):
            requests.post(relay.url, timeout=0.3)
    server.stream([*EVENTS])
    with RelayServer(server.url, "buffer") as relay:
        assert b"".join(chunks_of(relay.url)[1]) == b"".join(EVENTS)


def test_break_group(server: ChatServer) -> None:
    """So many events are written as one, and the rest at the end."""
    server.stream([step for event in EVENTS for step in (Send(event), Pause(0.05))])
    with RelayServer(server.url, "group=2") as relay:
        _, chunks = chunks_of(relay.url)
    assert chunks == [EVENTS[0] + EVENTS[1], EVENTS[2] + EVENTS[3], EVENTS[4]]


def test_break_delay(server: ChatServer) -> None:
    """Each piece comes so many seconds later."""
    server.stream([*EVENTS])
    with RelayServer(server.url, "delay=0.3") as relay:
        started = time.monotonic()
        chunks_of(relay.url)
    assert time.monotonic() - started >= 0.3


def test_break_cut(server: ChatServer) -> None:
    """The connection ends after so many bytes of body."""
    server.stream([*EVENTS])
    with RelayServer(server.url, "cut=20") as relay, pytest.raises(requests.RequestException):
        chunks_of(relay.url)


def test_break_close(server: ChatServer) -> None:
    """The end of the connection ends the body."""
    server.stream([*EVENTS])
    with RelayServer(server.url, "close") as relay:
        response, chunks = chunks_of(relay.url)
    assert "transfer-encoding" not in response.headers
    assert b"".join(chunks) == b"".join(EVENTS)


@pytest.mark.parametrize("how", ["", "gzip=1", "group", "group=0", "delay=-1", "cut=x", "melt"])
def test_break_by_nothing(server: ChatServer, how: str) -> None:
    """A way that there is not is refused, with those that there are."""
    with pytest.raises(ValueError, match="gzip, buffer, group=5"):
        RelayServer(server.url, how)


def test_relay_records(server: ChatServer, tmp_path: Path) -> None:
    """With `record` the response is written to a file, secrets masked."""
    server.answer("openai", "Hello key-123456", encoding="gzip")
    file = tmp_path / "r.jsonl"
    with (
        RelayServer(server.url, record=file) as relay,
        ChatClient(relay.url, dialect="openai", token="key-123456") as client,
    ):
        assert client.send({}).result().text == "Hello key-123456"
    found = load(file)
    assert found.answer("openai").text == "Hello **********"
    assert b"key-123456" not in file.read_bytes()
    assert found.request is not None
    assert found.request["url"].startswith(server.url)
