"""Packages that answer in the backend's place, or forbid the network."""

from __future__ import annotations

from rows import Row

ROWS = [
    Row("responses", ("responses",), "an answer, a ConnectionError, a session of the caller's"),
    Row("requests-mock", ("requests-mock",), "an answer, a ConnectionError, a refusal"),
    Row(
        "httpretty",
        ("httpretty",),
        "an answer",
        "with urllib3 2 and `allow_net_connect=False` plain requests fails, too",
    ),
    Row(
        "pytest-socket",
        ("pytest-socket",),
        "the network forbidden, and hosts that are not allowed",
        "`SocketBlockedError` is raised unchanged",
    ),
]


def test_responses(programs, backend):
    """A response registered with `responses` answers, and nothing is sent."""
    assert programs.both("mocked", "responses") == "mocked 1\nmocked 2\nan error of the wire"
    assert backend.server.requests == []


def test_requests_mock(programs, backend):
    """A response registered with `requests_mock` answers, and nothing is sent."""
    wire = "an error of the wire"
    assert programs.both("mocked", "requests_mock") == f"mocked 1\nmocked 2\n{wire}\n{wire}"
    assert backend.server.requests == []


def test_httpretty(programs, backend):
    """A response registered with `httpretty` answers, and nothing is sent."""
    assert programs.both("mocked", "httpretty") == "mocked"
    assert backend.server.requests == []


def test_pytest_socket(programs, backend):
    """A test without the network gets an error, and a request with it is sent."""
    said = programs.both("mocked", "pytest_socket").splitlines()
    assert said[0] == "SocketBlockedError"
    assert said[2] == "SocketConnectBlockedError"
    assert len(backend.server.requests) == 2
