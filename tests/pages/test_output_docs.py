"""The page about objects runs as it is printed, against scripted backends of six dialects."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from documents import World, program

from chatsdk import dialects
from chatsdk.parts import Finish, ToolCallDelta
from chatsdk.testing.embedded_replies import prompt_of

pytest.importorskip("cattrs")
pytest.importorskip("jiter")
pytest.importorskip("trustme")

PAGE = (Path(__file__).parents[2] / "docs" / "output.md").read_text(encoding="utf-8")

PANCAKES = json.dumps(
    {"title": "Pancakes", "steps": ["Mix flour, milk and eggs.", "Fry thin."], "minutes": 20}
)
WAFFLES = '{"title": "Waffles", "steps": "Mix and bake."}'
BILLS = [{"kind": "card", "last_digits": "4242"}, {"kind": "cash"}]

# By words of the prompt, the first that is found.
ANSWERS = {
    "does not fit": json.dumps({"title": "Waffles", "steps": ["Mix.", "Bake."], "minutes": None}),
    "Waffles": WAFFLES,
    "Pancakes": PANCAKES,
    "mood": '{"value": "good"}',
    "bills": json.dumps({"value": BILLS}),
    "Germany": '{"city": "Berlin", "inhabitants": 3700000}',
}


def spoken(dialect: dialects.Dialect, body: Any) -> str:
    prompt = prompt_of(body)
    return next(answer for words, answer in ANSWERS.items() if words in prompt)


def test_the_page_runs_as_it_is_printed():
    """Each block prints the output on the page."""
    page = program("docs/output.md")
    with World(pace=0.0) as world, mock.patch("chatsdk.testing.embedded.reply", spoken):
        anthropic = world.provider("api.anthropic.com")
        anthropic.answer("anthropic", PANCAKES)
        call = ToolCallDelta(0, "toolu_1", "Recipe", PANCAKES)
        anthropic.answer("anthropic", parts=[call, Finish("tool_calls")])
        _, printed = page.run()
        by_format, by_tool = (request.json for request in anthropic.requests)
    for block, output in zip(page.blocks, printed, strict=True):
        if block.output is not None:
            assert output == block.output, f"docs/output.md, line {block.line}"
    assert by_format["output_config"]["format"]["type"] == "json_schema"
    assert by_tool["tool_choice"] == {"type": "tool", "name": "Recipe"}


def test_the_table_has_the_field_of_each_dialect():
    """Every field that the dialects name is in the page's table."""
    table = PAGE.partition("| backend | way |")[2].partition("\n\n")[0]
    for name in dialects.names():
        field = dialects.get(name).output_field
        if field is not None:
            for part in re.findall(r"\w+", field):
                assert part in table, (name, field)
