from __future__ import annotations

import pickle
import time
import tracemalloc
from array import array
from collections import deque
from collections.abc import Iterator
from itertools import islice

import pytest

from chatsdk.errors import LimitExceeded
from chatsdk.sse import EventParser, ServerSentEvent, encode, fields, parse
from chatsdk.sse.parser import LONG_LINE_BYTES, PIECE_BYTES

BOM = b"\xef\xbb\xbf"


def events(body: bytes, **options: bool) -> list[ServerSentEvent]:
    """The events of a body, which must be the same whole, cut once anywhere, and bytewise."""
    whole = list(parse([body], **options))
    for cut in range(len(body) + 1):
        assert list(parse([body[:cut], body[cut:]], **options)) == whole, cut
    assert list(parse([body[i : i + 1] for i in range(len(body))], **options)) == whole
    return whole


def test_event_has_the_defaults_of_the_standard():
    """An event is a message without data, id and retry unless the stream has them."""
    assert ServerSentEvent() == ("message", "", "", None)


def test_event_survives_pickling():
    """A pickled event comes back equal and of the same class."""
    event = ServerSentEvent("delta", "x", "7", 10)
    copy = pickle.loads(pickle.dumps(event))
    assert (copy, type(copy)) == (event, ServerSentEvent)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        # The examples of the standard.
        (
            b"data: This is the first message.\n\n"
            b"data: This is the second message, it\ndata: has two lines.\n\n"
            b"data: This is the third message.\n\n",
            [
                ServerSentEvent(data="This is the first message."),
                ServerSentEvent(data="This is the second message, it\nhas two lines."),
                ServerSentEvent(data="This is the third message."),
            ],
        ),
        (
            b"event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\n",
            [ServerSentEvent("add", "73857293"), ServerSentEvent("remove", "2153")],
        ),
        (
            b"data: YHOO\ndata: +2\ndata: 10\n\n",
            [ServerSentEvent(data="YHOO\n+2\n10")],
        ),
        (
            b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\n"
            b"data:  third event\n\n",
            [
                ServerSentEvent(data="first event", id="1"),
                ServerSentEvent(data="second event"),
                ServerSentEvent(data=" third event"),
            ],
        ),
        (
            b"data\n\ndata\ndata\n\ndata:",
            [ServerSentEvent(data=""), ServerSentEvent(data="\n")],
        ),
        (
            b"data:test\n\ndata: test\n\n",
            [ServerSentEvent(data="test"), ServerSentEvent(data="test")],
        ),
    ],
)
def test_examples_of_the_standard(body, expected):
    """The examples that the standard explains give the events it names."""
    assert events(body) == expected


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
@pytest.mark.parametrize("blank", [b"\n", b"\r", b"\r\n"])
def test_line_ends_mix(end, blank):
    """A line may end in LF, CR or CRLF, and the blank line in another of them."""
    body = b"event: a" + end + b"data: 1" + end + blank + b"data: 2" + end + blank
    if end == b"\r" and blank == b"\n":
        # CR and LF side by side are one line end, so no blank line is in this body.
        assert events(body) == []
    else:
        assert events(body) == [ServerSentEvent("a", "1"), ServerSentEvent(data="2")]


def test_many_blank_lines():
    """More blank lines than one between events dispatch nothing."""
    for between in (b"\n\n", b"\n\n\n", b"\r\r\r\r", b"\r\n\n\r\n\r\r"):
        assert events(b"\n" + b"data: 1" + between + b"data: 2\n\n\n\n") == [
            ServerSentEvent(data="1"),
            ServerSentEvent(data="2"),
        ]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("first", [1000, LONG_LINE_BYTES, 3 * PIECE_BYTES])
@pytest.mark.parametrize("blank", range(1, 9))
def test_many_blank_lines_after_a_long_line(first, blank):
    """Any number of blank lines after a long line ends one event."""
    data = "x" * first
    body = f"data: {data}\n".encode() + b"\n" * blank
    for rest, following in ((b"", []), (b"data: 2\n\n\n", [ServerSentEvent(data="2")])):
        expected = [ServerSentEvent(data=data), *following]
        for step in (1000, len(body), len(body + rest)):
            chunks = [(body + rest)[i : i + step] for i in range(0, len(body + rest), step)]
            # Bounded, because a parser that does not advance would fill the memory.
            assert list(islice(parse(chunks), len(expected) + 1)) == expected


def test_byte_order_mark():
    """One byte order mark at the very start is dropped, any other is text."""
    assert events(BOM + b"data: 1\n\n") == [ServerSentEvent(data="1")]
    assert events(BOM + BOM + b"data: 1\n\ndata: 2\n\n") == [ServerSentEvent(data="2")]
    assert events(b"\n" + BOM + b"data: 1\n\n") == []
    assert events(b"data: " + BOM + b"\n\n") == [ServerSentEvent(data="\ufeff")]
    assert events(BOM[:2] + b"\ndata: 1\n\n") == [ServerSentEvent(data="1")]


def test_other_line_separators_are_text():
    """U+2028, U+2029, U+0085, form feed and NUL inside data stay there."""
    text = "a\u2028b\u2029c\x85d\x0be\x0cf\x1cg\x00h"
    assert events(f"data: {text}\nevent: {text}\n\n".encode()) == [ServerSentEvent(text, text)]


def test_invalid_utf8_becomes_the_replacement_character():
    """Bytes that are not UTF-8 are replaced, in every shape of a block; nothing else is lost."""
    bad = b"a\xff\xc3(\xe2\x82\xed\xa0\x80\xf0\x9f\x98b"
    text = bad.decode("utf-8", "replace")
    assert text.count("\ufffd") >= 5
    assert events(b"data: " + bad + b"\n\n") == [ServerSentEvent(data=text)]
    assert events(b"event: " + bad + b"\ndata: " + bad + b"\n\n") == [ServerSentEvent(text, text)]
    assert events(b"id: " + bad + b"\ndata\ndata:" + bad + b"\n\n") == [
        ServerSentEvent(data="\n" + text, id=text)
    ]


def test_unknown_fields_and_comments_are_ignored():
    """Comments, unknown fields and field names in another case or with spaces mean nothing."""
    body = b": c\nfoo: x\nData: x\n data: x\ndata : x\ndatas\n:data: x\n \ndata: y\n:\n\n"
    assert events(body) == [ServerSentEvent(data="y")]
    assert events(b": only\n\n:\n\nfoo\n\n") == []


def test_last_event_field_counts():
    """A later event or id line replaces an earlier one, and an empty type is a message."""
    assert events(b"event: a\nevent: b\ndata\nid: 1\nid: 2\n\n") == [ServerSentEvent("b", "", "2")]
    assert events(b"event: a\nevent\ndata: x\n\n") == [ServerSentEvent(data="x")]
    assert events(b"event:\ndata: x\n\n") == [ServerSentEvent(data="x")]
    assert events(b"event: a\n\ndata: x\n\n") == [ServerSentEvent(data="x")]


def test_id_is_carried_on():
    """The last id applies to later events, even from a block without data, until it is reset."""
    body = (
        b"data: 0\n\nid: 1\ndata: a\n\ndata: b\n\nevent: e\ndata: c\n\n"
        b"id: 2\n\ndata: d\n\nid: 3\nid: x\0y\n\n: c\n\ndata: e\n\nid\n\ndata: f\n\n"
    )
    assert [(event.data, event.id) for event in events(body)] == [
        *[("0", ""), ("a", "1"), ("b", "1"), ("c", "1"), ("d", "2"), ("e", "3"), ("f", "")]
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"3000", 3000),
        (b" 007", 7),
        (b"", None),
        (b"  5", None),
        (b"5 ", None),
        (b"-5", None),
        (b"+5", None),
        (b"1_0", None),
        (b"1.5", None),
        ("٣".encode(), None),
        ("²".encode(), None),
        (b"9" * fields.RETRY_DIGITS, int("9" * fields.RETRY_DIGITS)),
        (b"9" * 5000, None),
    ],
)
def test_retry_is_ascii_digits(value, expected):
    """A retry field counts if it is all ASCII digits, and only one event reports it."""
    body = b"retry:" + value + b"\ndata: x\n\ndata: y\n\n"
    read = list(parse([body[i : i + 1] for i in range(len(body))]))
    assert read == [ServerSentEvent(data="x", retry=expected), ServerSentEvent(data="y")]
    assert read == list(parse([body]))


@pytest.mark.parametrize(
    "after",
    [
        b"data: x\n\n",
        b"data:x\n\n",
        b"event: e\ndata: x\n\n",
        b"event:e\ndata: x\n\n",
        b"id: 1\ndata: x\n\n",
        b": c\n\nevent: f\n\nid: 2\n\ndata: x\n\n",
        b"data: " + b"x" * 3000 + b"\n\n",
    ],
)
@pytest.mark.parametrize("before", [b"", b"data: w\n\n", b"event: e\ndata: w\n\n", b"retry: 5\n\n"])
def test_retry_without_data_is_told_by_the_next_event(before, after):
    """A block without data sets the reconnection time too, and the next event reports it."""
    body = before + b"retry: 3000\n\n" + after
    whole = body + after + b"event: z\ndata: z\n\n"
    plain = events(before.replace(b"retry: 5\n\n", b"") + after)
    expected = [*plain[:-1], plain[-1]._replace(retry=3000)]
    assert events(body) == expected
    assert [event.retry for event in events(whole)] == [
        *[None] * (len(plain) - 1),
        3000,
        None,
        None,
    ]
    assert list(parse([body[i : i + 1] for i in range(len(body))])) == expected


def test_bad_retry_keeps_the_good_one():
    """A retry line that is not a number leaves the previous one unchanged."""
    assert events(b"retry: 5\nretry: x\ndata\n\n") == [ServerSentEvent(retry=5)]


def test_unfinished_block_is_discarded():
    """A block without a blank line at the end of the stream is not an event."""
    for rest in (b"data: 2", b"data: 2\n", b"data: 2\r\n", b"id: 2\n", b"\xef"):
        assert events(b"data: 1\n\n" + rest) == [ServerSentEvent(data="1")]


def test_empty_streams():
    """Empty bodies, empty chunks, a lone byte order mark and blank lines have no events."""
    for body in (b"", BOM, BOM[:1], b"\n", b"\r\n\r\n"):
        assert events(body) == []
    assert list(parse([])) == []
    chunks = [b"", b"data: 1\r", b"", b"\n", b"data: 2", b"", b"\r", b"", b"\n\r", b""]
    assert list(parse(chunks)) == [ServerSentEvent(data="1\n2")]


def test_dataless_blocks():
    """With `dataless` a block that has a name and no data is an event; others are as ever."""
    body = b"event: end\n\nid: 4\nevent: bye\r\n\r\nid: 5\n\nevent:\n\nevent: \n\n: c\n\nevent\n\n"
    assert events(body) == []
    assert events(body, dataless=True) == [
        ServerSentEvent("end"),
        ServerSentEvent("bye", id="4"),
    ]
    assert events(b"event: message\n\n", dataless=True) == [ServerSentEvent()]


@pytest.mark.parametrize(
    "body", [b"data: 1\n\n", b"data: 1\r\r", b"data: 1\r\n\r", b"id\ndata\n\r", b":\rdata\r\r"]
)
def test_event_comes_with_the_byte_that_ends_it(body):
    """An event comes out with the first byte that ends its blank line, before more is read."""
    parser = EventParser()
    assert [len(list(parser.feed(body[i : i + 1]))) for i in range(len(body))] == [
        *[0] * (len(body) - 1),
        1,
    ]


def test_parse_asks_for_the_next_chunk_late():
    """No further chunk is asked for while an event is there."""
    asked = []

    def chunks() -> Iterator[bytes]:
        for chunk in (b"data: 1\n\ndata: 2\n\nda", b"ta: 3\r", b"\r"):
            asked.append(chunk)
            yield chunk

    read = parse(chunks())
    assert [(next(read).data, len(asked)) for _ in range(3)] == [("1", 1), ("2", 1), ("3", 3)]


@pytest.mark.parametrize(
    ("body", "pending"),
    [
        (b"", False),
        (BOM, False),
        (BOM[:2], True),
        (b"data: 1\n\n", False),
        (b"data: 1\r\n\r", False),
        (b"data: 1\n\n\n\n\r", False),
        (b"data: 1\n\nd", True),
        (b"data: 1\n\ndata: 2\n", True),
        (b"foo\n", True),
        (b"data: 1\n\n: ping", False),
        (b"data: 1\n\n: ping\n", False),
        (b": ping\nid", True),
        (b"id: 1\n: ping", True),
        (b"id: 1\n: ping\n\n", False),
    ],
)
def test_pending(body, pending):
    """An unfinished line or block is pending, a comment is not, wherever the bytes are cut."""
    for step in (1, 2, len(body) + 1):
        parser = EventParser()
        for start in range(0, len(body), step):
            deque(parser.feed(body[start : start + step]), maxlen=0)
        assert parser.pending is pending


@pytest.mark.parametrize(
    "body",
    [
        b"data: 1\n\n" + b"data: 23456789\n\n" + b"data: 3\n\n",
        b"data: 1\n\n" + b"id: 123\ndata:12\n\n",
        b"data: 1\n\n" + b"nonsense without an end",
        b"data: 1\n\n" + b":23456789012\n",
        b"data: 1\n\n" + b"id: 4\n:234567890123456",
    ],
)
def test_limit_is_raised_after_the_events_before_it(body):
    """A line or an event over the limit is an error; the events before it come first."""
    for step in (1, 7, len(body)):
        read = parse([body[i : i + step] for i in range(0, len(body), step)], max_event_bytes=11)
        assert next(read) == ServerSentEvent(data="1")
        with pytest.raises(LimitExceeded) as caught:
            next(read)
        assert caught.value.limit == "event_bytes"


def test_limit_counts_the_lines_of_one_event():
    """An event of exactly the limit passes; line ends, comments and other events do not count."""
    body = b"data: 12345\n\n" * 3 + b"id: 1\n:2345678901\ndata:1\r\n: 34\r\n\r\n"
    assert len(list(parse([body], max_event_bytes=11))) == 4
    assert len(list(parse([body[i : i + 1] for i in range(len(body))], max_event_bytes=11))) == 4
    with pytest.raises(LimitExceeded, match="max_event_bytes=10"):
        list(parse([body], max_event_bytes=10))


def test_limit_is_known_at_once():
    """The error comes with the byte that passes the limit, not when the line ends."""
    taken = []

    def endless() -> Iterator[bytes]:
        yield b"data: "
        while True:
            taken.append(1)
            yield b"x"

    with pytest.raises(LimitExceeded):
        list(parse(endless(), max_event_bytes=1000))
    assert len(taken) == 1000 - len("data: ") + 1


def test_parser_is_of_no_use_after_an_error():
    """A parser that has raised refuses more bytes, so that no half event is taken for one."""
    parser = EventParser(max_event_bytes=5)
    with pytest.raises(LimitExceeded):
        list(parser.feed(b"data: too long"))
    with pytest.raises(RuntimeError, match="new parser"):
        list(parser.feed(b"\n\n"))


def test_parser_refuses_to_lose_events():
    """A chunk whose events were not all taken is an error at the next one, not a loss."""
    parser = EventParser()
    assert next(parser.feed(b"data: 1\n\ndata: 2\n\n")).data == "1"
    with pytest.raises(RuntimeError, match="take all events"):
        list(parser.feed(b"data: 3\n\n"))


@pytest.mark.parametrize("body", [b"data: x\n\n", bytearray(b"x"), memoryview(b"x"), "data: x\n\n"])
def test_parse_wants_chunks(body):
    """Bytes or text where chunks belong are refused with the remedy, before anything is read."""
    with pytest.raises(TypeError, match="in a list"):
        parse(body)


@pytest.mark.parametrize("kind", [bytearray, memoryview, lambda data: array("B", data)])
def test_chunks_may_be_buffers(kind):
    """Chunks may be any bytes-like objects, and may be reused after each call."""
    assert list(parse([kind(b"data: x\n"), kind(b"\n")])) == [ServerSentEvent(data="x")]
    buffer = bytearray(b"data: a")
    chunks = (buffer.__setitem__(slice(None), data) or buffer for data in (b"data: a", b"bc\n\n"))
    assert list(parse(chunks)) == [ServerSentEvent(data="abc")]


def test_wrong_arguments():
    """Chunks that are not bytes, and limits that are not a number of bytes, are refused."""
    with pytest.raises(TypeError, match="must be bytes, not list"):
        list(parse([[1, 2]]))
    with pytest.raises(TypeError, match="must be bytes, not str"):
        list(parse(["data: x\n\n"]))
    with pytest.raises(TypeError, match="not float"):
        EventParser(max_event_bytes=1.5)
    with pytest.raises(TypeError, match="not bool"):
        EventParser(max_event_bytes=True)
    with pytest.raises(ValueError, match="at least 1"):
        parse([], max_event_bytes=0)


def test_long_chunk_is_read_in_pieces():
    """Only a small part of a chunk of many megabytes is copied at a time."""
    body = b"data: 1\n\n" * 500_000
    read = parse([body])
    tracemalloc.start()
    try:
        assert next(read) == ServerSentEvent(data="1")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < len(body) / 4
    assert sum(1 for _ in read) == 499_999


class CountingBytearray(bytearray):
    """Counts the bytes that are ever added to it."""

    added = 0

    def __iadd__(self, other):
        self.added += len(other)
        return super().__iadd__(other)


def test_long_line_is_collected_in_place():
    """A line that arrives byte by byte is built in one buffer, each byte added once."""
    parser = EventParser()
    list(parser.feed(b"data: "))
    buffer = parser._open = CountingBytearray(b"data: ")
    for _ in range(20_000):
        list(parser.feed(b"x"))
        assert parser._open is buffer
    assert list(parser.feed(b"\r\r")) == [ServerSentEvent(data="x" * 20_000)]
    assert buffer.added == 20_001
    assert parser._open is not buffer


def test_sseclient_gets_few_lines(monkeypatch):
    """However many lines a block has, sseclient-py, which joins line by line, gets few of them."""
    blocks = []

    class Spy(fields._BlockSource):
        def __next__(self) -> bytes:
            blocks.append(self.block)
            return self.block

    monkeypatch.setattr(fields, "_BlockSource", Spy)
    body = (
        b"id: 1\n" * 1000
        + b"event: e\nretry: 1\nfoo\n" * 1000
        + b"".join(b"data: %d\n" % i for i in range(1000))
        + b"\n"
    )
    data = "\n".join(map(str, range(1000)))
    assert list(parse([body, b"id\n\n", body])) == [ServerSentEvent("e", data, "1", 1)] * 2
    assert [block.count(b"\n") for block in blocks] == [5, 3, 5]


def test_one_client_reads_a_whole_stream(monkeypatch):
    """sseclient-py reads the fields, with one client for all blocks of a stream."""
    made = []

    class Spy(fields.SSEClient):
        def __init__(self, source):
            made.append(source)
            super().__init__(source)

    monkeypatch.setattr(fields, "SSEClient", Spy)
    read = list(parse([b"id: %d\nevent: e\ndata: x\n\n" % i for i in range(5)]))
    assert [event.id for event in read] == ["0", "1", "2", "3", "4"]
    assert len(made) == 1
    list(parse([b"data: x\n\nevent: e\ndata: x\n\n" * 5]))
    assert len(made) == 1


def byte_by_byte(size: int) -> Iterator[bytes]:
    line = b"data: " + b"x" * size + b"\n\n"
    return (line[i : i + 1] for i in range(len(line)))


def data_lines(size: int) -> Iterator[bytes]:
    return iter([b"data: x\n" * (size // 2) + b"\n"])


def small_chunks_of_lines(size: int) -> Iterator[bytes]:
    return iter([b"id: 1\ndata: x\n"] * (size // 4) + [b"\n"])


def comments(size: int) -> Iterator[bytes]:
    return iter([b"data: x\n"] + [b": ping\r\n"] * (size // 4) + [b"\r\n"])


@pytest.mark.parametrize("stream", [byte_by_byte, data_lines, small_chunks_of_lines, comments])
def test_work_is_linear(stream):
    """Eight times the bytes of one event take about eight times the work, not 64 times."""

    def seconds(size: int) -> float:
        best = float("inf")
        for _ in range(3):
            start = time.process_time()
            assert sum(1 for _ in parse(stream(size))) == 1
            best = min(best, time.process_time() - start)
        return best

    small = 16_000
    assert seconds(8 * small) < 24 * seconds(small)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"data": "hello"}, b"data: hello\n\n"),
        ({"data": ""}, b"data:\n\n"),
        ({"data": " x"}, b"data:  x\n\n"),
        ({"data": "a\nb\rc\r\nd\n\ne"}, b"data: a\ndata: b\ndata: c\ndata: d\ndata:\ndata: e\n\n"),
        ({"data": "a\u2028b\x85"}, "data: a\u2028b\x85\n\n".encode()),
        (
            {"data": "x", "event": "e", "id": "1", "retry": 5},
            b"event: e\ndata: x\nid: 1\nretry: 5\n\n",
        ),
        ({"data": "x", "event": "message"}, b"event: message\ndata: x\n\n"),
        ({"data": "x", "event": "", "id": ""}, b"data: x\nid:\n\n"),
        ({"comment": "ping"}, b": ping\n\n"),
        ({"comment": ""}, b":\n\n"),
        ({"comment": "a\ndata: b"}, b": a\n: data: b\n\n"),
        ({"comment": "c", "data": ""}, b": c\ndata:\n\n"),
        ({"retry": 0}, b"retry: 0\n\n"),
        ({"event": "end"}, b"event: end\n\n"),
        ({"data": ServerSentEvent()}, b"data:\n\n"),
        ({"data": ServerSentEvent(), "id": ""}, b"data:\nid:\n\n"),
        ({"data": ServerSentEvent(data="x", id=None)}, b"data: x\n\n"),
        ({"data": ServerSentEvent("e", "x", "1", 5)}, b"event: e\ndata: x\nid: 1\nretry: 5\n\n"),
        (
            {"data": ServerSentEvent("e", "x", "1"), "event": "f", "id": "2"},
            b"event: f\ndata: x\nid: 2\n\n",
        ),
    ],
)
def test_encode(arguments, expected):
    """A block is written with one field a line and ends in a blank line."""
    assert encode(**arguments) == expected


def test_encode_joins_surrogate_halves():
    """Two halves of a pair become their character, a lone half becomes U+FFFD."""
    assert encode("a\ud83d\ude42b") == "data: a\U0001f642b\n\n".encode()
    assert encode("\ud83d", event="\ude42") == b"event: \xef\xbf\xbd\ndata: \xef\xbf\xbd\n\n"
    assert encode("\ufeff\ud83dx") == "data: \ufeff\ufffdx\n\n".encode()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "nothing to write"),
        ({"event": ""}, "nothing to write"),
        ({"data": "x", "event": "a\nb"}, "event must be one line"),
        ({"data": "x", "event": "a\r"}, "event must be one line"),
        ({"data": "x", "id": "\n"}, "id must be one line"),
        ({"data": "x", "id": "a\rb"}, "id must be one line"),
        ({"data": "x", "id": "a\0b"}, "NUL"),
        ({"data": "x", "retry": -1}, "from 0 up"),
        ({"data": "x", "retry": 10**fields.RETRY_DIGITS}, "from 0 up"),
        ({"data": ServerSentEvent("a\nb", "x")}, "event must be one line"),
    ],
)
def test_encode_refuses_what_no_reader_would_read_back(arguments, message):
    """Fields that would be read back differently are a `ValueError`."""
    with pytest.raises(ValueError, match=message):
        encode(**arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        {"data": b"x"},
        {"data": 1},
        {"data": "x", "event": b"e"},
        {"data": "x", "id": 1},
        {"data": "x", "retry": "1"},
        {"data": "x", "retry": True},
        {"data": "x", "retry": 1.0},
        {"comment": 1},
    ],
)
def test_encode_refuses_other_types(arguments):
    """Bytes, numbers for text and text for numbers are a `TypeError` that names the argument."""
    with pytest.raises(TypeError, match=f"{list(arguments)[-1]} must be"):
        encode(**arguments)
