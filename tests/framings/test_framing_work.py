"""Framing of long lines and many blank ones follows the standard, with bounded work."""

from __future__ import annotations

from contextlib import closing
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from metering import World
from scripted_socket import CHUNKED, SOCKETS
from test_sse_properties import Naive

from chatsdk import ndjson, sse

pytestmark = pytest.mark.fuzz

ENDS = [b"\n", b"\r", b"\r\n"]

# Thresholds at which the code changes its way of reading, and their neighbours.
THRESHOLDS = [1024, 4096, 8192, 65536]
LENGTHS = st.one_of(
    st.integers(0, 40),
    st.builds(int.__add__, st.sampled_from(THRESHOLDS), st.integers(-8, 8)),
    st.builds(int.__add__, st.sampled_from(THRESHOLDS), st.integers(0, 500)),
    st.integers(0, 100_000),
)
FILLERS = st.sampled_from(
    [b"x", b"data: ", b":", b" ", "é".encode(), "🙂".encode(), b"\xff", b"\0"]
)
STARTS = st.sampled_from(
    [b"data: ", b"data:", b"data", b"event: ", b"id: ", b"retry: ", b": ", b""]
)

LINES = st.builds(
    lambda start, filler, length, end: (start + filler * length)[:length] + end,
    STARTS,
    FILLERS,
    LENGTHS,
    st.sampled_from(ENDS),
)
BLANKS = st.lists(st.sampled_from(ENDS), min_size=1, max_size=8).map(b"".join)
EVENTS = st.sampled_from(
    [b"data: 1\n\n", b"event: a\ndata: 2\r\n\r\n", b"id: 7\rdata\r\r", b": c\n"]
)
BODIES = st.lists(
    st.builds(bytes.__add__, LINES | LINES | EVENTS, st.just(b"") | BLANKS | BLANKS), max_size=6
).map(b"".join)


@st.composite
def chunks_of(draw: Any, body: bytes) -> list[bytes]:
    """A body in chunks: some big, at any place or around a threshold, or all of one size."""
    if draw(st.booleans()):
        width = max(draw(st.sampled_from([1, 7, *THRESHOLDS])), len(body) // 500)
        return [body[at : at + width] for at in range(0, len(body), width)]
    places = draw(st.lists(st.integers(0, len(body)) | LENGTHS, max_size=6))
    cuts = [0, *sorted(min(place, len(body)) for place in places), len(body)]
    return [body[start:end] for start, end in pairwise(cuts)]


@pytest.fixture(scope="module")
def world() -> World:
    return World("sse", "ndjson", "transport.http1.chunked")


# Limit on the work: for each byte fed, and for each chunk, line and event.
A_BYTE, A_PIECE = 40, 500


def allowed(body: bytes, chunks: list[bytes]) -> int:
    pieces = 1 + len(chunks) + sum(map(body.count, ENDS)) + len(body) // 65536
    return A_BYTE * len(body) + A_PIECE * pieces


@given(data=st.data(), body=BODIES, dataless=st.booleans())
def test_events_of_long_lines(world, data, body, dataless):
    """Long lines and runs of blank lines give the events of the standard, with bounded work."""
    chunks = data.draw(chunks_of(body))
    parse = world["sse"].parse
    world.meter.work = 0
    read = list(parse(chunks, dataless=dataless))
    assert world.meter.work <= allowed(body, chunks)
    expected = Naive(body, dataless=dataless).events
    assert [tuple(event) for event in read] == [tuple(event) for event in expected]
    assert list(sse.parse(chunks, dataless=dataless)) == expected


def lines_of(body: bytes) -> list[str]:
    """The lines of a body as the NDJSON specification has them, but for the last one."""
    lines = body.removeprefix(b"\xef\xbb\xbf").split(b"\n")[:-1]
    lines = [line.removesuffix(b"\r") for line in lines]
    return [line.decode("utf-8", "replace") for line in lines if line.strip()]


@given(data=st.data(), body=BODIES)
def test_lines_of_json_that_are_long(world, data, body):
    """Long lines and empty ones give the lines of the body, with bounded work."""
    chunks = data.draw(chunks_of(body))
    copy = world["ndjson"].LineParser()
    plain = ndjson.LineParser()
    world.meter.work = 0
    read = [event.data for chunk in chunks for event in copy.feed(chunk)]
    assert world.meter.work <= allowed(body, chunks)
    assert read == lines_of(body)
    assert [event.data for chunk in chunks for event in plain.feed(chunk)] == read


# Lengths of the chunks of one body; the short ones come many times.
CHUNK_LENGTHS = st.lists(
    st.tuples(LENGTHS, st.integers(1, 3)) | st.tuples(st.integers(1, 40), st.integers(1, 400)),
    max_size=6,
)
SIZE_LINES = st.sampled_from([b"%x\r\n"] * 4 + [b"%X\r\n", b"%05x\r\n", b"%x \n", b"%x;a=b\r\n"])


@given(
    data=st.data(),
    lengths=CHUNK_LENGTHS,
    line=SIZE_LINES,
    kind=st.sampled_from(SOCKETS),
    most=st.sampled_from([65536, 65536, 8192, 1000, 1]),
)
def test_chunks_that_are_long(world, data, lengths, line, kind, most):
    """Chunks of any length, however they arrive, give the body, with bounded work."""
    sizes = [size for size, times in lengths for _ in range(times) if size]
    if most == 1:
        sizes = [min(size, 3000) for size in sizes[:40]]
    body = b"".join(bytes([number % 251]) * size for number, size in enumerate(sizes))
    at, wire = 0, b""
    for size in sizes:
        wire += line % size + body[at : at + size] + b"\r\n"
        at += size
    pieces = data.draw(chunks_of(wire + b"0\r\n\r\n"))
    with closing(kind([CHUNKED, *pieces])) as sock:
        response = world["transport.http1.chunked"].CoalescingResponse(sock)
        response.begin()
        world.meter.work = 0
        read = list(iter(lambda: response.read1(most), b""))
        work = world.meter.work
        response.close()
    assert b"".join(read) == body
    assert work <= A_BYTE * len(wire) + A_PIECE * (1 + len(pieces) + len(sizes) + len(read))
