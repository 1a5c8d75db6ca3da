"""Tools and calls in OpenAI's shape, which more than one backend has taken over."""

from __future__ import annotations

import json

import pytest

from chatsdk import dialects
from chatsdk.dialects import Dialect
from chatsdk.messages import Message

FLAT = {"name": "find", "description": "Finds.", "parameters": {"type": "object"}}
WRAPPED = {"type": "function", "function": FLAT}
TAKING = ("agui", "anthropic", "dashscope", "deepseek", "gemini", "ollama", "openai")


@pytest.mark.parametrize("name", [*TAKING, "openai_responses"])
def test_a_declaration_in_openais_shape(name):
    """A declaration in OpenAI's wrapping is written as the one without it."""
    dialect, messages = dialects.get(name), [Message("user", "Hi")]
    flat, wrapped = (
        dialect.body(messages, conversation_id="c1", runId="r1", tools=[tool])
        for tool in (FLAT, WRAPPED)
    )
    assert wrapped == flat
    assert json.dumps(flat).count('"find"') == 1


class Follower(dialects.openai):
    """Leaves an option of OpenAI's out."""

    def __init__(self, *, depth: int = 1) -> None:
        super().__init__()
        self._depth = depth


class Plain(Dialect):
    about = dialects.get("openai").about


def test_a_dialect_is_shown_by_its_own_options():
    """repr() has the options that one can give, and no others."""
    assert repr(Follower(depth=2)) == "openai(depth=2)"
    assert repr(dialects.get("ragflow_legacy")) == "ragflow_legacy()"
    plain = Plain()
    plain.note = 1
    assert repr(plain) == "openai(note=1)"
