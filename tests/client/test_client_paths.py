"""The same loop over an answer, for every kind of server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from chatsdk import ChatClient
from chatsdk.testing import EmbeddedServer, answer_frames
from chatsdk.testing.embedded_replies import speak

flask = pytest.importorskip("flask", reason="a Flask development server is one of the three")
responses = pytest.importorskip("responses", reason="a mock by responses is one of the three")
serving = pytest.importorskip("werkzeug.serving")

# Seconds in which one side has to see what the other has done.
WAIT_SECONDS = 20

BODY = {"messages": [{"role": "user", "content": "Hi"}], "stream": True}


def printed(url: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Return the loop's output."""
    for answer in ChatClient(url).send(BODY):
        print(answer.delta, end="")
    return capsys.readouterr().out


@contextmanager
def development_server(app: Any) -> Iterator[str]:
    """Run Flask's development server on a separate port; yield its URL."""
    server = serving.make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(WAIT_SECONDS)
        server.server_close()


def test_embedded_server(capsys) -> None:
    """The loop prints the embedded server's answer."""
    with EmbeddedServer(pace=0) as server:
        assert printed(server.url, capsys) == speak(BODY)


def test_flask_development_server(capsys) -> None:
    """The loop prints what a generator view yields."""
    app = flask.Flask(__name__)

    @app.post("/chat")
    def chat() -> Any:
        assert flask.request.get_json() == BODY
        return flask.Response(answer_frames("openai", "Hello there"), mimetype="text/event-stream")

    with development_server(app) as url:
        assert printed(f"{url}/chat", capsys) == "Hello there"


def test_flask_each_event_before_the_next() -> None:
    """Each event of a generator view arrives before the view makes the next one."""
    app = flask.Flask(__name__)
    seen = threading.Semaphore(0)
    late: list[int] = []
    pieces = [f"{number} " for number in range(10)]

    @app.post("/chat")
    def chat() -> Any:
        def view() -> Iterator[bytes]:
            for number, piece in enumerate(pieces):
                yield b'data: {"choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n' % (
                    piece.encode()
                )
                if not seen.acquire(timeout=WAIT_SECONDS):
                    late.append(number)
                    return
            yield b"data: [DONE]\n\n"

        return flask.Response(view(), mimetype="text/event-stream")

    with development_server(app) as url, ChatClient(f"{url}/chat").send(BODY) as stream:
        deltas = []
        for delta in stream.deltas():
            deltas.append(delta)
            seen.release()
    assert late == []
    assert deltas == pieces
    assert stream.outcome
    assert (stream.outcome.reason, stream.outcome.end) == ("finished", "marker")


def test_responses_mock(capsys) -> None:
    """The loop prints what the mock of the package `responses` answers, without a network."""
    body = b"".join(answer_frames("openai", "Hello there"))
    with responses.RequestsMock() as mock:
        mock.post("https://api.example.com/chat", body=body, content_type="text/event-stream")
        assert printed("https://api.example.com/chat", capsys) == "Hello there"
        assert mock.calls[0].request.body == (
            b'{"messages": [{"role": "user", "content": "Hi"}], "stream": true}'
        )
