"""What a dialect writes it reads back; a part is on the wire before the next is asked for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from reading import Reading, read

from chatsdk import dialects
from chatsdk.parts import (
    Citation,
    Citations,
    Failure,
    Finish,
    Identity,
    Part,
    Reasoning,
    Text,
    TextSnapshot,
    ToolCallDelta,
    UsageUpdate,
)

NAMES = ("anthropic", "dify", "gemini", "ollama", "openai_responses")

each_dialect = pytest.mark.parametrize("name", NAMES)


def content_type(name: str) -> str:
    return "application/x-ndjson" if name == "ollama" else "text/event-stream"


def read_back(name: str, parts: list[Part], **options: str) -> Reading:
    body = b"".join(dialects.get(name).encode(parts, **options))
    whole = read(dialects.get(name), [body], content_type(name))
    seen_by_auto = read(dialects.get("auto"), [body], content_type(name))
    assert (seen_by_auto.dialect, seen_by_auto.essence[:4]) == (name, whole.essence[:4])
    return whole


@each_dialect
def test_there_and_back(name):
    """Text, reasoning, usage, reason and id come back as they went out."""
    parts = [
        Identity(id="answer_7", model="tiny"),
        Reasoning("Hm\n"),
        Reasoning(", ✓"),
        Text("A\u2028\x85\x0b"),
        Text(' "quoted" \\ and\r\n'),
        Text("🙂"),
        UsageUpdate(input=40, output=12),
        UsageUpdate(reasoning=5, cached=30),
        Finish("length"),
    ]
    reading = read_back(name, parts)
    about = dialects.get(name).about
    answer = reading.answer
    assert (answer.text, answer.reasoning) == ('A\u2028\x85\x0b "quoted" \\ and\r\n🙂', "Hm\n, ✓")
    assert answer.id in ("answer_7", None)
    assert answer.model in ("tiny", None)
    assert answer.finish_reason == ("length" if about.finish_reason else None)
    assert answer.usage is not None
    assert (answer.usage.input, answer.usage.output, answer.usage.total) == (40, 12, 52)
    assert answer.usage.reasoning in (5, None)
    assert answer.usage.cached in (30, None)
    assert reading.error is None


@each_dialect
def test_tool_calls_there_and_back(name):
    """Calls whose arguments came in pieces, or twice, come back whole and in their order."""
    parts = [
        Text("I look."),
        ToolCallDelta("a", id="call_1", name="wind"),
        ToolCallDelta("a", arguments='{"city": "Zü'),
        ToolCallDelta("a", arguments='rich"}'),
        ToolCallDelta("a", arguments='{"city": "Zürich"}', replace=True),
        ToolCallDelta("b", id="call_2", name="now", arguments="{}"),
        Finish("tool_calls"),
    ]
    answer = read_back(name, parts).answer
    assert [(call.name, call.parsed) for call in answer.tool_calls] == [
        ("wind", {"city": "Zürich"}),
        ("now", {}),
    ]
    assert answer.text == "I look."


@each_dialect
def test_citations_there_and_back(name):
    """The title, the address and the passage of a citation come back where there are citations."""
    items = (
        Citation("Weather", "https://weather.example/z", snippet="8 °C", position=1),
        Citation("Handbook", document="d1", snippet="See page 8", score=0.5, position=2),
    )
    answer = read_back(name, [Text("8 °C"), Citations(items)]).answer
    if not dialects.get(name).about.citations:
        assert answer.citations == ()
        return
    assert [item.title for item in answer.citations] == ["Weather", "Handbook"]


@each_dialect
def test_an_error_there_and_back(name):
    """An error in mid-stream keeps the text before it, its message and its code."""
    reading = read_back(name, [Text("Half"), Failure("overloaded, try later", "server_error")])
    assert reading.answer.text == "Half"
    assert reading.error == {
        "type": "BackendError",
        "message": "overloaded, try later",
        # Ollama's errors are a text.
        "code": None if name == "ollama" else "server_error",
    }


@each_dialect
def test_an_error_first(name):
    """An error without any text before it is written as one."""
    reading = read_back(name, [Failure("no")])
    assert reading.error is not None
    assert (reading.answer.text, reading.error["message"]) == ("", "no")


@each_dialect
def test_snapshots(name):
    """Text that grows as a whole is written as what it adds; in the end nothing is missing."""
    parts = [TextSnapshot("Ha"), TextSnapshot("Haha"), TextSnapshot("Haha!")]
    assert read_back(name, parts).answer.text == "Haha!"
    rewritten = read_back(name, [Text("Well"), TextSnapshot("No")]).answer.text
    assert rewritten == ("No" if name == "dify" else "WellNo")


@each_dialect
def test_halves_of_a_pair(name):
    """An emoji that comes in two halves is written whole, and a lone half as U+FFFD."""
    parts = [Text("a\ud83d"), Text("\ude42b"), Reasoning("\ud83d")]
    answer = read_back(name, [*parts, Text("c\ud83d")]).answer
    assert (answer.text, answer.reasoning) == ("a🙂bc\ufffd", "\ufffd")


@each_dialect
def test_nothing_to_say(name):
    """No parts at all are a whole answer without text."""
    reading = read_back(name, [])
    assert (reading.answer.text, reading.error) == ("", None)


@each_dialect
def test_ids_given_by_the_caller(name):
    """The id and the model that the caller names are those of the answer."""
    answer = read_back(name, [Text("Hi")], id="x-1", model="y").answer
    assert answer.id in ("x-1", None)
    assert answer.model in ("y", None)


@each_dialect
def test_each_part_at_once(name):
    """A piece of text is written before the next part is asked for."""
    asked = []

    def parts() -> Iterator[Part]:
        for word in ("one", "two", "three"):
            asked.append(word)
            yield Text(word)

    seen = b""
    for frame in dialects.get(name).encode(parts()):
        seen += frame
        for word in asked[:-1]:
            assert word.encode() in seen
    assert asked == ["one", "two", "three"]


@each_dialect
def test_a_source_that_breaks_off(name):
    """Where the parts break off with an exception, nothing claims that the answer is whole."""

    def parts() -> Iterator[Part]:
        yield Text("Half")
        raise RuntimeError("gone")

    frames = []
    encoder = dialects.get(name).encode(parts())
    with pytest.raises(RuntimeError, match="gone"):
        frames.extend(encoder)
    reading = read(dialects.get(name), [b"".join(frames)], content_type(name))
    assert reading.answer.text in ("Half", "")
    assert reading.end is None
