"""At DEBUG the logger `chatsdk` logs the course of a request, without its secrets."""

from __future__ import annotations

import logging
import re
import sys

import pytest

from chatsdk import Cancel, ChatClient, Retry
from chatsdk.errors import ChatError
from chatsdk.testing import ChatServer, EmbeddedServer


@pytest.fixture
def told(caplog):
    """The lines up to now, without times, sizes, ports and the number of the request."""
    caplog.set_level(logging.DEBUG, logger="chatsdk")

    def lines() -> list[str]:
        ours = [
            item for item in caplog.records if (item.name, item.levelname) == ("chatsdk", "DEBUG")
        ]
        found = [item.getMessage() for item in ours]
        assert all(re.match(r"request \d+: ", line) for line in found)
        found = [line.partition(": ")[2] for line in found]
        found = [re.sub(r"\d+\.\d{3} s", "T", line) for line in found]
        found = [re.sub(r"127\.0\.0\.1:\d+", "HOST", line) for line in found]
        return [re.sub(r"\d+ (bytes|events)", r"N \1", line) for line in found]

    return lines


def test_a_request_that_goes_well(told):
    """Address, dialect, status, first event and the proof of the end take four lines."""
    with EmbeddedServer(pace=0.0) as server:
        url = f"{server.url}/v1/chat/completions?key=secret-query"
        with ChatClient(url, token="sk-secret-token") as client:
            client.ask("a secret prompt").result()
    assert told() == [
        "POST http://HOST/v1/chat/completions, N bytes, dialect openai (shown by the URL)",
        "HTTP 200, text/event-stream, after T",
        "first event after T",
        "finished (by the backend's own end marker) after T: N events, N bytes, finish reason stop",
    ]


def test_why_a_dialect_is_read(told):
    """The log distinguishes a named dialect from one that the response shows."""
    with EmbeddedServer(pace=0.0) as server:
        with ChatClient(server.url) as client:
            client.send({"messages": []}).result()
        with ChatClient(server.url, dialect="openai") as client:
            client.ask("Hi").result()
    lines = told()
    assert lines[0].endswith("dialect auto (to be recognised by the response)")
    assert lines[2] == "first event after T; recognised the dialect openai by it"
    assert lines[4].endswith("dialect openai (named)")


def test_a_refusal(told):
    """An error is logged once, and secrets that the backend echoes are redacted."""
    with ChatServer() as server:
        server.reply(
            401,
            json={"error": {"message": "no sk-secret-token"}},
            headers={"X-Request-Id": "sk-secret-token"},
        )
        with ChatClient(server.url, dialect="openai", token="sk-secret-token") as client:
            with pytest.raises(ChatError):
                client.ask("Hi")
    assert told()[1:] == ["failed after T: HTTPStatusError: HTTP 401: no *** (check the token)"]


def test_an_answer_that_breaks_off(told):
    """An error in mid-answer is the last line."""
    with ChatServer() as server:
        script = server.answer("openai")
        script.say("Half")
        script.cut()
        with ChatClient(server.url, dialect="openai") as client:
            with pytest.raises(ChatError):
                client.ask("Hi").result()
    assert told()[-1].startswith("failed after T: StreamInterrupted: ")
    assert len(told()) == 4


@pytest.mark.parametrize("how", ["stop", "close"])
def test_an_answer_that_is_stopped(told, how):
    """`stop` and `close` are logged as such, once."""
    with ChatServer() as server:
        server.answer("openai").say("Half")
        with ChatClient(server.url, dialect="openai") as client:
            with client.ask("Hi") as stream:
                next(stream)
                getattr(stream, how)()
                assert list(stream) == []
    assert told()[3:] == ["stopped after T: 1 event, N bytes, finish reason None"]


def test_stopped_before_the_response(told):
    """A request that was cancelled in advance is logged, too."""
    cancel = Cancel()
    cancel.set()
    with ChatClient("http://127.0.0.1:1/v1/chat/completions") as client:
        client.ask("Hi", cancel=cancel).result()
    assert told()[1:] == ["stopped after T, before any answer"]


def test_attempts_and_request_id(told):
    """The log shows a retry, and the request id."""
    with ChatServer() as server:
        server.reply(503)
        server.answer("openai", "Hi", headers={"X-Request-Id": "req-7"})
        with ChatClient(server.url, dialect="openai", retry=Retry(backoff=0)) as client:
            client.ask("Hi").result()
    assert "HTTP 200, text/event-stream, after T, attempt 2, request id req-7" in told()


def test_the_log_changes_no_answer(told):
    """The steps of an answer are the same with the log on."""
    with EmbeddedServer(pace=0.0) as server:
        with ChatClient(server.url, dialect="openai") as client:
            with_log = [answer.text for answer in client.ask("Hi")]
            logging.getLogger("chatsdk").setLevel(logging.WARNING)
            assert [answer.text for answer in client.ask("Hi")] == with_log
    assert len(told()) == 4


def test_nothing_is_loaded_when_it_is_off(monkeypatch):
    """Without DEBUG the module that writes the log is not even loaded."""
    monkeypatch.delitem(sys.modules, "chatsdk.client.request_log", raising=False)
    logging.getLogger("chatsdk").setLevel(logging.NOTSET)
    with EmbeddedServer(pace=0.0) as server:
        with ChatClient(server.url, dialect="openai") as client:
            client.ask("Hi").result()
    assert "chatsdk.client.request_log" not in sys.modules
