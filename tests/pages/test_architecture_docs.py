"""The map of the code names files that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize("page", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_every_place_exists(page: str) -> None:
    """Each file and folder that the page names is there."""
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    places = set(re.findall(r"`((?:chatsdk|tests|docs|\.ci)/[\w./-]*)`", text))
    assert places
    assert [place for place in sorted(places) if not (REPOSITORY / place).exists()] == []


def test_every_package_is_on_the_map() -> None:
    """No package of chatsdk is left out."""
    text = (REPOSITORY / "docs/architecture.md").read_text(encoding="utf-8")
    packages = [path.parent.name for path in (REPOSITORY / "chatsdk").glob("*/__init__.py")]
    assert [name for name in packages if f"`chatsdk/{name}/`" not in text] == []


def test_every_class_and_method_is_where_the_page_says() -> None:
    """A class or method that the page names with its file is in that file."""
    text = (REPOSITORY / "docs/architecture.md").read_text(encoding="utf-8")
    named = re.findall(r"`(\w+)(?:\.(\w+))?` in\s+(?:the )?`(chatsdk/[\w/]+\.py)`", text)
    assert len(named) >= 6
    for name, method, path in named:
        source = (REPOSITORY / path).read_text(encoding="utf-8")
        assert method or re.search(rf"^(class|def) {name}\b", source, re.MULTILINE), (name, path)
        assert not method or f"    def {method}(" in source, (name, method, path)
