"""`chatsdk web` and `chatsdk gateway`, as processes of their own."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from browser import WAIT_SECONDS, Page, read_until, user

from chatsdk.testing import ChatServer

pytest.importorskip("waitress", reason="the commands need the extra web")


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as server:
        yield server


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "chatsdk", *arguments]


@contextmanager
def running(*arguments: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run a command; give the address that it prints, and its process."""
    process = subprocess.Popen(
        command(*arguments, "--port", "0"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found is not None
        yield found[0], process
    finally:
        process.kill()
        process.communicate(timeout=WAIT_SECONDS)


def test_web(server) -> None:
    """The page is served, a question is answered, and Ctrl-C ends the server in mid-answer."""
    script = server.answer("openai")
    script.say("One")
    with running("web", f"{server.url}/v1/chat/completions", "--system", "Be brief.") as (
        url,
        process,
    ):
        with Page(url.rstrip("/")) as page:
            assert b"<title>Chat</title>" in page.ask("GET", "/").read()
            response = page.ask("POST", "/", user("Hi"))
            read_until(response, b"One")
            process.send_signal(signal.SIGINT)
            assert process.wait(WAIT_SECONDS) == 0
    assert [m["role"] for m in server.requests[0].json["messages"]] == ["system", "user"]


def test_web_serves_this_machine_only(server) -> None:
    """Another site's name that points here gets nothing."""
    with running("web", f"{server.url}/v1/chat/completions") as (url, _):
        with Page(url.rstrip("/")) as page:
            assert page.ask("GET", "/", Host="evil.example").status == 403


def test_gateway(server) -> None:
    """A backend answers in the words of another one."""
    server.answer("openai", "Hello")
    with running("gateway", f"{server.url}/v1/chat/completions", "--as", "anthropic") as (url, _):
        with Page(url) as page:
            body = {"max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
            message = json.loads(page.ask("POST", "", body).read())
    assert message["content"][0]["text"] == "Hello"


def test_gateway_with_a_token(server, tmp_path) -> None:
    """`--token-file` names what callers must send."""
    file = tmp_path / "token"
    file.write_text("right-token\n", encoding="utf-8")
    server.answer("openai", "Hello")
    arguments = ("gateway", f"{server.url}/v1/chat/completions", "--token-file", str(file))
    with running(*arguments) as (url, _), Page(url) as page:
        body = {"messages": [{"role": "user", "content": "Hi"}]}
        refused = page.ask("POST", "", body)
        refused.read()
        assert refused.status == 401
        assert page.ask("POST", "", body, Authorization="Bearer right-token").status == 200


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["web"], 2, "URL"),
        (["web", "http://127.0.0.1:1/x"], 2, "dialect"),
        (["web", "URL", "--port", "x"], 2, "port"),
        (["web", "URL", "--redis", "nonsense://:secret@"], 2, "--redis"),
        (["web", "URL", "--redis", "redis://:secret@127.0.0.1:1/0"], 1, "--redis"),
        (["gateway", "URL", "--as", "nope"], 2, "--as"),
        (["gateway", "URL", "--host", "0.0.0.0"], 2, "--token-file"),
        (["gateway", "URL", "--token-file", "/nowhere"], 2, "--token-file"),
    ],
)
def test_what_cannot_be_served(arguments, status, words) -> None:
    """Wrong arguments end with 2 and a Redis that does not answer with 1, in one sentence."""
    if "--redis" in arguments:
        pytest.importorskip("redis")
    url = "http://127.0.0.1:1/v1/chat/completions"
    given = [url if word == "URL" else word for word in arguments]
    done = subprocess.run(command(*given), capture_output=True, text=True, timeout=WAIT_SECONDS)
    assert done.returncode == status
    assert words in done.stderr
    assert "secret" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken(server) -> None:
    """It ends with 1 and shows how to choose another one."""
    port = server.url.rpartition(":")[2]
    done = subprocess.run(
        command("web", f"{server.url}/v1/chat/completions", "--port", port),
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
    )
    assert done.returncode == 1
    assert "--port" in done.stderr
