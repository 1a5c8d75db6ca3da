from __future__ import annotations

import http.client
import socket
import time
import zlib
from collections.abc import Iterator
from contextlib import closing

import pytest
from raw_client import POST, ask, dial, hear, read_all, read_exactly

from chatsdk.testing import ChatServer


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as server:
        yield server


@pytest.fixture
def sock(server: ChatServer) -> Iterator[socket.socket]:
    with dial(server) as sock:
        yield sock


def body_of(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]


def response_of(server: ChatServer) -> http.client.HTTPResponse:
    """Ask with a client that checks the framing."""
    connection = http.client.HTTPConnection(server.host, server.port, timeout=10)
    connection.request("POST", "/", b"{}", {"Connection": "close"})
    return connection.getresponse()


@pytest.mark.parametrize("framing", ["chunked", "length"])
@pytest.mark.parametrize("count", [0, 1, 14])
def test_cut_after(server: ChatServer, framing, count) -> None:
    """The body breaks off after as many bytes as said, against its framing."""
    server.cut_after(count, framing=framing)
    with closing(response_of(server)) as response, pytest.raises(http.client.IncompleteRead) as cut:
        response.read()
    if framing == "length":
        assert cut.value.expected > 0
    assert cut.value.partial == b"data: event 1\n"[:count]


def test_cut_close_delimited(server: ChatServer) -> None:
    """A close-delimited body that is cut looks like a whole one."""
    server.cut_after(3, "abcdef", framing="close")
    with closing(response_of(server)) as response:
        assert response.read() == b"abc"


def test_cut_inside_chunk(server: ChatServer) -> None:
    """A cut may fall inside a chunk that had announced more."""
    server.cut_after(3, "abcdef", inside_chunk=True)
    assert body_of(ask(server)) == b"6\r\nabc"


def test_cut_with_reset(server: ChatServer, sock: socket.socket) -> None:
    """A cut may be an RST."""
    server.cut_after(3, "abcdef", how="reset")
    sock.sendall(POST)
    with pytest.raises(ConnectionResetError):
        read_all(sock)


def test_cut_compressed_body_with_a_proper_end(server: ChatServer) -> None:
    """A compressed body may lack its trailer although the framing is complete."""
    server.cut_after(20, "x" * 50, how="finish", encoding="gzip", framing="chunked")
    with closing(response_of(server)) as response:
        decoder = zlib.decompressobj(31)
        assert decoder.decompress(response.read()) == b"x" * 50
        assert not decoder.eof


def test_cut_beyond_the_end(server: ChatServer) -> None:
    """A body cannot be cut after more bytes than it has."""
    with pytest.raises(ValueError, match="has 3 bytes"):
        server.cut_after(4, "abc")
    with pytest.raises(ValueError, match="cut_after"):
        server.cut_head(1000)


def test_cut_head_and_drop(server: ChatServer) -> None:
    """An answer may end inside its head, or before it."""
    server.cut_head(20)
    assert ask(server) == b"HTTP/1.1 200 OK\r\nCon"
    server.drop()
    assert ask(server) == b""
    server.drop(reset=True)
    with pytest.raises(ConnectionResetError):
        ask(server)


def test_raw(server: ChatServer) -> None:
    """Any bytes may be an answer."""
    server.raw("SSH-2.0-x\r\n")
    assert ask(server) == b"SSH-2.0-x\r\n"


@pytest.mark.parametrize(
    ("options", "heard"),
    [
        ({}, b""),
        ({"head": True}, b"HTTP/1.1 200 OK\r\n"),
        ({"body": "data: 1\n\n"}, b"HTTP/1.1 200 OK\r\n"),
    ],
)
def test_silent(server: ChatServer, options, heard) -> None:
    """A silent server accepts the request, sends what it was given to send, and waits."""
    script = server.silent(**options)
    with dial(server) as sock:
        sock.sendall(POST)
        read_exactly(sock, heard)
        script.wait_for_request()
        with pytest.raises(TimeoutError):
            script.wait_until_ended(timeout=0)
    script.wait_for_disconnect()


def test_silent_says_nothing(server: ChatServer, sock: socket.socket) -> None:
    """A silent server sends no byte, however long the client waits."""
    script = server.silent()
    sock.sendall(POST)
    script.wait_for_request()
    assert hear(sock) == b""


@pytest.mark.parametrize("part", ["head", "body"])
def test_drip(server: ChatServer, part) -> None:
    """A dripping part comes whole, byte by byte."""
    server.drip("abc", interval=0.0, part=part)
    head, _, body = ask(server).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream")
    expected = b"1\r\na\r\n1\r\nb\r\n1\r\nc\r\n" if part == "body" else b"3\r\nabc\r\n"
    assert body == expected + b"0\r\n\r\n"


def test_drip_is_paced(server: ChatServer) -> None:
    """Between two dripping bytes lies the interval."""
    server.drip("abc", interval=0.02)
    begin = time.monotonic()
    ask(server)
    assert time.monotonic() - begin >= 0.06


def test_drip_ends_with_the_client(server: ChatServer) -> None:
    """A drip with a long interval ends at once when the client goes."""
    script = server.drip("abc", interval=1000.0)
    with dial(server) as sock:
        sock.sendall(POST)
        script.wait_for_request()
    script.wait_for_disconnect()


@pytest.mark.parametrize(
    ("kind", "begin"),
    [("events", b"data: xxx"), ("comments", b": xxx"), ("line", b"data: xxx")],
)
def test_flood_of_a_body(server: ChatServer, kind, begin) -> None:
    """A flood has as many bytes as said, and ends properly."""
    server.flood(kind, 200_000)
    with closing(response_of(server)) as response:
        body = response.read()
    assert body.startswith(begin)
    assert 200_000 <= len(body) < 200_100
    assert body.count(b"\n") == {"events": 6250, "comments": 3125, "line": 0}[kind]


def test_flood_of_header_lines(server: ChatServer) -> None:
    """A flood of header lines is followed by a short body."""
    server.flood("head", 100_000)
    head, _, body = ask(server).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\nX-Flood: xxx")
    assert 100_000 < len(head) < 100_300
    assert b"data: event 1\n\n" in body


def test_flood_of_interim_responses(server: ChatServer) -> None:
    """A flood of 100 Continue is followed by the real response."""
    server.flood("continue", 2500)
    answer = ask(server)
    assert answer.count(b"HTTP/1.1 100 Continue\r\n\r\n") == 100
    assert answer[2500:].startswith(b"HTTP/1.1 200 OK\r\n")


def test_paced_flood(server: ChatServer, sock: socket.socket) -> None:
    """A flood with an interval sends a unit at a time."""
    server.flood("comments", 1000, interval=1000.0, framing="close")
    sock.sendall(POST)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
    assert hear(sock) == head + b": " + b"x" * 61 + b"\n"


def test_unknown_flood(server: ChatServer) -> None:
    """A flood of something unknown is refused with what there is."""
    with pytest.raises(ValueError, match="events, comments, line, head, continue"):
        server.flood("pings", 1)  # type: ignore[arg-type]


def inflate(encoding: str, data: bytes) -> int:
    """Count the decoded bytes in small pieces."""
    if encoding == "br":
        return len(pytest.importorskip("brotli").decompress(data))
    if encoding == "zstd":
        decoder = pytest.importorskip("zstandard").ZstdDecompressor().decompressobj()
        return len(decoder.decompress(data))
    return len(zlib.decompress(data, 47))


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
def test_bomb(server: ChatServer, encoding) -> None:
    """A bomb is small on the wire and as large as said when it is decoded."""
    try:
        server.bomb(encoding, 10_000_000)
    except ImportError as missing:
        pytest.skip(str(missing))
    with closing(response_of(server)) as response:
        assert response.getheader("content-encoding") == encoding
        wire = response.read()
    assert len(wire) < 30_000
    assert 10_000_000 <= inflate(encoding, wire) < 10_000_100


def test_error_body(server: ChatServer) -> None:
    """An error body has the status and the size that were asked for."""
    server.error_body(100_000, status=502)
    with closing(response_of(server)) as response:
        assert response.status == 502
        assert len(response.read()) == 100_000


def test_dripping_error_body(server: ChatServer) -> None:
    """An error body may drip."""
    script = server.error_body(100_000, interval=1000.0)
    with dial(server) as sock:
        sock.sendall(POST)
        answer = hear(sock)
        assert answer.startswith(b"HTTP/1.1 500 ")
        assert answer.endswith(b"\r\n\r\nx")
    script.wait_for_disconnect()


def test_many_headers(server: ChatServer) -> None:
    """As many header lines as said come besides the usual ones."""
    server.many_headers(500)
    assert ask(server).count(b"\r\nX-Header-") == 500


@pytest.mark.parametrize("size", ["zz", "-5", "", "ffffffffffffffffff"])
def test_bad_chunk_size(server: ChatServer, size) -> None:
    """After one good chunk comes one with a bad size."""
    server.bad_chunk_size(size)
    assert body_of(ask(server)).startswith(f"f\r\ndata: event 1\n\n\r\n{size}\r\n".encode())


def test_missing_crlf(server: ChatServer) -> None:
    """Chunks may lack the CRLF at their end."""
    server.missing_crlf()
    assert body_of(ask(server)) == b"f\r\ndata: event 1\n\n" * 2 + b"0\r\n\r\n"


@pytest.mark.parametrize("declared", [2, 100])
def test_wrong_content_length(server: ChatServer, declared) -> None:
    """A content-length may be too small or too large."""
    server.wrong_content_length(declared, "abc")
    head, _, body = ask(server).partition(b"\r\n\r\n")
    assert f"Content-Length: {declared}".encode() in head
    assert body == b"abc"


def test_redirect_and_busy(server: ChatServer) -> None:
    """A redirect names its target, a refusal how long to wait."""
    server.redirect("https://elsewhere.test/chat", status=308)
    assert b"\r\nLocation: https://elsewhere.test/chat\r\n" in ask(server)
    server.busy(7, status=429, headers={"Retry-After-Ms": "7000"})
    answer = ask(server)
    assert answer.startswith(b"HTTP/1.1 429 Too Many Requests\r\n")
    assert b"\r\nRetry-After: 7\r\n" in answer
    assert b"\r\nRetry-After-Ms: 7000\r\n" in answer
    server.busy()
    assert b"Retry-After" not in ask(server)


def test_faults_may_repeat_and_be_limited(server: ChatServer) -> None:
    """A fault is for the path it is given, each time if it repeats."""
    server.cut_head(5, path="/chat", repeat=True)
    server.reply(body="other", path="/other")
    assert [ask(server) for _ in range(2)] == [b"HTTP/"] * 2
    assert ask(server, POST.replace(b"/chat", b"/other")).endswith(b"other")
