"""Errors, options, messages and outcomes: values with clear complaints."""

from __future__ import annotations

import copy
import pickle

import pytest

import chatsdk
from chatsdk import (
    Answer,
    BackendError,
    ChatError,
    ChatTimeout,
    Citation,
    HTTPStatusError,
    Image,
    LimitExceeded,
    Limits,
    Message,
    NotAStreamError,
    Outcome,
    ResponseInfo,
    Retry,
    Timeout,
    Timings,
    ToolCall,
    Usage,
)
from chatsdk.answer.values import Facts
from chatsdk.dialects import StopRequest
from chatsdk.parts import (
    Citations,
    End,
    Failure,
    Finish,
    Identity,
    Native,
    Reasoning,
    ReasoningSnapshot,
    Text,
    TextSnapshot,
    ToolCallDelta,
    UsageUpdate,
)

ERRORS = [
    getattr(chatsdk, name)
    for name in chatsdk.__all__
    if isinstance(getattr(chatsdk, name), type) and issubclass(getattr(chatsdk, name), ChatError)
]


@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_carries_answer_and_request_id(kind):
    """Every error of the tree has the partial answer and the request's id, also when pickled."""
    error = kind("it broke", answer=Answer("so far"), request_id="req-1")
    again = pickle.loads(pickle.dumps(error))
    for one in (error, again, copy.copy(error)):
        assert isinstance(one, ChatError)
        assert str(one) == "it broke"
        assert (one.answer, one.request_id) == (Answer("so far"), "req-1")


def test_the_details_of_errors_survive_a_pickle():
    """Status, body, phase, code and limit come through a pickle."""
    error = HTTPStatusError(
        "HTTP 429",
        status=429,
        url="https://api.example.com/v1",
        headers={"a": "b"},
        body=b"{}",
        message="slow",
        code="x",
        retry_after=2.0,
    )
    again = pickle.loads(pickle.dumps(error))
    assert vars(again) == vars(error)
    assert pickle.loads(pickle.dumps(ChatTimeout("t", phase="idle"))).phase == "idle"
    assert (
        pickle.loads(pickle.dumps(LimitExceeded("l", limit="event_bytes"))).limit == "event_bytes"
    )
    assert pickle.loads(pickle.dumps(NotAStreamError("n", body=b"<p>"))).body == b"<p>"
    assert pickle.loads(pickle.dumps(BackendError("b", message="m", code=1))).code == 1


def test_a_plain_number_is_a_timeout_for_each_wait():
    """A number means that long for an event, and at most 10 s for the connection."""
    assert Timeout.of(3) == Timeout(connect=3, first_event=3, idle=3)
    assert Timeout.of(60) == Timeout(connect=10, first_event=60, idle=60)
    assert Timeout.of(None) == Timeout(connect=None, first_event=None, idle=None, progress=None)
    assert Timeout.of(Timeout(idle=5)) == Timeout(idle=5)


def test_the_defaults_are_those_of_the_documentation():
    """Connect 10 s, first event 300 s, idle 120 s, total without limit."""
    assert Timeout() == Timeout(
        connect=10.0, first_event=300.0, idle=120.0, total=None, progress=600.0
    )
    assert (Retry().attempts, Retry().max_wait, Limits().error_body) == (2, 30.0, 65536)


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), 1e300, 10**400, 2.2e6])
def test_a_timeout_that_cannot_be_is_a_value_error(value):
    """Zero, negative, NaN, infinite and absurd seconds are refused, with the remedy."""
    with pytest.raises(ValueError, match="None"):
        Timeout(idle=value)


@pytest.mark.parametrize("value", ["3", True, [1]])
def test_a_timeout_of_the_wrong_type_is_a_type_error(value):
    """A value that is not a number of seconds is refused."""
    with pytest.raises(TypeError, match="seconds"):
        Timeout(total=value)
    with pytest.raises(TypeError, match="seconds"):
        Timeout.of(value)


def test_counts_must_be_whole_and_positive():
    """Limits and attempts take whole numbers from 1."""
    with pytest.raises(ValueError, match="1 or more"):
        Retry(attempts=0)
    with pytest.raises(TypeError, match="whole number"):
        Limits(event_bytes=1.5)
    for value in (-1, 1e300, 10**400, float("nan")):
        with pytest.raises(ValueError, match="from 0 to 1,000,000 seconds"):
            Retry(backoff=value)
    with pytest.raises(TypeError, match="number of seconds"):
        Retry(max_wait="30")


@pytest.mark.parametrize("name", ["event_bytes", "answer_bytes", "body_bytes", "error_body"])
def test_no_limit_is_none(name):
    """There is no Limits without a limit, nor Retry without a number: leaving it out is said."""
    with pytest.raises(TypeError, match=f"{name} .*; leave it out for the default"):
        Limits(**{name: None})
    for field in ("attempts", "backoff", "max_wait"):
        with pytest.raises(TypeError, match=f"{field} .*; leave it out for the default"):
            Retry(**{field: None})
    for statuses in (None, 429, "429", [[429]]):
        with pytest.raises(TypeError, match="numbers such as"):
            Retry(statuses=statuses)


def test_a_prompt_is_the_message_of_a_user():
    """A string asks as the user."""
    assert Message.all_of("Hi") == (Message("user", "Hi"),)


def test_messages_come_as_dicts_too():
    """The widespread dict shapes are understood: text, parts, pictures, tool calls, results."""
    messages = Message.all_of(
        [
            {"role": "developer", "content": "Be brief"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is "},
                    "this?",
                    {"type": "image_url", "image_url": {"url": "https://e.x/a.png"}},
                    {"data": "aGk=", "media_type": "image/png"},
                ],
            },
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "c1", "function": {"name": "find", "arguments": "{}"}},
                    {"id": "c2", "name": "look", "arguments": "{}"},
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "name": "find", "content": "42"},
        ]
    )
    assert messages[0] == Message("system", "Be brief")
    assert messages[1].content == "What is this?"
    assert [image.source for image in messages[1].images] == [
        "https://e.x/a.png",
        "data:image/png;base64,aGk=",
    ]
    assert messages[2].tool_calls == (ToolCall("c1", "find", "{}"), ToolCall("c2", "look", "{}"))
    assert messages[3] == Message("tool", "42", tool_call_id="c1", name="find")


@pytest.mark.parametrize(
    ("value", "error", "said"),
    [
        (7, TypeError, "a prompt or a list"),
        ([], ValueError, "at least one"),
        ([7], TypeError, "'role': 'user'"),
        ([{"role": "robot"}], ValueError, "system, user, assistant, tool"),
        ([{"role": "user", "content": 7}], TypeError, "text or a list of parts"),
        ([{"role": "user", "content": [{"type": "video"}]}], ValueError, "image_url"),
        ([{"role": "assistant", "tool_calls": [{"name": 1}]}], ValueError, "a tool call is"),
    ],
)
def test_what_is_no_message_is_refused_with_the_remedy(value, error, said):
    """The complaint shows what a message looks like."""
    with pytest.raises(error, match=said):
        Message.all_of(value)


def test_the_content_of_a_picture_is_not_in_its_repr():
    """A picture's base64 does not flood a log."""
    assert "aGk=" not in repr(Image(data="aGk=", media_type="image/png"))


def test_an_outcome_has_the_timings_of_its_answer():
    """The outcome of a turn knows how it went in time."""
    answer = Answer("x")
    assert Outcome("finished", end="marker", answer=answer).timings == answer.timings
    assert Outcome("stopped").server_stop is None


def test_every_public_name_has_a_docstring():
    """Everything that `chatsdk` exports has a docstring."""
    for name in chatsdk.__all__:
        if name != "__version__":
            assert (getattr(chatsdk, name).__doc__ or "").strip(), name


VALUES = [
    *(Text("a"), TextSnapshot("a"), Reasoning("a"), ReasoningSnapshot("a"), End()),
    *(ToolCallDelta(0, "c1", "find", "{}"), Citations((Citation("A"),)), Citation("A"), Usage(1)),
    *(UsageUpdate(1), Identity("a"), Finish("stop"), Failure("stop"), Native.of("openai", [1])),
    *(ToolCall("c1", "find", "{}"), Timings(0.5), StopRequest("/stop"), Answer("a")),
    *(Timeout(idle=5), Limits(error_body=7), Retry(statuses={429}, idempotency_key="k")),
    *(Image(data="aGk=", media_type="image/png"), Message("user", "Hi"), Outcome("stopped")),
    # Headers are a dict elsewhere, which has no hash.
    ResponseInfo(200, (), "text/event-stream", None),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_is_equal_to_its_copies_and_to_nothing_else(value):
    """Copied and pickled values are equal, with equal hashes; no other kind of value is."""
    for again in (copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))):
        assert (again == value, again != value) == (True, False)
        assert type(again) is type(value)
        assert (hash(again), repr(again)) == (hash(value), repr(value))
    others = [other for other in VALUES if other is not value]
    assert {(other == value, other != value) for other in others} == {(False, True)}
    assert value != ("a",)
    assert value


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_cannot_be_changed(value):
    """No field can be set or deleted, and none added."""
    for name in (*getattr(value, "__match_args__", ("text",)), "another"):
        with pytest.raises(AttributeError):
            setattr(value, name, "b")
    with pytest.raises(AttributeError):
        del value.another


def test_a_value_shows_its_fields_but_no_secret():
    """The repr names what there is, except for keys, contents and what only a backend reads."""
    assert repr(Timeout(idle=5)) == (
        "Timeout(connect=10.0, first_event=300.0, idle=5, total=None, progress=600.0)"
    )
    assert repr(Text("a")) == "Text(text='a')"
    assert repr(Finish("stop")) == "Finish(reason='stop', native=None)"
    assert "s3cret" not in repr(Retry(idempotency_key="s3cret"))
    assert "s3cret" not in repr(Native("openai", "s3cret"))
    assert "s3cret" not in repr(Message("user", native=Native("openai", "s3cret")))
    assert "s3cret" not in repr(ResponseInfo(200, {"x": "s3cret"}, "text/plain", None))


def test_a_value_matches_by_its_fields():
    """The fields are in the order of a pattern's arguments."""
    match Retry(3, statuses=[503]):
        case Retry(attempts, _, _, statuses):
            assert (attempts, statuses) == (3, frozenset({503}))
    match Outcome("error", error=None):
        case Outcome(reason, end):
            assert (reason, end) == ("error", None)


def test_what_a_backend_wants_back_makes_no_other_answer():
    """Two answers with the same content are equal, whatever state is sent back with them."""
    one, other = Facts(id="a", native=Native.of("openai", 1)), Facts(id="a")
    assert (one == other, one != other, hash(one) == hash(other)) == (True, False, True)
    assert Facts(id="b") != other


def test_the_word_of_the_server_makes_no_other_outcome():
    """The result of a stop on the server is read again, and does not count for equality."""
    stopped = Outcome("stopped", server_stop=lambda: "stopped")
    assert stopped == Outcome("stopped")
    assert stopped.server_stop == "stopped"
    assert "server_stop" not in repr(stopped)
