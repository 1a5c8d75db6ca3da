"""A dialect reads back the answer that it has written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading import Reading, read

from chatsdk import dialects
from chatsdk.answer import Answer, AnswerBuilder
from chatsdk.dialects import Dialect
from chatsdk.parts import (
    Citation,
    Citations,
    Failure,
    Finish,
    Identity,
    Part,
    Reasoning,
    ReasoningSnapshot,
    Text,
    TextSnapshot,
    ToolCallDelta,
    UsageUpdate,
)


def writers() -> list[str]:
    """The names of the dialects that have an encoder."""
    found = []
    for name in dialects.names():
        try:
            list(dialects.get(name).encode([Text("Hi")]))
        except ValueError:
            continue
        found.append(name)
    return found


WRITERS = writers()

# Content without a place on the wire, although the dialect reads something like it.
LOST: dict[str, set[str]] = {
    # An agent's run reports the sum only.
    "ragflow_agent": {"usage"},
    # The session is named in the request alone.
    "adk": {"conversation_id"},
    "n8n": {"conversation_id"},
    # A task is completed, or it is not.
    "a2a": {"finish_reason"},
    # A run has finished, or it has not.
    "agui": {"finish_reason"},
    # A chat is completed or not, and passages have no URL.
    "coze": {"finish_reason", "url"},
    "fastgpt": {"url"},
}

# The dialects that `auto` takes for another one of their family.
FAMILY = {"deepseek": "openai", "ragflow_legacy": "ragflow", "ragflow_agent": "ragflow"}

# Only the caller knows the fields with the text, or that a body is just words.
TOLD = {"json", "text"}

WORDS = "Hello, \n wörld \u2028\x85\x0b 🙂\r\nend"


def content_type(dialect: Dialect) -> str:
    return dict(dialect.stream_headers())["Content-Type"]


def written(dialect: Dialect, parts: Sequence[Part], **names: str) -> Reading:
    frames = list(dialect.encode(parts, **names))
    # The words of a plain text have no other edges than those of what arrives.
    return read(
        dialect, frames if dialect.name == "text" else [b"".join(frames)], content_type(dialect)
    )


def said(parts: Sequence[Part]) -> Answer:
    builder = AnswerBuilder()
    builder.step(parts)
    return builder.flush()


def nothing_was_said(reading: Reading) -> bool:
    """Whether it is the error for a stream of only ids and markers, or of no event."""
    answer = reading.answer
    said = (answer.text, answer.reasoning, answer.tool_calls, answer.citations)
    assert reading.error is not None
    return reading.error["type"] == "StreamInterrupted" and not any(said)


def test_who_writes():
    """The dialects that a test server and a relay are promised have an encoder."""
    assert {"openai", "ragflow", "ragflow_legacy"} <= set(WRITERS)


@pytest.mark.parametrize("name", sorted(set(dialects.names()) - set(WRITERS)))
def test_read_only(name):
    """A dialect without an encoder raises, at once or at the first frame."""
    with pytest.raises(ValueError, match=r"."):
        next(iter(dialects.get(name).encode([Text("Hi")])))


@pytest.mark.parametrize("name", WRITERS)
def test_text(name):
    """Text comes back as it was, in as many steps, and complete."""
    dialect = dialects.get(name)
    reading = written(dialect, [Text("Hi"), Text(" "), Text(WORDS), Finish("stop")])
    # On the wire itself CRLF is a line end, and read as LF.
    words = WORDS.replace("\r\n", "\n") if name == "raw" else WORDS
    assert reading.error is None
    assert reading.answer.text == f"Hi {words}"
    assert reading.deltas == ["Hi", " ", words]
    assert reading.end == ("framing" if name == "raw" else reading.end)
    if dialect.about.end_marker is not None:
        assert reading.end == "marker"


@pytest.mark.parametrize("name", WRITERS)
def test_nothing(name):
    """An answer without parts is empty; it is complete if the backend gave its finish reason."""
    reading = written(dialects.get(name), [])
    assert reading.error is None or nothing_was_said(reading)
    assert reading.answer.text == ""


@pytest.mark.parametrize("name", WRITERS)
def test_everything(name):
    """Reasoning, tool calls, usage, finish reason and ids come back where the dialect has them."""
    dialect = dialects.get(name)
    about = dialect.about
    parts: list[Part] = [
        Identity(id="id-1", conversation_id="c-1", model="m-1"),
        Reasoning("Let me "),
        Reasoning("see."),
        Text("Hi "),
        Text("you."),
    ]
    if about.tools:
        parts += [
            ToolCallDelta("a", id="call_1", name="find", arguments='{"q": '),
            ToolCallDelta("a", arguments='"x"}'),
            ToolCallDelta("b", id="call_2", name="now", arguments="{}"),
        ]
    parts += [
        UsageUpdate(input=9, output=5, total=14),
        Finish("tool_calls" if about.tools else "stop"),
    ]
    reading = written(dialect, parts)
    answer, wanted, lost = reading.answer, said(parts), LOST.get(name, set())
    assert reading.error is None
    assert answer.text == wanted.text
    if about.reasoning:
        assert answer.reasoning == wanted.reasoning
    if about.tools:
        calls = [(call.name, call.parsed) for call in answer.tool_calls]
        assert calls == [("find", {"q": "x"}), ("now", {})]
    if about.usage and "usage" not in lost:
        assert answer.usage
        assert (answer.usage.input, answer.usage.output, answer.usage.total) == (9, 5, 14)
    if about.finish_reason and "finish_reason" not in lost:
        assert answer.finish_reason == wanted.finish_reason
    if about.history == "server" and "conversation_id" not in lost:
        assert answer.conversation_id == "c-1"


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("reason", ["stop", "length", "content_filter"])
def test_finish_reasons(name, reason):
    """The common finish reasons come back if the dialect reports why the model stopped."""
    dialect = dialects.get(name)
    reading = written(dialect, [Text("Hi"), Finish(reason)])
    assert reading.error is None
    if dialect.about.finish_reason and "finish_reason" not in LOST.get(name, ()):
        # Not every backend has a word for moderation.
        near = {"content_filter", "refusal", "other", "stop"}
        known = near if reason == "content_filter" else {reason}
        assert reading.answer.finish_reason in known


@pytest.mark.parametrize("name", WRITERS)
def test_citations(name):
    """A source with an address comes back with it where the dialect has sources."""
    dialect = dialects.get(name)
    source = Citation(title="T", url="https://e.x/a", snippet="A passage.")
    reading = written(dialect, [Text("See."), Citations((source,)), Finish("stop")])
    assert reading.error is None
    assert reading.answer.text == "See."
    if dialect.about.citations and reading.answer.citations:
        (cited,) = reading.answer.citations
        if "url" in LOST.get(name, ()):
            assert cited.snippet == source.snippet
        else:
            assert cited.url == source.url


@pytest.mark.parametrize("name", sorted(set(WRITERS) - {"raw", "text"}))
def test_failure(name):
    """A failure after text is the backend's error, with the text before it kept."""
    reading = written(dialects.get(name), [Text("Hi"), Failure("out of quota", "quota")])
    assert reading.answer.text == "Hi"
    assert reading.error is not None
    assert (reading.error["type"], reading.error["message"]) == ("BackendError", "out of quota")


@pytest.mark.parametrize("name", WRITERS)
def test_each_part_at_once(name):
    """A part can be read before the next part exists."""
    dialect = dialects.get(name)
    frames: list[bytes] = []
    seen: list[str] = []

    def parts() -> Iterator[Part]:
        for word in ("One", " two", " three"):
            yield Text(word)
            # The encoder came back for more: all that was said is on the wire.
            seen.append(read(dialect, list(frames), content_type(dialect)).answer.text)
        yield Finish("stop")

    for frame in dialect.encode(parts()):
        frames.append(frame)
    assert seen == ["One", "One two", "One two three"]


@pytest.mark.parametrize("name", WRITERS)
def test_snapshots(name):
    """Snapshots that extend each other arrive as what they add."""
    parts: list[Part] = [
        ReasoningSnapshot("Hm"),
        ReasoningSnapshot("Hm."),
        TextSnapshot("You"),
        TextSnapshot("You have"),
        Finish("stop"),
    ]
    dialect = dialects.get(name)
    reading = written(dialect, parts)
    assert reading.answer.text == "You have"
    assert reading.deltas == ["You", " have"]
    if dialect.about.reasoning:
        assert reading.answer.reasoning == "Hm."


@pytest.mark.parametrize("name", WRITERS)
def test_halves_of_pairs(name):
    """An emoji that comes in two halves is whole, and a half that stays alone is replaced."""
    parts = [Text("a\ud83d"), Text("\ude42b"), Text("c\ud83d"), Finish("stop")]
    reading = written(dialects.get(name), parts)
    assert reading.answer.text == "a🙂bc\ufffd"


@pytest.mark.parametrize("name", sorted(set(WRITERS) - TOLD))
def test_auto_recognises_what_is_written(name):
    """`auto` takes what a dialect writes for that dialect, or for its family."""
    dialect = dialects.get(name)
    body = b"".join(dialect.encode([Text("Hi"), Finish("stop")]))
    reading = read(dialects.get("auto"), [body], content_type(dialect))
    assert reading.answer.text == "Hi"
    assert reading.dialect == FAMILY.get(name, name)


@pytest.mark.fuzz
@pytest.mark.parametrize("name", WRITERS)
def test_any_text(name):
    """Any text in any pieces comes back; no field or frame can be smuggled in."""
    dialect = dialects.get(name)
    tags = name == "ragflow_legacy"

    @given(st.lists(st.text(min_size=1) | st.sampled_from(["\r\n", "\n\ndata: [DONE]\n\n"])))
    def check(pieces: list[str]) -> None:
        whole = "".join(pieces)
        if name == "raw":
            # It is the wire itself: CR and CRLF are line ends there.
            whole = "".join(piece.replace("\r\n", "\n").replace("\r", "\n") for piece in pieces)
        if "**ERROR**" in whole or (tags and "<" in whole):
            return
        reading = written(dialect, [Text(piece) for piece in pieces])
        assert reading.error is None or (not whole and nothing_was_said(reading))
        assert reading.answer.text == whole

    check()


@pytest.mark.fuzz
@pytest.mark.parametrize("name", WRITERS)
def test_any_parts(name):
    """Any sequence of parts gives frames that read without an error."""
    dialect = dialects.get(name)
    words = st.text(max_size=5)
    indices = st.sampled_from([0, 1, "a"])
    part: st.SearchStrategy[Any] = st.one_of(
        st.builds(Text, words),
        st.builds(TextSnapshot, words),
        st.builds(Reasoning, words),
        st.builds(ReasoningSnapshot, words),
        st.builds(ToolCallDelta, indices, id=words, name=words, arguments=words),
        st.builds(ToolCallDelta, indices, arguments=words, replace=st.booleans()),
        st.builds(UsageUpdate, input=st.integers(0, 99), output=st.none() | st.integers(0, 99)),
        st.builds(Identity, id=st.none() | words, conversation_id=st.none() | words),
        st.builds(Finish, st.sampled_from(["stop", "length", "other", "cancelled", "error"])),
        st.builds(
            lambda item: Citations((item,)), st.builds(Citation, title=words, score=st.none())
        ),
    )

    @given(st.lists(part, max_size=8))
    def check(parts: list[Part]) -> None:
        reading = written(dialect, parts)
        failed = any(isinstance(item, Finish) and item.reason == "error" for item in parts)
        if not failed:
            assert reading.error is None or nothing_was_said(reading)

    check()


def test_openai_frames_are_what_openai_sends():
    """The first chunk names the role, the usage chunk has no choice, the last is the marker."""
    parts = [Text("Hi"), Finish("stop"), UsageUpdate(input=1, output=2)]
    body = b"".join(dialects.get("openai").encode(parts, id="a-1", model="m")).decode()
    frames = [frame.removeprefix("data: ") for frame in body.split("\n\n") if frame]
    assert frames[-1] == "[DONE]"
    chunks = [json.loads(frame) for frame in frames[:-1]]
    assert all(chunk["object"] == "chat.completion.chunk" for chunk in chunks)
    assert all((chunk["id"], chunk["model"]) == ("a-1", "m") for chunk in chunks)
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"] == {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}


def test_a_snapshot_dialect_can_rewrite():
    """Text that is rewritten comes back rewritten where the dialect sends snapshots."""
    parts = [TextSnapshot("You have 10"), TextSnapshot("You have [1] 10"), Finish("stop")]
    for dialect in (dialects.get("ragflow_legacy"), dialects.get("openai", text="snapshot")):
        assert written(dialect, parts).answer.text == "You have [1] 10"


def test_ragflow_frames_are_what_ragflow_sends():
    """Frames have no space after the colon, marks around the thinking, and end with true."""
    body = b"".join(dialects.get("ragflow").encode([Reasoning("Hm"), Text("Hi")], id="m-1"))
    frames = [json.loads(frame.removeprefix("data:")) for frame in body.decode().split("\n\n")[:-1]]
    assert body.startswith(b'data:{"code": 0')
    assert frames[-1] == {"code": 0, "message": "", "data": True}
    marks = [
        sorted(frame["data"].keys() & {"start_to_think", "end_to_think"}) for frame in frames[:-1]
    ]
    assert marks == [["start_to_think"], [], ["end_to_think"], [], []]
    assert [frame["data"]["final"] for frame in frames[:-1]] == [False, False, False, False, True]
