"""The examples, run as a reader would run them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chatsdk import sse
from chatsdk.testing import ChatServer, EmbeddedServer, RefusingPort
from chatsdk.testing.embedded_replies import speak

EXAMPLES = Path(__file__).parent.parent / "examples"
SSE_POST = EXAMPLES / "sse_post"

# Seconds for an example to end by itself.
WAIT_SECONDS = 60

# The answer to a prompt, as the built-in server gives it.
HELLO = speak({"prompt": "Hello!"})

TEN = [f"Hello, this is message number {number}" for number in range(1, 11)]


def run(*command: str, token: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(EXAMPLES / command[0]), *command[1:]],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=WAIT_SECONDS,
        env={**os.environ, "CHATSDK_TOKEN": token, "PYTHONIOENCODING": "utf-8"},
    )


@pytest.fixture
def server() -> Iterator[EmbeddedServer]:
    with EmbeddedServer(pace=0) as server:
        yield server


def chat_url(server: ChatServer) -> str:
    return f"{server.url}/v1/chat/completions"


def test_script(server) -> None:
    """The script prints the answer and how it came; the token goes along."""
    done = run("script.py", chat_url(server), "Hello!", token="sk-1")
    assert done.stderr == ""
    assert re.fullmatch(
        re.escape(HELLO) + r"\n\[finished: \d+ events in \d+\.\d s\]\n", done.stdout
    )
    assert server.requests[0].headers["authorization"] == "Bearer sk-1"


def test_script_is_short() -> None:
    """The script is what can be read at a glance: twenty lines."""
    lines = (EXAMPLES / "script.py").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 20


def test_script_that_fails(server) -> None:
    """An error ends the script with its name and message, after the partial text."""
    script = server.answer("openai")
    script.say("Half")
    script.cut()
    done = run("script.py", chat_url(server), "Hello!")
    assert done.returncode == 1
    assert done.stdout == "Half"
    assert done.stderr.startswith("\nStreamInterrupted: ")
    assert "Traceback" not in done.stderr


def test_hook(server) -> None:
    """The hook's example shows a whole answer, one that it stops, and the conversation."""
    done = run("hook.py", chat_url(server))
    assert (done.returncode, done.stderr) == (0, "")
    first, second, conversation = done.stdout.split("\n\n")
    assert first == f"{HELLO}\n[finished, {len(HELLO)} characters]"
    stopped, end = second.split("\n")
    assert speak({"prompt": "Stop after a dozen words."}).startswith(stopped)
    assert stopped.count(" ") == 12
    assert end == f"[stopped, {len(stopped)} characters]"
    assert [(line.split()[0], line.split()[-1]) for line in conversation.splitlines()] == [
        ("user", "Hello!"),
        ("assistant", "finished"),
        ("user", "words."),
        ("assistant", "stopped"),
    ]


def test_hook_with_nobody_there() -> None:
    """The hook's example shows an error where it would show an answer."""
    with RefusingPort() as port:
        done = run("hook.py", f"{port.url}/v1/chat/completions")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("[ConnectError: ") == 2
    assert done.stdout.count("[error, 0 characters]") == 2


@contextmanager
def sse_server(interval: str) -> Iterator[str]:
    """The example's own server; gives its address."""
    process = subprocess.Popen(
        [sys.executable, str(SSE_POST / "server.py"), "--port", "0", "--interval", interval],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    )
    with process:
        try:
            assert process.stdout is not None
            url = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
            assert url is not None
            yield url[0]
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(WAIT_SECONDS) == 0


def times(output: str) -> list[float]:
    return [float(line.split()[0]) for line in output.splitlines() if " s  " in line]


def test_ten_events() -> None:
    """Server and client of the example: ten events, each when it was sent, and a proven end."""
    with sse_server("0.1") as url:
        done = run("sse_post/client.py", f"{url}/sse")
    assert (done.returncode, done.stderr) == (0, "")
    *lines, end = done.stdout.splitlines()
    assert [line.partition(" s  ")[2] for line in lines] == TEN
    assert end == "finished (framing)"
    seen = times(done.stdout)
    # Nine silences of 0.1 s; in a burst there would be none.
    assert seen[-1] - seen[0] > 0.8


def test_ten_events_of_the_embedded_server() -> None:
    """The example's client reads the embedded server's ten events as well."""
    with EmbeddedServer(interval=0) as server:
        done = run("sse_post/client.py", f"{server.url}/sse")
    assert [line.partition(" s  ")[2] for line in done.stdout.splitlines()[:-1]] == TEN


def test_the_examples_server_and_a_browser() -> None:
    """The example's server lets a page of any origin POST, and has nothing elsewhere."""
    import urllib.error
    import urllib.request

    def ask(url: str, method: str) -> tuple[int, dict[str, str], bytes]:
        request = urllib.request.Request(url, data=b"{}", method=method)
        try:
            with urllib.request.urlopen(request, timeout=WAIT_SECONDS) as response:
                return response.status, dict(response.headers), response.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, dict(error.headers), error.read()

    with sse_server("0") as url:
        status, headers, body = ask(f"{url}/sse", "POST")
        assert (status, headers["Content-Type"]) == (200, "text/event-stream")
        assert headers["Access-Control-Allow-Origin"] == "*"
        events = list(sse.parse([body]))
        assert [(event.event, event.id, event.data) for event in events] == [
            ("message", str(number), text) for number, text in enumerate(TEN, 1)
        ]
        status, headers, _ = ask(f"{url}/sse", "OPTIONS")
        assert (status, headers["Access-Control-Allow-Origin"]) == (204, "*")
        assert ask(f"{url}/other", "POST")[0] == 404


# The claims in examples/sse_post about chatsdk ----------------------------------------------


@pytest.fixture
def client_of() -> Iterator[ChatServer]:
    with ChatServer() as server:
        yield server


def test_story_no_compression(client_of) -> None:
    """The client asks for an answer that is not compressed."""
    client_of.stream([sse.encode("Hello")])
    assert run("sse_post/client.py", client_of.url).returncode == 0
    (request,) = client_of.requests
    assert request.headers["accept-encoding"] == "identity"
    assert request.method == "POST"
    assert json.loads(request.body) == {"name": "Ada"}


def test_story_blank_line(client_of) -> None:
    """An event without its blank line is not an event, and the stream is incomplete."""
    client_of.stream([b"data: one\n\ndata: two\n"])
    done = run("sse_post/client.py", client_of.url)
    assert done.returncode == 1
    assert len(times(done.stdout)) == 1
    assert "StreamInterrupted" in done.stderr


def test_story_chunks(client_of) -> None:
    """An event in many chunks, and many events in one, are the same events."""
    whole = b"".join(sse.encode(text) for text in TEN)
    client_of.stream([whole[:5], whole[5:90], *(bytes([byte]) for byte in whole[90:])])
    done = run("sse_post/client.py", client_of.url)
    assert [line.partition(" s  ")[2] for line in done.stdout.splitlines()[:-1]] == TEN


def test_story_unproven_end(client_of) -> None:
    """A body that ends with the connection, without an end marker, is unproven."""
    client_of.stream([sse.encode("one")], framing="close")
    assert "finished (unproven)" in run("sse_post/client.py", client_of.url).stdout
