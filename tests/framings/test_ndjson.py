"""Newline-delimited JSON: the lines, wherever the network cut the bytes."""

from __future__ import annotations

import json
from itertools import chain, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatsdk import ndjson
from chatsdk.errors import LimitExceeded
from chatsdk.sse import ServerSentEvent

BODY = (
    '\ufeff{"a":"ü\u2028\u0085\u000b"}\r\n'
    "\n   \r\n"
    '{"b":"🙂"}\n'
    '["c",1]\r\n'
    "\r\n"
    "no JSON\n"
    '{"last":{"x":"}"}}'
).encode()
LINES = ['{"a":"ü\u2028\u0085\u000b"}', '{"b":"🙂"}', '["c",1]', "no JSON", '{"last":{"x":"}"}}']


def lines(chunks: list[bytes], **options: int) -> list[str]:
    return [event.data for event in ndjson.parse(chunks, **options)]


def test_a_line_is_an_event():
    """Each line is an event of the type message, without id and retry."""
    assert list(ndjson.parse([b'{"a":1}\n'])) == [ServerSentEvent("message", '{"a":1}', "", None)]


def test_every_cut():
    """The lines do not depend on where the network cut the bytes."""
    assert lines([BODY]) == LINES
    assert lines([bytes([byte]) for byte in BODY]) == LINES
    for cut in range(len(BODY)):
        assert lines([BODY[:cut], BODY[cut:]]) == LINES
        assert lines([BODY[:cut], b"", BODY[cut:]]) == LINES


def test_lines_come_at_once():
    """A line is given out before the next chunk is asked for."""
    asked = []

    def chunks():
        for number in range(3):
            asked.append(number)
            yield b'{"n":%d}\n{"m":' % number

    reader = ndjson.parse(chunks())
    assert next(reader).data == '{"n":0}'
    assert asked == [0]
    next(reader)
    assert asked == [0, 1]


@pytest.mark.parametrize(
    "left", [b'{"a":1', b'{"a":"', b'{"a":"\xf0\x9f', b"12", b"tru", b"{]", b"x"]
)
def test_a_cut_last_line_is_not_given_out(left):
    """A last line without a LF that is no whole JSON stays pending."""
    parser = ndjson.LineParser()
    assert [event.data for event in parser.feed(b'{"a":0}\n' + left)] == ['{"a":0}']
    assert parser.pending
    assert list(parser.finish()) == []
    assert parser.pending


@pytest.mark.parametrize("left", [b'{"a":1}', b'{"a":1}\r', b' {"a":1} ', b"[]", b'"x"'])
def test_a_whole_last_line_is_given_out(left):
    """A last line that only lacks its LF is given out at the end, once."""
    parser = ndjson.LineParser()
    assert list(parser.feed(left)) == []
    assert parser.pending
    assert [event.data for event in parser.finish()] == [left.decode().strip()]
    assert not parser.pending
    assert list(parser.finish()) == []


@pytest.mark.parametrize("body", [b"", b"\n", b" \r\n\t", b"\r", b"\xef\xbb\xbf\n"])
def test_nothing_but_white_space(body):
    """Blank lines, and a byte order mark alone, are no events and leave nothing pending."""
    parser = ndjson.LineParser()
    assert list(parser.feed(body)) == []
    assert list(parser.finish()) == []
    assert not parser.pending


def test_too_deep_a_last_line():
    """A last line nested beyond what Python reads is cut, not an error of the parser."""
    parser = ndjson.LineParser()
    assert list(parser.feed(b"[" * 100_000 + b"]" * 100_000)) == []
    assert list(parser.finish()) == []
    assert parser.pending


def test_what_is_no_utf8():
    """Invalid bytes become U+FFFD."""
    assert lines([b'{"a":"\xff"}\n']) == ['{"a":"\ufffd"}']


@pytest.mark.parametrize("cut", [1, 4, 7, 8])
def test_the_longest_line(cut):
    """A line of max_event_bytes is read, whatever ends it; one byte more is too much."""
    fits, too_long = b'{"a":1}\r\n{"b":2}', b'{"a":12}\n'
    assert lines([fits[:cut], fits[cut:]], max_event_bytes=7) == ['{"a":1}', '{"b":2}']
    parser = ndjson.LineParser(max_event_bytes=7)
    with pytest.raises(LimitExceeded, match="max_event_bytes=7") as caught:
        list(chain.from_iterable(map(parser.feed, (too_long[:cut], too_long[cut:]))))
    assert caught.value.limit == "event_bytes"


def test_lines_before_one_that_is_too_long():
    """The lines before one that is too long are given out; then the parser is of no use."""
    parser = ndjson.LineParser(max_event_bytes=10)
    events = parser.feed(b'{"a":1}\n{"b":2}\n{"c":' + b"3" * 100)
    assert [next(events).data, next(events).data] == ['{"a":1}', '{"b":2}']
    with pytest.raises(LimitExceeded):
        next(events)
    with pytest.raises(RuntimeError, match="new parser"):
        list(parser.feed(b"\n"))


def test_a_feed_must_be_taken_whole():
    """The next chunk is refused while events of the last one are not taken."""
    parser = ndjson.LineParser()
    next(iter(parser.feed(b"{}\n{}\n")))
    with pytest.raises(RuntimeError, match="take all events"):
        next(iter(parser.feed(b"{}\n")))


def test_a_long_line_in_small_chunks():
    """A line of 4 MiB that comes in 64 Ki chunks is read in linear time."""
    body = b'{"a":"' + b"x" * (4 * 1024 * 1024) + b'"}\n'
    chunks = [body[start : start + 64] for start in range(0, len(body), 64)]
    assert lines(chunks) == [body[:-1].decode()]


@pytest.mark.parametrize("chunks", [b"{}", "{}", bytearray(b"{}"), memoryview(b"{}")])
def test_bytes_are_no_chunks(chunks):
    """One body instead of chunks of it is a TypeError with the remedy."""
    with pytest.raises(TypeError, match="wrap the"):
        ndjson.parse(chunks)


def test_bad_arguments():
    """Invalid chunks and limits are refused."""
    with pytest.raises(TypeError, match="bytes, not str"):
        list(ndjson.parse(["{}"]))
    with pytest.raises(TypeError, match="int, not float"):
        ndjson.parse([], max_event_bytes=1.5)
    with pytest.raises(TypeError, match="int, not bool"):
        ndjson.LineParser(max_event_bytes=True)
    with pytest.raises(ValueError, match="at least 1"):
        ndjson.LineParser(max_event_bytes=0)


@pytest.mark.parametrize("data", ["", " ", '{\n"a":1}'])
def test_what_is_no_line(data):
    """Data that would be read back as no line, or as two, is not written."""
    with pytest.raises(ValueError, match="one line of JSON"):
        ndjson.encode(data)


def test_only_text_is_written():
    """A value that is not text yet is refused."""
    with pytest.raises(TypeError, match="write it as JSON"):
        ndjson.encode({"a": 1})


def test_halves_of_a_pair():
    """Two halves are joined, one alone becomes U+FFFD: the line can always be sent."""
    assert ndjson.encode('"\ud83d\ude42"') == '"🙂"\n'.encode()
    assert ndjson.encode('"\ud83d"') == '"\ufffd"\n'.encode()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@pytest.mark.fuzz
@given(values=st.lists(JSON), cuts=st.lists(st.integers(0, 400)))
def test_there_and_back(values, cuts):
    """Written lines are read back, however the bytes are split."""
    body = b"".join(
        ndjson.encode(json.dumps(value, ensure_ascii=index % 2 == 0))
        for index, value in enumerate(values)
    )
    places = [0, *sorted(cut for cut in cuts if cut < len(body)), len(body)]
    chunks = [body[start:end] for start, end in pairwise(places)]
    assert [json.loads(line) for line in lines(chunks)] == values
