"""The reader against the standard's own words, over every kind of bytes and every cut."""

from __future__ import annotations

from itertools import pairwise
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chatsdk.errors import LimitExceeded
from chatsdk.sse import EventParser, ServerSentEvent, encode, fields, parse, parser
from chatsdk.sse.fields import FieldReader

BOM = b"\xef\xbb\xbf"

NAMES = ["data", "event", "id", "retry", "dat", "Data", "foo"]
TEXTS = ["", " ", "x", ":", "\0", "5", "٣", "\u2028", "\x85", "\x0b", "\ufeff", "é", "🙂", "{}"]
ENDS = [b"\n", b"\r", b"\r\n"]

# Lines as backends write them, and rubbish of the same bytes.
LINES = st.builds(
    lambda name, separator, text, end: (name + separator + text).encode() + end,
    st.sampled_from([*NAMES, ""]),
    st.sampled_from(["", ":", ": ", ":  "]),
    st.lists(st.sampled_from(TEXTS), max_size=2).map("".join),
    st.sampled_from([b"\n", b"\r", b"\r\n", b"\n\n", b"\r\r", b"\r\n\r\n", b"\n\r\n", b"\r\n\r"]),
)
FRAGMENTS = st.sampled_from(
    [text.encode() for text in (*NAMES, *TEXTS, "data: ", "event:", "data: x\n\n")]
    + [*ENDS, b":", b" ", BOM, b"\xef", b"\xbb", b"\xbf", b"\xff", b"\xe2\x80", b"\xed\xa0\x80"]
)
BODIES = st.builds(
    lambda start, parts: start + b"".join(parts),
    st.sampled_from([b"", b"", BOM, BOM[:1], BOM[:2], b"\n"]),
    st.lists(LINES | FRAGMENTS, max_size=25),
)
CUTS = st.lists(st.integers(0, 400), max_size=8)


def pieces(body: bytes, cuts: list[int]) -> list[bytes]:
    """The body cut at the given places; some pieces may be empty."""
    places = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    return [body[start:end] for start, end in pairwise(places)]


class Naive:
    """The standard's text, character by character, over the whole of a stream."""

    def __init__(self, body: bytes, *, dataless: bool = False) -> None:
        self.events: list[ServerSentEvent] = []
        self.dataless = dataless
        self.data = self.event_type = self.last_id = ""
        self.retry: int | None = None
        self.content = False
        characters = body.decode("utf-8", "replace")
        if body[:3] == BOM:
            characters = characters[1:]
        line = ""
        position = 0
        while position < len(characters):
            character = characters[position]
            position += 1
            if character == "\r" and characters[position : position + 1] == "\n":
                position += 1
            if character in "\r\n":
                self.line(line)
                line = ""
            else:
                line += character
        self.pending = self.content or (line != "" and line[0] != ":")

    def line(self, line: str) -> None:
        if line == "":
            self.dispatch()
        elif line[0] == ":":
            pass
        elif ":" in line:
            colon = line.index(":")
            value = line[colon + 1 :]
            if value[:1] == " ":
                value = value[1:]
            self.field(line[:colon], value)
        else:
            self.field(line, "")

    def field(self, name: str, value: str) -> None:
        self.content = True
        if name == "event":
            self.event_type = value
        elif name == "data":
            self.data += value
            self.data += "\n"
        elif name == "id":
            if "\0" not in value:
                self.last_id = value
        elif name == "retry":
            if value != "" and all(character in "0123456789" for character in value):
                self.retry = int(value)

    def dispatch(self) -> None:
        event_type, data = self.event_type, self.data
        self.event_type = self.data = ""
        self.content = False
        if data == "" and not (self.dataless and event_type != ""):
            return
        if data[-1:] == "\n":
            data = data[:-1]
        # The standard applies it to the stream from its line on; the next event shows it.
        retry, self.retry = self.retry, None
        self.events.append(ServerSentEvent(event_type or "message", data, self.last_id, retry))


def bytes_until_limit(body: bytes, limit: int) -> int | None:
    """Number of bytes after which a line or an event is too long; ``None`` if none is."""
    mark = next((i for i in range(len(BOM)) if body[i : i + 1] != BOM[i : i + 1]), len(BOM))
    if mark == len(body):
        return None
    event = line = 0
    comment = False
    for position in range(mark if mark == len(BOM) else 0, len(body)):
        byte = body[position : position + 1]
        if byte == b"\n" and body[position - 1 : position] == b"\r":
            continue
        if byte in (b"\r", b"\n"):
            if line == 0:
                event = 0
            line = 0
            comment = False
            continue
        if line == 0:
            comment = byte == b":"
        line += 1
        if not comment:
            event += 1
        if (line if comment else event) > limit:
            # Whether the first bytes are a byte order mark is known at the one that differs.
            return max(position, mark) + 1
    return None


@pytest.mark.fuzz
@given(BODIES, CUTS, st.booleans(), st.integers(1, 40))
@example(b"data: 1\r\n\r\ndata: 2\n\r\n", [9, 10], False, 1)
def test_any_cut_gives_the_events_of_the_standard(body, cuts, dataless, piece_bytes):
    """Whole, cut anywhere, or read in pieces of any size, a body gives the standard's events."""
    expected = Naive(body, dataless=dataless).events
    assert list(parse([body], dataless=dataless)) == expected
    assert list(parse(pieces(body, cuts), dataless=dataless)) == expected
    with mock.patch.object(parser, "PIECE_BYTES", piece_bytes):
        assert list(parse([body], dataless=dataless)) == expected


@pytest.mark.fuzz
@given(BODIES)
def test_each_byte_gives_what_it_completes(body):
    """After every byte the events, and whether another has begun, are those of the standard."""
    reader = EventParser()
    read = []
    for end in range(1, len(body) + 1):
        read += reader.feed(body[end - 1 : end])
        expected = Naive(body[:end])
        assert (read, reader.pending) == (expected.events, expected.pending)


@pytest.mark.fuzz
@given(BODIES, CUTS, st.integers(1, 30))
def test_limit_does_not_depend_on_cuts(body, cuts, limit):
    """The limit is passed at the same byte for every cut, after the same events."""
    known = bytes_until_limit(body, limit)
    expected = Naive(body if known is None else body[:known]).events
    for chunks in (pieces(body, cuts), [body], [body[i : i + 1] for i in range(len(body))]):
        read = []
        fed = 0
        reader = EventParser(max_event_bytes=limit)
        try:
            for chunk in chunks:
                fed += len(chunk)
                for event in reader.feed(chunk):
                    read.append(event)
        except LimitExceeded:
            assert known is not None
            assert fed - len(chunk) < known <= fed
        else:
            assert known is None
        assert read == expected


@pytest.mark.fuzz
@given(st.lists(LINES | FRAGMENTS, max_size=6), st.booleans())
@example([b"data: x"], False)
@example([b"data:x"], False)
@example([b"data"], False)
@example([b"event: e\ndata: x"], False)
@example([b"event:e\ndata:x"], False)
@example([b"event\ndata:  x"], True)
@example([b"event: \ndata: "], False)
@example([b"data: x\ndata: y"], False)
def test_short_cuts_give_what_sseclient_gives(parts, dataless):
    """A block gives the same event by a short cut as by sseclient-py, after an id or before any."""
    text = b"".join(parts).decode("utf-8", "replace").replace("\r", "\n")
    block = "\n".join(line for line in text.split("\n") if line)
    if block.startswith("\ufeff"):
        block = "x" + block
    for before, last_id in ((b"", ""), (b"id: 7\n\n", "7")):
        event, has_data, has_name = FieldReader().read(block, last_id)
        expected = [event] if has_data or (has_name and dataless) else []
        # A separate chunk, and among others.
        for chunks in ([before, f"{block}\n\n".encode()], [before + f"{block}\n\n".encode()]):
            assert list(parse(chunks, dataless=dataless)) == expected


@pytest.mark.fuzz
@given(BODIES, st.integers(0, 3))
def test_data_lines_past_sseclient_are_the_same(body, most):
    """Data lines give the same text whether sseclient-py reads them or, being many, does not."""
    with mock.patch.object(fields, "CLIENT_DATA_LINES", most):
        assert list(parse([body])) == Naive(body).events


WILD = st.text(
    st.sampled_from("ab: \r\n\0\u2028\x85\ufeff5é🙂\ud83d\ude42") | st.characters(), max_size=12
)


def written(text: str) -> str:
    """The text as UTF-8 can hold it, and as an event's data holds its line ends."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole.replace("\r\n", "\n").replace("\r", "\n")


@pytest.mark.fuzz
@given(WILD, WILD, WILD, st.none() | st.integers(0, 10**20), WILD, CUTS)
@example("a\r", "e", "1", None, "c\ndata: x", [])
def test_encode_smuggles_nothing(data, event, id, retry, comment, cuts):
    """A written event is read back with the same fields, or it is refused."""
    try:
        body = encode(data, event=event, id=id, retry=retry, comment=comment)
    except ValueError:
        assert set("\r\n") & set(event + id) or "\0" in id
        return
    assert list(parse(pieces(body, cuts))) == [
        ServerSentEvent(written(event) or "message", written(data), written(id), retry)
    ]


@pytest.mark.fuzz
@given(BODIES)
def test_encode_is_the_way_back(body):
    """The events of any stream, written one after the other, are read back as the same events."""
    read = list(parse([body]))
    # With their ids, for a stream may take its id back.
    written = [encode(event, id=event.id) for event in read]
    assert list(parse(written)) == read
    assert list(parse([b"".join(written)])) == read
    for event in read:
        assert list(parse([encode(event)])) == [event]
