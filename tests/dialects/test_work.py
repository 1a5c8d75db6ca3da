"""Work is linear in what a backend sends: counted in operations, for events of every known shape.

The shapes are those of the transcripts. Each event is repeated, its ids new each time or not, and
each list in it is made longer. The work for twice as many must be twice as much.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from metering import World
from reading import events_of, transcripts

from chatsdk import dialects
from chatsdk.sse import ServerSentEvent

pytestmark = pytest.mark.metered

# How often an event is repeated, and how long a list is made; each time twice as many.
EVENTS = (32, 64, 128)
ITEMS = (128, 256, 512)

# Twice as many may take so many times the work. It would be 4 for squares, 2 for proportional
# work; a square with a hundredth of the weight of the rest makes about 2.3 of it.
MOST = 2.2

# Work that does not matter, whatever its pattern.
LITTLE = 2000

# Names of distinguishing members, as parts of the name.
TELLING = ("id", "url", "title", "index", "position", "uri")

Stream = list[ServerSentEvent]


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def work_of(world: World, name: str, options: dict[str, Any], events: Stream) -> int:
    """Read events up to the end of the answer; return the work of decoder and builder."""
    answer = world.module("chatsdk.answer")
    errors = world.module("chatsdk.errors")
    sse = world.module("chatsdk.sse")
    with world:
        copies = [sse.ServerSentEvent(*event) for event in events]
        dialect = world.module("chatsdk.dialects").get(name, **options)
        builder = answer.AnswerBuilder()
        decoder = dialect.decoder("")
        world.meter.work = 0
        try:
            for event in copies:
                builder.step(decoder.decode(event), payload=event.data, at=1.0, received=1)
                if builder.over:
                    break
            else:
                builder.step(decoder.close())
        except (errors.ProtocolError, ValueError, TypeError, AttributeError, LookupError):
            # The exceptions that a client turns into a ProtocolError.
            pass
        _ = (builder.size, builder.flush().text)
    return int(world.meter.work)


def check(few: int, more: int, many: int) -> None:
    """Check that twice as many take no more than twice the work, for what each of them adds."""
    # The short may cost more than the longer: they are read in another way.
    assert many - more <= MOST * max(0, more - few) + LITTLE, (few, more, many)


def check_linear(
    world: World,
    name: str,
    options: dict[str, Any],
    stream: Callable[[int], Stream],
    counts: tuple[int, int, int] = EVENTS,
) -> None:
    check(*(work_of(world, name, options, stream(count)) for count in counts))


def fresh(value: Any, number: int) -> Any:
    """A JSON value whose distinguishing members are changed."""
    if isinstance(value, list):
        return [fresh(item, number) for item in value]
    if not isinstance(value, dict):
        return value
    made = {}
    for key, item in value.items():
        if any(word in key.lower() for word in TELLING) and isinstance(item, str):
            made[key] = f"{item}-{number}"
        elif key in ("index", "position", "output_index") and isinstance(item, int):
            made[key] = item + number
        else:
            made[key] = fresh(item, number)
    return made


def longer(value: Any, times: int) -> Any:
    """A value of JSON with that many items in each list, innermost first, and with long ids."""
    if isinstance(value, list):
        if any(isinstance(item, list) for item in value):
            return [longer(item, times) for item in value]
        if value and not any(map(has_list, value)):
            return [fresh(value[place % len(value)], place) for place in range(times)]
        return [longer(item, times) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: item * times if key in ("id", "message_id") and isinstance(item, str) else item
        for key, item in ((key, longer(item, times)) for key, item in value.items())
    }


def has_list(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value)
    return isinstance(value, dict) and any(map(has_list, value.values()))


def shape_of(value: Any) -> Any:
    """Return the common part of two payloads of one kind."""
    if isinstance(value, dict):
        kinds = [value.get(key) for key in ("type", "event", "object") if key in value]
        return [[key, shape_of(item)] for key, item in sorted(value.items())], kinds
    if isinstance(value, list):
        return [shape_of(item) for item in value[:1]]
    return type(value).__name__


def shapes() -> Iterator[Any]:
    """Yield a dialect's name and options, the events before one of a new shape, and that one."""
    known = set()
    for transcript in transcripts():
        dialect = dialects.get(transcript.dialect, **transcript.options)
        events = list(events_of(dialect, [transcript.body], transcript.content_type))
        for place, event in enumerate(events):
            try:
                payload = json.loads(event.data)
            except ValueError:
                payload = None
            shape = repr((transcript.dialect, event.event, shape_of(payload)))
            if shape not in known:
                known.add(shape)
                yield pytest.param(
                    transcript.dialect,
                    transcript.options,
                    events[:place],
                    event,
                    payload,
                    id=f"{transcript.name}-{place}",
                )


SHAPES = list(shapes())


@pytest.mark.parametrize(("name", "options", "before", "event", "payload"), SHAPES)
def test_events_that_come_again(world, name, options, before, event, payload):
    """An event that comes twice as often takes twice the work, whether its ids are new or not."""

    def same(count: int) -> Stream:
        return [*before, *[event] * count]

    def new(count: int) -> Stream:
        made = [json.dumps(fresh(payload, number)) for number in range(count)]
        return [*before, *(event._replace(data=data) for data in made)]

    check_linear(world, name, options, same)
    if payload is not None:
        check_linear(world, name, options, new)


@pytest.mark.parametrize(
    ("name", "options", "before", "event", "payload"),
    [shape for shape in SHAPES if has_list(shape.values[4])],
)
def test_lists_that_are_long(world, name, options, before, event, payload):
    """A list that is twice as long takes twice the work, in one event and in all of them."""

    def once(count: int) -> Stream:
        return [*before, event._replace(data=json.dumps(longer(payload, count)))]

    check_linear(world, name, options, once, ITEMS)


PATTERNS: dict[str, Callable[[Any, int], Any]] = {
    "text": lambda parts, n: [parts.Text(f"word {i} ") for i in range(n)],
    "reasoning": lambda parts, n: [parts.Reasoning(f"word {i} ") for i in range(n)],
    "text and reasoning in turn": lambda parts, n: [
        kind(f"word {i} ") for i in range(n) for kind in (parts.Text, parts.Reasoning)
    ],
    "calls": lambda parts, n: [
        parts.ToolCallDelta(i, f"call-{i}", "wind", '{"city": "Ulm"}') for i in range(n)
    ],
    "pieces of a call": lambda parts, n: [
        parts.ToolCallDelta(0, "call-0", "wind", '{"city": "'),
        *(parts.ToolCallDelta(0, arguments=f"U{i}") for i in range(n)),
        parts.ToolCallDelta(0, arguments='"}'),
    ],
    "pieces of calls in turn": lambda parts, n: [
        *(parts.ToolCallDelta(i, f"call-{i}", "wind", "{") for i in range(n)),
        *(parts.ToolCallDelta(i, arguments="}") for i in range(n)),
    ],
    "citations": lambda parts, n: [
        parts.Citations((parts.Citation(title=f"t{i}", url=f"https://e.example/{i}"),))
        for i in range(n)
    ],
    "citations at once": lambda parts, n: [
        parts.Citations(
            tuple(parts.Citation(title=f"t{i}", url=f"https://e.example/{i}") for i in range(n))
        )
    ],
    "counts": lambda parts, n: [parts.UsageUpdate(input=1, output=i) for i in range(n)],
    "ids": lambda parts, n: [parts.Identity(id=f"answer-{i}") for i in range(n)],
}


def encoders() -> list[str]:
    found = []
    for name in dialects.names():
        try:
            list(dialects.get(name).encode([]))
        except ValueError:
            continue
        found.append(name)
    return found


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("name", encoders())
def test_parts_that_are_many(world, name, pattern):
    """Writing twice as many parts takes twice the work, and so does reading what was written."""
    if dialects.get(name).text == "snapshot":
        pytest.skip("the whole text in each event is not linear in the number of events")
    world.module("chatsdk.dialects")
    parts = world.module("chatsdk.parts")
    written, read = [], []
    for count in EVENTS:
        with world:
            dialect = world.module("chatsdk.dialects").get(name)
            world.meter.work = 0
            try:
                body = list(
                    dialect.encode([*PATTERNS[pattern](parts, count), parts.Finish("stop")])
                )
            except ValueError:
                pytest.skip("this dialect cannot say that")
            written.append(world.meter.work)
        original = dialects.get(name)
        content_type = "application/x-ndjson" if original.framing() == "ndjson" else ""
        events = list(events_of(original, body, content_type))
        read.append(work_of(world, name, {}, events))
    check(*written)
    check(*read)


WRAPPED = {
    "prefixes": ("openai", lambda n: "data: " * n + "{}"),
    "prefixes without an end": ("ragflow", lambda n: "data:" * n),
    "tags": ("ragflow", lambda n: json.dumps({"data": {"answer": "<think>a</think>b" * n}})),
    "tags in a delta": (
        "ragflow",
        lambda n: json.dumps({"data": {"answer": "<think></think>" * n, "final": False}}),
    ),
    "half tags": ("ragflow", lambda n: json.dumps({"data": {"answer": "<thin" * n}})),
    "names": (
        "dify",
        lambda n: json.dumps(
            {
                "event": "agent_thought",
                "id": "t" * n,
                "tool": ";".join(f"tool{i}" for i in range(n)),
                "tool_input": json.dumps({f"tool{i}": {} for i in range(n)}),
            }
        ),
    ),
    "one name": (
        "dify",
        lambda n: json.dumps(
            {
                "event": "agent_thought",
                "tool": "f;" * n,
                "tool_input": json.dumps({"f": "x" * n}),
            }
        ),
    ),
    "slices": (
        "coze",
        lambda n: json.dumps({"type": "knowledge", "content": "---\n\n\nrecall slice 1:a\n" * n}),
    ),
}


@pytest.mark.parametrize("case", WRAPPED)
def test_one_event_that_is_long(world, case):
    """An event that is twice as long takes twice the work, whatever its text is made of."""
    name, data = WRAPPED[case]
    event = "conversation.message.completed" if name == "coze" else "message"
    counts = (512, 1024, 2048)
    check_linear(world, name, {}, lambda count: [ServerSentEvent(event, data(count))], counts)


def rounds(world: World, count: int) -> tuple[int, int, int]:
    """The work of a turn with a long first round, of its rewrites, and of telling its steps."""
    answer, parts = world.module("chatsdk.answer"), world.module("chatsdk.parts")
    joining, diff = world.module("chatsdk.answer.joined"), world.module("chatsdk.answer.diff")
    meter = world.meter
    joined = joining.JoinedAnswer()
    meter.work = 0
    steps = []
    for _ in range(2):
        builder = answer.AnswerBuilder()
        for number in range(count):
            builder.step((parts.Text("a word "),), "", 1.0, 1)
            steps.append(joined.take(builder.answer))
            url = f"https://e.example/{number}"
            builder.step((parts.Citations((parts.Citation(url=url),)),), "", 1.0, 1)
            steps.append(joined.take(builder.answer))
            builder.step((parts.ToolCallDelta(number, f"call-{number}", "f", "{}"),), "", 1.0, 1)
            steps.append(joined.take(builder.answer))
        joined.next_round()
    running = meter.work
    meter.work = 0
    builder = answer.AnswerBuilder()
    for number in range(count):
        builder.step((parts.TextSnapshot(f"{number}"), parts.ReasoningSnapshot(f"{number}")))
        joined.take(builder.answer)
    rewriting = meter.work
    meter.work = 0
    before = None
    for step in steps:
        diff.parts_between(before, step)
        before = step
    return running, rewriting, meter.work


def test_rounds_of_tools(world):
    """Joining the rounds of a turn, and telling its steps apart, is linear in their events."""
    for works in zip(*(rounds(world, count) for count in EVENTS), strict=True):
        check(*works)
