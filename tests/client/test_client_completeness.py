from __future__ import annotations

import pytest

from chatsdk import dialects
from chatsdk.answer import Answer
from chatsdk.client.completeness import proof, trailing_error
from chatsdk.parts import Failure

SILENT = Answer("Hi")
STOPPED = Answer("Hi", finish_reason="stop")


@pytest.mark.parametrize(
    ("name", "answer", "ended", "delimited", "pending", "end"),
    [
        ("openai", STOPPED, True, False, True, "marker"),
        ("openai", STOPPED, False, True, False, "finish_reason"),
        ("openai", STOPPED, False, True, True, "finish_reason"),
        ("openai", STOPPED, False, False, False, None),
        ("gemini", STOPPED, False, False, False, "unproven"),
        ("openai", SILENT, False, True, False, None),
        ("openai", SILENT, False, False, False, None),
        ("raw", SILENT, False, True, False, "framing"),
        ("raw", SILENT, False, True, True, None),
        ("raw", SILENT, False, False, False, "unproven"),
        ("auto", SILENT, False, True, False, None),
    ],
)
def test_proof(name, answer, ended, delimited, pending, end):
    """The dialect's marker proves most, then a reason, then the framing; a cut proves nothing."""
    about = dialects.get(name).about
    assert proof(about, answer, ended, delimited=delimited, pending=pending) == end


@pytest.mark.parametrize(
    ("tail", "error"),
    [
        (b'data: {}\n\n{"error": "a"}', Failure("a")),
        (b'data: {}\n\n,[ {\n "error" : "a"} ]', Failure("a")),
        (b'x {"error": "a"}\n{"error": "b"}', Failure("b")),
        (b'data: {"error": "a"}', None),
        (b'\n{"error": ', None),
        (b"\n" * 60_000 + b'{"errors": 1}' + b"\n" * 60_000, None),
    ],
)
@pytest.mark.timeout(20)
def test_bare_error(tail, error):
    """An error on separate lines is found, in a time that blank lines do not change."""
    assert trailing_error(tail) == error
