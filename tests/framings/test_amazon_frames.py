"""Amazon's binary frames: events, wherever the network cut the bytes, and damage that is found."""

from __future__ import annotations

import struct
from itertools import pairwise
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatsdk.amazon_frames import EXCEPTION, FrameParser, encode
from chatsdk.errors import LimitExceeded, ProtocolError

EVENTS = [("a", '{"x": "ü🙂"}'), (f"{EXCEPTION}b", "{}"), ("c", '"' + "y" * 300 + '"')]
BODY = b"".join(encode(*event) for event in EVENTS)


def events(chunks: list[bytes], **options: int) -> list[tuple[str, str]]:
    parser = FrameParser(**options)
    found = [event[:2] for chunk in chunks for event in parser.feed(chunk)]
    return found + [event[:2] for event in parser.finish()]


def framed(headers: bytes, payload: bytes = b"{}") -> bytes:
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    frame = prelude + struct.pack(">I", crc32(prelude)) + headers + payload
    return frame + struct.pack(">I", crc32(frame))


def test_every_cut():
    """The events do not depend on where the network cut the bytes."""
    assert events([BODY]) == EVENTS
    assert events([bytes([byte]) for byte in BODY]) == EVENTS
    for cut in range(len(BODY)):
        assert events([BODY[:cut], BODY[cut:]]) == EVENTS


@given(st.data())
def test_any_events_any_cuts(data):
    """Framed events are read back, however the bytes are split."""
    names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
    words = st.text(st.characters(codec="utf-8"), max_size=20)
    told = data.draw(st.lists(st.tuples(names, words), max_size=4))
    body = b"".join(encode(*event) for event in told)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=6)))
    chunks = [body[begin:end] for begin, end in pairwise([0, *cuts, len(body)])]
    # An error without a payload equals one with an empty object.
    empty = [
        (name, "{}" if name.startswith(EXCEPTION) and not said else said) for name, said in told
    ]
    assert events(chunks) == empty


@given(st.integers(0, len(BODY) - 1), st.integers(1, 255))
def test_a_changed_byte_is_found(place, change):
    """One byte that was changed on the way is an error, or the body ends inside a frame."""
    damaged = bytearray(BODY)
    damaged[place] ^= change
    parser = FrameParser()
    try:
        found = [event[:2] for event in parser.feed(bytes(damaged))]
    except (ProtocolError, LimitExceeded):
        return
    assert parser.pending
    assert found == EVENTS[: len(found)]


@pytest.mark.parametrize("cut", [1, 11, 12, 40, -1])
def test_a_cut_frame_is_pending(cut):
    """A frame without its end is not given out."""
    parser = FrameParser()
    assert list(parser.feed(encode("a", "{}")[:cut])) == []
    assert parser.pending


def test_headers_of_all_types():
    """Headers that are not text are skipped, and an error has its code and its message."""
    other = b"".join(
        bytes([1]) + b"n" + bytes([kind]) + value
        for kind, value in [
            *((0, b""), (1, b""), (2, b"x"), (3, b"xx"), (4, b"xxxx"), (5, b"x" * 8)),
            *((6, b"\x00\x02xx"), (8, b"x" * 8), (9, b"x" * 16)),
        ]
    )
    fields = {":message-type": "error", ":error-code": "busy", ":error-message": "Later"}
    text = b"".join(
        bytes([len(name)])
        + name.encode()
        + b"\x07"
        + struct.pack(">H", len(value))
        + value.encode()
        for name, value in fields.items()
    )
    assert events([framed(other + text, b"")]) == [(f"{EXCEPTION}busy", '{"message": "Later"}')]
    assert events([framed(b"", b"plain")]) == [("message", "plain")]


@pytest.mark.parametrize("headers", [b"\x05abc", b"\x01n\x07\x00\x09abc", b"\x01n\x0a", b"\x01n"])
def test_headers_that_cannot_be(headers):
    """Headers that are longer than their length, or of an unknown type, are an error."""
    with pytest.raises(ProtocolError, match="header"):
        events([framed(headers)])


def test_lengths_that_cannot_be():
    """Lengths that contradict each other are an error at once, and a huge one is a limit."""
    for total, headers in ((15, 0), (20, 10), (2**31, 2**30)):
        prelude = struct.pack(">II", total, headers)
        with pytest.raises(ProtocolError, match="lengths"):
            events([prelude + struct.pack(">I", crc32(prelude))])
    prelude = struct.pack(">II", 2**31, 0)
    with pytest.raises(LimitExceeded, match="max_event_bytes"):
        events([prelude + struct.pack(">I", crc32(prelude))])
    assert len(events([BODY], max_event_bytes=400)) == 3
    with pytest.raises(LimitExceeded):
        events([BODY], max_event_bytes=100)


def test_what_is_no_frame():
    """Bytes of something else are refused at the first twelve."""
    with pytest.raises(ProtocolError, match="not Amazon's event stream"):
        events([b'data: {"x": 1}\n\n'])
