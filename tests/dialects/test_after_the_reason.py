"""After the last finish reason a stream ends soon, unless the server goes on."""

from __future__ import annotations

import json
import threading
import time

import pytest

from chatsdk import ChatClient, ChatTimeout, Timeout
from chatsdk.testing import ChatServer
from chatsdk.transport import exchange

SOON = 0.3


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    """The time after the reason, shortened."""
    assert exchange.AFTER_REASON_SECONDS == 5.0
    monkeypatch.setattr(exchange, "AFTER_REASON_SECONDS", SOON)


def frame(payload, event=None):
    head = f"event: {event}\n" if event else ""
    return f"{head}data: {json.dumps(payload)}\n\n".encode()


def chunk(delta, finish=None, index=0, **more):
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    return frame({"id": "c", "choices": [choice], **more})


def anthropic(kind, **more):
    return frame({"type": kind, **more}, kind)


WORDS = {
    "openai": (
        [chunk({"content": "Hi"}), chunk({}, "stop")],
        b": ping\n\n",
        frame({"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}),
    ),
    "anthropic": (
        [
            anthropic("content_block_start", index=0, content_block={"type": "text", "text": "Hi"}),
            anthropic("message_delta", delta={"stop_reason": "end_turn"}),
        ],
        anthropic("ping"),
        anthropic("message_delta", delta={}, usage={"input_tokens": 1, "output_tokens": 2}),
    ),
    "gemini": (
        [frame({"candidates": [{"content": {"parts": [{"text": "Hi"}]}, "finishReason": "STOP"}]})],
        b": ping\n\n",
        frame({"usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 2}}),
    ),
    "dashscope": (
        [
            frame(
                {
                    "request_id": "r",
                    "output": {
                        "choices": [
                            {"message": {"content": "Hi"}, "finish_reason": "stop"},
                        ]
                    },
                }
            )
        ],
        b": ping\n\n",
        frame({"request_id": "r", "output": {}, "usage": {"input_tokens": 1, "output_tokens": 2}}),
    ),
    "vercel": (
        [
            frame({"type": "text-delta", "id": "t", "delta": "Hi"}),
            frame({"type": "finish", "finishReason": "stop"}),
        ],
        b": ping\n\n",
        frame(
            {
                "type": "message-metadata",
                "messageMetadata": {"usage": {"inputTokens": 1, "outputTokens": 2}},
            }
        ),
    ),
    "coze": (
        [
            frame({"id": "m", "type": "answer", "content": "Hi"}, "conversation.message.completed"),
            frame({"id": "c", "status": "completed"}, "conversation.chat.completed"),
        ],
        b": ping\n\n",
        frame(
            {"id": "c", "usage": {"token_count": 3, "input_count": 1, "output_count": 2}},
            "conversation.chat.completed",
        ),
    ),
}


def run(script, pieces, pings=b"", until=None):
    """Push pieces, then pings until the event is set."""
    for piece in pieces:
        script.push(piece)
    stop = until or threading.Event()

    def go_on():
        while pings and not stop.wait(0.02):
            script.push(pings)

    thread = threading.Thread(target=go_on)
    thread.start()
    return stop, thread


@pytest.mark.parametrize("auto", [False, True])
@pytest.mark.parametrize("pinged", [False, True])
@pytest.mark.parametrize("name", sorted(WORDS))
def test_it_ends_without_a_marker(name, pinged, auto):
    """A reason, and then silence or pings: the answer is finished soon, with the late usage."""
    pieces, ping, usage = WORDS[name]
    with ChatServer() as server:
        script = server.stream()
        stop, thread = run(script, [*pieces, usage], ping if pinged else b"")
        with ChatClient(server.url, dialect="auto" if auto else name) as client:
            stream = client.send({})
            answer = stream.result()
        stop.set()
        thread.join()
    assert answer.text == "Hi"
    assert answer.usage.output == 2
    # Vercel's own clients take its part of that name for the marker.
    assert stream.outcome.end == ("marker" if name == "vercel" else "finish_reason")


def test_words_after_the_reason_are_taken():
    """Text that comes after the reason belongs to the answer, however much comes."""
    with ChatServer() as server, ChatClient(server.url, dialect="openai") as client:
        script = server.stream()
        script.push(chunk({"content": "a"}) + chunk({}, "stop"))
        said = iter("bcdefgh")
        text = ""
        for answer in client.send({}):
            text = answer.text
            if answer.delta or answer.finish_reason:
                time.sleep(SOON / 4)  # a server that goes on at its own pace
                if (word := next(said, None)) is not None:
                    script.push(chunk({"content": word}))
    assert text == "abcdefgh"


def test_each_choice_has_its_own_reason():
    """The stream goes on until every choice that spoke has a reason."""
    with ChatServer() as server, ChatClient(server.url, dialect="openai") as client:
        script = server.stream()
        script.push(chunk({"content": "Hi"}) + chunk({"content": "Yo"}, index=1))
        script.push(chunk({}, "stop"))
        stream = client.send({})
        timer = threading.Timer(3 * SOON, script.push, [chunk({"content": "!"}, index=1)])
        timer.start()
        last = threading.Timer(4 * SOON, script.push, [chunk({}, "stop", index=1)])
        last.start()
        began = time.monotonic()
        stream.result()
        assert time.monotonic() - began > 4 * SOON
        timer.join()
        last.join()
    assert stream.outcome.end == "finish_reason"


CALL = chunk(
    {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}]}
)


def test_calls_of_tools_that_the_server_runs_are_no_end():
    """A request without tools: the server runs them, and goes on with their results."""
    with ChatServer() as server, ChatClient(server.url, dialect="openai") as client:
        script = server.stream()
        script.push(CALL + chunk({}, "tool_calls"))
        rest = [chunk({"content": "Done"}) + chunk({}, "stop") + b"data: [DONE]\n\n"]
        timer = threading.Timer(3 * SOON, script.push, rest)
        timer.start()
        stream = client.send({})
        assert stream.result().text == "Done"
        timer.join()
    assert stream.outcome.end == "marker"


def test_calls_of_tools_of_the_client_are_the_end():
    """A request with tools waits for their results, and its answer ends."""
    with ChatServer() as server, ChatClient(server.url, dialect="openai") as client:
        script = server.stream()
        script.push(CALL + chunk({}, "tool_calls"))
        stream = client.send({"tools": [{"type": "function"}]})
        assert stream.result().tool_calls[0].name == "f"
    assert stream.outcome.end == "finish_reason"


def test_a_slow_reader_loses_nothing():
    """The caller's time between two events is not waiting."""
    with ChatServer() as server, ChatClient(server.url, dialect="openai") as client:
        script = server.stream()
        script.push(chunk({"content": "Hi"}) + chunk({}, "stop"))
        usage = None
        for answer in client.send({}):
            if answer.finish_reason and not usage:
                script.push(WORDS["openai"][2])
                time.sleep(3 * SOON)  # the caller's own work
            usage = answer.usage.output
    assert usage == 2


def test_an_error_word_without_words():
    """The reason ``error`` alone is a failure; the words of a later error are the backend's."""
    from chatsdk import BackendError

    for rest, message in ((b"", "gave no reason"), (frame({"error": "too hot"}), "too hot")):
        with ChatServer() as server, ChatClient(server.url, dialect="openai") as client:
            script = server.stream()
            script.push(chunk({"content": "Hi"}) + chunk({}, "error") + rest)
            script.finish()
            with pytest.raises(BackendError, match=message) as caught:
                client.send({}).result()
            assert caught.value.answer.text == "Hi"
            assert caught.value.answer.finish_reason == "error"


PINGS = {
    "openai": (chunk({"content": "Hi"}), frame({"choices": []})),
    "anthropic": (WORDS["anthropic"][0][0], anthropic("ping")),
    "dify": (
        frame({"event": "message", "answer": "Hi", "conversation_id": "c"}),
        frame({"event": "ping", "conversation_id": "c"}),
    ),
}


@pytest.mark.parametrize("name", sorted(PINGS))
def test_progress(name):
    """Pings are life, but an answer that does not grow ends with the phase ``progress``."""
    words, ping = PINGS[name]
    timeout = Timeout(idle=30, progress=SOON)
    with ChatServer() as server, ChatClient(server.url, dialect=name, timeout=timeout) as client:
        script = server.stream()
        stop, thread = run(script, [words], ping)
        with pytest.raises(ChatTimeout, match="progress") as caught:
            client.send({}).result()
        stop.set()
        thread.join()
    assert caught.value.phase == "progress"
    assert caught.value.answer.text == "Hi"


def test_progress_counts_waiting_only():
    """Time that the caller takes is not the backend's."""
    timeout = Timeout(progress=SOON)
    with ChatServer() as server, ChatClient(server.url, dialect="openai", timeout=timeout) as c:
        script = server.stream()
        script.push(chunk({"content": "Hi"}))
        for answer in c.send({}):
            if answer.delta:
                time.sleep(2 * SOON)  # the caller's own work
                script.push(b": ping\n\n")
                script.push(chunk({}, "stop") + b"data: [DONE]\n\n")
    assert answer.finish_reason == "stop"


def test_the_fields_of_timeout():
    """``progress`` is the last field, ten minutes by default."""
    assert Timeout.__match_args__[-1] == "progress"
    assert Timeout().progress == 600
