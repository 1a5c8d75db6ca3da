"""Limits: no flood, bomb or endless line fills the memory, and the partial text is kept."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from chatsdk import ChatClient, ChatError, HTTPStatusError, LimitExceeded, Limits, Retry
from chatsdk.testing import ChatServer

MIB = 1024 * 1024
CHUNK = b'data: {"choices":[{"delta":{"content":"Hi"}}]}\n\n'
ONCE = Retry(attempts=1)

# Reads one response in a separate process and reports how much its memory grew at most.
READER = """
import json, sys
from chatsdk import ChatClient, ChatError, Limits, Retry
def peak():
    # Not ru_maxrss: that counts the process that forked this one, too.
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
client = ChatClient(sys.argv[1], dialect=sys.argv[2], retry=Retry(attempts=1))
client.send({}).result()
before = peak()
try:
    stream = client.send({})
    for answer in stream:
        pass
    said = stream.outcome.reason
except ChatError as error:
    said = type(error).__name__ + " " + str(getattr(error, "limit", ""))
print(json.dumps([said, peak() - before]))
"""


@pytest.fixture
def server():
    with ChatServer() as server:
        yield server


needs_proc = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the peak of memory is read from /proc"
)


def growth(server, dialect):
    """Return the result of reading, and the largest growth of the reader's memory in MiB."""
    done = subprocess.run(
        [sys.executable, "-c", READER, server.url, dialect],
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("kind", "ends"),
    [
        ("events", "finished"),
        # Comments alone are not an answer.
        ("comments", "StreamInterrupted "),
        ("line", "LimitExceeded event_bytes"),
    ],
)
@needs_proc
def test_a_flood_does_not_fill_the_memory(server, kind, ends):
    """20 MiB of events, 60 of comments or of one endless line take less than 40 MiB."""
    server.stream([b"data: x\n\n"])
    if kind == "events":
        # Events of an ordinary size; of the shortest there are fewer bytes are enough, see below.
        block = (b"data: " + b"x" * 180 + b"\n\n") * 300
        server.stream([block] * (20 * MIB // len(block)))
    else:
        server.flood(kind, size=60 * MIB)
    said, grown = growth(server, "raw")
    assert said == ends
    assert grown < 40


@needs_proc
def test_a_flood_of_tiny_events_is_ended(server):
    """An answer of millions of pieces is given up at the limit, within 40 MiB."""
    server.stream([b"data: x\n\n"])
    server.stream([b"data: xy\n\n" * 6000] * 1000)
    said, grown = growth(server, "raw")
    assert said == "LimitExceeded answer_bytes"
    assert grown < 40


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
@needs_proc
def test_a_bomb_does_not_fill_the_memory(server, encoding):
    """200 MiB that are small on the wire take less than 40 MiB, even if not requested."""
    if encoding == "br":
        pytest.importorskip("brotli", reason="br needs the package brotli")
    if encoding == "zstd":
        pytest.importorskip("zstandard", reason="zstd needs the package zstandard")
    server.stream([b"data: x\n\n"])
    server.bomb(encoding, size=200 * MIB)
    said, grown = growth(server, "raw")
    assert said.startswith(("LimitExceeded", "ProtocolError"))
    assert grown < 40


def test_a_huge_error_body_is_read_in_part(server):
    """The first 64 KiB of the 50 MiB of a 500 are kept."""
    server.error_body(50 * MIB)
    with ChatClient(server.url, retry=ONCE) as client, pytest.raises(HTTPStatusError) as caught:
        client.send({})
    assert len(caught.value.body) == 64 * 1024


def test_a_huge_document_is_no_answer(server):
    """50 MiB of JSON with a success status are given up."""
    server.reply(body=b'{"x": "' + b"y" * (50 * MIB) + b'"}', content_type="application/json")
    with ChatClient(server.url, retry=ONCE) as client, pytest.raises(ChatError) as caught:
        client.send({})
    assert len(caught.value.body) <= 2 * MIB


def test_header_lines_are_limited(server):
    """More header lines than allowed are an error, and the limit can be set."""
    for count, limit, fits in ((150, 100, False), (150, 500, True), (20, 10, False)):
        server.many_headers(count)
        with ChatClient(server.url, retry=ONCE, limits=Limits(header_lines=limit)) as client:
            try:
                client.send({}).result()
            except ChatError:
                assert not fits
            else:
                assert fits


def test_a_whole_body_is_limited(server):
    """Endless comments end at `body_bytes`, with the partial text."""
    server.stream([CHUNK, *([b": nothing\n" * 6000] * 60)])
    with ChatClient(server.url, dialect="openai", limits=Limits(body_bytes=MIB)) as client:
        with pytest.raises(LimitExceeded) as caught:
            client.send({}).result()
    assert (caught.value.limit, caught.value.answer.text) == ("body_bytes", "Hi")


@pytest.mark.parametrize("dialect", ["openai", "ollama"])
def test_an_event_that_is_too_long_names_the_limit(server, dialect):
    """The message names the setting, for events and for lines of JSON."""
    server.stream([b"data: " + b"x" * 3000], content_type=TYPES[dialect])
    with ChatClient(server.url, dialect=dialect, limits=Limits(event_bytes=1000)) as client:
        with pytest.raises(LimitExceeded, match=r"1000 .*Limits\(event_bytes=") as caught:
            client.send({}).result()
    assert caught.value.limit == "event_bytes"


TYPES = {"openai": "text/event-stream", "ollama": "application/x-ndjson"}


def test_an_unknown_compression_is_refused_clearly(server):
    """A body in an unknown compression is named, with the remedy."""
    server.stream([CHUNK], headers=[("Content-Encoding", "snappy")])
    with ChatClient(server.url, dialect="openai") as client:
        with pytest.raises(ChatError, match="snappy"):
            client.send({})


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_compressed_stream_is_read_event_by_event(server, encoding):
    """If a proxy compresses all the same, each flushed event still arrives on time."""
    script = server.stream(encoding=encoding)
    with ChatClient(server.url, dialect="openai") as client:
        stream = client.send({})
        for _ in range(3):
            script.push(CHUNK)
            assert next(stream).delta == "Hi"
        script.push(b"data: [DONE]\n\n")
        script.finish()
        assert stream.result().text == "HiHiHi"
