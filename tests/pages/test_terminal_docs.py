"""The page about the terminal: its commands print what it shows, its tables name what there is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from chatsdk.answer import Answer
from chatsdk.cli import answer_forms, main
from chatsdk.cli.slash_commands import COMMANDS
from chatsdk.testing import EmbeddedServer

PAGE = (Path(__file__).parents[2] / "docs" / "terminal.md").read_text(encoding="utf-8")

# A command, and what it prints if the page shows that.
BLOCKS = re.findall(r"^```sh\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", PAGE, re.M | re.S)

ADDRESS = "http://127.0.0.1:8765"

WAIT_SECONDS = 60


def test_every_block_is_run() -> None:
    """No block of the page is left out."""
    assert len(BLOCKS) == PAGE.count("```") / 2 - sum(bool(output) for _, output in BLOCKS) == 5


@pytest.mark.skipif(shutil.which("sh") is None, reason="needs a POSIX shell")
@pytest.mark.parametrize(("command", "output"), BLOCKS)
def test_blocks(tmp_path, command, output) -> None:
    """Each command prints what the page shows, with the server's address for that of `serve`."""
    for name in ("chatsdk", "python3"):
        module = " -m chatsdk" if name == "chatsdk" else ""
        script = tmp_path / name
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}"{module} "$@"\n')
        script.chmod(0o755)
    with EmbeddedServer(pace=0) as server:
        done = subprocess.run(
            ["sh", "-c", command.replace(ADDRESS, server.url)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=WAIT_SECONDS,
            env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip()
    if output:
        assert done.stdout.strip() == output.strip()


def test_the_commands() -> None:
    """The page has every command of the chat, as the program's own help has it."""
    assert set(re.findall(r"^\| `(/[^`]*)` \|", PAGE, re.M)) == set(COMMANDS)


def test_the_names_of_the_object() -> None:
    """The page names what `--json` prints, in its order."""
    sentence = PAGE.partition("The object of `--json` has ")[2].partition("`error` is null")[0]
    assert re.findall(r"`(\w+)`", sentence) == list(answer_forms.as_json(Answer(), None))


def options_of(capsys, *commands: str) -> set[str]:
    there = set()
    for command in commands:
        main([command, "--help"])
        there |= set(re.findall(r"(--[a-z][a-z-]+)", capsys.readouterr().out))
    return there - {"--help"}


def test_the_options(capsys) -> None:
    """Every option of `chatsdk ask` and `chatsdk chat` is on the page, and no other."""
    part, _, rest = PAGE.partition("## inspect")
    assert set(re.findall(r"(--[a-z][a-z-]+)", part)) - {"--help"} == options_of(
        capsys, "ask", "chat"
    )
    there = options_of(capsys, "inspect", "record", "replay", "serve", "batch")
    assert set(re.findall(r"`[^`]*?(--[a-z][a-z-]+)", rest)) - {"--no-buffer"} <= there


def test_the_exit_codes(capsys) -> None:
    """The page's exit codes are those of the help."""
    main(["ask", "--help"])
    codes = re.findall(r"^  (\d+) ", capsys.readouterr().out, re.M)
    assert re.findall(r"^\| (\d+) \|", PAGE, re.M) == codes == ["0", "1", "2", "130"]
