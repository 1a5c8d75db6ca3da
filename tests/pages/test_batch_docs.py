"""The page about many prompts has every option of `client.map` and of `chatsdk batch`."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path

from chatsdk import ChatClient
from chatsdk.cli import main
from chatsdk.testing import EmbeddedServer

PAGE = (Path(__file__).parents[2] / "docs" / "batch.md").read_text(encoding="utf-8")


def section(name: str) -> str:
    found = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S)
    assert found is not None
    return found[1]


def test_every_option_of_map() -> None:
    """The table of options is the signature of `map`, in its order, with the defaults."""
    rows = re.findall(r"^\| `\**(\w+)` \| (.*?) ?\|", section("Options"), re.M)
    parameters = list(inspect.signature(ChatClient.map).parameters.values())[1:]
    assert [name for name, _ in rows] == [item.name for item in parameters]
    for (_, shown), item in zip(rows, parameters, strict=True):
        default = item.default
        assert shown == ("" if default is item.empty else str(shown))
        if default is not item.empty:
            assert json.dumps(default).replace("true", "True").replace("null", "None") in shown


def test_every_option_of_the_command(capsys) -> None:
    """Each option of `chatsdk batch` is on the page, but for the token's."""
    main(["batch", "--help"])
    there = set(re.findall(r"(--[a-z][a-z-]+)", capsys.readouterr().out)) - {
        "--help",
        "--output",
        "--json",
    }
    shown = set(re.findall(r"(--[a-z][a-z-]+)", section("chatsdk batch"))) - {"--json"}
    assert {name for name in there if not name.startswith("--token")} == shown


def test_the_command_and_its_input(tmp_path, monkeypatch, capsys) -> None:
    """The command of the page answers the input of the page."""
    (command,) = re.findall(r"^```sh\n(.*?)\n```", section("chatsdk batch"), re.M | re.S)
    (lines,) = re.findall(r"^```json\n(.*?)^```", section("chatsdk batch"), re.M | re.S)
    monkeypatch.chdir(tmp_path)
    Path("prompts.jsonl").write_text(lines, encoding="utf-8")
    with EmbeddedServer(pace=0) as server:
        words = command.replace("http://127.0.0.1:8765", server.url).split()
        assert main(words[1:]) == 0
    written = Path("answers.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["id"] for line in written] == [None, "q-2", "q-3"]
