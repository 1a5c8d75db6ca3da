"""The pages about dialects: the table is up to date, and the way to add one can be walked."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest
from reading import TRANSCRIPTS

from chatsdk import dialects

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs"
PAGE = DOCS / "adding-a-dialect.md"

# A stranger's view of the repository; the transcripts of others are left out for the time.
TESTS = (
    *("conftest.py", "reading.py"),
    *("dialects/test_transcripts.py", "dialects/test_dialect_payloads.py"),
    *("dialects/test_dialect_round_trips.py", "transcripts/show.py"),
)


class Block(NamedTuple):
    """A fenced block, and the sentence above it."""

    above: str
    language: str
    text: str


# The three places that a new dialect touches.
PLACES = {
    "chatsdk/dialects/backends/parrot.py",
    "chatsdk/dialects/registry.py",
    "chatsdk/dialects/signatures.py",
}


def blocks(page: str) -> list[Block]:
    fences = re.finditer(r"([^\n]*)\n\n```(\w*)\n(.*?)```\n", page, re.DOTALL)
    return [Block(*found.groups()) for found in fences]


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_dialects", DOCS / "make_dialects.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_is_up_to_date():
    """docs/dialects.md is what its generator writes."""
    assert (DOCS / "dialects.md").read_text(encoding="utf-8") == generator().page()


def test_the_exports_are_up_to_date():
    """Type checkers see each dialect of the registry as an attribute of `chatsdk.dialects`."""
    path = REPOSITORY / "chatsdk" / "dialects" / "__init__.py"
    assert path.read_text(encoding="utf-8") == generator().exports()


def test_the_table_has_its_columns():
    """One table shows how each is asked, read, stopped and written, and the proof."""
    text = (DOCS / "dialects.md").read_text(encoding="utf-8")
    head = next(line for line in text.splitlines() if line.startswith("| dialect |"))
    wanted = {"dialect", "endpoint", "text mode", "end marker", "reasoning", "tools", "citations"}
    wanted |= {"usage", "stop", "ask", "encode", "proven against"}
    assert wanted <= {cell.strip() for cell in head.split("|")}


def test_every_dialect_has_a_row_that_tells_its_source():
    """Each dialect has its row, with an endpoint, a version and a source."""
    text = (DOCS / "dialects.md").read_text(encoding="utf-8")
    for name in dialects.names():
        about = dialects.get(name).about
        assert about.name == name
        assert text.count(f"\n| `{name}` |") == 2
        assert about.endpoint
        assert about.version
        assert about.page


def test_every_dialect_has_transcripts():
    """Each dialect but `auto` has transcripts: a whole answer, and one that ends in an error."""
    for name in set(dialects.names()) - {"auto"}:
        facts = [path.read_text() for path in (TRANSCRIPTS / name).glob("*.json")]
        assert any('"end":' in text for text in facts), f"{name} has no transcript"


# Whose makers publish nothing that writes or reads its streams on a package index, or a server of
# a thousand packages alone.
UNPUBLISHED = {"fastgpt", "flowise", "llama_cpp", "maxkb", "n8n"}


def test_every_dialect_has_a_transcript_by_its_own_software():
    """The backend's software or its SDK's types wrote a transcript, or the source is named."""
    for name in set(dialects.names()) - {"auto"}:
        facts = [path.read_text() for path in (TRANSCRIPTS / name).glob("*.json")]
        if name in UNPUBLISHED:
            composed = re.compile(r'"source": "composed after [\w.-]+/[\w.-]+ [0-9a-f]{7}')
            assert any(composed.search(text) for text in facts), name
        else:
            assert any('"source": "written by ' in text for text in facts), name


def test_the_table_proves_every_dialect():
    """No cell of the last column is empty but for `auto`, and each names a version."""
    text = (DOCS / "dialects.md").read_text(encoding="utf-8")
    table = text.partition("## What each follows")[0]
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith("| `")]
    proven = {row[0].strip("| `"): row[-1].removesuffix(" |").strip(" |") for row in rows}
    assert proven.pop("auto") == ""
    assert proven.keys() == set(dialects.names()) - {"auto"}
    for name, cell in proven.items():
        assert re.search(r"[\w-]+ (\d+\.\d|[0-9a-f]{7})", cell), (name, cell)


def test_the_clients_in_the_table_are_in_the_tests():
    """A test runs every client that the table names as a reader of the same bytes."""
    tests = "".join(path.read_text() for path in (REPOSITORY / "tests/fidelity").glob("test_*.py"))
    modules = {
        "ag-ui-protocol": "ag_ui",
        "ai": "read_with_ai",
        "eventsource-parser": "read_with_eventsource_parser",
        "google-genai": "google.genai",
    }
    for client in generator().CLIENTS.values():
        package = client.split()[0]
        assert modules.get(package, package.replace("-", "_")) in tests, client


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the page works on, without the transcripts of other dialects."""
    root = tmp_path / "checkout"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(REPOSITORY / "chatsdk", root / "chatsdk", ignore=ignored)
    (root / "docs").mkdir()
    shutil.copy(DOCS / "make_dialects.py", root / "docs")
    shutil.copy(REPOSITORY / "tox.ini", root)
    for name in TESTS:
        (root / "tests" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / "tests" / name, root / "tests" / name)
    # The tests of payloads want to see these at least.
    for name in ("openai", "ragflow", "raw"):
        shutil.copytree(TRANSCRIPTS / name, root / "tests/transcripts" / name)
    return root


def follow(root: Path, block: Block) -> None:
    """Treat a block as the sentence above it requires."""
    new = re.fullmatch(r"New file `([^`]+)`:", block.above)
    if new is not None:
        path = root / new[1]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")
        return
    edit = re.fullmatch(r"In `([^`]+)`, (above|below) `([^`]+)`:", block.above)
    assert edit is not None, f"what is to be done with the block after {block.above!r}?"
    path = root / edit[1]
    text = path.read_text(encoding="utf-8")
    line = edit[3] + "\n"
    assert text.count(line) == 1, f"{edit[1]} has no line {edit[3]!r}"
    placed = line + block.text if edit[2] == "below" else block.text + line
    path.write_text(text.replace(line, placed), encoding="utf-8")


def run(root: Path, *command: str) -> str:
    """Run a command in the copy, which goes before an installed chatsdk."""
    environment = os.environ | {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, *command],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_page_can_be_walked(checkout):
    """A reader who follows the page gets a dialect that passes, is listed and answers."""
    found = blocks(PAGE.read_text(encoding="utf-8"))
    steps = [block for block in found if block.above.startswith(("New file", "In `"))]
    touched = {block.above.split("`")[1] for block in steps}
    assert {path for path in touched if not path.startswith("tests/")} == PLACES
    for block in steps:
        follow(checkout, block)
    shown = run(
        checkout, "tests/transcripts/show.py", "parrot", "tests/transcripts/parrot/polly.txt"
    )
    assert '"text": "Pretty Polly!"' in shown
    assert '"auto": "parrot"' in shown
    (commands,) = [block for block in found if block.language == "sh"]
    for command in commands.text.splitlines():
        python, *arguments = command.split()
        assert python == "python"
        extra = ("-q", "-p", "no:cacheprovider") if "pytest" in arguments else ()
        assert " failed" not in run(checkout, *arguments, *extra)
    assert "| `parrot` | `POST /v1/parrot` |" in (checkout / "docs/dialects.md").read_text()
    exports = (checkout / "chatsdk/dialects/__init__.py").read_text()
    assert "from chatsdk.dialects.backends.parrot import Parrot as parrot\n" in exports
    assert exports.count('    "parrot",\n') == 1
    example, output = found[-2:]
    (checkout / "example.py").write_text(example.text, encoding="utf-8")
    assert run(checkout, "example.py") == output.text


def test_what_is_not_followed_is_noticed(checkout):
    """Without its function in the registry the dialect is not there: each step matters."""
    found = [b for b in blocks(PAGE.read_text(encoding="utf-8")) if b.above.startswith("New file")]
    for block in found:
        follow(checkout, block)
    with pytest.raises(AssertionError, match="unknown dialect 'parrot'"):
        run(checkout, "tests/transcripts/show.py", "parrot", "tests/transcripts/parrot/polly.txt")
