"""Proxies that the environment names."""

from __future__ import annotations

import socket

import pytest
from rows import Row

ROWS = [
    Row(
        "SOCKS proxies",
        ("PySocks",),
        "`ALL_PROXY=socks5://`, with and without PySocks, an unreachable proxy",
        "the error names the proxy and its variable",
    ),
]


@pytest.fixture
def dead() -> str:
    """An address without a server."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{sock.getsockname()[1]}"


@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks4", "http"])
@pytest.mark.parametrize("variable", ["ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"])
def test_nobody_there(programs, backend, dead, scheme, variable):
    """The error names the proxy and its variable, without its password: nothing was sent."""
    address = {variable: f"{scheme}://user:tiger-lily@{dead}", "NO_PROXY": ""}
    assert "Error" in programs.run("proxied", "requests", environment=address)
    said = programs.run("proxied", "chatsdk", environment=address)
    assert said.startswith("ConnectError: ")
    assert dead in said
    assert variable in said
    assert "nothing was sent" in said
    assert "tiger" not in said
    assert backend.server.requests == []


def test_without_the_package(programs, backend, dead):
    """Without PySocks the error shows what to install."""
    address = {"ALL_PROXY": f"socks5://user:tiger-lily@{dead}", "NO_PROXY": ""}
    said = programs.run("proxied", "chatsdk", "without PySocks", environment=address)
    assert said.startswith("ConnectError: ")
    assert "requests[socks]" in said
    assert "ALL_PROXY" in said
    assert dead in said
    assert "nothing was sent" in said
    assert "tiger" not in said
    assert backend.server.requests == []
