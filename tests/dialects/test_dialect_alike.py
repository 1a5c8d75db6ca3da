"""Reading frames by what they have in common gives what parsing each of them gives."""

from __future__ import annotations

import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatsdk import dialects
from chatsdk.dialects.frame_template import Alike
from chatsdk.errors import ProtocolError
from chatsdk.parts import Identity, Text
from chatsdk.sse import ServerSentEvent, parse


class Never(Alike):
    """Finds no two frames alike, so that each is parsed."""

    __slots__ = ()

    def text(self, data):
        return ""


def read(name, frames, *, alike=True, **options):
    """Return the decoder's parts for these frames, with an error for each that cannot be read."""
    dialect = dialects.get(name) if not options else type(dialects.get(name))(**options)
    decoder = dialect.decoder()
    if not alike:
        decoder._alike = Never("content")
    found = []
    for event, data in frames:
        try:
            found.append(list(decoder.decode(ServerSentEvent(event, data))))
        except ProtocolError as error:
            found.append(str(error))
    return [*found, list(decoder.close())]


OPENAI = (
    '{"id":%(id)s,"model":"m","choices":[{"index":%(index)s,"delta":{"content":%(text)s},'
    '"finish_reason":null}]}',
    '{"id":%(id)s,"model":"m","choices":[{"delta":{"content": %(text)s,"refusal":null},'
    '"index":%(index)s,"logprobs":{"content":null},"finish_reason":null}],"usage":null}',
    '{"choices":[{"delta":{"content":%(text)s,"content":"twice"},"index":0,'
    '"finish_reason":null}],"id":%(id)s,"model":"m"}',
    '{"choices":[{"delta":{"content":"twice","content":%(text)s},"index":0,'
    '"finish_reason":null}],"id":%(id)s,"model":"m"}',
    '{"content":%(text)s,"id":%(id)s,"model":"m","choices":[{"delta":{"content":"other"},'
    '"index":0,"finish_reason":null}]}',
    '{"id":%(id)s,"model":"m","choices":[{"delta":{"role":"assistant","content":%(text)s},'
    '"index":0,"finish_reason":null}]}',
    '{"id":%(id)s,"model":"m","choices":[{"delta":{"content":%(text)s},"index":0,'
    '"finish_reason":null}],"usage":{"total_tokens":3}}',
    '{"id":%(id)s,"model":"m","choices":[{"delta":{"content":%(text)s},"index":0,'
    '"finish_reason":"stop"}]}',
    '{"id":%(id)s,"model":"m","choices":[{"delta":{"content":%(text)s',
    '{"id":%(id)s,"model":"m","choices":[{"index":%(index)s,"delta":{"content":%(text)s},'
    '"finish_reason":null}],"padding":%(pad)s}',
    '{"id":%(id)s,"model":"m","choices":[{"index":0,"delta":{"content":%(text)s},'
    '"logprobs":[%(pad)s],"finish_reason":null}]}',
    '{"id":%(id)s,"model":"m","choices":[{"index":0,"delta":{"content":%(text)s},'
    '"finish_reason":null}],%(pad)s:{"total_tokens":3}}',
    '{"id":%(id)s,"model":"m","choices":[{"index":0,"delta":{"content":%(text)s,'
    '"refusal":%(pad)s},"finish_reason":null}]}',
    '{"id":%(id)s,"choices":[{"index":0,"delta":{"content":%(text)s},'
    '"finish_reason":null}],"model":%(pad)s}',
)
TEXT_BLOCK = (
    '{"type":"content_block_start","index":%(index)s,"content_block":{"type":"text",'
    '"text":%(text)s}}'
)
THINKING = (
    '{"type":"content_block_start","index":%(index)s,"content_block":{"type":"thinking",'
    '"thinking":%(text)s}}'
)
ANTHROPIC = (
    '{"type":"content_block_delta","index":%(index)s,"delta":{"type":"text_delta",'
    '"text":%(text)s}}',
    '{"type":"content_block_delta","delta":{"text":%(text)s,"type":"text_delta"},'
    '"index":%(index)s}',
    '{"type":"content_block_delta","text":"other","delta":{"text":%(text)s,"type":"text_delta"}}',
    '{"type":"content_block_delta","index":%(index)s,"delta":{"type":"text_delta",'
    '"text":%(text)s},"p":%(pad)s}',
    '{"index":0,"delta":{"text":%(text)s,"type":%(pad)s},"type":"content_block_delta"}',
    '{"index":0,"delta":{"text":%(text)s,"type":"text_delta"},"type":%(pad)s}',
    '{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta",'
    '"thinking":%(text)s,"text":%(text)s}}',
    TEXT_BLOCK,
    THINKING,
)

# Values in the place of the text: strings in any notation, other values, and garbage.
VALUES = st.one_of(
    st.text(max_size=5).map(json.dumps),
    st.text(max_size=5).map(lambda text: json.dumps(text, ensure_ascii=False)),
    st.sampled_from(
        [
            *('""', '"a"', '"b"', '"a","content":"c"', '"a"}', '"\\ud83d"', '"\\ude00"', '"\\/"'),
            *('"\t"', '"\\', '"a', "a", "1", "null", '["a"]', '{"content":"a"}', '"a" ', ' "a"'),
            *("", '"},"index":0,"finish_reason":null}]}"', '"\\"content\\":\\"a"'),
        ]
    ),
)

PADS = [
    *(
        '"p"',
        '"q"',
        '"pq"',
        '"\\""',
        '""',
        '"usage"',
        '"error"',
        '"choices"',
        '"m"',
        '"text_delta"',
    ),
    *('"content_block_delta"', '"message_stop"', '"q","usage":{"total_tokens":3}', "1", "null"),
]


def frames(shapes, names):
    """Three pieces of text in one shape, to be learned, then anything, usually similar."""

    def after(shape):
        frame = st.builds(
            lambda name, shape, **parts: (name, shape % parts),
            st.sampled_from(names),
            st.one_of(st.just(shape), st.just(shape), st.sampled_from(shapes)),
            id=st.sampled_from(['"1"', '"1"', '"1"', '"2"', "1", "null"]),
            index=st.sampled_from(["0", "0", "0", "1", "0.0"]),
            text=VALUES,
            pad=st.one_of(st.sampled_from(PADS), VALUES),
        )
        pads = st.lists(st.sampled_from(PADS), min_size=4, max_size=4)
        known = pads.map(
            lambda pads: [
                ("message", shape % {"id": '"1"', "index": 0, "text": '"Hello"', "pad": pad})
                for pad in pads
            ]
        )
        return st.builds(list.__add__, known, st.lists(frame, max_size=8))

    return st.sampled_from(shapes).flatmap(after)


@given(frames(OPENAI, ["message", "message", "error"]), st.sampled_from(["delta", "snapshot"]))
def test_openai(given_frames, text):
    """OpenAI's chunks give the same parts whether or not each is parsed, whatever their content."""
    assert read("openai", given_frames, text=text) == read(
        "openai", given_frames, text=text, alike=False
    )


@given(frames(ANTHROPIC, ["message", "content_block_delta"]))
def test_anthropic(given_frames):
    """So do Anthropic's events."""
    assert read("anthropic", given_frames) == read("anthropic", given_frames, alike=False)


LAST = {
    "a number": ("message", "1", '"1"'),
    "a list": ("message", '["a"]', '"1"'),
    "nothing": ("message", '""', '"1"'),
    "half a string": ("message", '"a', '"1"'),
    "a string and more": ("message", '"a","content":"b"', '"1"'),
    "an error": ("error", '"a"', '"1"'),
    "another id": ("message", '"a"', '"2"'),
}


@pytest.mark.parametrize(("event", "text", "id"), LAST.values(), ids=LAST)
def test_nearly_alike(event, text, id):
    """A chunk that only begins as the others is parsed, and so are the others after it."""
    known, last = (
        OPENAI[0] % {"id": id, "index": 0, "text": text}
        for id, text in (('"1"', '"Hello"'), (id, text))
    )
    given = [*[("message", known)] * 3, (event, last), *[("message", known)] * 3]
    assert read("openai", given) == read("openai", given, alike=False)


def test_kept_with_thoughts():
    """Text that was not parsed is in the message sent back with a signed thought."""
    shape = ANTHROPIC[0] % {"index": 1, "text": '"Hello"'}
    started = [
        (THINKING % {"index": 0, "text": '"Hm"'}),
        TEXT_BLOCK % {"index": 1, "text": '""'},
    ]
    given = [("message", data) for data in [*started, *[shape] * 5]]
    found = read("anthropic", given)
    assert found == read("anthropic", given, alike=False)
    assert found[-1][0].value[1]["text"] == "Hello" * 5


def content(frame):
    found = frame["choices"]
    return found if isinstance(found, str) else None


def test_alike():
    """All but the first of frames that differ in their text only are not parsed."""
    alike = Alike("choices")
    for number in range(100):
        data = json.dumps({"choices": f"text {number}"})
        assert alike.text(data) == (f"text {number}" if number else "")
        if not number:
            alike.learn(data, content)


def test_not_alike():
    """Frames that all differ elsewhere too are hardly ever learned, for that costs."""
    alike, asked = Alike("choices"), []

    def reads(frame):
        asked.append(frame)
        return content(frame)

    for number in range(1000):
        data = json.dumps({"choices": "text", "number": number})
        assert alike.text(data) == ""
        alike.learn(data, reads)
    assert len(asked) <= 2 * 12


def test_padded():
    """Frames with padding behind the text that differs each time are parsed no more than twice."""
    alike, parsed = Alike("choices"), 0
    for number in range(1000):
        data = json.dumps({"choices": f"text {number}", "padding": "x" * (number * 7 % 10)})
        text = alike.text(data)
        assert text in ("", f"text {number}")
        if not text:
            alike.learn(data, content)
            parsed += 1
    assert parsed <= 4


@pytest.mark.parametrize("name", ["error", "usage", "choices"])
def test_no_name_is_padding(name):
    """A string that equals a member's name is not mistaken for a meaningless one."""
    shape = OPENAI[0].replace("}]}", '}],"%(name)s":{"total_tokens":3}}')
    given = [
        ("message", shape % {"id": '"1"', "index": 0, "text": '"Hello"', "name": name})
        for name in ("p", "q", "r", "s", name)
    ]
    assert read("openai", given) == read("openai", given, alike=False)


def test_no_number_is_padding():
    """The characters between two strings are not mistaken for a string: garbage is noticed."""
    shape = OPENAI[0].replace("}]}", '}],"created":%(created)s,"object":"chunk"}')
    given = [
        ("message", shape % {"id": '"1"', "index": 0, "text": '"Hello"', "created": created})
        for created in (1, 2, 3, 4, "rubbish")
    ]
    found = read("openai", given)
    assert found == read("openai", given, alike=False)
    assert isinstance(found[-2], str)


def test_padding_is_text():
    """A frame with something else in the place of the padding is parsed."""
    alike = Alike("choices")
    for number in range(4):
        data = json.dumps({"choices": "text", "padding": "x" * number})
        if not alike.text(data):
            alike.learn(data, content)
    assert alike.text('{"choices": "text", "padding": "y"}') == "text"
    for other in ("1", "null", '["y"]', '"y', '"y" ', ""):
        assert alike.text(f'{{"choices": "text", "padding": {other}}}') == ""


def test_alike_again():
    """After a change around the text the frames are alike again, with the second after it."""
    alike = Alike("choices")
    parsed = 0
    for number in range(1000):
        data = json.dumps({"choices": f"text {number}", "created": number // 100})
        if not alike.text(data):
            alike.learn(data, content)
            parsed += 1
    assert parsed == 10


@pytest.mark.parametrize("name", ["openai", "anthropic"])
def test_used(name, monkeypatch):
    """The decoders parse none but the first of many pieces of text."""
    events = list(dialects.get(name).encode([Identity("1", model="m"), *[Text("Hello")] * 50]))
    decoder = dialects.get(name).decoder()
    scanned = []
    module = sys.modules[type(decoder).__module__]

    def scan(data, at, before=module.scan):
        scanned.append(data)
        return before(data, at)

    monkeypatch.setattr(module, "scan", scan)
    parts = [part for event in parse(events) for part in decoder.decode(event)]
    texts = [part.text for part in parts if isinstance(part, Text)]
    assert texts == ["Hello"] * 50
    assert len([data for data in scanned if "Hello" in data]) <= 2
