"""JSON values one after the other, wherever they are cut, and what the first byte shows."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatsdk.errors import LimitExceeded
from chatsdk.framing import TextParser, parser_for
from chatsdk.json_values import JSONParser, TellingParser
from chatsdk.sse import EventParser

BODY = (
    '\ufeff{"a": "}{[\\"\\\\"}{"b":\n  [1, {"c": "ü🙂"}]\n}\r\n\r\n["d"]\x1e{"e": 1}\n\n'
    '"a string"\r\n12\nno JSON\n{"last": "x"}'
).encode()
VALUES = [
    *('{"a": "}{[\\"\\\\"}', '{"b":\n  [1, {"c": "ü🙂"}]\n}', '["d"]', '{"e": 1}', '"a string"'),
    *("12", "no JSON", '{"last": "x"}'),
]


def values(chunks: list[bytes], **options: int) -> list[str]:
    parser = JSONParser(**options)
    found = [event.data for chunk in chunks for event in parser.feed(chunk)]
    return found + [event.data for event in parser.finish()]


def test_every_cut():
    """The values do not depend on where the network cut the bytes."""
    assert values([BODY]) == VALUES
    assert values([bytes([byte]) for byte in BODY]) == VALUES
    for cut in range(len(BODY)):
        assert values([BODY[:cut], BODY[cut:]]) == VALUES


@given(st.data())
def test_any_values_any_cuts(data):
    """Values come back unchanged, with anything between them and wherever they are split."""
    inner = st.none() | st.integers() | st.text(max_size=4)
    value = st.recursive(
        st.dictionaries(st.text(max_size=3), inner, max_size=3) | st.lists(inner, max_size=3),
        lambda deeper: (
            st.lists(deeper, max_size=2) | st.dictionaries(st.text(), deeper, max_size=2)
        ),
        max_leaves=6,
    )
    given_values = data.draw(st.lists(value, max_size=5))
    body = b""
    for item in given_values:
        indent = data.draw(st.sampled_from([None, 2]))
        body += json.dumps(item, ensure_ascii=data.draw(st.booleans()), indent=indent).encode(
            errors="replace"
        )
        body += data.draw(st.sampled_from([b"", b"\n", b"\n\n", b"\r\n\r\n", b" \x1e"]))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=6)))
    bounds = [0, *cuts, len(body)]
    chunks = [body[begin:end] for begin, end in pairwise(bounds)]
    found = [json.loads(text) for text in values(chunks)]
    assert found == json.loads(
        json.dumps(given_values, ensure_ascii=False).encode(errors="replace")
    )


def test_a_value_comes_at_once():
    """An object is given out with its last bracket, before its line has ended."""
    parser = JSONParser()
    assert [event.data for event in parser.feed(b'{"a": 1}')] == ['{"a": 1}']
    assert not parser.pending


@pytest.mark.parametrize("body", [b'{"a": 1', b"[1, 2", b'{"a": "}', b'"half', b"12", b'{"a": "\\'])
def test_a_value_that_was_cut(body):
    """A value without its end is pending, and not given out."""
    parser = JSONParser()
    assert [*parser.feed(body), *parser.finish()] == []
    assert parser.pending


def test_the_longest_value():
    """A value that is too long is refused, finished or not; those before it are given out."""
    assert values([b'{"a":1}{"b":2}'], max_event_bytes=7) == ['{"a":1}', '{"b":2}']
    for body in (b'{"a":12}', b'{"a":123456', b"a long line of words"):
        with pytest.raises(LimitExceeded, match="max_event_bytes=7"):
            values([b"{}\n", body], max_event_bytes=7)


def test_work_is_linear_in_the_bytes():
    """A large value in small pieces is read a bounded number of times: at most four."""

    class Counted(JSONParser):
        looked = 0

        def _end(self) -> int | None:
            before = self._at
            end = super()._end()
            type(self).looked += max(self._at - before, 0)
            return end

    counts = []
    for size in (20_000, 80_000):
        Counted.looked = 0
        parser = Counted()
        body = b'{"text": "' + b"x\\" * (size // 2) + b'"}'
        for start in range(0, len(body), 7):
            list(parser.feed(body[start : start + 7]))
        counts.append(Counted.looked)
    assert counts[1] <= 4.1 * counts[0]


@pytest.mark.parametrize(
    ("body", "events"),
    [
        (b'{"a": 1}\n\n{"b": 2}\n\n', ['{"a": 1}', '{"b": 2}']),
        (b'\r\n\n [1]"x"\n', ["[1]", '"x"']),
        (b'\xef\xbb\xbf{"a": 1}', ['{"a": 1}']),
        (b'data: {"a": 1}\n\n', ['{"a": 1}']),
        (b'\n\xef: x\n: {\nevent: x\ndata: "y"\n\n', ['"y"']),
        (b"", []),
        (b"\n\n", []),
    ],
)
def test_the_first_byte_tells(body, events):
    """JSON values and server-sent events are distinguished, however the network splits them."""
    for cut in range(len(body) + 1):
        parser = TellingParser()
        found = [event.data for chunk in (body[:cut], body[cut:]) for event in parser.feed(chunk)]
        assert found + [event.data for event in parser.finish()] == events


def test_text_as_it_comes():
    """Each piece of a plain text is an event at once; only a character that was cut waits."""
    parser = TextParser()
    body = "\ufeffGrüße 🙂".encode()
    pieces = [event.data for byte in body for event in parser.feed(bytes([byte]))]
    assert pieces == ["G", "r", "ü", "ß", "e", " ", "🙂"]
    assert [event.data for event in parser.feed(b"a\xf0\x9f")] == ["a"]
    assert [event.data for event in parser.finish()] == ["\ufffd"]
    assert not parser.pending


@pytest.mark.parametrize("framing", ["sse", "ndjson", "lines", "json", "amazon", "text"])
def test_every_framing_has_a_parser(framing):
    """A framing's name gives a fresh parser, and an empty body has no events."""
    parser = parser_for(framing)
    assert [*parser.feed(b""), *parser.finish()] == []
    assert not parser.pending
    assert parser_for(framing) is not parser


def test_objects_with_a_first_key_in_place_of_an_event_stream():
    """Objects that begin with the key are JSON values; anything else stays an event stream."""
    body = b'\n\n{ "event": "token", "data": {}}\n\n{"event": "end", "data": {}}\n\n'
    for size in (1, 7, len(body)):
        parser = TellingParser(first_key="event")
        chunks = [body[at : at + size] for at in range(0, len(body), size)]
        found = [event.data for chunk in chunks for event in parser.feed(chunk)]
        assert found == ['{ "event": "token", "data": {}}', '{"event": "end", "data": {}}']
    for other in (b'{"a": 1}\n\n', b'data: {"event": 1}\n\n', b"event: a\ndata: 1\n\n"):
        parser = TellingParser(first_key="event")
        found = [event.data for byte in other for event in parser.feed(bytes([byte]))]
        assert found == [event.data for event in EventParser().feed(other)]
