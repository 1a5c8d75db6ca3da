"""The page about the client has every option with its default, and everything of a stream."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest

from chatsdk import AnswerStream, ChatClient, Limits, Retry, Timeout
from chatsdk.answer import Timings

PAGE = (Path(__file__).parents[2] / "docs" / "client.md").read_text(encoding="utf-8")


def section(name: str) -> str:
    return re.search(rf"^##+ {name}\n(.*?)(?=^##|\Z)", PAGE, re.M | re.S)[1]


def defaults(name: str) -> dict[str, str]:
    """The first two columns of a section's table."""
    return dict(re.findall(r"^\| `(\w+)` \| (.*?) ?\|", section(name), re.M))


def parameters(kind: Any) -> dict[str, Any]:
    return {name: item.default for name, item in inspect.signature(kind).parameters.items()}


def test_every_option_of_the_client_has_its_default():
    """The table of options is the constructor's signature, in its order."""
    shown = defaults("Options")
    real = parameters(ChatClient)
    assert list(shown) == list(real)
    written = {
        name: f"`{type(value).__name__}()`"
        if name in ("timeout", "retry", "limits")
        else f"`{value!r}`"
        for name, value in real.items()
    }
    written |= {"url": "", "dialect": '`"auto"`'}
    assert shown == written


@pytest.mark.parametrize("kind", [Timeout, Limits])
def test_every_field_has_its_default(kind):
    """The tables of `Timeout` and `Limits` have each field with its default."""
    real = parameters(kind)
    shown = {name: value.strip("`") for name, value in defaults(kind.__name__).items()}
    assert shown == {
        name: "None" if it is None else f"{it:g}" if it < 1e4 else str(it)
        for name, it in real.items()
    }


def test_retry():
    """The table of `Retry` has each field with its default."""
    shown = defaults("Retry")
    real = parameters(Retry)
    assert list(shown) == list(real)
    assert shown["statuses"] == ", ".join(map(str, sorted(real.pop("statuses"))))
    assert {name: shown[name].strip("`") for name in real} == {
        name: "None" if value is None else f"{value:g}" for name, value in real.items()
    }


def test_everything_of_a_stream():
    """Each public name of a stream is in the section about reading, but for a generator's own."""
    names = [name for name in vars(AnswerStream) if not name.startswith("_")]
    text = section("Reading")
    assert [name for name in names if f"stream.{name}" not in text] == ["send", "throw"]


def test_timings():
    """Each field of `Timings` is in its table."""
    assert re.findall(r"^\| `(\w+)` ", section("Timings"), re.M) == list(Timings._fields)
