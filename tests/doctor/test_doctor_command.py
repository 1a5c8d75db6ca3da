"""`chatsdk doctor` in a terminal, where it asks first, and behind an HTTP proxy."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from terminal import CTRL_C, Terminal

from chatsdk.cli import main
from chatsdk.doctor import diagnose
from chatsdk.testing import ChatServer, Pause, ProxyServer, Send

QUESTION = "Go on? [y/N]"


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as server:
        server.stream(lambda _: paced(3), repeat=True)
        yield server


def paced(count: int) -> list[object]:
    """Events 100 ms apart."""
    steps: list[object] = []
    for number in range(count):
        steps += [Send(f"data: {number}\n\n"), Pause(0.1)]
    return steps


def doctor(server: ChatServer, *options: str) -> Terminal:
    return Terminal("-m", "chatsdk", "doctor", server.url, "--data", "{}", *options, term="dumb")


@pytest.mark.parametrize("answer", ["y", "YES", " y "])
def test_yes(server: ChatServer, answer: str) -> None:
    """It explains that each request may be billed, and sends them after a yes."""
    with doctor(server) as terminal:
        assert "may be billed" in terminal.expect(QUESTION)
        assert not server.requests
        terminal.type(f"{answer}\r")
        terminal.expect("It streams")
        assert terminal.wait() == 0
    assert 2 <= len(server.requests) <= 4


@pytest.mark.parametrize("answer", ["n\r", "\r", "yeah\r", "\x04"], ids=repr)
def test_no(server: ChatServer, answer: str) -> None:
    """Anything else sends nothing, and is exit code 2."""
    with doctor(server) as terminal:
        terminal.expect(QUESTION)
        terminal.type(answer)
        terminal.expect("nothing was sent")
        assert terminal.wait() == 2
    assert not server.requests


def test_ctrl_c_at_the_question(server: ChatServer) -> None:
    """Ctrl-C sends nothing, without a traceback."""
    with doctor(server) as terminal:
        terminal.expect(QUESTION)
        terminal.type(CTRL_C)
        assert terminal.wait() == 130
        assert "Traceback" not in terminal.seen
    assert not server.requests


def test_yes_on_the_command_line(server: ChatServer) -> None:
    """With `--yes` it does not ask."""
    with doctor(server, "--yes") as terminal:
        terminal.expect("It streams")
        assert terminal.wait() == 0
        assert QUESTION not in terminal.seen


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[ProxyServer]:
    """The HTTP proxy that the environment names."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    with ProxyServer() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        yield proxy


def test_behind_an_http_proxy(server: ChatServer, proxy: ProxyServer) -> None:
    """Through the proxy of the environment it judges the backend as it does directly."""
    report = diagnose(server.url, {}, timeout=30)
    assert report.verdict == "streams"
    assert not [one for one in report.findings if one.severity != "info"]
    assert [asked.target for asked in proxy.requests] == [f"{server.url}/"] * len(server.requests)
    assert [probe["events"] for probe in report.probes] == [3] * len(report.probes)


def test_http_proxy_that_is_down(monkeypatch: pytest.MonkeyPatch, proxy, capsys) -> None:
    """If the proxy does not answer, the report names the variable to check, without a secret."""
    proxy.close()
    monkeypatch.setenv("http_proxy", f"http://user:hidden-word@127.0.0.1:{proxy.port}")
    assert main(["doctor", "http://backend.invalid/chat", "--data", "{}", "--yes"]) == 2
    out = capsys.readouterr().out
    assert "no-connection" in out
    assert "HTTP_PROXY" in out
    assert "hidden-word" not in out
