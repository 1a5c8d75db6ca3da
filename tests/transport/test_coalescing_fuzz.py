"""The coalescing reader against http.client's own: the same bytes, the same error, any cutting."""

from __future__ import annotations

import http.client
import zlib
from collections.abc import Sequence
from contextlib import closing
from http.client import HTTPException, IncompleteRead, LineTooLong
from typing import Any

import pytest
import urllib3
from hypothesis import example, given
from hypothesis import strategies as st
from scripted_socket import CHUNKED, HEAD, SOCKETS, FileSocket, read_all

from chatsdk.transport.http1.chunked import BadChunk, CoalescingResponse
from chatsdk.transport.http1.head import HeadCut

pytestmark = pytest.mark.fuzz


class PlainResponse(http.client.HTTPResponse):
    """http.client's reader, made to refuse the things that ours documents to refuse."""

    def _safe_read(self, amt: int) -> bytes:
        data = super()._safe_read(amt)
        if self.chunk_left == 0 and data != b"\r\n":
            self._close_conn()
            raise BadChunk("no CRLF")
        return data

    def _read_next_chunk_size(self) -> int:
        line = self.fp.readline(65537)
        if len(line) > 65536:
            raise LineTooLong("chunk size")
        if not line.endswith(b"\n"):
            self._close_conn()
            raise IncompleteRead(b"")
        digits = line.removesuffix(b"\n").removesuffix(b"\r").partition(b";")[0].rstrip(b" \t")
        if not digits or digits.strip(b"0123456789abcdefABCDEF") or len(digits) > 15:
            self._close_conn()
            raise BadChunk("no size")
        return int(digits, 16)


# --- what is sent ---------------------------------------------------------------------------------

payloads = st.builds(
    lambda data, times: data * times,
    st.one_of(
        st.binary(min_size=1, max_size=40),
        st.sampled_from(
            [b"\r\n", b"\n", b"0\r\n\r\n", b"data: 5\r\n\r\n", b"3\r\nabc\r\n", b"a\n\n"]
        ),
    ),
    st.sampled_from([1, 1, 1, 1, 20, 300, 3000]),
)
# The size line of a chunk. Most are as servers write them.
size_lines = st.sampled_from(
    [b"%x\r\n"] * 12
    + [b"%X\r\n", b"%05x\r\n", b"%x\n", b"%x \r\n", b"%x\t\n", b"%x \t\r\n"]
    + [b"%x;a\r\n", b'%x;a="b;c"\r\n', b"%x ; a=b\n", b"%x;" + b"a" * 40 + b"\r\n"]
)
chunks = st.builds(lambda line, data: line % len(data) + data + b"\r\n", size_lines, payloads)
runs = st.builds(
    lambda count, step: b"".join(
        b"%x\r\n%b\r\n" % (10 + step * n % 37, b"x" * (10 + step * n % 37)) for n in range(count)
    ),
    st.integers(1, 400),
    st.integers(0, 5),
)
ends = st.builds(
    lambda last, trailers, blank: last + trailers + blank,
    st.sampled_from([b"0\r\n"] * 4 + [b"0\n", b"000\r\n", b"0;a=b\r\n", b"0 \r\n"]),
    st.sampled_from([b""] * 3 + [b"A: b\r\n", b"A: b\r\nC: d\n", b"0\r\n"]),
    st.sampled_from([b"\r\n", b"\r\n", b"\n"]),
)
whole_bodies = st.builds(
    lambda chunks, end: b"".join(chunks) + end, st.lists(chunks | runs, max_size=8), ends
)
# Bytes that no server should send.
faults = st.one_of(
    st.builds(
        lambda size: size + b"\r\nabc\r\n",
        st.sampled_from(
            [b"", b"g", b"-3", b"-1", b"3 3", b"\x00", b";3", b"0x", b"f" * 15, b"f" * 20, b"3\r"]
        )
        # These are numbers to Python's int.
        | st.sampled_from(
            [b"0x3", b"+3", b" 3", b"0_3", b"-0", b"\t3", b"3\x0b"],
        ),
    ),
    st.builds(
        lambda data, crlf: b"%x\r\n%b%b" % (len(data), data, crlf),
        payloads,
        st.sampled_from([b"", b"\n", b"\r", b"xx", b"\n\n", b"\r\r", b"\r\n\r\n"]),
    ),
    st.binary(min_size=1, max_size=6),
    st.just(b"1;" + b"a" * 66000 + b"\r\na\r\n"),
)


@st.composite
def bodies(draw: Any) -> bytes:
    """A chunked body, intact, broken or truncated anywhere, perhaps with more bytes after it."""
    parts = draw(st.lists(chunks | runs, max_size=6))
    if draw(st.booleans()):
        parts.insert(draw(st.integers(0, len(parts))), draw(faults))
    wire = (
        b"".join(parts)
        + draw(ends)
        + draw(st.sampled_from([b"", b"", b"HTTP/1.1 200 OK\r\n", b"3\r\nabc\r\n"]))
    )
    if draw(st.booleans()):
        # Near the end, where the framing is, as often as anywhere.
        cut = draw(st.one_of(st.integers(0, len(wire)), st.integers(len(wire) - 12, len(wire))))
        wire = wire[: max(cut, 0)]
    return wire


@st.composite
def cuttings(draw: Any, wire: bytes) -> list[bytes]:
    """`wire` in pieces, one a recv."""
    if draw(st.booleans()):
        width = draw(st.sampled_from([1, 2, 3, 17, 200, 4096, 65536]))
        # Byte by byte only what is short.
        width = max(width, len(wire) // 3000)
        return [wire[start : start + width] for start in range(0, len(wire), width)]
    places = sorted(draw(st.lists(st.integers(0, len(wire)), max_size=8)))
    return [wire[start:end] for start, end in zip([0, *places], [*places, len(wire)], strict=True)]


sizes = st.sampled_from([65536, 65536, 65536, -1, 8192, 100, 7, 1])


def outcome(response: Any, most: int = 65536) -> tuple[bytes, type[Exception] | None]:
    pieces, error = read_all(response, most)
    return b"".join(pieces), error


def plainly(pieces: Sequence[bytes], *, ends: bool = True) -> tuple[bytes, Any, bool]:
    """Return http.client's result for the complete body: bytes, error and whether it is closed."""
    response = PlainResponse(FileSocket(pieces, ends=ends))  # type: ignore[arg-type]
    response.begin()
    with closing(response):
        return *outcome(response), response.isclosed()


# --- chunks ---------------------------------------------------------------------------------------


@given(data=st.data(), body=bodies(), most=sizes, kind=st.sampled_from(SOCKETS), ends=st.booleans())
def test_read1_gives_what_http_client_gives(data, body, most, kind, ends):
    """Same bytes, then the same error or end; where more may come, all is given that can be."""
    pieces = data.draw(cuttings(CHUNKED + body))
    with closing(kind(pieces, ends=ends)) as wire:
        response = CoalescingResponse(wire)
        response.begin()
        with closing(response):
            # One byte a call is for short bodies.
            given = outcome(response, most if most >= 100 or len(body) < 3000 else 100)
            assert (*given, response.isclosed()) == plainly(pieces, ends=ends)
            if given[1] is None:
                assert response.chunk_left is None
                assert response.read1(65536) == b""


OPERATIONS = ("read1", "read", "readinto", "readline", "peek", "all")


@given(
    data=st.data(),
    body=bodies(),
    kind=st.sampled_from(SOCKETS),
    operations=st.lists(st.tuples(st.sampled_from(OPERATIONS), st.integers(0, 200)), max_size=12),
)
def test_ways_of_reading_can_be_mixed(data, body, kind, operations):
    """In any order they give the body from its start, each byte once, and the same end."""
    pieces = data.draw(cuttings(CHUNKED + body))
    expected, expected_error, _ = plainly(pieces)
    given, error = b"", None
    with closing(kind(pieces)) as wire:
        response = CoalescingResponse(wire)
        response.begin()
        with closing(response):
            try:
                for name, amount in operations:
                    given += apply(response, name, amount)
                while piece := response.read1(65536):
                    given += piece
            except HTTPException as failure:
                error = type(failure)
            assert error is expected_error
            assert given == expected if error is None else expected.startswith(given)
            assert error is not None or response.isclosed()


def apply(response: Any, name: str, amount: int) -> bytes:
    if name == "readinto":
        buffer = bytearray(amount)
        return bytes(buffer[: response.readinto(buffer)])
    if name == "peek":
        peeked = response.peek(amount)
        read = response.read(min(len(peeked), amount))
        assert peeked.startswith(read)
        return read
    if name == "all":
        return response.read() if amount > 190 else b""
    return getattr(response, name)(amount)


@given(data=st.data(), first=whole_bodies, second=whole_bodies, most=sizes)
def test_the_next_answer_begins_where_the_body_ends(data, first, second, most):
    """After the trailers the connection carries another answer, whichever way it is cut."""
    pieces = []
    for body in (first, second):
        pieces += data.draw(cuttings(CHUNKED + body))
    most = max(most, 100)
    wire = FileSocket(pieces, ends=False)
    for body in (first, second):
        response: Any = CoalescingResponse(wire)
        response.begin()
        assert (*outcome(response, most), response.isclosed()) == plainly([CHUNKED, body])
        assert not response.will_close
        assert not response.has_unread_bytes
        response.close()


# --- through urllib3 ------------------------------------------------------------------------------


def through_urllib3(response: Any, headers: dict[str, str]) -> tuple[bytes, Any, Any]:
    wrapped = urllib3.HTTPResponse(
        body=response, headers=headers, preload_content=False, original_response=response
    )
    given = b""
    try:
        while piece := wrapped.read1(65536, decode_content=True):
            given += piece
    except urllib3.exceptions.HTTPError as error:
        return given, type(error), type(error.__cause__)
    return given, None, None


@given(
    data=st.data(),
    texts=st.lists(payloads, max_size=6),
    framing=st.sampled_from(["chunked", "length", "close"]),
    encoding=st.sampled_from(["gzip", "identity"]),
    fault=st.sampled_from(["none", "none", "cut", "flip", "extra"]),
)
def test_decoded_body_is_the_same_through_urllib3(data, texts, framing, encoding, fault):
    """gzip or not, chunked or not: the same text, or the same error, from the same wire."""
    if encoding == "gzip":
        compressor = zlib.compressobj(wbits=31)
        flushed = [compressor.compress(t) + compressor.flush(zlib.Z_SYNC_FLUSH) for t in texts]
        parts = [*flushed, compressor.flush()]
    else:
        parts = texts
    body = b"".join(parts)
    headers = {"Content-Encoding": encoding}
    if framing == "chunked":
        headers["Transfer-Encoding"] = "chunked"
        body = b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in parts if p) + b"0\r\n\r\n"
    elif framing == "length":
        headers["Content-Length"] = str(len(body))
    if fault == "cut":
        body = body[: data.draw(st.integers(0, len(body)))]
    elif fault == "flip" and body:
        place = data.draw(st.integers(0, len(body) - 1))
        body = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
    elif fault == "extra":
        body += b"extra"
    head = HEAD + "".join(f"{k}: {v}\r\n" for k, v in headers.items()).encode() + b"\r\n"
    pieces = data.draw(cuttings(head + body))
    results = []
    for make in (PlainResponse, CoalescingResponse):
        with closing(data.draw(st.sampled_from(SOCKETS))(pieces)) as wire:
            response: Any = make(wire)
            response.begin()
            results.append(through_urllib3(response, headers))
            # urllib3 closes what has failed and what has ended.
            assert response.isclosed()
    (plain, *plain_error), (ours, *our_error) = results
    assert our_error == plain_error
    if plain_error[0] is urllib3.exceptions.DecodeError:
        # zlib drops what it had decoded of the piece in which it finds the fault.
        assert plain.startswith(ours)
    else:
        assert ours == plain


# --- the head -------------------------------------------------------------------------------------

header_lines = st.one_of(
    st.from_regex(rb"[A-Za-z-]{1,10}:[ -~]{0,20}\r?\n", fullmatch=True),
    st.from_regex(rb"[ \t][ -~]{0,20}\r\n", fullmatch=True),
    st.sampled_from(
        [b"Transfer-Encoding: chunked\r\n", b"Content-Length: 5\r\n", b"Connection: close\r\n"]
    ),
    st.binary(max_size=10).map(lambda data: data + b"\r\n"),
    st.just(b"X: " + b"y" * 40000 + b"\r\n"),
    st.just(b"X: " + b"y" * 66000 + b"\r\n"),
)


@example([b"HTTP/1.1 200 OK\r\n"], [b"X: " + b"y" * 40000 + b"\r\n"] * 3, b"\r\n", [])
@given(
    statuses=st.lists(
        st.sampled_from(
            [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\nA: b\r\n\r\n"]
        ),
        max_size=3,
    ).flatmap(
        lambda interim: st.sampled_from(
            [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 200\n", b"HTTP/1.1 abc\r\n", b"junk\r\n", b""]
        ).map(lambda final: [*interim, final])
    ),
    lines=st.lists(header_lines, max_size=8),
    end=st.sampled_from([b"\r\n", b"\n", b""]),
    places=st.lists(st.integers(0, 200), max_size=4),
)
def test_head_is_that_of_http_client(statuses, lines, end, places):
    """The same headers, framing and error for any head within the limits."""
    wire = b"".join([*statuses, *lines, end]) + b"hello"
    places = sorted(places)
    pieces = [wire[a:b] for a, b in zip([0, *places], [*places, len(wire)], strict=True)]
    plain, ours = (head(make, pieces) for make in (http.client.HTTPResponse, CoalescingResponse))
    if ours is HeadCut:
        # The one difference: http.client takes a head that the connection ends in for the whole.
        assert end == b""
    else:
        assert ours == plain


def head(make: Any, pieces: list[bytes]) -> Any:
    response = make(FileSocket(pieces))
    with closing(response):
        try:
            response.begin()
        except (HTTPException, OSError) as error:
            return type(error)
        return (
            response.status,
            response.reason,
            response.version,
            response.headers.items(),
            response.chunked,
            response.length,
            response.will_close,
            *outcome(response),
        )
