"""A missing attribute whose name is another library's is an error that names ours."""

from __future__ import annotations

import copy
import pickle

import pytest

from chatsdk import Answer, ChatClient, ChatSession, Usage
from chatsdk.attributes import CURES
from chatsdk.testing import EmbeddedServer


@pytest.fixture(scope="module")
def owners():
    """One object of each class with such names."""
    with (
        EmbeddedServer(pace=0) as server,
        ChatClient(f"{server.url}/v1/chat/completions") as client,
        ChatSession(client) as session,
    ):
        yield {type(it).__name__: it for it in (client.ask("Hi"), client, session, Answer("a"))} | {
            "Usage": Usage()
        }


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in CURES for name in CURES[kind]])
def test_a_foreign_attribute(owners, kind, name):
    """The error shows the class, the name and the cure."""
    with pytest.raises(AttributeError) as caught:
        getattr(owners[kind], name)
    assert str(caught.value) == f"{kind} has no attribute {name!r}: {CURES[kind][name]}"


@pytest.mark.parametrize("kind", sorted(CURES))
def test_any_other_attribute(owners, kind):
    """Any other missing attribute gets Python's own error, and `hasattr` and a default work."""
    for name in ("txt", "_private", "__len_hint__"):
        with pytest.raises(AttributeError, match=f"{kind}.* has no attribute '{name}'"):
            getattr(owners[kind], name)
        assert not hasattr(owners[kind], name)
        assert getattr(owners[kind], name, 5) == 5


@pytest.mark.parametrize("kind", ["Answer", "AnswerStream"])
def test_attributes_of_each_event_are_read_directly(owners, kind):
    """Python reads the attributes of a class with a ``__getattr__`` several times as slowly."""
    assert not hasattr(type(owners[kind]), "__getattr__")
    # The names are not suggested by completion either.
    assert not set(CURES[kind]) & set(dir(owners[kind]))
    assert "outcome" in dir(owners["AnswerStream"])


def test_an_error_inside_a_property():
    """An `AttributeError` that a property raised is not replaced."""

    class Broken(ChatClient):
        @property
        def stop(self):
            return [].nothing

    with (
        Broken("http://127.0.0.1:1/v1/chat/completions") as client,
        pytest.raises(AttributeError, match="has no attribute 'nothing'"),
    ):
        _ = client.stop


@pytest.mark.parametrize("value", [Answer("a"), Usage(1, 2)])
def test_copies(value):
    """Copying and pickling look up attributes that are missing on purpose."""
    assert copy.copy(value) == copy.deepcopy(value) == value
    assert pickle.loads(pickle.dumps(value)) == value
