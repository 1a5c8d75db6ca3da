"""The page about streams that do not arrive: its table is that of the tests, its codes exist."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")


def test_table_of_proxies() -> None:
    """The table is what docs/make_proxies.py writes."""
    spec = importlib.util.spec_from_file_location("make_proxies", ROOT / "docs/make_proxies.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.written(PAGE) == PAGE


def test_codes() -> None:
    """Every code of the doctor is on the page, and no other."""
    part = PAGE.partition("## All findings")[2].partition("## What was tried")[0]
    rows = [line.split("|")[1] for line in part.splitlines() if line.startswith("| `")]
    named = set(re.findall(r"`([a-z0-9.-]+)`", " ".join(rows)))
    sources = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "chatsdk" / "doctor").glob("*.py")
    )
    there = set(re.findall(r'(?:Finding|_info)\(\s*"([a-z0-9.-]+)"', sources))
    there |= set(re.findall(r'return "([a-z-]+)", Culprit', sources)) | {"proxy-buffering"}
    assert named == there


def test_pictures() -> None:
    """Every picture is there."""
    pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", PAGE)
    assert len(pictures) == 3
    assert all((ROOT / "docs" / name).is_file() for name in pictures)
