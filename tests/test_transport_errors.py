"""Whatever goes wrong on the wire is one of chatsdk's errors, with what had come of the answer."""

from __future__ import annotations

import pytest

from chatsdk import (
    Answer,
    ChatClient,
    ChatError,
    NotAStreamError,
    ProtocolError,
    Retry,
    StreamInterrupted,
)
from chatsdk.testing import ChatServer, answer_frames

CHUNK = b'data: {"choices":[{"delta":{"content":"Hi"}}]}\n\n'
DONE = b"data: [DONE]\n\n"
ONCE = Retry(attempts=1)


@pytest.fixture
def server():
    with ChatServer() as server:
        yield server


def read(server, dialect="openai", **options):
    """The stream after reading it, or the error."""
    with ChatClient(server.url, dialect=dialect, retry=ONCE, **options) as client:
        try:
            stream = client.send({})
            stream.result()
        except ChatError as error:
            got = error
        else:
            got = stream
    assert isinstance(got.answer, Answer)
    return got


MALFORMED = {
    "no status line": b"hello\r\n\r\n",
    "empty": b"",
    "status that is no number": b"HTTP/1.1 abc OK\r\n\r\n",
    "version that is unknown": b"HTTP/9.9 200 OK\r\n\r\n",
    "endless status line": b"HTTP/1.1 200 " + b"x" * 100_000,
    "endless header line": b"HTTP/1.1 200 OK\r\nX-A: " + b"y" * 100_000 + b"\r\n\r\n",
    "head that is cut": b"HTTP/1.1 200 OK\r\nContent-Type: text/event",
    "length that is no number": b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
    b"Content-Length: many\r\n\r\n" + CHUNK,
    "negative length": b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
    b"Content-Length: -5\r\n\r\n" + CHUNK,
    "header bytes that are no text": b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
    b"X-A: \xff\xfe\r\n\r\n" + CHUNK,
    "garbage": bytes(range(256)) * 4,
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_head_is_one_of_our_errors(server, name):
    """No bare ValueError, AttributeError or http.client exception comes out."""
    server.raw(MALFORMED[name])
    assert isinstance(read(server), ChatError)


@pytest.mark.parametrize("size", ["zz", "-5", "", "0x10", "ffffffffffffffffffff", "5;ext=1", " 5"])
def test_a_bad_chunk_size_keeps_the_text(server, size):
    """What came before the bad chunk stays in the error."""
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    server.raw(head + b"%x\r\n%s\r\n" % (len(CHUNK), CHUNK) + size.encode() + b"\r\nabc\r\n")
    error = read(server)
    assert isinstance(error, (ProtocolError, StreamInterrupted))
    assert error.answer.text == "Hi"


@pytest.mark.parametrize("framing", ["chunked", "length", "close"])
@pytest.mark.parametrize("how", ["fin", "reset"])
@pytest.mark.parametrize("dialect", ["openai", "ragflow", "anthropic"])
def test_a_cut_answer_is_an_interruption(server, dialect, how, framing):
    """A connection that ends in mid-answer is never taken for the end of the answer."""
    body = b"".join(answer_frames(dialect, "Hello there"))
    server.cut_after(len(body) * 2 // 3, body=body, how=how, framing=framing)
    error = read(server, dialect)
    assert isinstance(error, StreamInterrupted)


@pytest.mark.parametrize("framing", ["chunked", "close"])
@pytest.mark.parametrize("dialect", ["openai", "ragflow"])
def test_no_cut_gives_a_finished_answer(server, dialect, framing):
    """Cut at any byte before its end, an answer is an error with a beginning of the text."""
    frames = answer_frames(dialect, "Hi 🙂 you")
    body = b"".join(frames)
    whole = read_body(server, dialect, body, framing).answer.text
    assert whole == "Hi 🙂 you"
    # The last frame is the end marker; openai's frame with the finish reason is proof as well.
    last = len(body) - len(b"".join(list(frames)[-1:]))
    for cut in range(0, last, 7):
        got = read_body(server, dialect, body[:cut], framing, cut=True)
        if isinstance(got, ChatError):
            assert whole.startswith(got.answer.text)
        else:
            assert (framing, got.outcome.end) == ("close", "unproven")
            assert got.answer.text == whole


def read_body(server, dialect, body, framing, *, cut=False):
    if cut:
        server.cut_after(len(body), body=body + b"x", framing=framing)
    else:
        server.stream([body], framing=framing)
    return read(server, dialect)


def test_a_tls_connection_that_ends_without_a_goodbye_is_an_interruption():
    """Without close_notify an attacker could have cut it; without a marker nothing is proven."""
    with ChatServer(tls=True) as server:
        server.cut_after(len(CHUNK), body=CHUNK + DONE, framing="close")
        error = read(server, verify=server.ca_pem)
    assert isinstance(error, StreamInterrupted)
    assert error.answer.text == "Hi"


@pytest.mark.parametrize("framing", ["chunked", "close"])
def test_a_cut_compressed_body_is_an_interruption(server, framing):
    """A gzip stream that ends before its trailer raises nothing by itself; here it does."""
    server.cut_after(40, body=CHUNK * 50 + DONE, framing=framing, encoding="gzip")
    assert isinstance(read(server, "raw"), StreamInterrupted)


def test_a_compressed_body_that_is_none_is_a_protocol_error(server):
    """Bytes that call themselves gzip and are not cannot be read."""
    server.stream([CHUNK, DONE], headers=[("Content-Encoding", "gzip")])
    assert isinstance(read(server), ProtocolError)


@pytest.mark.parametrize("missing", [True, False])
def test_a_body_of_another_length_than_announced_is_an_error(server, missing):
    """Content-Length is held to: a shorter body was cut."""
    body = CHUNK
    server.wrong_content_length(len(body) + (100 if missing else -5), body=body)
    error = read(server)
    assert isinstance(error, ChatError)


def test_chunks_without_their_line_ends_are_an_error(server):
    """A missing CRLF after a chunk means that the sizes are wrong."""
    server.missing_crlf()
    assert isinstance(read(server, "raw"), ChatError)


@pytest.mark.parametrize("status", ["204 No Content", "205 Reset Content"])
def test_a_status_without_a_body_is_no_stream(server, status):
    """A success without content is not an empty answer."""
    server.raw(f"HTTP/1.1 {status}\r\n\r\n")
    assert isinstance(read(server), NotAStreamError)


def test_interim_responses_are_passed_over(server):
    """103 Early Hints and 100 Continue come before the response, and are not it."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
    server.raw(
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
        + head
        + CHUNK
        + DONE
    )
    stream = read(server)
    assert stream.answer.text == "Hi"


def test_a_doubled_content_type_is_understood(server):
    """Sent twice, it arrives joined by a comma."""
    server.stream(
        [CHUNK, DONE],
        content_type=None,
        headers=[
            ("Content-Type", "text/event-stream; charset=utf-8"),
            ("Content-Type", "text/event-stream; charset=utf-8"),
        ],
    )
    assert read(server).answer.text == "Hi"


PAYLOADS = {
    "nested too deeply": b'{"choices":' + b"[" * 50_000,
    "an integer of 5,000 digits": b'{"choices":[{"delta":{"content":"x"}}],"created":%s}'
    % (b"9" * 5000),
    "NaN": b'{"choices":[{"delta":{"content":NaN}}]}',
    "a lone surrogate": b'{"choices":[{"delta":{"content":"\\ud83d"}}]}',
    "invalid UTF-8": b'{"choices":[{"delta":{"content":"\xff\xfe"}}]}',
    "choices of the wrong kind": b'{"choices":7}',
    "a delta of the wrong kind": b'{"choices":[{"delta":"x"}]}',
    "content of the wrong kind": b'{"choices":[{"delta":{"content":{"a":1}}}]}',
    "tool calls of the wrong kind": b'{"choices":[{"delta":{"tool_calls":"x"}}]}',
}


@pytest.mark.parametrize("dialect", ["openai", "ragflow", "anthropic", "auto"])
@pytest.mark.parametrize("name", PAYLOADS)
def test_no_payload_brings_out_anything_but_our_errors(server, name, dialect):
    """Hostile JSON is an error of ours or is understood, and the text can be encoded."""
    server.stream([b"data: " + PAYLOADS[name] + b"\n\n", DONE])
    got = read(server, dialect)
    assert got.answer.text.encode() is not None


def test_the_request_id_is_on_every_error(server):
    """What to quote to the backend's operators comes with the error, also in mid-stream."""
    server.stream([CHUNK], headers=[("X-Request-Id", "req-9")])
    assert read(server).request_id == "req-9"
    server.reply(500, headers=[("request-id", "req-10")])
    assert read(server).request_id == "req-10"
