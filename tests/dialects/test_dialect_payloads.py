"""For any payload, a decoder returns parts or raises ProtocolError, and never hangs."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import Transcript, events_of, transcripts

from chatsdk import dialects
from chatsdk.answer import Answer, AnswerBuilder
from chatsdk.dialects import Dialect
from chatsdk.dialects.backends.openai.decoder import OpenAIDecoder
from chatsdk.errors import ProtocolError
from chatsdk.sse import ServerSentEvent

# The dialects whose events are not JSON objects accept anything.
NAMES = dialects.names()

# More nesting than any parser of JSON in Python follows, and less, but much.
DEPTHS = (200, 700, 100_000)

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats()
    | st.sampled_from(["", "[DONE]", "null", "\ud83d", "\ude42", "<think>", "**ERROR**: x", "0"])
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["content", "text", "type", "id", "index", "code", "message", "data"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)


def paths_of(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value, the whole of it first."""
    yield path
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, inner in items:
        yield from paths_of(inner, (*path, key))


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    changed = copy.deepcopy(value)
    target = changed
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = new
    return changed


def events_by_dialect(name: str) -> list[tuple[Transcript, list[ServerSentEvent]]]:
    """The events of the transcripts of a dialect; of ``auto``, of all dialects."""
    found = []
    for item in transcripts(None if name == "auto" else name):
        dialect = dialects.get(item.dialect, **item.options)
        found.append((item, list(events_of(dialect, [item.body], item.content_type))))
    return found


def survive(dialect: Dialect, events: list[ServerSentEvent], content_type: str = "") -> Answer:
    """Read events as the client does; only a ProtocolError may end it early."""
    decoder = dialect.decoder(content_type)
    builder = AnswerBuilder()
    try:
        for event in events:
            builder.step(decoder.decode(event), payload=event.data)
            if builder.failure is not None:
                break
        builder.step(decoder.close())
    except ProtocolError:
        pass
    answer = builder.flush()
    # Everything can be shown, compared and sent on.
    answer.text.encode()
    answer.reasoning.encode()
    assert answer == answer.since(None)
    hash(answer)
    repr(answer)
    return answer


@pytest.mark.fuzz
@pytest.mark.parametrize("name", NAMES)
def test_any_value_anywhere(name):
    """Any JSON value in place of any field raises nothing but ProtocolError."""
    known = [(item, events) for item, events in events_by_dialect(name) if events]
    assert known or name not in {"openai", "ragflow", "raw"}
    if not known:
        pytest.skip("no transcript of this dialect")

    @settings(max_examples=60)
    @given(st.randoms(use_true_random=False), JSON)
    def change(choice: random.Random, new: Any) -> None:
        item, events = choice.choice(known)
        place = choice.randrange(len(events))
        event = events[place]
        try:
            value = json.loads(event.data)
        except ValueError:
            data = json.dumps(new)
        else:
            data = json.dumps(replaced(value, choice.choice(list(paths_of(value))), new))
        changed = [*events[:place], event._replace(data=data), *events[place + 1 :]]
        options = {} if name == "auto" else item.options
        survive(dialects.get(name, **options), changed, item.content_type)

    change()


@pytest.mark.parametrize("name", NAMES)
def test_each_field_of_another_type(name):
    """Each field of each first frame of its kind survives null, a number, a list, an object."""
    seen: set[tuple[str, tuple[str, ...]]] = set()
    for item, events in events_by_dialect(name):
        if item.dialect != name:
            continue
        dialect = dialects.get(name, **item.options)
        for place, event in enumerate(events):
            try:
                value = json.loads(event.data)
            except ValueError:
                continue
            shape = (event.event, tuple(map(str, paths_of(value))))
            if shape in seen:
                continue
            seen.add(shape)
            for path in paths_of(value):
                for new in (None, True, 17, 1e400, "", "x", [], [None], {}, {"x": [1]}):
                    data = json.dumps(replaced(value, path, new))
                    changed = [*events[:place], event._replace(data=data), *events[place + 1 :]]
                    survive(dialect, changed, item.content_type)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("data", ["", " ", "null", "17", "[]", '"x"', "true", "{}", "{", "[DONE]"])
@pytest.mark.parametrize("event", ["message", "error", "data", "end", "answer", "unheard_of"])
def test_bare_frames(name, data, event):
    """A frame that is hardly one gives parts or a ProtocolError, first or last."""
    survive(dialects.get(name), [ServerSentEvent(event, data)])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("depth", DEPTHS)
def test_deep_nesting(name, depth):
    """Deeply nested JSON, anywhere, raises nothing but ProtocolError."""
    deep = "[" * depth + "]" * depth
    frames = [deep, f'{{"error": {deep}}}', f'{{"error": {{"details": {deep}}}}}']
    for item, events in events_by_dialect(name)[:5]:
        if item.dialect != name:
            continue
        for event in events:
            try:
                value = json.loads(event.data)
            except ValueError:
                continue
            if isinstance(value, dict):
                frames += [
                    json.dumps(replaced(value, path, "HERE")).replace('"HERE"', deep)
                    for path in paths_of(value)
                ]
    for frame in dict.fromkeys(frames):
        survive(dialects.get(name), [ServerSentEvent("message", frame)])


@pytest.mark.parametrize("name", NAMES)
def test_long_numbers(name):
    """A number of 5,000 digits, which int() refuses, is a ProtocolError or ignored."""
    digits = "7" * 5000
    for item, events in events_by_dialect(name)[:5]:
        for event in events:
            try:
                value = json.loads(event.data)
            except ValueError:
                continue
            for path in paths_of(value):
                data = json.dumps(replaced(value, path, "HERE")).replace('"HERE"', digits)
                survive(dialects.get(name), [event._replace(data=data)], item.content_type)


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"auto", "raw", "text"}))
@pytest.mark.parametrize("data", ["null", "17", "[]", "{"])
def test_frames_of_no_object(name, data):
    """If each event is a JSON object, any other one is a ProtocolError."""
    if name in {"langserve", "langgraph", "coze", "fastgpt"} and data != "{":
        pytest.skip("its events may hold any JSON")
    if name in {"gemini", "json"} and data == "[]":
        pytest.skip("an array may hold what is said")
    decoder = dialects.get(name).decoder()
    event = "answer" if name == "fastgpt" else "message"
    if name in {"langserve", "langgraph", "coze"}:
        event = {"langserve": "data", "langgraph": "values", "coze": "conversation.message.delta"}[
            name
        ]
    with pytest.raises(ProtocolError):
        decoder.decode(ServerSentEvent(event, data))


class LongWay(OpenAIDecoder):
    """Reads every chunk in full, also one that is just a piece of text."""

    def _piece(self, chunk: dict[str, Any]) -> str | None:
        return None


def outcome(decoder: OpenAIDecoder, events: list[ServerSentEvent]) -> list[object]:
    found: list[object] = []
    for event in events:
        try:
            found.append(list(decoder.decode(event)))
        except ProtocolError as error:
            return [*found, str(error)]
    return found


@pytest.mark.parametrize("snapshot", [False, True])
def test_the_short_way_gives_the_same(snapshot):
    """The short way past a piece of text gives what the long way gives, with any field changed."""
    openai = dialects.get("openai")
    pieces = {
        frozenset(map(str, paths_of(json.loads(event.data)))): event
        for _, events in events_by_dialect("openai")
        for event in events
        if event.data.startswith("{") and '"content":"' in event.data
    }
    assert len(pieces) > 5
    for event in pieces.values():
        value = json.loads(event.data)
        for path in paths_of(value):
            for new in (None, False, 0, 1, "", "x", [], ["x"], {}, {"content": "x"}):
                changed = event._replace(data=json.dumps(replaced(value, path, new)))
                again = event._replace(event="error")
                # Twice, since the short way wants the ids to be known.
                events = [event, changed, changed, event, again]
                short = outcome(OpenAIDecoder(openai, snapshot=snapshot), events)
                assert short == outcome(LongWay(openai, snapshot=snapshot), events)
