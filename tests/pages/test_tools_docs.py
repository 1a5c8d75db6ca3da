"""The page about tools runs as it is printed, against scripted backends of eight dialects."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from documents import Program, program

import chatsdk
from chatsdk import ChatClient
from chatsdk.testing import ChatServer

PAGE = (Path(__file__).parents[2] / "docs" / "tools.md").read_text(encoding="utf-8")

PATHS = {
    "openai": "/v1/chat/completions",
    "anthropic": "/v1/messages",
    "ollama": "/api/chat",
    "gemini": "/v1beta/models/m:streamGenerateContent",
    "openai_responses": "/v1/responses",
    "dashscope": "/api/v1/services/aigc/text-generation/generation",
    "deepseek": "/chat/completions",
    "bedrock": "/model/m/converse-stream",
}
IN_URL = ("gemini", "bedrock")


def call(name: str, **arguments: str) -> dict[str, Any]:
    return {"id": f"call_{name}_{len(arguments)}", "name": name, "arguments": arguments}


# The model's turns, in the page's order: calls, or text.
ANSWERS: list[list[dict[str, Any]] | str] = [
    [call("delete_file", path="notes.txt")],
    "I have deleted it.",
    [call("delete_file", path="/tmp/old"), call("delete_file", path="/etc/hosts") | {"id": "b"}],
    "I have left that one alone.",
    [call("ask_user", question="When?")],
    "Booked for Tuesday.",
    [call("delete_file", path="notes.txt")],
    "I have deleted it.",
    [
        call("search", words="apples"),
        call("search", words="pears") | {"id": "b"},
        call("crawl", url="http://127.0.0.1/"),
    ],
    "They are alike.",
]


def in_a_terminal(question: str) -> str:
    print(f"{question}y")
    return "y"


@pytest.mark.parametrize("dialect", PATHS)
def test_the_page_runs_as_it_is_printed(dialect):
    """Each block prints the output on the page, for every backend of the client."""
    page = program("docs/tools.md")
    defaults = {} if dialect in IN_URL else {"model": "m"}
    with ChatServer() as server:
        for answer in ANSWERS:
            if isinstance(answer, str):
                server.answer(dialect, answer)
            else:
                server.answer(dialect, tool_calls=answer)
        url = server.url + PATHS[dialect]
        with ChatClient(url, dialect=dialect, token="t", defaults=defaults) as client:

            def connect(*arguments: Any, **options: Any) -> ChatClient:
                return client

            with (
                mock.patch.object(chatsdk, "ChatClient", connect),
                mock.patch.dict("os.environ", {"OPENAI_API_KEY": "sk-1"}),
                mock.patch("builtins.input", in_a_terminal),
            ):
                _, printed = Program(page.page, page.name, page.blocks).run()
        assert len(server.requests) == len(ANSWERS)
    for block, output in zip(page.blocks, printed, strict=True):
        if block.output is not None:
            assert output == block.output, f"docs/tools.md, line {block.line}"


def test_the_page_names_every_condition():
    """Each argument of a Tool, and each method that decides, is on the page."""
    names = [*chatsdk.Tool.__match_args__, "approval_timeout", "parallel", "timeout", "approve"]
    names += ["pending", "reject", "answer_call", "Resume", "ToolRejected"]
    assert [name for name in names if not re.search(rf"\b{name}\b", PAGE)] == []
