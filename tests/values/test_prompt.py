"""The output of Python's prompt and of a notebook: `dir`, `repr`, an answer as a cell's value."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from test_layers import EDGES

import chatsdk
from chatsdk import Answer, Citation, Image, Message, Outcome, use_chat
from chatsdk.testing import EmbeddedServer

PACKAGE = Path(chatsdk.__file__).parent


def modules() -> set[str]:
    return set(dir(chatsdk)) - set(chatsdk.__all__)


def test_dir_has_what_is_public() -> None:
    """`chatsdk.<TAB>` offers the public names and modules, and nothing that they are made of."""
    assert set(chatsdk.__all__) <= set(dir(chatsdk))
    edges = {name for name in EDGES - {"cli"} if (PACKAGE / name).exists()}
    edges |= {name for name in EDGES - {"cli"} if (PACKAGE / f"{name}.py").exists()}
    assert modules() == edges | {"dialects", "ndjson", "parts", "sse"}


@pytest.mark.parametrize("name", sorted(modules()))
def test_modules_are_there_when_asked_for(name) -> None:
    """A public module is loaded when it is first asked for, and not before."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, chatsdk\n"
            "late = 'chatsdk.ui' not in sys.modules and 'chatsdk.testing' not in sys.modules\n"
            f"print(late, chatsdk.{name}.__name__, bool(chatsdk.{name}.__all__))",
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == (f"True chatsdk.{name} True\n", "")


def test_what_there_is_not() -> None:
    """Any other name is an AttributeError, also one of a module that is not public."""
    for name in ("nothing", "clo"):
        with pytest.raises(AttributeError, match=f"no attribute '{name}'"):
            getattr(chatsdk, name)


def test_a_conversation_is_readable() -> None:
    """The repr of a message has only what the message has."""
    with EmbeddedServer(pace=0) as server, use_chat(server.url, dialect="openai") as chat:
        chat.run("Hi")
        question, reply = chat.messages
    assert repr(question) == "Message(role='user', content='Hi', id='m1')"
    assert repr(reply).startswith("Message(role='assistant', content='")
    assert repr(reply).endswith("', id='m2', status='finished')")
    assert repr(Message("user")) == "Message(role='user')"
    assert repr(Image("http://127.0.0.1/a.png")) == "Image(url='http://127.0.0.1/a.png')"
    assert repr(Outcome("stopped")) == "Outcome(reason='stopped', answer=Answer(text=''))"


def test_an_answer_in_a_notebook() -> None:
    """An answer that is the value of a cell is shown as Markdown, with reasoning and sources."""
    answer = Answer(
        "It is **4**.",
        reasoning="two < three",
        citations=(Citation(title="A [page]", url="https://127.0.0.1/a b"),),
    )
    assert answer._repr_markdown_() == (
        "<details><summary>Reasoning</summary>two &lt; three</details>\n\n"
        "It is **4**.\n\n"
        "Sources:\n- \\[1\\] [A \\[page\\]](<https://127.0.0.1/a%20b>)"
    )
    assert Answer("Just text.")._repr_markdown_() == "Just text."
