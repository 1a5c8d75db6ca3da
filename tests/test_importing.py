"""The modules that `from chatsdk import ChatClient` loads; a send loads nothing more."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from chatsdk.testing import ChatServer

REPOSITORY = Path(__file__).parent.parent

HELLO = [
    b'data: {"choices":[{"delta":{"content":"Hel"}}]}\n\n',
    b'data: {"choices":[{"delta":{"content":"lo"}}]}\n\n',
    b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n',
    b"data: [DONE]\n\n",
]

# Python's own codec, loaded by the first request of any program; requests leaves it for then, too.
OF_EVERY_REQUEST = {"encodings.idna", "stringprep", "unicodedata"}


def printed(script: str, *arguments: str) -> list[str]:
    """The words that a program prints, in a separate process."""
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=REPOSITORY,
        env=os.environ | {"no_proxy": "*"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.split()


def test_modules_imported():
    """A client needs requests' own modules, ours, sseclient-py and nothing else."""
    # orjson, which is used where it is installed, loads some of Python's own.
    has_orjson = importlib.util.find_spec("orjson") is not None
    added = printed(
        f"import sys, requests{', orjson' if has_orjson else ''}; requests.Session();"
        "before = set(sys.modules);"
        "from chatsdk import ChatClient; ChatClient('http://127.0.0.1:1/');"
        "print(*sorted(set(sys.modules) - before))"
    )
    ours = [name for name in added if name.partition(".")[0] == "chatsdk"]
    assert "chatsdk.client" in ours
    # connect_errors is among them because a process without a free descriptor loads nothing.
    assert len(ours) <= 66
    # A context variable hands a request's switch to its connection; a thread-local would not do for
    # greenlets that replace the threads later.
    assert set(added) - set(ours) <= {"sseclient", "contextvars", "_contextvars"}


SEND = """
import sys
from chatsdk import ChatClient
client = ChatClient(sys.argv[1], dialect=sys.argv[2])
before = set(sys.modules)
stream = client.send({"model": "m"}) if sys.argv[3] == "send" else client.ask("Hi", model="m")
with stream:
    for answer in stream:
        answer.delta
assert (answer.text, stream.outcome.reason, stream.outcome.end) == ("Hello", "finished", "marker")
print(*sorted(set(sys.modules) - before))
"""


@pytest.mark.parametrize("how", ["send", "ask"])
@pytest.mark.parametrize(("dialect", "later"), [("openai", ()), ("auto", "chatsdk.dialects.")])
def test_nothing_is_deferred_to_the_first_send(dialect, later, how):
    """A send that goes well loads nothing; `auto` only the dialect that it has found."""
    with ChatServer() as server:
        server.stream(HELLO)
        added = printed(SEND, f"{server.url}/v1/chat/completions", dialect, how)
    assert {name for name in added if not name.startswith(later)} <= OF_EVERY_REQUEST
