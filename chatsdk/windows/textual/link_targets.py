"""Finds the targets of links that a text names in one place and uses in another."""

from __future__ import annotations

from typing import Any

from markdown_it import MarkdownIt

__all__ = ["link_targets"]

_PARSER = MarkdownIt("commonmark").disable("inline")


def link_targets(text: str) -> tuple[str, bool]:
    """Return the targets that a block of Markdown defines, and whether it has nothing else.

    They are lines of Markdown (CommonMark 0.31, "Link reference definitions"), each with its end.
    """
    if not text.lstrip(" \n").startswith("["):
        return "", False
    env: dict[str, Any] = {}
    tokens = _PARSER.parse(text, env)
    lines = text.split("\n")
    found = [
        "".join(f"{line}\n" for line in lines[slice(*target["map"])])
        for target in env.get("references", {}).values()
    ]
    return "".join(found), bool(found) and not tokens
