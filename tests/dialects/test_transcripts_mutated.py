"""Transcripts with faults in them: an answer or a `ChatError`, and soon."""

from __future__ import annotations

import contextlib
import time
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading import Transcript, transcripts
from test_call_counts import Pieces

from chatsdk import ChatError, Limits, dialects
from chatsdk.client.reader import AnswerReader
from chatsdk.client.stream import AnswerStream

pytestmark = [pytest.mark.fuzz, pytest.mark.timeout(300)]

TRANSCRIPTS = transcripts()

# Seconds of the processor that one broken stream may take.
MOST_SECONDS = 1.0

# Insertions into a body: pieces of framing and of JSON, and long or strange ones.
FRAMING = [
    b"\n",
    b"\r",
    b"\n\n",
    b"\r\n\r\n",
    b"data: ",
    b"event: error\n",
    b"id: \0",
    b":",
    b"\xff",
]
VALUES = [
    b'"',
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b"null",
    b"-1",
    b"1e999",
    b"true",
    b'""',
    b'"x"',
    b"\\",
]
WORDS = [
    *(b'{"error": "x"}', b"[DONE]", b"data: [DONE]\n\n"),
    *(b"\xed\xa0\xbd", b"\\ud83d", b"<think>", b"</think>"),
]
INSERTED = st.binary(max_size=8) | st.sampled_from(FRAMING) | st.sampled_from(VALUES + WORDS)
TIMES = st.sampled_from([1, 1, 1, 2, 100, 3000, 30_000])


@st.composite
def broken(draw: Any, body: bytes) -> bytes:
    """A body with one to four faults."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(body)))
        end = min(len(body), start + draw(st.sampled_from([0, 1, 2, 8, 40, 300])))
        inside = body[start:end]
        kind = draw(st.sampled_from(["insert", "remove", "repeat", "cut", "swap", "move"]))
        if kind == "insert":
            body = body[:start] + draw(INSERTED) * draw(TIMES) + body[start:]
        elif kind == "remove":
            body = body[:start] + body[end:]
        elif kind == "repeat":
            times = min(draw(TIMES), 200_000 // (len(inside) or 1))
            body = body[:start] + inside * times + body[end:]
        elif kind == "cut":
            body = body[:start]
        elif kind == "swap":
            ends = st.sampled_from([b"\n", b"\r", b"\r\n", b" ", b"\n\n", b""])
            body = body.replace(draw(ends) or b"x", draw(ends))
        else:
            rest = body[:start] + body[end:]
            place = draw(st.integers(0, len(rest)))
            body = rest[:place] + inside + rest[place:]
    return body


@given(
    data=st.data(),
    transcript=st.sampled_from(TRANSCRIPTS),
    auto=st.booleans(),
    places=st.lists(st.integers(0, 5000), max_size=5),
)
def test_a_broken_stream_comes_to_an_end(data, transcript, auto, places):
    """Reading a stream with any fault gives an answer or a `ChatError`, and soon."""
    body = data.draw(broken(transcript.body))
    cuts = [0, *sorted(min(place, len(body)) for place in places), len(body)]
    chunks = [body[start:end] for start, end in pairwise(cuts) if start < end]
    stream = stream_of(transcript, chunks, auto=auto)
    start = time.thread_time()
    with contextlib.suppress(ChatError):
        for answer in stream:
            assert isinstance(answer.text, str)
    assert stream.outcome is not None
    assert time.thread_time() - start < MOST_SECONDS


class Body(Pieces):
    """Replaces a connection, also for dialects that continue after their end."""

    def read_within(self, seconds: float) -> bytes:
        return self.read()


def stream_of(transcript: Transcript, chunks: list[bytes], *, auto: bool) -> AnswerStream:
    exchange = Body(chunks)
    exchange.content_type = transcript.content_type
    dialect = dialects.get("auto" if auto else transcript.dialect)
    if not auto:
        dialect = dialects.get(transcript.dialect, **transcript.options)
    reader = AnswerReader(exchange, dialect, Limits(), started=0.0, server_stop=lambda: None)
    return AnswerStream(reader)
