"""Every block of Python in the README and docs/ runs as printed, with the printed output."""

from __future__ import annotations

import re

import pytest
from documents import PAGES, PROGRAMS, REPOSITORY, Program, World

from chatsdk.testing.embedded import WORD_SECONDS

# Programs that another test runs, as they need more than an interpreter.
ELSEWHERE = {
    ("README.md", "window"): "tests/pages/test_windows_docs.py",
    ("docs/windows.md", "window"): "tests/pages/test_windows_docs.py",
    ("docs/windows.md", "view"): "tests/pages/test_windows_docs.py",
    ("docs/windows.md", "view-in-a-window"): "tests/pages/test_windows_docs.py",
    ("docs/windows.md", "view-in-qt"): "tests/gui/test_qt.py",
    ("docs/adding-a-dialect.md", ""): "tests/pages/test_dialect_docs.py",
    ("docs/backends.md", ""): "tests/pages/test_backends_docs.py",
    ("docs/output.md", ""): "tests/pages/test_output_docs.py",
    ("docs/tools.md", ""): "tests/pages/test_tools_docs.py",
    ("docs/windows.md", "textual"): "tests/gui/test_textual.py",
    ("docs/windows.md", "streamlit"): "tests/gui/test_streamlit.py",
    ("examples/notebook.ipynb", ""): "tests/gui/test_notebook.py",
}


@pytest.mark.parametrize("program", PROGRAMS, ids=str)
def test_a_page_runs_as_it_is_printed(program: Program) -> None:
    """Pasted into one file in the page's order, its blocks print what the page shows."""
    if (program.page, program.name) in ELSEWHERE:
        pytest.skip(f"{ELSEWHERE[program.page, program.name]} runs it")
    # A stopped answer must not be over before.
    stops = re.search(r"\bstop\(\)|Timer\(", program.source)
    with World(pace=WORD_SECONDS if stops else 0.0):
        try:
            module, printed = program.run()
        except ModuleNotFoundError as error:
            if (error.name or "").startswith("chatsdk"):
                raise
            pytest.skip(f"{program} needs {error.name}")
        for name, value in module.items():
            if name.startswith("test_"):
                value()
    for block, output in zip(program.blocks, printed, strict=True):
        if block.output is not None:
            assert output == block.output, f"{program.page}, line {block.line}"


def test_every_block_is_run() -> None:
    """No block of Python escapes the pattern by which they are found."""
    fences = sum(path.read_text(encoding="utf-8").count("```python") for path in PAGES)
    assert fences == sum(len(item.blocks) for item in PROGRAMS if item.page.endswith(".md")) > 20


def test_what_is_run_elsewhere_is_there() -> None:
    """The tests that run the other programs name their pages."""
    known = {(program.page, program.name) for program in PROGRAMS}
    for (page, name), test in ELSEWHERE.items():
        assert (page, name) in known
        text = (REPOSITORY / test).read_text(encoding="utf-8")
        assert page.rpartition("/")[2] in text
