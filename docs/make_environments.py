"""Write docs/environments.md from the tests in tests/environments: make_environments.py [--check].

With ``--check`` nothing is written; the exit status shows whether the page is up to date, apart
from the versions. Run it where the packages are installed (``tox -e environments``), because it
records their versions; a package that is not installed keeps the version on the page.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import re
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
PAGE = DOCS / "environments.md"
TESTS = DOCS.parent / "tests" / "environments"

HEAD = """\
# Environments

This page lists the packages and servers with which chatsdk was tested. If it works with requests,
it works with chatsdk. `tox -e environments` tests that: each program
runs in a separate process, with the real package, once with plain requests and once with chatsdk,
and both must print the same. `python docs/make_environments.py` generates this page.

| environment | versions | what is tested | notes |
| --- | --- | --- | --- |
"""

VERSION = re.compile(r"([\w.-]+) (\d\S*?)(?=,| \|)")


def page() -> str:
    """Return the complete page."""
    known = dict(VERSION.findall(PAGE.read_text(encoding="utf-8"))) if PAGE.exists() else {}
    sys.path.insert(0, str(TESTS))
    lines = []
    for path in TESTS.glob("test_*.py"):
        for row in getattr(importlib.import_module(path.stem), "ROWS", ()):
            versions = ", ".join(f"{name} {_version(name, known)}" for name in row.packages)
            cells = (row.name, versions, row.tried, row.mind)
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n")
    return HEAD + "".join(sorted(lines, key=str.lower))


def _version(package: str, known: dict[str, str]) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return known.get(package, "0")


def _without_versions(text: str) -> str:
    return VERSION.sub(r"\1", text)


def main(arguments: list[str]) -> int:
    text = page()
    if "--check" in arguments:
        known = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
        if _without_versions(known) != _without_versions(text):
            print("docs/environments.md is out of date: run python docs/make_environments.py")
            return 1
        return 0
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
