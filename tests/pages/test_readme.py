"""The programs of the README and of the page about errors, beyond their output."""

from __future__ import annotations

import http.client
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from documents import World, program

from chatsdk import errors
from chatsdk.cli import main
from chatsdk.testing import EmbeddedServer, answer_frames
from chatsdk.testing.embedded_replies import speak

REPOSITORY = Path(__file__).parents[2]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")

ERRORS = (REPOSITORY / "docs" / "errors.md").read_text(encoding="utf-8")

BLOCKS = dict(re.findall(r"^<!-- (\w+) -->\n```text\n(.*?)^```\n", README + ERRORS, re.M | re.S))

WAIT_SECONDS = 30

HELLO = speak({"prompt": "Hello!"})


@pytest.fixture
def world() -> Iterator[World]:
    with World() as world:
        yield world


@pytest.fixture
def server(world) -> EmbeddedServer:
    """The server at 127.0.0.1:8765."""
    return world.server


def run(name: str, page: str = "README.md") -> dict[str, Any]:
    """Run a snippet here, as it is printed; return what it defines. It prints what it prints."""
    module, printed = program(page, name).run()
    print(*printed, sep="", end="")
    return module


def test_script_says_who_asks(world) -> None:
    """The token, the model and the prompt of the script reach the provider."""
    run("script")
    (request,) = world.provider("api.openai.com").requests
    assert request.headers["authorization"] == "Bearer sk-1"
    assert request.json["model"] == "gpt-4.1-mini"
    assert request.json["messages"] == [{"role": "user", "content": "Why is the sky blue?"}]


def test_the_function_is_declared(world) -> None:
    """The function of the README reaches the backend with its parameters."""
    run("tools")
    (request,) = world.server.requests
    (tool,) = request.json["tools"]
    assert tool["function"]["name"] == "weather"
    assert "city" in tool["function"]["parameters"]["properties"]


def test_length() -> None:
    """The README stays short enough to be read."""
    assert README.count("\n") <= 200


def test_demo(capsys) -> None:
    """The demo prints what the README shows, but for the port and the times."""

    def steady(text: str) -> str:
        text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:1", text)
        return re.sub(r"\d+\.\d{3} s", "0.000 s", text)

    assert main(["demo"]) == 0
    assert steady(capsys.readouterr().out) == steady(BLOCKS["demo"])


def test_commands() -> None:
    """The first block holds two commands, each of which makes the virtual environment it uses."""
    block = re.search(r"^```sh\n(.*?)^```", README, re.M | re.S)
    assert block is not None
    commands = block[1].splitlines()
    assert [command.partition("  #")[0].split(" && ")[-1].strip() for command in commands] == [
        ".venv/bin/tox -e demo",
        ".venv/bin/tox",
    ]
    for command in commands:
        assert command.startswith("python3 -m venv .venv && .venv/bin/pip install tox && ")


def test_pages() -> None:
    """Every file that a page links to is there."""
    for page in (REPOSITORY / "README.md", *(REPOSITORY / "docs").glob("*.md")):
        links = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
        files = [link for link in links if not link.startswith("https://")]
        assert [link for link in files if not (page.parent / link).exists()] == []


# Errors ------------------------------------------------------------------------------------


def test_interrupted(server, capsys) -> None:
    """A server that dies in mid-answer gives the error and the text that the page shows."""
    body = b"".join(answer_frames("openai", HELLO))
    server.cut_after(body.index(b'" the"'), body)
    run("errors", "docs/errors.md")
    assert capsys.readouterr().out == BLOCKS["interrupted"]


def test_refused(server, capsys) -> None:
    """A refusal is reported with its status and the backend's message."""
    server.reply(401, json={"error": {"message": "who are you?"}})
    run("errors", "docs/errors.md")
    assert capsys.readouterr().out == "401: who are you?\n"


def test_tree() -> None:
    """The README's tree and the page about errors have every error, with what it carries."""
    page = (REPOSITORY / "docs" / "errors.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \|(.*)$", page, re.M))
    tree = {line.split()[0]: line for line in tree_lines()}
    assert sorted(tree) == sorted(rows) == sorted(errors.__all__)
    for name, line in tree.items():
        carried = set(vars(getattr(errors, name)()))
        assert set(re.findall(r"\.(\w+)", line)) <= carried
        if name != "ChatError":
            carried -= {"answer", "request_id"}
        assert [attribute for attribute in carried if f"`{attribute}`" not in rows[name]] == []


def tree_lines() -> list[str]:
    return [line.lstrip("├└─ ") for line in BLOCKS["tree"].splitlines()]


# Flask -------------------------------------------------------------------------------------


@contextmanager
def relay() -> Iterator[http.client.HTTPConnection]:
    """The snippet's application in Flask's development server, and a browser's connection to it."""
    pytest.importorskip("flask")
    serving = pytest.importorskip("werkzeug.serving")
    module = run("flask")
    server = serving.make_server("127.0.0.1", 0, module["app"], threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=WAIT_SECONDS)
    try:
        yield connection
    finally:
        connection.close()
        server.shutdown()
        thread.join(WAIT_SECONDS)
        server.server_close()
        module["client"].close()


def ask(browser: http.client.HTTPConnection, body: str | None = None) -> http.client.HTTPResponse:
    body = json.dumps({"prompt": "Hello!"}) if body is None else body
    browser.request("POST", "/answer", body, {"Content-Type": "application/json"})
    return browser.getresponse()


def test_flask(server) -> None:
    """The view relays the answer, and no proxy may hold it back."""
    with relay() as browser:
        response = ask(browser)
        assert response.headers["Content-Type"].startswith("text/event-stream")
        assert response.headers["X-Accel-Buffering"] == "no"
        body = response.read().decode()
    assert body.endswith("data: [DONE]\n\n")
    lines = [line[6:] for line in body.splitlines() if line.startswith("data: {")]
    choices = [choice for line in lines for choice in json.loads(line)["choices"]]
    assert "".join(choice["delta"].get("content") or "" for choice in choices) == HELLO


def test_flask_serves_the_page(server) -> None:
    """The chat page is at the URL in the README."""
    with relay() as browser:
        browser.request("GET", "/chat")
        response = browser.getresponse()
        assert (response.status, b"<title>Chat</title>" in response.read()) == (200, True)


@pytest.mark.parametrize("body", ["", "{", "[]", "{}", '{"prompt": 1}'])
def test_flask_bad_body(server, body) -> None:
    """A body that is not a prompt is the visitor's fault, and not a crash."""
    with relay() as browser:
        assert ask(browser, body).status == 400
    assert server.requests == []


def test_flask_refused(server) -> None:
    """A backend that refuses is a status, in words fit for visitors."""
    server.reply(401, json={"error": {"message": "Incorrect API key sk-1"}})
    with relay() as browser:
        response = ask(browser)
        assert response.status == 502
        assert "refused the request" in json.load(response)["error"]["message"]
