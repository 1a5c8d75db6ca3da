from __future__ import annotations

import http.client
import socket
import ssl
import threading
import tracemalloc
import weakref
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPException, IncompleteRead, LineTooLong
from typing import Any

import pytest
import trustme
import urllib3
from scripted_socket import (
    CHUNKED,
    HEAD,
    SOCKETS,
    Blocked,
    FileSocket,
    WholeSocket,
    chunk,
    read_all,
)
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool

from chatsdk.transport.http1.chunked import BadChunk, CoalescingResponse
from chatsdk.transport.http1.read_ahead import SMALL_READ, ReadAheadFile

EVENTS = [b"data: event %d\n\n" % number for number in range(50)]
BODY = b"".join(EVENTS)
WIRE = b"".join(map(chunk, EVENTS)) + b"0\r\n\r\n"
# Seconds to wait for a thread of a test.
PATIENCE = 10.0


@pytest.fixture(params=SOCKETS)
def respond(request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    """Opens a response over the given pieces; its socket is `response.wire`."""
    opened = []

    def respond(*pieces: bytes, ends: bool = True, method: str = "POST", **limits: int) -> Any:
        wire = request.param(pieces, ends=ends)
        response: Any = CoalescingResponse(wire, method=method)
        opened.append((response, wire))
        response.wire = wire
        for name, value in limits.items():
            setattr(response, name, value)
        response.begin()
        return response

    yield respond
    for response, wire in opened:
        response.close()
        wire.close()


# --- chunks in one piece --------------------------------------------------------------------------


def test_hands_out_all_chunks_of_a_recv_in_one_piece(respond):
    """Chunks that arrive together come out together, for one recv."""
    first, second = (b"".join(map(chunk, part)) for part in (EVENTS[:30], EVENTS[30:]))
    response = respond(CHUNKED, first, second, b"0\r\n\r\n")
    before = len(response.wire.asked)
    assert response.read1(65536) == b"".join(EVENTS[:30])
    assert len(response.wire.asked) == before + 1
    assert response.read1(65536) == b"".join(EVENTS[30:])
    assert len(response.wire.asked) == before + 2


def test_needs_no_recv_for_what_came_with_the_headers(respond):
    """Data that arrived with the headers is returned without another recv."""
    response = respond(CHUNKED + b"".join(map(chunk, EVENTS)), ends=False)
    before = len(response.wire.asked)
    assert response.read1(65536) == BODY
    assert len(response.wire.asked) == before


@pytest.mark.parametrize("most", [65536, 20, 1])
def test_never_waits_while_it_has_something_to_give(respond, most):
    """Wherever the bytes are cut, all that is known of the body is given before it waits."""
    for cut in range(len(WIRE)):
        plain = http.client.HTTPResponse(FileSocket([CHUNKED, WIRE[:cut]], ends=False))
        plain.begin()
        pieces, error = read_all(respond(CHUNKED, WIRE[:cut], ends=False), most)
        assert (b"".join(pieces), error) == (b"".join(read_all(plain)[0]), Blocked)
        plain.close()


def test_body_does_not_depend_on_the_cuts(respond):
    """Any two-way cut, and byte by byte, give the same body."""
    for cut in range(len(WIRE)):
        pieces, error = read_all(respond(CHUNKED, WIRE[:cut], WIRE[cut:]))
        assert (b"".join(pieces), error) == (BODY, None)
    pieces, error = read_all(respond(CHUNKED, *(bytes([byte]) for byte in WIRE)))
    assert (b"".join(pieces), error) == (BODY, None)
    assert len(pieces) == len(BODY)


@pytest.mark.parametrize("cut", [1, 2, 3, len(chunk(EVENTS[0])) - 1, len(chunk(EVENTS[0]))])
def test_cut_framing_does_not_cost_the_coalescing(respond, cut):
    """After a size line or CRLF that was cut, what follows still comes out together."""
    pieces, error = read_all(respond(CHUNKED, WIRE[:cut], WIRE[cut:]))
    assert (b"".join(pieces), error) == (BODY, None)
    assert len(pieces) <= 2


def test_flood_of_tiny_chunks_is_read_in_large_pieces(respond):
    """Framing that is cut at the end of each recv is joined with the next one, however large."""
    response = respond(CHUNKED, chunk(b"x") * 60000, b"0\r\n\r\n")
    before = len(response.wire.asked)
    assert b"".join(read_all(response)[0]) == b"x" * 60000
    assert len(response.wire.asked) - before <= 60000 * len(chunk(b"x")) / 65536 + 4


@pytest.mark.parametrize("wire", [CHUNKED + WIRE, HEAD + b"\r\n" + BODY], ids=["chunked", "close"])
@pytest.mark.parametrize("most", [1, 2, 3, 7, 64, 1000])
def test_never_gives_more_than_asked_for(respond, wire, most):
    """A small `n` gives small pieces of the same body."""
    pieces, error = read_all(respond(wire[:500], wire[500:]), most)
    assert max(map(len, pieces)) <= most
    assert (b"".join(pieces), error) == (BODY, None)


def test_gives_a_large_chunk_as_it_arrives(respond):
    """A chunk that is incomplete is returned as it arrives."""
    data = bytes(range(256)) * 512
    wire = chunk(data)
    response = respond(CHUNKED, wire[:1000], wire[1000:90000], wire[90000:], b"0\r\n\r\n")
    assert len(response.read1(65536)) == 1000 - len(b"20000\r\n")
    assert b"".join(read_all(response)[0]) == data[1000 - len(b"20000\r\n") :]


@pytest.mark.parametrize("tail", [b"", b"5", b"5\r\nhello", b"5;name=value\r\n"])
def test_keeps_nothing_large_between_reads(tail):
    """A stream that is paused after a flood holds on to little more than http.client's buffer."""
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        theirs.sendall(CHUNKED)
        response = CoalescingResponse(ours)
        response.begin()
        tracemalloc.start()
        try:
            theirs.sendall(chunk(b"x" * 200) * 150 + tail)
            left = 150 * 200
            while left > 0:
                left -= len(response.read1(65536))
            kept, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert kept < 16_384
        response.close()


def test_asks_for_no_more_than_a_large_chunk(respond):
    """A large chunk is read to its end and no further, so that its bytes are copied only once."""
    response = respond(CHUNKED, b"5000\r\n" + b"x" * 480, b"x" * 20000 + b"\r\n0\r\n\r\n")
    assert response.read1(65536) == b"x" * 480
    assert response.read1(65536) == b"x" * 20000
    assert response.wire.asked[-1] == 20000


def test_event_in_crlf_is_read_in_one_piece_too(respond):
    """Chunks that hold CRLF themselves, or look like chunks, come out together all the same."""
    events = [b"data: 5\r\n\r\n", b"3\r\nabc\r\n", b"\r\n", b"\r\n\r\n0\r\n\r\n"] * 10
    response = respond(CHUNKED, b"".join(map(chunk, events)) * 2, b"0\r\n\r\n")
    assert response.read1(65536) == b"".join(events) * 2
    assert response.read1(65536) == b""


@pytest.mark.parametrize(
    "line",
    [
        b"%X\r\n",
        b"%04x\r\n",
        b"%x\n",
        b"%x  \r\n",
        b"%x;name=value\r\n",
        b"%x ; name=value\r\n",
        b"%x;" + b"a" * 9000 + b"\r\n",
    ],
)
def test_reads_unusual_size_lines(respond, line):
    """Upper case, padding, extensions and bare line feeds are read as http.client reads them."""
    events = [bytes([65 + number]) * (10 + number) for number in range(20)]
    wire = b"".join(line % len(event) + event + b"\r\n" for event in events) + b"0\r\n\r\n"
    for pieces in ([CHUNKED + wire], [CHUNKED, wire], [CHUNKED, wire[:40], wire[40:]]):
        given, error = read_all(respond(*pieces))
        assert (b"".join(given), error) == (b"".join(events), None)


def test_asks_for_little_while_little_comes(respond):
    """A trickling stream does not set a large buffer aside; a flood is read in large pieces."""
    flood = chunk(b"y" * 100) * 2000
    response = respond(CHUNKED, chunk(b"x"), chunk(b"x"), flood, chunk(b"x"), ends=False)
    del response.wire.asked[:]
    read_all(response)
    assert response.wire.asked[:3] == [SMALL_READ] * 3
    assert 65536 in response.wire.asked
    assert response.wire.asked[-1] == SMALL_READ


# --- the end, and what is no body -----------------------------------------------------------------


def test_is_closed_with_the_last_piece_when_the_end_is_there(respond):
    """The connection is free as soon as the end was read, not one call later."""
    response = respond(CHUNKED, WIRE)
    assert response.read1(65536) == BODY
    assert response.isclosed()
    assert not response.has_unread_bytes
    assert response.read1(65536) == b""


@pytest.mark.parametrize("trailers", [b"", b"A: b\r\n", b"A: b\r\nC: d\r\n", b"A: b\n"])
def test_takes_the_trailers_and_nothing_more(respond, trailers):
    """Trailers belong to the body; what follows them does not, and is noticed."""
    response = respond(CHUNKED, chunk(b"x"), b"0\r\n" + trailers + b"\r\n")
    assert read_all(response) == ([b"x"], None)
    assert response.isclosed()
    assert not response.has_unread_bytes


@pytest.mark.parametrize("count", [0, 1, 40])
@pytest.mark.parametrize("has_unread_bytes", [b"\r\n", b"HTTP/1.1 200 OK\r\n", chunk(b"y"), WIRE])
def test_notices_what_follows_the_body(respond, count, has_unread_bytes):
    """Bytes after the end are not part of the body, and the response reports them."""
    response = respond(CHUNKED, chunk(b"x") * count + b"0\r\n\r\n" + has_unread_bytes)
    assert b"".join(read_all(response)[0]) == b"x" * count
    assert response.has_unread_bytes


def test_truncation_is_an_error_wherever_it_happens(respond):
    """A body that ends before its last chunk raises IncompleteRead, after giving what there was."""
    last = WIRE.index(b"0\r\n\r\n", len(WIRE) - 5)
    for cut in range(last + 1):
        pieces, error = read_all(respond(CHUNKED, WIRE[:cut]))
        assert BODY.startswith(b"".join(pieces))
        assert error is IncompleteRead


@pytest.mark.parametrize("after", [b"", b"\r", b"\n\n", b"xx", b"\rx", b"3\r\nabc\r\n", b"x" * 40])
def test_chunk_without_its_crlf_is_an_error(respond, after):
    """A chunk that is longer or shorter than its size ends the body with an error."""
    for wire in (chunk(b"abc") + b"3\r\nabc" + after, b"3\r\nabc" + after):
        pieces, error = read_all(respond(CHUNKED, wire, b"zz"))
        assert b"".join(pieces) == b"abc" * (1 + wire.startswith(b"3\r\nabc\r\n3"))
        assert error is BadChunk


BAD_SIZES = [b"", b"x", b"-1", b"-5", b"1 1", b"\x00", b"0x", b";", b"+-1"]
# These are numbers to Python's int.
BAD_SIZES += [b"0x5", b"+5", b" 5", b"5_0", b"-0", b"\x0b5", b"f" * 16, b"7fffffffffffffff"]


@pytest.mark.parametrize("size", BAD_SIZES)
def test_bad_size_is_an_error_and_never_a_bare_one(respond, size):
    """An invalid size raises BadChunk from read1, read and readinto; the rest is not read."""
    for read in ("read1", "read", "readinto"):
        response = respond(CHUNKED, chunk(b"ab"), size + b"\r\nabcdefgh\r\n0\r\n\r\n")
        assert response.read1(2) == b"ab"
        with pytest.raises(BadChunk):
            getattr(response, read)(*([bytearray(10)] if read == "readinto" else []))
        assert response.isclosed()


@pytest.mark.parametrize("line", [b"0", b"00", b"0\r", b"5", b"0;a=b"])
@pytest.mark.parametrize("before", [b"", chunk(b"x"), chunk(b"x") * 9])
def test_size_line_that_is_cut_is_no_size(respond, line, before):
    """A connection that ends inside a size line truncates the body, whatever the line has."""
    for pieces in ([CHUNKED + before + line], [CHUNKED, before, line]):
        given, error = read_all(respond(*pieces))
        assert (b"".join(given), error) == (b"x" * (len(before) // 6), IncompleteRead)


@pytest.mark.parametrize("size", [b"f" * 14, b"0" * 30 + b"f" * 15])
def test_absurd_size_is_read_as_a_truncated_chunk(respond, size):
    """A chunk longer than the rest gives it, then IncompleteRead, never OverflowError."""
    wire = (CHUNKED, size + b"\r\nabc")
    assert read_all(respond(*wire)) == ([b"abc"], IncompleteRead)
    assert read_all(respond(*wire), -1) == ([b"abc"], IncompleteRead)
    with pytest.raises(IncompleteRead):
        respond(*wire).read()


def test_size_line_has_a_bound(respond):
    """A size line that does not end is an error, and is not kept in memory."""
    response = respond(CHUNKED, chunk(b"x"), b"1;" + b"a" * 70000, ends=False)
    assert read_all(response) == ([b"x"], LineTooLong)


def test_trailers_have_a_bound(respond):
    """Trailers that do not end, in length or in number, are an error."""
    assert read_all(respond(CHUNKED, b"0\r\n", b"A: b\r\n" * 101, ends=False)) == (
        [],
        HTTPException,
    )
    assert read_all(respond(CHUNKED, b"0\r\n", b"A" * 70000, ends=False)) == ([], LineTooLong)
    response = respond(CHUNKED, b"0\r\n", b"A: b\r\n" * 3, ends=False, max_header_lines=2)
    assert read_all(response) == ([], HTTPException)


# --- bodies without chunks ------------------------------------------------------------------------


def test_close_delimited_body_comes_as_it_arrives(respond):
    """A body up to the end of the connection is given recv by recv, and ends the connection."""
    response = respond(HEAD + b"\r\n" + EVENTS[0], *EVENTS[1:])
    assert response.will_close
    assert read_all(response) == (EVENTS, None)
    assert response.isclosed()
    assert max(response.wire.asked) == SMALL_READ


def test_body_of_known_length_ends_there(respond):
    """A Content-Length body takes its own bytes, and then the connection is free."""
    response = respond(HEAD + b"Content-Length: 10\r\n\r\nabcd", b"efgh", b"ijklmn")
    assert [response.read1(65536) for _ in range(3)] == [b"abcd", b"efgh", b"ij"]
    assert response.has_unread_bytes
    assert response.isclosed()
    assert response.read1(65536) == b""


def test_short_body_of_known_length_is_left_to_urllib3(respond):
    """A Content-Length body that is cut ends quietly here, and urllib3 knows its length."""
    response = respond(HEAD + b"Content-Length: 10\r\n\r\nabcd")
    wrapped = over(response)
    assert wrapped.read1(65536) == b"abcd"
    with pytest.raises(urllib3.exceptions.ProtocolError, match="IncompleteRead"):
        wrapped.read1(65536)


@pytest.mark.parametrize(
    ("method", "head"), [("HEAD", CHUNKED), ("POST", b"HTTP/1.1 204 No Content\r\n\r\n")]
)
def test_answer_without_a_body(respond, method, head):
    """HEAD and 204 have no body, whatever follows."""
    assert respond(head + b"5\r\nhello\r\n", method=method).read1(65536) == b""


# --- other ways of reading ------------------------------------------------------------------------


@pytest.mark.parametrize("wire", [CHUNKED + WIRE, HEAD + b"\r\n" + BODY], ids=["chunked", "close"])
def test_ways_of_reading_can_be_mixed(respond, wire):
    """read, readinto, readline and peek go on where read1 stopped, and the other way round."""
    response = respond(wire[:200], wire[200:])
    given = response.read1(20)
    given += response.read(33)
    line = response.readline()
    assert line.endswith(b"\n")
    given += line + response.read1(100)
    peeked = response.peek()
    assert peeked
    buffer = bytearray(40)
    count = response.readinto(buffer)
    assert bytes(buffer[:count]).startswith(peeked[:count])
    given += bytes(buffer[:count]) + response.read1(1) + response.readline(3) + response.read1(9)
    given += response.read()
    assert given == BODY
    assert response.isclosed()
    assert response.read1(5) == b""


@pytest.mark.parametrize("held", [0, 1, 7, 19])
def test_what_is_in_hand_comes_before_the_file(held):
    """All ways of reading a file give first what was received ahead, then the file's own."""
    text = b"one\ntwo\nthree\nfour\n"

    def ahead() -> ReadAheadFile:
        ahead = ReadAheadFile(FileSocket([text[:held], text[held:]]).makefile("rb"), None)
        assert ahead.receive(100) == (held or len(text))
        return ahead

    assert ahead().read() == text
    assert ahead().read(-1) == text
    assert ahead().read(9) == text[:9]
    assert ahead().readline() == b"one\n"
    assert ahead().readline(3) == b"one"
    assert ahead().peek() == text[: held or None]
    buffer = bytearray(9)
    assert (ahead().readinto(buffer), bytes(buffer)) == (9, text[:9])
    reader = ahead()
    lines = [reader.readline() for _ in range(5)]
    assert lines == [*text.splitlines(keepends=True), b""]
    assert reader.peek() == b""


def test_reading_without_read1_is_that_of_http_client(respond):
    """read() alone, and urllib3's stream(), give the body and free the connection."""
    response = respond(CHUNKED, WIRE)
    assert response.read() == BODY
    assert response.isclosed()
    response = respond(CHUNKED, WIRE)
    assert b"".join(over(response, chunked=True).stream()) == BODY
    assert response.isclosed()


def test_flush_and_fileno_reach_the_socket():
    """The methods that io expects of a file work before and after read1."""
    with closing(WholeSocket([CHUNKED, WIRE])) as wire:
        response = CoalescingResponse(wire)
        response.begin()
        assert response.fileno() == wire.fileno()
        assert response.read1(10)
        response.flush()
        assert response.fileno() == wire.fileno()
        response.close()


def test_compressed_body_is_decoded_above(respond):
    """gzip flushed at each event comes out event by event, through urllib3."""
    compressor = zlib.compressobj(wbits=31)
    wire = []
    for event in EVENTS:
        wire.append(chunk(compressor.compress(event) + compressor.flush(zlib.Z_SYNC_FLUSH)))
    wire.append(chunk(compressor.flush()) + b"0\r\n\r\n")
    response = over(respond(CHUNKED, *wire), chunked=True, encoding="gzip")
    pieces = iter(lambda: response.read1(65536, decode_content=True), b"")
    assert list(pieces) == EVENTS


def over(response: Any, *, chunked: bool = False, encoding: str = "identity") -> Any:
    """urllib3's response over one of chatsdk's, as its connection makes it."""
    headers = {"Content-Encoding": encoding}
    if chunked:
        headers["Transfer-Encoding"] = "chunked"
    elif response.length is not None:
        headers["Content-Length"] = str(response.length)
    return urllib3.HTTPResponse(
        body=response, headers=headers, preload_content=False, original_response=response
    )


# --- the head -------------------------------------------------------------------------------------


@pytest.mark.parametrize("interim", [b"100 Continue", b"102 Processing", b"103 Early Hints"])
def test_interim_answers_are_skipped(respond, interim):
    """Interim answers, with headers or without, are not taken for the answer."""
    interim = b"HTTP/1.1 " + interim + b"\r\nLink: </style.css>\r\n\r\n"
    response = respond(interim * 100 + CHUNKED, WIRE)
    assert response.status == 200
    assert response.getheader("Link") is None
    assert b"".join(read_all(response)[0]) == BODY


def test_endless_interim_answers_are_an_error(respond):
    """A flood of 100 Continue ends, and so does one of their headers."""
    with pytest.raises(HTTPException, match="100 interim responses"):
        respond(b"HTTP/1.1 100 Continue\r\n\r\n" * 101, ends=False)
    with pytest.raises(HTTPException, match="100 header lines"):
        respond(b"HTTP/1.1 100 Continue\r\n", b"A: b\r\n" * 101, ends=False)


def test_switching_protocols_is_an_answer(respond):
    """After 101 nothing of HTTP follows, so it is handed on."""
    assert respond(b"HTTP/1.1 101 Switching Protocols\r\n\r\n", ends=False).status == 101


@pytest.mark.parametrize("most", [1, 100, 3000])
def test_number_of_header_lines_has_the_given_bound(respond, most):
    """`max_header_lines` may be smaller or larger than http.client's own bound."""
    lines = b"".join(b"X-%d: %b\r\n" % (number, b"v" * 50) for number in range(most))
    start = b"HTTP/1.1 200 OK\r\n" + lines
    response = respond(start + b"\r\n", max_header_lines=most)
    assert response.getheader(f"X-{most - 1}") == "v" * 50
    assert len(response.getheaders()) == most
    with pytest.raises(HTTPException, match=f"more than {most} header lines"):
        respond(start + b"A: b\r\n", ends=False, max_header_lines=most)


def test_header_line_has_a_bound(respond):
    """A header line that does not end is an error."""
    with pytest.raises(LineTooLong):
        respond(b"HTTP/1.1 200 OK\r\nX: y\r\nA: " + b"b" * 70000, ends=False)


def test_folded_header_is_read_whole(respond):
    """A header that goes on in the next line is one header."""
    response = respond(b"HTTP/1.1 200 OK\r\nA: b\r\n  c\r\nD: e\r\n\r\n")
    assert response.getheader("A").split() == ["b", "c"]
    assert response.getheader("D") == "e"


def test_begin_twice_is_harmless(respond):
    """The head is read once."""
    response = respond(CHUNKED, WIRE)
    response.begin()
    assert b"".join(read_all(response)[0]) == BODY


# --- real sockets ---------------------------------------------------------------------------------


class Connection(HTTPConnection):
    response_class: Any = CoalescingResponse


class Pool(HTTPConnectionPool):
    ConnectionCls: Any = Connection


@contextmanager
def serving(*answers: bytes, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A server on one connection that gives an answer for each request; its port."""

    def serve() -> None:
        sock, _ = listener.accept()
        sock.settimeout(PATIENCE)
        if context:
            sock = context.wrap_socket(sock, server_side=True)
        with closing(sock):
            requests = sock.makefile("rb")
            for answer in answers:
                while requests.readline() not in (b"\r\n", b""):
                    pass
                sock.sendall(answer)
            requests.close()

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        listener.settimeout(PATIENCE)
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(PATIENCE)
        assert not thread.is_alive()


def test_connection_is_used_again_after_the_last_chunk():
    """Two answers, one with trailers, are read from one connection in turn."""
    answers = (CHUNKED + WIRE, CHUNKED + chunk(b"x") + b"0\r\nA: b\r\n\r\n", CHUNKED + WIRE)
    with serving(*answers) as port, Pool("127.0.0.1", port, timeout=PATIENCE) as pool:
        for body in (BODY, b"x", BODY):
            response = pool.request("GET", "/", preload_content=False)
            assert b"".join(read_all(response)[0]) == body
            response.release_conn()
        assert pool.num_connections == 1
        assert pool.num_requests == 3


def test_drained_connection_is_used_again():
    """A body half read by read1 is drained by urllib3, and its connection used again."""
    answers = (CHUNKED + WIRE, CHUNKED + WIRE)
    with serving(*answers) as port, Pool("127.0.0.1", port, timeout=PATIENCE) as pool:
        for _ in answers:
            response = pool.request("GET", "/", preload_content=False)
            assert BODY.startswith(response.read1(10) or b"none")
            response.drain_conn()
            response.release_conn()
        assert pool.num_connections == 1


def test_reads_from_a_tls_connection():
    """Over TLS the body is the same, in records of any size."""
    authority = trustme.CA()
    server, client = (
        ssl.SSLContext(kind) for kind in (ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT)
    )
    authority.issue_cert("127.0.0.1").configure_cert(server)
    authority.configure_trust(client)
    events = [b"data: %b\n\n" % (b"x" * (number % 500)) for number in range(2000)]
    wire = CHUNKED + b"".join(map(chunk, events)) + b"0\r\n\r\n"
    with (
        serving(wire, context=server) as port,
        closing(socket.create_connection(("127.0.0.1", port), PATIENCE)) as raw,
        closing(client.wrap_socket(raw, server_hostname="127.0.0.1")) as sock,
    ):
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        response = CoalescingResponse(sock)
        response.begin()
        pieces, error = read_all(response)
        assert (b"".join(pieces), error) == (b"".join(events), None)
        assert len(pieces) < len(events) / 5
        assert response.isclosed()
        response.close()


@pytest.mark.parametrize("head", [CHUNKED, HEAD + b"\r\n"], ids=["chunked", "close"])
def test_timeout_is_raised_and_loses_nothing(head):
    """A read that times out raises TimeoutError; what had come before was given out."""
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        theirs.sendall(head + chunk(b"abc"))
        ours.settimeout(0.01)
        response = CoalescingResponse(ours)
        response.begin()
        pieces, error = read_all(response)
        assert (b"abc" in b"".join(pieces), error) == (True, TimeoutError)
        response.close()


def test_socket_that_is_closed_elsewhere_is_an_os_error():
    """A connection closed under a response raises an OSError, not an AttributeError."""
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        theirs.sendall(CHUNKED + chunk(b"abc"))
        response = CoalescingResponse(ours)
        response.begin()
        assert response.read1(65536) == b"abc"
        theirs.sendall(b"3\r\n")
        socket.close(ours.detach())
        with pytest.raises(OSError, match="descriptor"):
            response.read1(65536)


def test_finished_response_does_not_keep_the_socket():
    """A response that has ended, and is kept, leaves its socket to the connection."""
    wire = WholeSocket([CHUNKED, WIRE])
    response = CoalescingResponse(wire)
    response.begin()
    read_all(response)
    wire.close()
    alive = weakref.ref(wire)
    del wire
    assert response.isclosed()
    assert alive() is None
