"""Special cases of writing an answer: repetitions, interruptions and retractions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading import Reading, read

from chatsdk import dialects
from chatsdk.dialects.encoder import Writer, write
from chatsdk.framing import CONTENT_TYPES
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

NAMES = (
    *("anthropic", "coze", "dashscope", "dify", "fastgpt", "gemini", "langgraph", "ollama"),
    *("adk", "bedrock", "mastra", "openai_responses", "vercel_v1"),
)


def writers() -> list[str]:
    """The names of the dialects that have an encoder."""
    found = []
    for name in dialects.names():
        try:
            dialects.get(name).encode(())
        except ValueError:
            continue
        found.append(name)
    return found


each_dialect = pytest.mark.parametrize("name", NAMES)


def content_type(name: str) -> str:
    return CONTENT_TYPES[dialects.get(name).framing()]


def read_back(name: str, parts: list[Part], **options: str) -> Reading:
    body = b"".join(dialects.get(name).encode(parts, **options))
    whole = read(dialects.get(name), [body], content_type(name))
    seen_by_auto = read(dialects.get("auto"), [body], content_type(name))
    assert (seen_by_auto.dialect, seen_by_auto.essence[:4]) == (name, whole.essence[:4])
    return whole


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
    """The title of a citation, or at least its passage, comes back where there are citations."""
    items = (
        Citation("Weather", "https://weather.example/z", snippet="8 °C", position=1),
        Citation("Handbook", document="d1", snippet="See page 8", score=0.5, position=2),
    )
    answer = read_back(name, [Text("8 °C"), Citations(items)]).answer
    if not dialects.get(name).about.citations:
        assert answer.citations == ()
        return
    if name == "coze":
        # It shows the passages only.
        assert [item.snippet for item in answer.citations] == ["8 °C", "See page 8"]
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
        # The errors of some are a text, and Coze's codes are numbers.
        "code": {"ollama": None, "vercel_v1": None, "coze": 5000}.get(name, "server_error"),
    }


@each_dialect
def test_an_error_first(name):
    """An error without any text before it is written as one."""
    reading = read_back(name, [Failure("no")])
    assert reading.error is not None
    assert (reading.answer.text, reading.error["message"]) == ("", "no")


@each_dialect
def test_text_that_is_rewritten(name):
    """Text that is rewritten is said whole after the earlier one, or in its place."""
    rewritten = read_back(name, [Text("Well"), TextSnapshot("No")]).answer.text
    assert rewritten == ("No" if name == "dify" else "WellNo")


@each_dialect
def test_ids_given_by_the_caller(name):
    """The id and the model that the caller names are those of the answer."""
    answer = read_back(name, [Text("Hi")], id="x-1", model="y").answer
    assert answer.id in ("x-1", None)
    assert answer.model in ("y", None)


@each_dialect
def test_a_source_that_breaks_off(name):
    """If the parts break off with an exception, no frame marks the answer as complete."""

    def parts() -> Iterator[Part]:
        yield Text("Half")
        raise RuntimeError("gone")

    frames = []
    encoder = dialects.get(name).encode(parts())
    with pytest.raises(RuntimeError, match="gone"):
        frames.extend(encoder)
    reading = read(dialects.get(name), [b"".join(frames)], content_type(name))
    assert reading.answer.text in ("Half", "")
    # LangGraph's server ends a run without a word; its last message was not finished.
    assert reading.end is None or (name, reading.answer.finish_reason) == ("langgraph", "cancelled")


@each_dialect
def test_all_counts(name):
    """Counts that come one by one are written together, those within others as parts of them."""
    updates = (UsageUpdate(input=40, output=12), UsageUpdate(reasoning=5), UsageUpdate(cached=30))
    usage = read_back(name, [Text("Hi"), *updates]).answer.usage
    assert usage
    assert (usage.input, usage.output, usage.total) == (40, 12, 52)
    within = (None, None) if name in ("coze", "dify", "fastgpt", "ollama", "vercel_v1") else (5, 30)
    assert (usage.reasoning, usage.cached) == ((None, 30) if name == "bedrock" else within)


@each_dialect
def test_a_half_at_the_end(name):
    """Half a pair that nothing follows is written as U+FFFD, in the text and in the reasoning."""
    answer = read_back(name, [Reasoning("Hm\ud83d"), Text("Hi\ud83d")]).answer
    assert (answer.text, answer.reasoning) == ("Hi\ufffd", "Hm\ufffd")


@each_dialect
def test_a_half_before_an_error(name):
    """Half a pair that an error cuts off is written before it: no text that came is lost."""
    assert read_back(name, [Text("Hi\ud83d"), Failure("no")]).answer.text == "Hi\ufffd"


def test_a_writer_says_nothing_by_itself():
    """Parts for which a dialect has no frames are omitted, whatever they are."""
    parts = [Text("Hi"), Reasoning("Hm"), ToolCallDelta(0, name="now"), Citations((Citation(),))]
    assert list(write(Writer[bytes](), [*parts, UsageUpdate(input=1), Finish("stop")])) == []
    assert list(write(Writer[bytes](), [*parts, Failure("no")])) == []


@each_dialect
def test_pieces_that_add_nothing(name):
    """Empty pieces and snapshots without anything new are omitted."""
    nothing = [Text(""), Reasoning(""), TextSnapshot("Hi")]
    frames = [list(dialects.get(name).encode([Text("Hi"), *more])) for more in ((), nothing)]
    assert frames[0] == frames[1]


def test_a_run_of_langgraph_that_ends_without_a_word():
    """A finished message has its mark, because current servers send no event at the end."""
    *frames, end = dialects.get("langgraph").encode([Text("Hi")])
    assert end.startswith(b"event: end\n")
    reading = read(dialects.get("langgraph"), [b"".join(frames)], "text/event-stream")
    assert (reading.answer.finish_reason, reading.end) == ("stop", "finish_reason")


@each_dialect
def test_halves_in_arguments(name):
    """Arguments that were cut inside a pair can be written, and come back as JSON."""
    parts = [
        ToolCallDelta(0, id="c1", name="find", arguments='{"q": "\ud83d'),
        ToolCallDelta(0, arguments='\ude42"}'),
    ]
    (call,) = read_back(name, parts).answer.tool_calls
    assert call.parsed is not None
    joined = call.parsed["q"].encode("utf-16", "surrogatepass").decode("utf-16")
    assert joined == "🙂"


@pytest.mark.parametrize(
    ("name", "finish", "native"),
    [
        ("anthropic", Finish("stop", "stop_sequence"), "stop_sequence"),
        ("anthropic", Finish("length", "MAX_TOKENS"), "max_tokens"),
        ("gemini", Finish("content_filter", "RECITATION"), "RECITATION"),
        ("gemini", Finish("other", "LANGUAGE"), "OTHER"),
        ("ollama", Finish("other", "unload"), "unload"),
        ("openai_responses", Finish("length", "max_messages"), "max_messages"),
    ],
)
def test_words_for_the_end(name, finish, native):
    """A backend's own word is written as it came, another's as the nearest there is."""
    assert read_back(name, [Text("Hi"), finish]).answer.native_finish_reason == native


# Text frames without a call of the encoder each ----------------------------------------------

SURROGATES = st.characters(categories=("L", "N", "P", "Zs", "Cc", "Cs", "So"))
PARTS = st.lists(
    st.one_of(
        st.text(SURROGATES, max_size=4).map(Text),
        st.text(max_size=3).map(Reasoning),
        st.text(max_size=3).map(TextSnapshot),
        st.sampled_from(
            [
                Identity(id="other"),
                ToolCallDelta("a", id="call_1", name="wind", arguments="{}"),
                Citations((Citation("Weather", "https://example.com/w"),)),
                UsageUpdate(input=1, output=2),
                Finish("stop"),
                Failure("it failed"),
            ]
        ),
    ),
    max_size=12,
)


@pytest.mark.parametrize("name", writers())
@given(parts=PARTS)
def test_text_frames_are_the_same_without_the_encoder(name, parts):
    """Frames made from the bytes around a text are those that the encoder makes, for any parts."""
    dialect = dialects.get(name)
    quick = list(dialect.encode(parts))
    with pytest.MonkeyPatch.context() as patch:
        for kind in all_writers():
            patch.setattr(kind, "around_text", lambda self: None)
        slow = list(dialect.encode(parts))
    assert quick == slow


def all_writers(kind: type = Writer) -> Iterator[type]:
    yield kind
    for below in kind.__subclasses__():
        yield from all_writers(below)


@pytest.mark.parametrize(
    "name", ["anthropic", "fastgpt", "ollama", "openai", "vercel", "vercel_v1"]
)
def test_encoder_is_not_called_for_each_text(name):
    """After the first delta of a text, the encoder returns only the text around the next ones."""
    with pytest.MonkeyPatch.context() as patch:
        texts = []
        for kind in all_writers():
            if "text" in vars(kind):
                patch.setattr(kind, "text", counted(kind.text, texts))
        frames = list(dialects.get(name).encode([Text("a"), Text("b"), Text("\u4f60"), Text("d")]))
    assert texts == ["a"]
    assert "\u4f60".encode() in b"".join(frames)


def counted(text, texts):
    def counting(self, added, step):
        texts.append(added)
        return text(self, added, step)

    return counting
