"""Every transcript gives the answer in its JSON file, however the network split the bytes."""

from __future__ import annotations

from typing import Any

import pytest
from reading import Reading, Transcript, answer_of, as_facts, read, transcripts

from chatsdk import dialects
from chatsdk.dialects import Dialect

TRANSCRIPTS = transcripts()

# Only the caller knows which fields hold the text, or that a body is just words, so what
# `auto` makes of these is not its own business.
TOLD = {"json", "text"}

# A body cut between two nodes looks complete: nothing shows that another one was to follow.
PARTED = {"n8n/two_nodes"}

# Two-way cuts that are read through `auto`, too.
AUTO_CUTS = 24


def each_transcript(argument: str = "transcript") -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        argument, [pytest.param(item, id=item.name) for item in TRANSCRIPTS]
    )


def each_reading() -> pytest.MarkDecorator:
    """Every transcript as its dialect reads it, and as `auto` does."""
    return pytest.mark.parametrize(
        ("transcript", "auto"),
        [
            pytest.param(item, auto, id=f"{item.name}-{'auto' if auto else 'named'}")
            for item in TRANSCRIPTS
            for auto in (False, True)
            if not (auto and item.dialect in TOLD)
        ],
    )


def dialect_of(transcript: Transcript, *, auto: bool = False) -> Dialect:
    if auto:
        return dialects.get("auto")
    return dialects.get(transcript.dialect, **transcript.options)


def cuts_of(body: bytes, most: int) -> list[int]:
    """Two-way cuts of a body: all of them, or `most` that are spread evenly."""
    count = min(len(body) - 1, most)
    return [1 + place * (len(body) - 1) // count for place in range(count)] if count > 0 else []


def check(reading: Reading, expected: dict[str, Any]) -> None:
    wanted = answer_of(expected["answer"] or {})
    assert as_facts(reading.answer) == as_facts(wanted)
    assert reading.answer == wanted
    error = expected["error"]
    if error is None:
        assert reading.error is None
    else:
        assert reading.error is not None, f"no {error['type']}, but {reading.end}"
        assert reading.error["type"] == error["type"]
        assert reading.error["code"] == error.get("code")
        if error["type"] == "BackendError":
            assert reading.error["message"] == error.get("message", "")
        else:
            assert error.get("message", "") in reading.error["message"]
    assert reading.end == expected["end"]
    if expected["deltas"] is not None:
        assert reading.deltas == expected["deltas"]


def test_there_are_transcripts():
    """The transcripts were found, each dialect name is a registered one."""
    assert TRANSCRIPTS
    assert {item.dialect for item in TRANSCRIPTS} <= set(dialects.names())


@each_transcript()
def test_the_facts_are_complete(transcript):
    """A transcript's JSON has what README.md there asks for, and nothing unknown."""
    known = {"dialect", "options", "content_type", "auto", "auto_differs", "source", "answer"}
    known |= {"deltas", "end", "error", "responses"}
    facts = transcript.facts
    assert facts.keys() <= known
    assert {"dialect", "source", "answer"} <= facts.keys()
    assert facts["source"].startswith(("composed after ", "written by "))
    assert (facts.get("end") is None) != (facts.get("error") is None)
    assert facts.get("end") in (None, "marker", "finish_reason", "framing")
    assert facts.get("auto", transcript.dialect) in (None, *dialects.names())


@each_reading()
def test_the_answer(transcript, auto):
    """A transcript gives its answer in every field, read whole and byte by byte."""
    dialect = dialect_of(transcript, auto=auto)
    body, content_type = transcript.body, transcript.content_type
    whole = read(dialect, [body], content_type)
    check(whole, transcript.expected(auto=auto))
    if auto:
        assert whole.dialect == transcript.facts.get("auto", transcript.dialect)
    else:
        assert whole.dialect == transcript.dialect
    single = read(dialect, [bytes([byte]) for byte in body], content_type)
    assert single.essence == whole.essence
    for cut in cuts_of(body, AUTO_CUTS):
        assert read(dialect, [body[:cut], body[cut:]], content_type).essence == whole.essence


@each_transcript()
def test_every_cut(transcript):
    """A cut anywhere gives the same answer in every field, in the same steps."""
    dialect = dialect_of(transcript)
    body, content_type = transcript.body, transcript.content_type
    whole = read(dialect, [body], content_type).essence
    for cut in range(1, len(body)):
        reading = read(dialect, [body[:cut], body[cut:]], content_type)
        assert reading.essence == whole, f"cut at {cut}"


def proves_its_end(transcript: Transcript, auto: bool) -> bool:
    """Whether the stream itself marks that it is complete, and does not only stop."""
    if transcript.facts.get("responses", 1) > 1:
        # Each of its responses ends alike; only the body's own end shows that it was the last.
        return False
    ends = transcript.expected(auto=auto)["end"] in ("marker", "finish_reason")
    return ends and not dialect_of(transcript).about.clean_end


@pytest.mark.parametrize(
    ("transcript", "auto"),
    [
        pytest.param(item, auto, id=f"{item.name}-{'auto' if auto else 'named'}")
        for item in TRANSCRIPTS
        for auto in (False, True)
        if not ((auto and item.dialect in TOLD) or item.name in PARTED)
        if proves_its_end(item, auto)
    ],
)
def test_a_cut_answer_is_never_complete(transcript, auto):
    """If a dialect has an end marker, a body truncated before all the text is incomplete."""
    dialect = dialect_of(transcript, auto=auto)
    body, content_type = transcript.body, transcript.content_type
    whole = read(dialect, [body], content_type)
    for cut in cuts_of(body, 100):
        reading = read(dialect, [body[:cut]], content_type)
        if reading.answer.text != whole.answer.text and reading.dialect == whole.dialect:
            assert reading.end is None, f"cut at {cut}"


@each_reading()
def test_steps_hold_no_text_back(transcript, auto):
    """Joined deltas are the text unless a step rewrote, and each event's text is there at once."""
    dialect = dialect_of(transcript, auto=auto)
    reading = read(dialect, [transcript.body], transcript.content_type)
    if not any(step.rewritten for step in reading.steps):
        joined = "".join(reading.deltas)
        # The half of a pair that a stream ends in is given out by the flush.
        assert reading.answer.text in (joined, joined + "\ufffd")
    if auto and not transcript.facts.get("auto_differs"):
        named = read(dialect_of(transcript), [transcript.body], transcript.content_type)
        named_steps = [step.text for step in named.steps if step.delta or step.rewritten]
        assert [s.text for s in reading.steps if s.delta or s.rewritten] == named_steps
