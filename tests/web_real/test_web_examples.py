"""The examples of sites and of the gateway, run as a reader would run them."""

from __future__ import annotations

import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Page, chunks, text_of, user
from servers import GUNICORN, SERVERS, UVICORN, Server, end, running

from chatsdk.testing import EmbeddedServer
from chatsdk.testing.embedded_replies import speak

EXAMPLES = Path(__file__).parents[2] / "examples"

SITES = {
    "flask_site": Server([*GUNICORN, "-k", "gthread", "--threads", "8", "flask_site:app"]),
    "fastapi_site": Server([*UVICORN, "fastapi_site:app"]),
    "django_site, WSGI": Server([*GUNICORN, "-k", "gthread", "--threads", "8", "wsgi"], "5.2"),
    "django_site, ASGI": Server([*UVICORN, "asgi:application"], "5.2"),
    "django_site 4.2, ASGI": Server([*UVICORN, "asgi:application"], "4.2"),
}


@pytest.fixture
def server() -> Iterator[EmbeddedServer]:
    with EmbeddedServer(pace=0) as server:
        yield server


@pytest.fixture(params=SITES)
def site(request, server, djangos, monkeypatch) -> Iterator[str]:
    monkeypatch.setitem(SERVERS, "example", SITES[request.param])
    folder = EXAMPLES / "django_site" if "django" in request.param else EXAMPLES
    monkeypatch.chdir(folder)
    url = f"{server.url}/v1/chat/completions"
    with running("example", server.url, djangos, CHAT_URL=url) as site:
        yield site


def test_sites(site) -> None:
    """The page, the chat and the view of each example answer."""
    with Page(site) as page:
        shown = page.ask("GET", "/chat")
        assert (shown.status, b'role="log"' in shown.read()) == (200, True)
        assert text_of(page.ask("POST", "/chat", user("Hello!")).read()) == speak(
            {"prompt": "Hello!"}
        )
        response = page.ask("POST", "/answer", {"prompt": "Hello!"})
        said = [chunk["choices"][0]["delta"] for chunk in chunks(response.read())]
        assert "".join(delta.get("content") or "" for delta in said) == speak({"prompt": "Hello!"})


def test_gateway(server) -> None:
    """The command of the page, and the two ways to ask it."""
    page = (EXAMPLES / "gateway.md").read_text()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    page = page.replace("8765", str(server.port)).replace("8001", port)
    command, ask, last = re.findall(r"```sh\n(.*?)\n```", page, re.DOTALL)
    (program,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    gateway = subprocess.Popen(
        [sys.executable, "-m", *shlex.split(command)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert gateway.stdout is not None
        assert port in gateway.stdout.readline()
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
        )
        assert done.stdout == speak({"prompt": "Hello!"})
        done = subprocess.run(ask, shell=True, capture_output=True, text=True, timeout=60)
        assert "chat.completion" in done.stdout, done.stderr
    finally:
        end(gateway)
        gateway.stdout.close()
    assert "--token-file" in last
