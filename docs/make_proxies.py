"""Writes the table of proxies in docs/troubleshooting.md from the tests in tests/proxies.

python docs/make_proxies.py [--check]
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "troubleshooting.md"
TESTS = ("test_system.py", "test_python.py", "test_node.py", "test_umi.py")
BEGIN, END = "<!-- proxies: begin -->\n", "<!-- proxies: end -->\n"


def table() -> str:
    """Return the table: what was tried, and how often."""
    lines = ["| tried | at paces of |", "|---|---|"]
    for name in TESTS:
        tree = ast.parse((ROOT / "tests" / "proxies" / name).read_text("utf-8"))
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                said = " ".join((ast.get_docstring(node) or "").split())
                program = node.name.removeprefix("test_").replace("_", " ")
                paced = any(argument.arg == "pace" for argument in node.args.args)
                pace = "5 ms to 2 s, 3 to 1,000 events" if paced else "100 or 200 ms, 12 events"
                lines.append(f"| {program}: {said} | {pace} |")
    return "\n".join(lines) + "\n"


def written(page: str) -> str:
    """Return the page with the table of now."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def main() -> int:
    page = PAGE.read_text("utf-8")
    new = written(page)
    if "--check" in sys.argv:
        return int(page != new)
    PAGE.write_text(new, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
