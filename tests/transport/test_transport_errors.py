"""Any fault or omission of a server is one of chatsdk's errors, with the partial answer."""

from __future__ import annotations

import errno
import gzip
import http.client
import json
import pickle
import socket
import ssl
import zlib

import pytest
import requests
import urllib3
from provoking import CHUNK, DONE, HELLO, STOP, opened_way, part_of

from chatsdk import (
    BackendError,
    ChatClient,
    ChatError,
    ConnectError,
    HTTPStatusError,
    LimitExceeded,
    NotAStreamError,
    ProtocolError,
    Retry,
    StreamInterrupted,
    dialects,
)
from chatsdk.parts import Failure, Text
from chatsdk.testing import Authority, ChatServer, ProxyServer, RefusingPort
from chatsdk.testing.content_coding import content_encoder
from chatsdk.transport.http1.chunked import CoalescingResponse

BODY = b"".join(HELLO)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def authority():
    authority = Authority()
    yield authority
    authority.close()


@pytest.fixture
def server():
    with ChatServer() as server:
        yield server


@pytest.fixture
def client(server):
    with ChatClient(server.url, dialect="openai", retry=Retry(attempts=3, backoff=0)) as client:
        yield client


def failed(client) -> ChatError:
    """Send, read, and give the error; whatever holds of all of them is asserted here."""
    stream, error = attempted(client)
    assert isinstance(error, ChatError)
    assert error.answer is not None
    if stream is not None:
        assert stream.outcome.reason == "error"
        assert stream.outcome.error is error
        assert stream.answer is error.answer
        assert list(stream) == []
    assert str(error)
    assert error.__suppress_context__ or error.__context__ is None
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.answer) == (type(error), str(error), error.answer)
    return error


def attempted(client):
    """Send and read; give the stream, if there was one, and the error, if there was one."""
    stream = None
    try:
        stream = client.send({})
        for _ in stream:
            pass
    except ChatError as error:
        return stream, error
    return stream, None


def sound(server, client) -> None:
    server.stream(HELLO)
    assert client.send({}).result().text == "Hello"


# --- nothing, or nonsense, instead of a response -------------------------------------------------


@pytest.mark.parametrize("reset", [False, True])
def test_no_answer_at_all(server, client, reset):
    """The request was read and nothing came back: it is not sent again."""
    server.drop(reset=reset)
    error = failed(client)
    assert type(error) is StreamInterrupted
    assert "(" not in str(error)
    assert len(server.requests) == 1
    sound(server, client)


@pytest.mark.parametrize("reset", [False, True])
def test_a_head_cut_anywhere(server, client, reset):
    """A head that breaks off anywhere is not an answer."""
    whole = HEAD + b"X-Request-Id: r\r\n\r\n"
    for count in range(len(whole) - 1):
        server.raw(whole[:count], reset=reset)
        error = failed(client)
        assert isinstance(error, (StreamInterrupted, ProtocolError, NotAStreamError))
    assert len(server.requests) == len(whole) - 1
    sound(server, client)


NONSENSE = {
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "another protocol": b"ICY 200 OK\r\n\r\n",
    "an unknown version": b"HTTP/9.9 200 OK\r\n\r\n",
    "no number": b"HTTP/1.1 abc OK\r\n\r\n",
    "too low": b"HTTP/1.1 99 Low\r\n\r\n",
    "too high": b"HTTP/1.1 1000 High\r\n\r\n",
    "negative": b"HTTP/1.1 -200 OK\r\n\r\n",
    "nothing but a line end": b"\r\n\r\n",
    "binary": bytes(range(256)) + b"\r\n\r\n",
    "a TLS alert": b"\x15\x03\x01\x00\x02\x02\x46",
    "an endless status line": b"HTTP/1.1 200 " + b"O" * 200_000,
    "an endless header line": HEAD + b"X-Long: " + b"x" * 200_000,
    "an endless trailer": CHUNKED + b"0\r\nX-Long: " + b"x" * 200_000,
    "nothing but interim answers": b"HTTP/1.1 100 Continue\r\n\r\n" * 200,
    "lengths that contradict": HEAD + b"Content-Length: 5\r\nContent-Length: 7\r\n\r\ndata:",
}


@pytest.mark.parametrize("what", NONSENSE)
def test_what_is_no_response(server, client, what):
    """It is said that the response cannot be read, and it is not sent again."""
    server.raw(NONSENSE[what])
    error = failed(client)
    assert type(error) is ProtocolError
    # It may be printed on a terminal.
    assert str(error).isprintable()
    assert len(server.requests) == 1
    sound(server, client)


def test_too_many_header_lines(server, client):
    """More header lines, or trailers, than Limits allows."""
    server.many_headers(200)
    error = failed(client)
    assert isinstance(error, LimitExceeded)
    assert error.limit == "header_lines"
    server.raw(CHUNKED + b"0\r\n" + b"X-A: b\r\n" * 200 + b"\r\n")
    error = failed(client)
    assert isinstance(error, LimitExceeded)
    assert error.limit == "header_lines"
    sound(server, client)


ODD_HEADS = {
    "bytes that are no UTF-8": b"X-Odd: \xff\xfe\x80\r\n",
    "UTF-8": "X-Odd: ü€\r\n".encode(),
    "no value": b"X-Odd:\r\n",
    "a fold": b"X-Odd: a\r\n b\r\n",
    "NUL": b"X-Odd: a\0b\r\n",
    "bare line feeds": b"X-Odd: a\n",
    "an interim answer": None,
}


@pytest.mark.parametrize("what", ODD_HEADS)
def test_an_odd_head_is_read(server, client, what):
    """Oddities of a head that do no harm are no errors."""
    more = ODD_HEADS[what]
    if more is None:
        early = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"
        data = early + HEAD
    else:
        data = HEAD + more
    server.raw(data + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY)
    assert client.send({}).result().text == "Hello"


UNREADABLE_HEADS = {
    "a coding beside the chunks": b"Transfer-Encoding: gzip, chunked\r\n",
    "a coding in a line of its own": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n",
    "chunks twice": b"Transfer-Encoding: chunked, chunked\r\n",
    "a line without a colon": b"nothing\r\nTransfer-Encoding: chunked\r\n",
    "white space before a colon": b"Transfer-Encoding : chunked\r\n",
    "a length with a sign": b"Content-Length: +5\r\n",
    "a negative length": b"Content-Length: -5\r\n",
    "a length with an underscore": b"Content-Length: 1_0\r\n",
    "a length that is no number": b"Content-Length: many\r\n",
}


@pytest.mark.parametrize("what", UNREADABLE_HEADS)
def test_a_head_that_does_not_tell_the_body(server, client, what):
    """If http.client would read on, framing could pass for text."""
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(frame), frame) for frame in HELLO)
    server.raw(HEAD + UNREADABLE_HEADS[what] + b"\r\n" + chunks + b"0\r\n\r\n")
    assert type(failed(client)) is ProtocolError
    sound(server, client)


@pytest.mark.parametrize("line", [b"chunked\r\nTransfer-Encoding: chunked", b"Chunked"])
def test_chunks_announced_oddly(server, client, line):
    """Twice, or in capitals, is as good as once."""
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(frame), frame) for frame in HELLO)
    server.raw(HEAD + b"Transfer-Encoding: " + line + b"\r\n\r\n" + chunks + b"0\r\n\r\n")
    assert client.send({}).result().text == "Hello"


# --- a body that breaks off ----------------------------------------------------------------------


def ragflow_body() -> bytes:
    frames = [{"answer": text, "reference": {}, "id": "m"} for text in ("Hel", "Hello")]
    events = [{"code": 0, "message": "", "data": frame} for frame in frames]
    events.append({"code": 0, "message": "", "data": True})
    return b"".join(b"data:" + json.dumps(event).encode() + b"\n\n" for event in events)


CUT_BODIES = {"openai": BODY, "ragflow_legacy": ragflow_body()}


def read_cut(server, client, count, body, **options):
    server.cut_after(count, body, **options)
    stream, error = attempted(client)
    if error is not None:
        return "error", error.answer.text, type(error)
    return stream.outcome.end, stream.answer.text, None


@pytest.mark.parametrize("dialect", CUT_BODIES)
@pytest.mark.parametrize(
    "options",
    [
        {"how": "fin"},
        {"how": "reset"},
        {"how": "fin", "inside_chunk": True},
        {"how": "fin", "framing": "length"},
    ],
    ids=["fin", "reset", "inside-a-chunk", "content-length"],
)
def test_cut_at_every_byte(server, dialect, options):
    """A body cut before its end is never taken for whole, and the text that came is kept."""
    body = CUT_BODIES[dialect]
    with ChatClient(server.url, dialect=dialect) as client:
        longest = ""
        for count in range(len(body)):
            end, text, error = read_cut(server, client, count, body, **options)
            assert end == "error", (count, body[:count])
            # A reset may overtake the bytes before it.
            if options["how"] != "reset":
                assert text == whole_text(dialect, body[:count])
                assert error is StreamInterrupted
            longest = max(longest, text, key=len)
        assert longest == "Hello" or options["how"] == "reset"


@pytest.mark.parametrize("dialect", CUT_BODIES)
@pytest.mark.parametrize("framing", ["chunked", "close"])
def test_cut_without_a_sign(server, dialect, framing):
    """If HTTP shows nothing, the end marker is missing, or at least the proof."""
    body = CUT_BODIES[dialect]
    reason = body.find(STOP) + len(STOP) if dialect == "openai" else len(body)
    how = "finish" if framing == "chunked" else "fin"
    with ChatClient(server.url, dialect=dialect) as client:
        for count in range(len(body)):
            end, text, error = read_cut(server, client, count, body, how=how, framing=framing)
            if count < reason or framing == "close":
                assert end == "error"
                assert error in (StreamInterrupted, NotAStreamError)
            else:
                # The finish reason has arrived, and HTTP shows that the body is complete.
                assert end == "finish_reason"
            assert text == whole_text(dialect, body[:count])


@pytest.mark.parametrize(
    ("dialect", "content_type", "body", "inside"),
    [
        ("openai", "text/event-stream", CHUNK.strip() % b"Hi", "an event: after its last line"),
        ("ollama", "application/x-ndjson", b'{"message": {"content": "Hi"}', "a line"),
    ],
)
def test_where_a_body_breaks_off(server, dialect, content_type, body, inside):
    """A clean end in the middle of an event, or of a line of JSON, is called what it is."""
    server.stream([body], content_type=content_type)
    with ChatClient(server.url, dialect=dialect) as client:
        error = failed(client)
    assert type(error) is StreamInterrupted
    assert f"ended inside {inside}" in str(error)


def whole_text(dialect: str, body: bytes) -> str:
    events = body.split(b"\n\n")[:-1]
    if dialect == "openai":
        return "".join(word for word in ("Hel", "lo") if CHUNK.strip() % word.encode() in events)
    return ["", "Hel", "Hello", "Hello"][len(events)]


PACKAGES = {"br": "brotli", "zstd": "zstandard"}


def packed_as(encoding: str) -> bytes:
    """All but the end marker, so that nothing but the end of the compression shows a cut."""
    if encoding in PACKAGES:
        pytest.importorskip(PACKAGES[encoding])
    if encoding not in urllib3.HTTPResponse.CONTENT_DECODERS:
        pytest.skip(f"urllib3 reads {encoding} with a package that is not here")
    encoder = content_encoder(encoding)
    return encoder.encode(BODY[: -len(DONE)]) + encoder.end()


@pytest.mark.parametrize("framing", ["chunked", "close", "length"])
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
def test_cut_in_its_compression(server, framing, encoding):
    """Compressed too: what could be decoded is kept, and never called whole without a proof."""
    packed = packed_as(encoding)
    headers = [("Content-Encoding", encoding)]
    with ChatClient(server.url, dialect="openai") as client:
        for count in range(len(packed)):
            # For HTTP, the end is fine.
            server.stream([packed[:count]], headers=headers, framing=framing, content_length=count)
            error = failed(client)
            # Not a byte of it is an empty body, whatever it would have been compressed with.
            assert type(error) is (StreamInterrupted if count else NotAStreamError), count
        server.stream([packed], headers=headers)
        stream = client.send({})
        assert (stream.result().text, stream.outcome.end) == ("Hello", "finish_reason")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
def test_damage_in_its_compression(server, client, encoding):
    """Bytes that no decoder takes are a ProtocolError, at the start and behind some text."""
    packed = packed_as(encoding)
    headers = [("Content-Encoding", encoding)]
    server.stream([b"\xff" * 90], headers=headers)
    assert type(failed(client)) is ProtocolError
    script = server.stream(headers=headers)
    script.push(content_encoder(encoding).encode(CHUNK % b"Hi"))
    stream = client.send({})
    assert next(stream).text == "Hi"
    # Apart, because zlib drops what it has decoded of the piece in which it finds the damage.
    script.push(b"\xff" * 90)
    script.finish()
    with pytest.raises(ProtocolError) as caught:
        stream.result()
    assert caught.value.answer.text == "Hi"
    server.stream([packed], headers=headers)
    assert client.send({}).result().text == "Hello"


def test_filling_behind_the_compression(server, client):
    """Zeros behind a gzip body, as some writers leave them, are no sign of a cut."""
    server.stream([packed_as("gzip") + b"\0" * 9], headers=[("Content-Encoding", "gzip")])
    stream = client.send({})
    assert (stream.result().text, stream.outcome.end) == ("Hello", "finish_reason")


@pytest.mark.parametrize("dialect", ["openai", "raw"])
def test_cut_under_tls(authority, dialect):
    """A TLS connection that ends without a close_notify ends a close-delimited body silently."""
    one, more = {
        "openai": (CHUNK % b"Hi", CHUNK % b"there"),
        "raw": (b"data: Hi\n\n", b"data: you\n\n"),
    }[dialect]
    with opened_way("tls", authority) as way, way.client(dialect=dialect) as client:
        way.server.cut_after(len(one) + 9, one + more, framing="close")
        error = failed(client)
        assert type(error) is StreamInterrupted
        assert error.answer.text == "Hi"
        way.server.cut_after(len(one), one + more, framing="close")
        if dialect == "openai":
            assert type(failed(client)) is StreamInterrupted
        else:
            stream = client.send({})
            stream.result()
            assert stream.outcome.end == "unproven"


def test_content_length_too_short(server, client):
    """A length that is too short cuts the body; the rest is not taken for the next response."""
    server.wrong_content_length(len(BODY) - 20, BODY)
    assert type(failed(client)) is StreamInterrupted
    sound(server, client)
    # Also where no end of the connection betrays it.
    script = server.stream(framing="length", content_length=len(BODY) - 20)
    script.push(BODY)
    assert type(failed(client)) is StreamInterrupted
    sound(server, client)
    script.finish()


BAD_SIZES = ["zz", "-5", "", "0x", "5 5", "\xff", "F" * 40, "--", "9" * 5000, "+-1", "1.5", " "]
# Python's int would take these for the size that the chunk has.
BAD_SIZES += ["0x1", "+1", " 1", "0_1"]


@pytest.mark.parametrize("size", BAD_SIZES)
def test_a_bad_chunk_size(server, client, size):
    """A chunk whose size cannot be read: an error, and the text before it is kept."""
    bad = size.encode("latin-1") + b"\r\nx\r\n0\r\n\r\n"
    frame = CHUNK % b"Hi"
    server.raw(CHUNKED + b"%x\r\n%b\r\n" % (len(frame), frame) + bad)
    error = failed(client)
    assert type(error) is ProtocolError
    assert error.answer.text == "Hi"
    assert "chunk size" in str(error) or len(size) > 100
    sound(server, client)


@pytest.mark.parametrize("line", [b"%x;name=value", b'%x;a="b c";d', b"%x ; a = b", b"%08X"])
def test_a_legal_chunk_size(server, client, line):
    """Extensions, capitals and leading zeros belong to a size line, and have no meaning."""
    frames = [line % len(frame) + b"\r\n" + frame + b"\r\n" for frame in HELLO]
    server.raw(CHUNKED + b"".join(frames) + b"0;last\r\n\r\n")
    assert client.send({}).result().text == "Hello"


def test_a_missing_line_end_after_a_chunk(server, client):
    """A chunk that is longer than its size."""
    frame = CHUNK % b"Hi"
    server.raw(CHUNKED + b"%x\r\n%b" % (len(frame), frame) + b"5\r\nhello\r\n0\r\n\r\n")
    error = failed(client)
    assert type(error) is ProtocolError
    assert error.answer.text == "Hi"
    sound(server, client)


def test_no_gzip_though_it_says_so(server, client):
    """A body that does not match its Content-Encoding."""
    server.stream([BODY], headers=[("Content-Encoding", "gzip")])
    assert type(failed(client)) is ProtocolError
    sound(server, client)


@pytest.mark.parametrize("encoding", ["lzma", "compress", "gzip, lzma", "bogus"])
def test_an_encoding_nobody_can_undo(server, client, encoding):
    """It is refused clearly, and the remedy is named."""
    server.stream([b"\x00" * 100], headers=[("Content-Encoding", encoding)])
    error = failed(client)
    assert type(error) is ProtocolError
    assert "compressed" in str(error)
    sound(server, client)


# --- another answer than a stream ----------------------------------------------------------------

REFUSAL = {"code": 102, "message": "You don't own the chat"}


@pytest.mark.parametrize("dialect", ["openai", "auto", "ragflow", "raw"])
def test_a_refusal_as_json(server, dialect):
    """A 200 with a refusal in JSON is the backend's own word."""
    server.reply(json=REFUSAL)
    with ChatClient(server.url, dialect=dialect) as client:
        error = failed(client)
    assert isinstance(error, BackendError)
    assert (error.code, error.message) == (102, "You don't own the chat")


PAGE = "<!doctype html><title>Log in</title>"


@pytest.mark.parametrize("content_type", ["text/html", "text/html; charset=utf-8", "TEXT/HTML"])
def test_a_page(server, client, content_type):
    """A login page with status 200."""
    server.reply(body=PAGE, content_type=content_type)
    error = failed(client)
    assert isinstance(error, NotAStreamError)
    assert (error.status, error.body) == (200, PAGE.encode())
    assert "web page" in str(error)


@pytest.mark.parametrize("content_type", ["text/event-stream", "application/json", "text/plain"])
@pytest.mark.parametrize("framing", ["chunked", "close", "length"])
def test_an_empty_body(server, client, content_type, framing):
    """A 200 with nothing in it."""
    server.stream([], content_type=content_type, framing=framing, content_length=0)
    error = failed(client)
    assert isinstance(error, NotAStreamError)
    assert "empty" in str(error)
    sound(server, client)


@pytest.mark.parametrize("status", [204, 205])
def test_no_content(server, client, status):
    """A success without a body."""
    server.reply(status)
    error = failed(client)
    assert isinstance(error, NotAStreamError)
    assert error.status == status
    sound(server, client)


@pytest.mark.parametrize("status", [101, 300, 304, 400, 402, 422, 451, 500, 502, 599, 999])
def test_other_statuses(server, client, status):
    """Any status but a success is an HTTPStatusError that has it."""
    server.stream([], status=status, framing="close", content_type=None)
    error = failed(client)
    assert isinstance(error, HTTPStatusError)
    assert error.status == status
    assert len(server.requests) == 1
    sound(server, client)


MISLABELLED = [
    None,
    "",
    "text/plain",
    "text/html",
    "text/html; charset=utf-8",
    "application/json",
    "application/octet-stream",
    "application/x-whatever",
    "TEXT/Event-Stream;charset=UTF-8",
    "text/event-stream, text/event-stream",
    "text/event-stream;charset=utf-8, text/event-stream",
    "; nonsense",
]


@pytest.mark.parametrize("dialect", ["openai", "auto"])
@pytest.mark.parametrize("content_type", MISLABELLED)
def test_good_events_under_another_name(server, dialect, content_type):
    """A stream is recognised with any content type, sent once or twice."""
    server.stream([b": hi\n\n", *HELLO], content_type=content_type)
    headers = [("Content-Type", "text/event-stream"), ("Content-Type", content_type or "")]
    server.stream(HELLO, headers=headers)
    with ChatClient(server.url, dialect=dialect) as client:
        assert client.send({}).result().text == "Hello"
        assert client.send({}).result().text == "Hello"


@pytest.mark.parametrize(
    "body", [b"\r\n" * 100_000, b"hello", b"<xml/>", b"\0" * 1000, b"[]", b"7"]
)
@pytest.mark.parametrize("content_type", [None, "text/plain", "application/json"])
def test_something_else(server, client, body, content_type):
    """A response that is neither a stream nor an answer is reported as such."""
    server.reply(body=body, content_type=content_type)
    error = failed(client)
    assert isinstance(error, NotAStreamError)
    sound(server, client)


@pytest.mark.parametrize("payload", ["[" * 100_000, '{"choices": ' + "9" * 5000 + "}", "{", "nul"])
def test_json_that_cannot_be_read(server, client, payload):
    """A document nested too deeply, or with an unreadable number."""
    server.reply(body=payload, content_type="application/json")
    assert isinstance(failed(client), (NotAStreamError, ProtocolError))
    server.reply(500, body=payload, content_type="application/json")
    assert isinstance(failed(client), HTTPStatusError)
    sound(server, client)


@pytest.mark.parametrize(
    "payload",
    [
        {"choices": 7},
        {"choices": [7]},
        {"choices": [{"message": 7}]},
        {"choices": [{"message": {"content": {"x": 1}}}]},
        {"error": {"message": {"x": [1]}, "code": {}}},
        {"error": [1, 2]},
        {"code": [1], "message": {}},
    ],
)
@pytest.mark.parametrize("dialect", ["openai", "auto", "ragflow", "raw"])
def test_documents_of_a_strange_shape(server, dialect, payload):
    """JSON in which everything is of another type than expected."""
    with ChatClient(server.url, dialect=dialect) as client:
        for status in (200, 400):
            server.reply(status, json=payload)
            server.stream([b"data: " + json.dumps(payload).encode() + b"\n\n"])
            for _ in range(2):
                stream, error = attempted(client)
                if error is None:
                    # A family may take it for an answer in which nothing is said; raw takes any.
                    assert stream.answer.text in ("", json.dumps(payload))
                else:
                    assert error.answer is not None


# --- events that are none ------------------------------------------------------------------------

DIGITS = b"9" * 5000
STRANGE = {
    "no JSON": b"{nope",
    "a number": b"7",
    "an array": b"[1, 2]",
    "a string": b'"x"',
    "true": b"true",
    "deep arrays": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "a deep member": b'{"choices":[{"delta":' + b'{"a":' * 50_000 + b"1",
    "too many digits": b'{"choices":[{"delta":{"content":' + DIGITS + b"}}]}",
    "a list as content": b'{"choices":[{"delta":{"content":[7]}}]}',
    "choices that are none": b'{"choices":{"a":1}}',
    "a choice that is none": b'{"choices":[7]}',
    "NUL": b"\0",
}


@pytest.mark.parametrize("what", STRANGE)
def test_an_event_that_cannot_be_read(server, client, what):
    """It is a ProtocolError, and the text before it is kept."""
    server.stream([CHUNK % b"Hi", b"data: " + STRANGE[what] + b"\n\n", *HELLO])
    error = failed(client)
    assert type(error) is ProtocolError
    assert error.answer.text == "Hi"
    assert len(str(error)) < 1000
    sound(server, client)


def test_numbers_nobody_needs(server, client):
    """A number too long to be read, in an irrelevant place, is one of chatsdk's errors too."""
    server.stream(
        [b'data: {"choices":[{"delta":{"content":"Hi"}}],"n":' + DIGITS + b"}\n\n", *HELLO]
    )
    stream, error = attempted(client)
    assert stream.answer.text == "HiHello" if error is None else type(error) is ProtocolError


def test_text_can_always_be_written(server, client):
    """Halves of surrogate pairs, and bytes that are no UTF-8, do not break who prints the text."""
    server.stream([CHUNK % rb"a\ud800b", CHUNK % rb"\ud83d", CHUNK % rb"\ude00", *HELLO])
    assert client.send({}).result().text.encode() == "a\ufffdb😀Hello".encode()
    server.stream([CHUNK % b"a\xff\xc3b", *HELLO])
    assert client.send({}).result().text.encode().endswith(b"bHello")


# --- whatever else libraries raise ---------------------------------------------------------------

FOREIGN = [
    requests.ConnectTimeout("x"),
    requests.ReadTimeout("x"),
    requests.ConnectionError("x"),
    requests.exceptions.SSLError("x"),
    requests.exceptions.ProxyError("x"),
    requests.exceptions.ChunkedEncodingError("x"),
    requests.exceptions.ContentDecodingError("x"),
    requests.exceptions.InvalidHeader("x"),
    requests.exceptions.InvalidURL("x"),
    requests.exceptions.InvalidSchema("x"),
    requests.exceptions.MissingSchema("x"),
    requests.TooManyRedirects("x"),
    requests.exceptions.RetryError("x"),
    urllib3.exceptions.ProtocolError("x", http.client.IncompleteRead(b"x")),
    urllib3.exceptions.IncompleteRead(1, 2),
    urllib3.exceptions.ReadTimeoutError(None, None, "x"),
    urllib3.exceptions.DecodeError("x"),
    urllib3.exceptions.SSLError("x"),
    urllib3.exceptions.LocationParseError("x"),
    urllib3.exceptions.ClosedPoolError(None, "x"),
    http.client.HTTPException("x"),
    http.client.IncompleteRead(b"x"),
    http.client.CannotSendRequest("x"),
    http.client.ResponseNotReady("x"),
    ssl.SSLError("x"),
    ssl.SSLZeroReturnError("x"),
    ssl.SSLEOFError("x"),
    OSError("x"),
    OSError(24, "Too many open files"),
    ConnectionResetError("x"),
    BrokenPipeError("x"),
    TimeoutError("timed out"),
    zlib.error("x"),
    ValueError("x"),
    UnicodeEncodeError("latin-1", "x", 0, 1, "x"),
    UnicodeDecodeError("utf-8", b"x", 0, 1, "x"),
    AttributeError("x"),
    TypeError("x"),
    KeyError("x"),
    RecursionError("x"),
    RuntimeError("x"),
    AssertionError("x"),
]


@pytest.mark.parametrize("foreign", FOREIGN, ids=lambda error: type(error).__name__)
def test_a_foreign_exception_in_send(server, client, foreign, monkeypatch):
    """Nothing of requests, urllib3, http.client or the socket leaves `send` as it is."""

    def fail(*_, **__):
        raise foreign

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", part_of(requests.adapters, fail))
    error = failed(client)
    assert isinstance(error, ChatError)


@pytest.mark.parametrize("foreign", FOREIGN, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize(
    ("reader", "encoding"),
    [
        (CoalescingResponse, None),
        (CoalescingResponse, "gzip"),
        (urllib3.HTTPResponse, "deflate"),
    ],
)
def test_a_foreign_exception_in_the_stream(server, client, foreign, reader, encoding, monkeypatch):
    """Nor does it leave the stream, and the text is kept."""
    server.stream(HELLO, encoding=encoding)
    first = CHUNK % b"Hi"
    if encoding == "gzip":
        packer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
        first = packer.compress(first) + packer.flush(zlib.Z_SYNC_FLUSH)
    calls = []

    def read1(self, *args, **kwargs):
        calls.append(1)
        if len(calls) == 1:
            return first
        raise foreign

    with monkeypatch.context() as patch:
        patch.setattr(reader, "read1", part_of(urllib3.response, read1))
        stream = client.send({})
        with pytest.raises(ChatError) as caught:
            stream.result()
    assert caught.value.answer.text == "Hi"
    assert stream.outcome.error is caught.value
    sound(server, client)


def test_a_response_closed_by_somebody_else(server, client):
    """The AttributeError of a response that was closed behind our back is an interruption."""
    script = server.stream()
    script.push(CHUNK % b"Hi")
    stream = client.send({})
    next(stream)
    stream._source.exchange._body._raw.close()
    with pytest.raises(ChatError) as caught:
        next(stream)
    assert isinstance(caught.value, StreamInterrupted)
    assert caught.value.answer.text == "Hi"


class Careless(dialects.Dialect):
    """A custom dialect that relies on fields a backend may omit."""

    about = dialects.About(
        name="careless", backend="a test", version="1", page="", endpoint="POST /", clean_end=True
    )

    def decoder(self, content_type=""):
        decoder = dialects.Decoder()
        decoder.dialect = self
        decoder.decode = lambda event: [Text(json.loads(event.data)["text"].upper())]
        return decoder

    def error(self, status, headers, body):
        said = json.loads(body)
        return Failure(said["error"]["message"].upper()) if "text" not in said else None

    def document(self, payload):
        return [Text(payload["text"].upper())]


@pytest.mark.parametrize("payload", ["{", "7", "null", "{}", '{"text": 7}', '{"error": 7}', "[]"])
def test_a_careless_dialect(server, payload):
    """An exception of the user's decoder is a ProtocolError, and no payload is shown."""
    with ChatClient(server.url, dialect=Careless()) as client:
        server.stream([b'data: {"text": "Hi"}\n\n', f"data: {payload}\n\n"])
        error = failed(client)
        assert type(error) is ProtocolError
        assert error.answer.text == "HI"
        server.reply(json=json.loads(payload)) if payload != "{" else server.reply(body=payload)
        assert isinstance(failed(client), (ProtocolError, NotAStreamError))
        server.reply(500, body=payload)
        assert isinstance(failed(client), HTTPStatusError)


def test_errors_of_the_user_come_through(server):
    """An exception of a tap or a token function is the caller's own, and closes the connection."""

    def tap(data, at):
        raise LookupError("mine")

    with ChatClient(server.url, dialect="openai", tap=tap) as client:
        script = server.silent(head=True, body=BODY)
        with pytest.raises(LookupError, match="mine"):
            client.send({}).result()
        script.wait_for_disconnect()

    def token():
        raise LookupError("mine")

    with ChatClient(server.url, dialect="openai", token=token) as client:
        with pytest.raises(LookupError, match="mine"):
            client.send({})


def test_a_connection_that_cannot_be_made(authority):
    """Refused, an unknown name, an untrusted certificate, no TLS: nothing was sent."""
    retry = Retry(attempts=1)
    with ChatServer() as server:
        url = server.url
    with ChatClient(url, retry=retry) as client:
        assert isinstance(failed(client), ConnectError)
    with ChatClient("http://no-such-host.invalid/", retry=retry) as client:
        error = failed(client)
        assert isinstance(error, ConnectError)
        assert "name" in str(error)
    with opened_way("tls", authority) as way:
        with ChatClient(way.server.url, retry=retry) as client:
            error = failed(client)
            assert isinstance(error, ConnectError)
            assert "verify=" in str(error)
        for how in ("close", "reset", "not-tls"):
            way.server.break_connection(how)
            with way.client() as client:
                assert isinstance(failed(client), ConnectError), how
        assert way.server.requests == []


# --- a session that cannot send -------------------------------------------------------------------


UNFIT_SESSIONS = {
    "a header with a line break": (
        "***",
        lambda http: http.headers.update({"X-Key": "tiger\nlily"}),
    ),
    "a header nobody can send": ("latin-1", lambda http: http.headers.update({"X-Odd": "\u20ac"})),
    "a certificate that is not there": (
        "/no/such/file.pem",
        lambda http: setattr(http, "cert", "/no/such/file.pem"),
    ),
    "no adapter": ("No connection adapters", lambda http: http.adapters.clear()),
}


@pytest.mark.parametrize("what", UNFIT_SESSIONS)
def test_a_session_that_cannot_send(authority, what):
    """Nothing was sent; the error mentions it and the reason, and shows no header's secret."""
    said, spoil = UNFIT_SESSIONS[what]
    with opened_way("tls", authority) as way, requests.Session() as http:
        spoil(http)
        with way.client(http=http) as client:
            error = failed(client)
        assert type(error) is ConnectError
        assert said in str(error)
        assert "tiger" not in f"{error!r} {error.__cause__!r}"
        assert way.server.requests == []


# --- proxies that are none, and redirects --------------------------------------------------------

NO_PROXY_THERE = {
    "http://no-such-proxy.invalid:3128": (
        "the host name of the proxy no-such-proxy.invalid:3128 (from http_proxy)"
    ),
    "no-such-proxy.invalid": "the host name of the proxy no-such-proxy.invalid (from http_proxy)",
    "ftp://127.0.0.1:1": "the address of the proxy 127.0.0.1:1 (from http_proxy) cannot be used",
    "http://a proxy": "the address of the proxy a proxy (from http_proxy) cannot be used",
    "http://user:tiger-lily@[": "the address of the proxy (from http_proxy) cannot be used",
    "http://user:tiger-lily@host:port": "the address of the proxy (from http_proxy) cannot be used",
}


@pytest.mark.parametrize("address", NO_PROXY_THERE)
def test_a_proxy_that_is_none(server, monkeypatch, address):
    """A faulty proxy from the environment is reported as the proxy's, without a password."""
    monkeypatch.setenv("http_proxy", address)
    with ChatClient(server.url, retry=Retry(attempts=1)) as client:
        error = failed(client)
    assert type(error) is ConnectError
    assert NO_PROXY_THERE[address] in str(error)
    assert "tiger" not in f"{error!r} {error.__cause__!r}"


@pytest.mark.parametrize(
    "address", ["http://", "http://a proxy", "a..b", "x" * 64, "ftp://x", "http://x:port", ""]
)
def test_an_address_no_proxy_can_have(server, address):
    """An argument that cannot be an address is refused before anything is sent."""
    with pytest.raises(ValueError, match="give one such as http://proxy:3128"):
        ChatClient(server.url, proxies={"http": address})


@pytest.mark.parametrize("address", ["http://[bad", "socks://proxy:1", "htp://x", "http://a:port"])
@pytest.mark.parametrize("variable", ["https_proxy", "ftp_proxy"])
def test_the_proxy_of_another_scheme_does_not_matter(
    server, client, monkeypatch, address, variable
):
    """A variable that no request of this URL uses may hold anything."""
    monkeypatch.setenv(variable, address)
    server.stream(HELLO)
    assert client.send({}).result().text == "Hello"


def test_a_proxy_that_is_not_there(server):
    """The error distinguishes a proxy that refuses the connection from a backend that does."""
    with RefusingPort() as port:
        with ChatClient(server.url, proxies={"http": port.url}, retry=Retry(attempts=1)) as client:
            error = failed(client)
    assert type(error) is ConnectError
    address = port.url.removeprefix("http://")
    assert str(error) == f"the proxy {address} refused the connection; nothing was sent"


NO_TUNNEL = "the proxy {} did not connect to backend.invalid:443"
CONNECT_ANSWERS = {
    "": NO_TUNNEL,
    "SSH-2.0-x\r\n": NO_TUNNEL,
    "HTTP/1.1 200 OK\r\nX-Cut": NO_TUNNEL,
    "HTTP/1.1 407 No\r\n\r\n": "the proxy {} requires a user and a password",
    "HTTP/1.1 403 No\r\n\r\n": f"{NO_TUNNEL} (Tunnel connection failed: 403 No)",
    "HTTP/1.1 302 No\r\nLocation: /?secret\r\n\r\n": NO_TUNNEL,
    "HTTP/1.1 200 OK\r\n" + "X: y\r\n" * 200: NO_TUNNEL,
    "HTTP/1.1 100 Go on\r\n\r\n" * 200: NO_TUNNEL,
}


@pytest.mark.parametrize("answer", CONNECT_ANSWERS)
def test_a_proxy_that_opens_no_tunnel(answer):
    """For any answer to CONNECT, nothing was sent, and the error names the proxy."""
    with ProxyServer() as proxy:
        proxy.raw(answer.encode(), method="CONNECT")
        proxies = {"https": proxy.url}
        retry = Retry(attempts=1)
        with ChatClient("https://backend.invalid/", proxies=proxies, retry=retry) as client:
            error = failed(client)
    assert type(error) is ConnectError
    address = proxy.url.removeprefix("http://")
    assert CONNECT_ANSWERS[answer].format(address) in str(error)
    assert str(error).endswith("; nothing was sent")


def test_a_socks_proxy_without_its_package(server, monkeypatch):
    """requests needs a package for SOCKS, and the error names it."""

    def missing(*_, **__):
        raise requests.exceptions.InvalidSchema("Missing dependencies for SOCKS support.")

    monkeypatch.setattr(requests.adapters, "SOCKSProxyManager", missing)
    for mine in (None, requests.Session()):
        proxies = {"http": "socks5h://127.0.0.1:1080"}
        with ChatClient(server.url, proxies=proxies, http=mine) as client:
            error = failed(client)
        assert type(error) is ConnectError
        assert "pip install 'requests[socks]'" in str(error)


PAGES = {
    "nginx": (502, b"<html>\n<head><title>502 Bad Gateway</title></head>", "'502 Bad Gateway'"),
    "a firewall": (
        403,
        b"<!DOCTYPE html><html><title>Just a moment...</title>",
        "'Just a moment...'",
    ),
    "umlauts": (404, b"<html><title>Gr&ouml;&szlig;e</title>", "'Größe'"),
    "no title": (503, b"\n<HTML>down", "a web page: the backend is overloaded or down"),
}


@pytest.mark.parametrize("page", PAGES)
def test_the_title_of_an_error_page_is_shown(server, client, page):
    """A page of a proxy explains what happened; it is not a message of the backend."""
    status, body, shown = PAGES[page]
    server.reply(status, body=body, content_type="application/octet-stream", repeat=True)
    error = failed(client)
    assert f"HTTP {status} (" in str(error)
    assert shown in str(error)
    assert error.message == ""


def test_a_403_with_a_page_does_not_blame_the_token(server, client):
    """The error of a firewall's page does not mention the token."""
    server.reply(403, body="<html>blocked</html>", content_type="text/html")
    assert "proxy or a firewall" in str(failed(client))
    server.reply(403, json={"error": {"message": "no access"}})
    assert "the token is valid" in str(failed(client))


@pytest.mark.parametrize("status", [413, 500, 502, 503, 504, 520, 521, 524, 529, 530])
def test_a_failing_server_has_a_remedy(server, status):
    """The message is more than a number."""
    server.reply(status)
    with ChatClient(server.url, retry=Retry(attempts=1)) as client:
        assert str(failed(client)).startswith(f"HTTP {status} (")
        server.reply(status, json={"error": {"message": "so it is"}})
        assert str(failed(client)).startswith(f"HTTP {status}: so it is (")


@pytest.mark.parametrize(
    ("charset", "words"),
    [("iso-8859-1", "Größe"), ("GBK", "请求失败"), ("utf-16", "no"), ('"windows-1252"', "“no”")],
)
def test_the_words_of_an_error_are_read_in_its_charset(server, client, charset, words):
    """Pages and messages of older servers are not in UTF-8, and declare it."""
    body = words.encode(charset.strip('"'))
    server.reply(400, body=body, content_type=f"text/plain; charset={charset}")
    error = failed(client)
    assert error.message == words
    assert error.body == body


@pytest.mark.parametrize("charset", ["punycode", "idna", "no-such", "gb", "utf-8", "hex"])
def test_other_charsets_are_read_as_utf8(server, client, charset):
    """Not a codec that takes long, or that is no charset."""
    server.reply(400, body="größer", content_type=f"text/plain; charset={charset}")
    assert failed(client).message == "größer"


@pytest.mark.parametrize("target", ["/login?next=/v1", "/oauth2/start", "https://sso.test/saml"])
def test_a_redirect_to_a_login_page_is_called_that(server, target):
    """The error does not suggest the URL of a login page."""
    for allowed in (False, True):
        server.redirect(target, status=302)
        with ChatClient(server.url, follow_redirects=allowed) as client:
            error = failed(client)
        assert "probably a login page: check the token" in str(error)
        assert "use that URL" not in str(error)


def test_a_redirect_of_a_url_like_that_of_a_login_page(server):
    """A backend whose own path looks like a login page redirects to its new address."""
    server.reply(301, headers={"Location": "https://127.0.0.1/oauth/v1/chat"})
    with ChatClient(server.url + "/oauth/v1/chat", dialect="openai") as client:
        with pytest.raises(HTTPStatusError, match="use that URL"):
            client.send({})


@pytest.mark.parametrize("tls", [False, True])
def test_an_answer_that_comes_before_the_request_is_sent_is_read(monkeypatch, tls):
    """A server that rejects a large request closes while it is on its way; its words count."""
    kind = ssl.SSLSocket if tls else socket.socket
    sendall = kind.sendall

    def close_early(sock, data, *flags):
        sendall(sock, data, *flags)
        if b'"images"' in bytes(data):
            if tls:
                raise ssl.SSLEOFError(8, "EOF occurred in violation of protocol")
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    with ChatServer(tls=tls) as server:
        server.reply(413, json={"error": {"message": "too many images"}})
        verify = server.ca_pem if tls else None
        with ChatClient(server.url, verify=verify, retry=Retry(attempts=1)) as client:
            monkeypatch.setattr(kind, "sendall", close_early)
            with pytest.raises(HTTPStatusError, match="too many images"):
                client.send({"images": "a" * 100_000})


def test_a_length_of_zero_beside_chunks_is_ignored(server):
    """The transfer coding goes before the length."""
    raw = HEAD + b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n"
    server.raw(raw + b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY))
    with ChatClient(server.url, dialect="openai") as client:
        assert client.send({}).result().text == "Hello"


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(BODY)),
        ("zstd", b"\x28\xb5\x2f\xfd" + bytes(40)),
        ("UTF-16", BODY.decode().encode("utf-16")),
        ("UTF-16", b"\xfe\xff" + BODY.decode().encode("utf-16-be")),
    ],
)
def test_a_coding_that_the_header_does_not_say(server, client, coding, body):
    """The error names what the bytes are, and where to look."""
    server.stream([body])
    error = failed(client)
    assert type(error) is ProtocolError
    assert coding in str(error)
    assert "look at the proxy or the backend" in str(error)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_body_that_is_not_compressed_as_its_header_says(server, client, encoding):
    """The error names the setting to switch off."""
    server.stream([BODY], headers=[("Content-Encoding", encoding)])
    error = failed(client)
    assert type(error) is ProtocolError
    assert "not compressed as its Content-Encoding says" in str(error)


STRAY = {
    "Internal Server Error": "'Internal Server Error'",
    "<br />\n<b>Fatal error</b>: no memory\n": "'<b>Fatal error</b>: no memory'",
    "Traceback (most recent call last):\r\n  x\r\nKeyError: 1": "'KeyError: 1'",
    "a" * 500: "aaa…'",
}


@pytest.mark.parametrize("words", STRAY)
@pytest.mark.parametrize("before", [b"", HELLO[0]])
def test_a_stream_that_ends_in_other_words_shows_them(server, client, words, before):
    """A server that fails in mid-stream often writes its error as it is."""
    server.stream([before, words.encode()])
    error = failed(client)
    assert isinstance(error, StreamInterrupted if before else ChatError)
    if before:
        assert STRAY[words] in str(error)
        assert error.answer.text == "Hel"


@pytest.mark.parametrize("cut", ["d", "data", "data: {", "event: x\ndata: ", "data: " + "x" * 9000])
def test_a_cut_event_is_not_taken_for_other_words(server, client, cut):
    """A truncated line of an event is not a message."""
    server.stream([HELLO[0], cut.encode()])
    assert "ended inside an event" in str(failed(client))


def test_a_token_among_the_last_words_is_not_shown(server):
    """A server may echo what it was sent."""
    server.stream([HELLO[0], b"no access for Bearer s3cret-token-12345"])
    with ChatClient(server.url, dialect="openai", token="s3cret-token-12345") as client:
        error = failed(client)
    assert "no access for" in str(error)
    assert "s3cret" not in str(error)


HINDRANCES = {
    "not allowed": (False, 307, "/new", "which is not followed: use that URL"),
    "a GET": (True, 302, "/new", "it would turn the POST into a GET"),
    "elsewhere": (True, 308, "http://other.test/new", "not for another origin"),
    "a loop": (True, 307, "/new", "they seem to go in circles"),
    "no address": (True, 307, "http://[", "an address that cannot be read"),
}


@pytest.mark.parametrize("what", HINDRANCES)
def test_why_a_redirect_is_not_followed(server, what):
    """The error gives the reason, and it is true."""
    allowed, status, target, reason = HINDRANCES[what]
    server.redirect(target, status=status, repeat=True)
    with ChatClient(server.url, follow_redirects=allowed) as client:
        error = failed(client)
    assert isinstance(error, HTTPStatusError)
    assert reason in str(error)
    assert ("which is not followed" in str(error)) is (
        len(server.requests) == 1 and "[" not in target
    )
