"""Reads docstrings in the styles of Google, Sphinx and NumPy: summary and parameters."""

from __future__ import annotations

import re
from collections.abc import Collection

__all__ = ["read_docstring"]

_SECTION = re.compile(r"(?:Args|Arguments|Parameters|Params|Keyword Args|Keyword Arguments):\s*")
# Such as "city (str, optional): its name".
_GOOGLE = re.compile(r"\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)")
# Such as ":param str city: its name".
_SPHINX = re.compile(
    r":(?:param|parameter|arg|argument|key|keyword)\s+(?:[^:]*\s)?\*{0,2}(\w+)\s*:(.*)"
)
_FIELD = re.compile(r":\w+(?:\s[^:]*)?:")
# Such as "city : str", above an indented text.
_NUMPY = re.compile(r"\*{0,2}(\w+(?:\s*,\s*\w+)*)\s*(?::.*)?")


def read_docstring(text: str, parameters: Collection[str]) -> tuple[str, dict[str, str]]:
    """Return the first paragraph, and the descriptions of the given parameters.

    `text` is a docstring without its indent, as `inspect.getdoc` returns it.
    """
    lines = text.splitlines()
    first: list[str] = []
    for line in lines:
        if not line.strip() or _SECTION.fullmatch(line) or _FIELD.match(line):
            break
        first.append(line)
    found: dict[str, list[str]] = {}
    for place, line in enumerate(lines):
        if _SECTION.fullmatch(line):
            found |= _google(lines[place + 1 :])
        elif line.strip() in ("Parameters", "Other Parameters") and _is_ruled(lines, place + 1):
            found |= _numpy(lines[place + 2 :])
        elif match := _SPHINX.match(line):
            found[match[1]] = [match[2], *_indented(lines[place + 1 :])]
    described = {name: _joined(words) for name, words in found.items() if name in parameters}
    return _joined(first), {name: words for name, words in described.items() if words}


def _google(lines: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    depth: int | None = None
    words: list[str] = []
    for line in _indented(lines):
        if not line.strip():
            continue
        indent = len(line) - len(line.lstrip())
        depth = indent if depth is None else depth
        match = _GOOGLE.fullmatch(line.strip()) if indent <= depth else None
        if match:
            found[match[1]] = words = [match[2]]
        else:
            words.append(line)
    return found


def _numpy(lines: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for place, line in enumerate(lines):
        if _is_ruled(lines, place + 1):
            # The next section.
            break
        if line[:1].strip() and (match := _NUMPY.fullmatch(line)):
            for name in match[1].split(","):
                found[name.strip()] = _indented(lines[place + 1 :])
    return found


def _is_ruled(lines: list[str], place: int) -> bool:
    return place < len(lines) and bool(re.fullmatch(r"-{3,}\s*", lines[place]))


def _indented(lines: list[str]) -> list[str]:
    """The lines up to the first that is neither blank nor indented."""
    kept = []
    for line in lines:
        if line[:1].strip():
            break
        kept.append(line)
    return kept


def _joined(lines: list[str]) -> str:
    return " ".join(" ".join(lines).split())
