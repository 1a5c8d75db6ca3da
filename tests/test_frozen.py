"""Frozen values: they are what attrs would have made."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import attrs
import pytest
from attrs.exceptions import FrozenInstanceError

from chatsdk import Image, Limits, Message, Outcome, Retry, Timeout, Usage
from chatsdk.frozen import evolve
from chatsdk.parts import Text, ToolCallDelta, UsageUpdate

VALUES = [
    Usage(1, output=2),
    Text("Hi"),
    ToolCallDelta("a", arguments="{}"),
    Timeout(connect=3),
    Limits(),
    Retry(statuses=frozenset({429})),
    Message("user", "Hi", images=(Image(url="https://example.org/a.png"),)),
    Outcome("finished", end="marker"),
]

each_value = pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)


@each_value
def test_nothing_changes_a_value(value):
    """Setting or deleting any attribute raises what attrs raises."""
    name = value.__match_args__[0]
    with pytest.raises(FrozenInstanceError):
        setattr(value, name, 1)
    with pytest.raises(FrozenInstanceError):
        delattr(value, name)
    with pytest.raises(FrozenInstanceError):
        value.something_new = 1
    assert not hasattr(value, "__dict__")


@each_value
def test_copies_and_pickles_are_equal(value):
    """Copies, and what comes out of a pickle, are equal to the value and have its hash."""
    copies = [copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))]
    for other in copies:
        assert other == value
        assert hash(other) == hash(value)
        assert repr(other) == repr(value)


@each_value
def test_attrs_knows_the_value(value):
    """attrs' own functions take it."""
    assert attrs.has(type(value))
    assert attrs.evolve(value) == value
    names = [field.name for field in attrs.fields(type(value))]
    assert list(attrs.asdict(value, recurse=False)) == names


def test_values_of_two_classes_differ():
    """What says the same as a value of another class is not equal to it."""
    assert Usage(1) != UsageUpdate(1)
    assert Usage(1) != (1, None, None, None, None)
    assert len({Usage(1), UsageUpdate(1), Usage(1)}) == 2


def test_a_value_shows_its_fields():
    """The repr is the call that makes it, without what is not to be shown."""
    assert repr(Text("Hi")) == "Text(text='Hi')"
    assert repr(Image(data="c2VjcmV0")) == "Image(url=None, media_type=None)"


def test_a_value_matches_by_place():
    """A `match` statement finds the fields in their order."""
    match Usage(1, 2):
        case Usage(input, output):
            assert (input, output) == (1, 2)


def test_evolve_changes_what_it_is_given():
    """A changed copy keeps the other fields, private ones included."""
    outcome = Outcome("stopped", server_stop=lambda: "refused")
    changed = evolve(outcome, reason="error")
    assert (changed.reason, changed.server_stop) == ("error", "refused")
    assert outcome.reason == "stopped"


def test_wrong_arguments_are_type_errors():
    """A value is made with its fields and no others."""
    with pytest.raises(TypeError, match="unexpected keyword"):
        Usage(tokens=1)
    with pytest.raises(TypeError, match="missing"):
        Text()


def test_sending_needs_no_attrs():
    """A client is made, and reads an answer, without attrs having been imported."""
    script = (
        "import sys; from chatsdk import Answer, ChatClient; ChatClient('http://127.0.0.1:1/');"
        "from chatsdk.answer import AnswerBuilder; from chatsdk.parts import Identity, Usage;"
        "AnswerBuilder().step([Identity(id='1')]);"
        "print({'attr', 'attrs', 'inspect'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("set()\n", "")
