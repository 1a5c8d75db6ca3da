"""`chatsdk.answer`: frozen steps that share what they are made of."""

from __future__ import annotations

import base64
import copy
import gc
import pickle
import sys
import threading
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatsdk import Answer, Citation, Timings, ToolCall, Usage
from chatsdk.answer import AnswerBuilder
from chatsdk.parts import (
    Citations,
    End,
    Failure,
    Finish,
    Identity,
    Reasoning,
    ReasoningSnapshot,
    Text,
    TextSnapshot,
    ToolCallDelta,
    UsageUpdate,
)


def built(*parts):
    builder = AnswerBuilder()
    for part in parts:
        builder.apply(part)
    return builder.answer


def test_a_step_has_what_it_added_and_all_so_far():
    """`delta` is what the step added, `text` everything."""
    builder = AnswerBuilder()
    first = builder.apply(Text("Hel"))
    second = builder.apply(Text("lo"))
    assert (first.delta, first.text) == ("Hel", "Hel")
    assert (second.delta, second.text, str(second)) == ("lo", "Hello", "Hello")


def test_a_step_without_text_has_an_empty_delta():
    """A step that brings only usage adds no text and keeps what there was."""
    builder = AnswerBuilder()
    builder.apply(Text("Hi"))
    answer = builder.apply(UsageUpdate(input=1, output=2))
    assert (answer.delta, answer.text) == ("", "Hi")
    assert answer.usage == Usage(input=1, output=2, total=3)


def test_reasoning_stands_apart_from_the_text():
    """Reasoning grows separately and is not part of the text."""
    answer = built(Reasoning("Let me "), Text("Yes"), Reasoning("see"))
    assert (answer.text, answer.reasoning, answer.reasoning_delta) == ("Yes", "Let me see", "see")


def test_a_snapshot_that_extends_the_text_is_a_delta():
    """Only what a cumulative text adds is the delta."""
    builder = AnswerBuilder()
    builder.apply(TextSnapshot("You have"))
    answer = builder.apply(TextSnapshot("You have 10 days"))
    assert (answer.delta, answer.rewritten, answer.text) == (" 10 days", False, "You have 10 days")


def test_a_snapshot_that_changes_earlier_text_is_a_rewrite():
    """A rewrite has no delta, is marked, and leaves earlier steps as they were."""
    builder = AnswerBuilder()
    before = builder.apply(TextSnapshot("You have 10 days"))
    after = builder.apply(TextSnapshot("You [1] have 10 days"))
    assert (after.delta, after.rewritten, after.text) == ("", True, "You [1] have 10 days")
    assert before.text == "You have 10 days"
    assert builder.apply(Text("!")).text == "You [1] have 10 days!"


def test_a_rewritten_reasoning_is_taken_whole():
    """A reasoning snapshot replaces the reasoning and leaves the text alone."""
    answer = built(ReasoningSnapshot("one"), Text("T"), ReasoningSnapshot("two"))
    assert (answer.reasoning, answer.text) == ("two", "T")


def test_tool_call_arguments_are_joined_and_parsed_when_whole():
    """`parsed` is None until the arguments are a complete JSON object."""
    builder = AnswerBuilder()
    builder.apply(ToolCallDelta(0, id="c1", name="find", arguments='{"q":'))
    part = builder.answer
    whole = builder.apply(ToolCallDelta(0, arguments='"x"}'))
    assert part.tool_calls == (ToolCall("c1", "find", '{"q":'),)
    assert part.tool_calls[0].parsed is None
    assert whole.tool_calls == (ToolCall("c1", "find", '{"q":"x"}'),)
    assert whole.tool_calls[0].parsed == {"q": "x"}


def test_two_tool_calls_grow_side_by_side():
    """The pieces of each call are joined by their index, in the order of appearance."""
    answer = built(
        ToolCallDelta(0, id="a", name="f", arguments="{"),
        ToolCallDelta(1, id="b", name="g", arguments="{"),
        ToolCallDelta(0, arguments="}"),
        ToolCallDelta(1, arguments='"k":1}'),
    )
    assert [call.arguments for call in answer.tool_calls] == ["{}", '{"k":1}']


def test_replaced_arguments_stand_alone():
    """A whole text of arguments goes in place of the pieces before it."""
    answer = built(
        ToolCallDelta(0, id="a", name="f", arguments="{"),
        ToolCallDelta(0, arguments='{"k":2}', replace=True),
    )
    assert answer.tool_calls == (ToolCall("a", "f", '{"k":2}'),)


def test_arguments_that_are_no_object_are_not_parsed():
    """JSON that is not an object, or text that is not JSON, gives None and raises nothing."""
    assert ToolCall("a", "f", "[1]").parsed is None
    assert ToolCall("a", "f", "{nope}").parsed is None
    assert ToolCall("a", "f", "{" + '"a":{' * 100_000 + "}").parsed is None


def test_citations_are_kept_once():
    """A citation that comes again is not added again."""
    one, two = Citation(title="a"), Citation(title="b")
    assert built(Citations((one, one)), Citations((one, two))).citations == (one, two)


def test_usage_grows_from_partial_counts():
    """Counts that come in pieces are put together, and a total that is given wins."""
    assert built(UsageUpdate(input=12), UsageUpdate(output=3)).usage == Usage(12, 3, 15)
    assert built(UsageUpdate(input=1, output=2, total=9)).usage == Usage(1, 2, 9)


def test_identity_and_finish_are_taken_over():
    """Ids, model and finish reason come into the answer; unknown ones leave what was known."""
    answer = built(
        Identity(id="i", conversation_id="c", model="m", task="t"),
        Identity(model="m2"),
        Finish("length", "max_tokens"),
    )
    assert (answer.id, answer.conversation_id, answer.task_id, answer.model) == (
        "i",
        "c",
        "t",
        "m2",
    )
    assert (answer.finish_reason, answer.native_finish_reason) == ("length", "max_tokens")


def test_end_and_failure_are_noted():
    """The end marker and the first failure are what the client asks the builder for."""
    builder = AnswerBuilder()
    assert (builder.ended, builder.failure) == (False, None)
    builder.step((Failure("one", 1), Failure("two", 2), End()))
    assert (builder.ended, builder.failure) == (True, Failure("one", 1))


def test_an_emoji_cut_by_utf_16_units_comes_out_whole():
    """Half of a surrogate pair is held until the other half comes."""
    builder = AnswerBuilder()
    first = builder.apply(Text("ok \ud83d"))
    second = builder.apply(Text("\ude42!"))
    assert (first.text, second.delta, second.text) == ("ok ", "🙂!", "ok 🙂!")


def test_half_of_a_pair_that_stays_alone_becomes_a_replacement():
    """The text can always be encoded: a lone half is U+FFFD, at the end too."""
    builder = AnswerBuilder()
    builder.apply(Text("a\udc00b\ud83d"))
    assert builder.flush().text == "a�b�"
    assert builder.answer.text.encode()


def test_a_snapshot_that_ends_in_half_a_pair_does_not_rewrite():
    """A cumulative text that is cut inside an emoji goes on as a delta."""
    builder = AnswerBuilder()
    builder.apply(TextSnapshot("ok \ud83d"))
    answer = builder.apply(TextSnapshot("ok 🙂!"))
    assert (answer.rewritten, answer.text) == (False, "ok 🙂!")


@given(st.lists(st.text(alphabet="a🙂\ud83d\ude42é", max_size=4), max_size=12))
def test_deltas_join_to_the_text(pieces):
    """For any cutting, surrogates included, the joined deltas are the text."""
    builder = AnswerBuilder()
    deltas = [builder.apply(Text(piece)).delta for piece in pieces]
    last = builder.flush()
    joined = "".join(deltas)
    assert last.text.startswith(joined)
    assert last.text.removeprefix(joined) in ("", "�")
    assert last.text.encode().decode() == last.text


@given(st.lists(st.tuples(st.booleans(), st.text(alphabet="ab", max_size=3)), max_size=20))
def test_a_kept_step_never_changes(moves):
    """Every step reads the same afterwards as when it was made, whatever came later."""
    builder = AnswerBuilder()
    kept = []
    for snapshot, text in moves:
        answer = builder.apply(TextSnapshot(text) if snapshot else Text(text))
        kept.append((answer, answer.text, repr(answer), hash(answer), pickle.dumps(answer)))
    for answer, text, shown, hashed, pickled in reversed(kept):
        assert (answer.text, repr(answer), hash(answer)) == (text, shown, hashed)
        assert pickle.loads(pickled) == answer
        assert pickle.dumps(answer) == pickled


def test_threads_may_read_old_and_new_steps_at_once():
    """The shared pieces give every thread the text of its own step."""
    builder = AnswerBuilder()
    steps = [builder.apply(Text("ab")) for _ in range(2000)]
    wrong: list[int] = []
    start = threading.Barrier(4)

    def read(offset):
        start.wait()
        for number in range(offset, 2000, 3):
            if len(steps[number].text) != 2 * (number + 1):
                wrong.append(number)

    threads = [threading.Thread(target=read, args=(offset,)) for offset in (0, 1, 2, 0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_an_answer_is_frozen():
    """No attribute can be set or deleted, not even one that is no field."""
    answer = built(Text("x"))
    for name in ("text", "delta", "_count", "surprise"):
        with pytest.raises(AttributeError):
            setattr(answer, name, "y")
    with pytest.raises(AttributeError):
        del answer.delta
    with pytest.raises(AttributeError):
        ToolCall("a").id = "b"


def test_equality_is_about_what_the_answer_says():
    """The same text in other pieces is the same answer; other facts are not."""
    assert built(Text("ab"), Text("c")) == built(Text("a"), Text("bc")) == Answer("abc")
    assert hash(built(Text("ab"), Text("c"))) == hash(Answer("abc"))
    assert Answer("abc") != Answer("abc", finish_reason="stop")
    assert Answer("abc") != "abc"


def test_copies_are_the_answer_itself():
    """A frozen value needs no copy."""
    answer = built(Text("x"), ToolCallDelta(0, id="a", name="f", arguments="{}"))
    assert copy.copy(answer) is answer
    assert copy.deepcopy(answer) is answer
    assert copy.deepcopy(answer.tool_calls[0]) is answer.tool_calls[0]


def test_pickle_keeps_everything():
    """After pickling, text, facts, deltas, raw and timings are as before."""
    builder = AnswerBuilder(started=10.0)
    builder.step((Text("a"),), payload='{"n": 1}', at=11.0, received=8)
    answer = builder.step(
        (Text("b"), ToolCallDelta(0, "c", "f", "{}")), payload="x", at=13.0, received=20
    )
    again = pickle.loads(pickle.dumps(answer))
    assert again == answer
    assert (again.delta, again.raw, again.timings) == ("b", "x", answer.timings)
    assert again.tool_calls[0].parsed == {}


def test_timings_are_those_of_the_step():
    """Each step knows its own number of events, bytes, gaps and when text first came."""
    builder = AnswerBuilder(started=10.0)
    first = builder.step((), payload="{}", at=11.0, received=5)
    second = builder.step((Text("a"),), payload="{}", at=13.0, received=9)
    builder.step((Text("b"),), payload="{}", at=20.0, received=12)
    assert (first.timings.first_text, first.timings.events, first.timings.bytes) == (None, 1, 5)
    assert second.timings.first_text == 3.0
    assert second.timings.duration == 3.0
    assert second.timings.gaps == (2.0,)


def test_raw_is_parsed_when_asked():
    """JSON payloads come parsed, others as text, and none as None."""
    builder = AnswerBuilder()
    assert builder.answer.raw is None
    assert builder.step((), payload='{"a": [1]}').raw == {"a": [1]}
    assert builder.step((), payload="plain").raw == "plain"


def test_since_gives_all_that_was_added():
    """A reader that skipped steps gets the complete delta, and a rewrite is marked."""
    builder = AnswerBuilder()
    steps = [builder.apply(Text(piece)) for piece in ("a", "b", "c")]
    assert steps[2].since(steps[0]).delta == "bc"
    assert steps[2].since(None).delta == "abc"
    assert steps[2].since(steps[2]).delta == ""
    rewritten = builder.apply(TextSnapshot("new"))
    later = rewritten.since(steps[1])
    assert (later.delta, later.rewritten, later.text) == ("", True, "new")


def test_repr_is_short_and_shows_what_is_set():
    """A long text is cut in repr(), and unset facts are left out."""
    assert repr(Answer("hi", finish_reason="stop")) == "Answer(text='hi', finish_reason='stop')"
    assert len(repr(Answer("x" * 100_000))) < 300


def test_keeping_every_step_is_cheap():
    """A kept step takes about 250 bytes, however long the answer has become."""
    builder = AnswerBuilder()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        kept = [
            builder.step((Text("abcd"),), payload="", at=1.0, received=number * 200)
            for number in range(50_000)
        ]
        used = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert used / len(kept) < 300


def test_size_counts_text_reasoning_and_arguments():
    """The builder knows about how much memory an answer takes, without going over it twice."""
    builder = AnswerBuilder()
    builder.step((Text("x" * 1000), Reasoning("y" * 500), ToolCallDelta(0, "a", "f", "z" * 300)))
    first = builder.size
    assert 1800 <= first <= 2100
    builder.apply(Text("x" * 100))
    assert first + 100 <= builder.size <= first + 200


def test_usage_is_always_there():
    """Counts can be read before any are reported; the usage is false as long as there are none."""
    assert Answer().usage == Usage()
    assert Answer().usage.output is None
    assert not Answer(usage=None).usage
    assert Answer(usage=Usage(output=0)).usage
    assert Answer() == Answer(usage=Usage())


# An answer, one with usage, and an error without an answer.
PICKLED_BY_0_1_0 = """
gASVjgEAAAAAAACME2NoYXRzZGsuYW5zd2VyLnN0ZXCUjAhfcmVzdG9yZZSTlChDAkhplEMAlIwVY2hhdHNkay5hbnN3ZXIudmFsdWVz
lIwFRmFjdHOUk5QoKSlOTk5OTk5OTnSUgZR9lCiMBWRlbHRhlIwCSGmUjA9yZWFzb25pbmdfZGVsdGGUjACUjAlyZXdyaXR0ZW6UiYwH
cGF5bG9hZJROjAdzdGFydGVklEcAAAAAAAAAAIwFdGltZXOUXZSMCmZpcnN0X3RleHSUTowIcmVjZWl2ZWSUSwB1dJRSlGgCKEMCSGmU
aARoBygpKYwNY2hhdHNkay5wYXJ0c5SMBVVzYWdllJOUKEsBSwJOTk50lIGUTk5OTk5OTnSUgZR9lChoC2gMaA1oDmgPiWgQTmgRRwAA
AAAAAAAAaBJdlGgUTmgVSwB1dJRSlIwOY2hhdHNkay5lcnJvcnOUjAxDb25uZWN0RXJyb3KUk5SMAm5vlIWUUpR9lCiMBmFuc3dlcpRO
jApyZXF1ZXN0X2lklE51YoeULg==
"""


def test_pickles_of_0_1_0_still_load():
    """A value pickled by an earlier version has its usage and its answer, too."""
    answer, counted, error = pickle.loads(base64.b64decode(PICKLED_BY_0_1_0))
    assert answer == Answer("Hi")
    assert answer.usage.output is None
    assert counted == Answer("Hi", usage=Usage(1, 2))
    assert str(error) == "no"
    assert error.answer == Answer()


def test_timings_are_shown_without_their_gaps():
    """A long answer has thousands of gaps: repr() only counts them."""
    timings = Timings(0.25, 2.0, (0.5,) * 1000, 1001, 4096)
    shown = "Timings(first_text=0.250, duration=2.000, gaps=<1000>, events=1001, bytes=4096)"
    assert repr(timings) == shown


def test_timings_of_each_step_take_linear_time():
    """Reading the timings costs the same after 2,000 events as after 20, unless gaps are read."""

    def calls(events):
        builder = AnswerBuilder(started=1.0)
        for number in range(events):
            answer = builder.step((Text("a"),), "a", 2.0 + number, number)
        count = 0

        def note(frame, event, argument):
            nonlocal count
            count += event == "call"

        # A collection would call the finalizers of earlier tests' objects.
        gc.disable()
        sys.setprofile(note)
        try:
            timings = answer.timings
            repr(timings)
        finally:
            sys.setprofile(None)
            gc.enable()
        assert (timings.first_text, timings.duration, timings.events) == (1.0, events, events)
        assert timings.gaps == (1.0,) * (events - 1)
        assert tuple(timings) == tuple(timings._asdict().values()) == timings[:]
        assert timings == Timings(*timings) == pickle.loads(pickle.dumps(timings))
        return count

    assert calls(2000) == calls(20)


def test_values_are_shown_without_what_is_unknown():
    """The repr of a usage and of a citation omits fields that the backend did not send."""
    assert repr(Usage(output=46)) == "Usage(output=46)"
    assert repr(Citation(title="A page", position=1)) == "Citation(title='A page', position=1)"


def test_an_answer_in_a_formatted_string():
    """A format applies to the text, as `str` does."""
    assert f"{Answer('Hi'):>4}|{Answer('Hi')}" == "  Hi|Hi"


@pytest.mark.parametrize("add", [lambda answer: answer + "!", lambda answer: "!" + answer])
def test_an_answer_is_not_text(add):
    """Adding an answer and a string is an error that names the attribute with the text."""
    with pytest.raises(TypeError, match=r"use answer\.text"):
        add(Answer("Hi"))
