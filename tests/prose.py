"""Counts words that make prose hard to read: in docstrings and comments, and on pages."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from pathlib import Path

__all__ = ["TELLTALES", "hits", "long_sentences", "page_lines", "prose_lines", "starts"]

REPOSITORY = Path(__file__).parent.parent

TELLTALES = re.compile(
    r"\b(told|tells?|of its own|stands?|nobody|so far|is none|whoever|looked at|look at|looks at"
    r"|somebody|beside|as far as|anew|of ours|in hand|behind it|at it|mostly|say|says)\b"
    r"|\bno (json|stream|event|number|part|address|success|name|string|list|dict|message|object"
    r"|answer|path|bool)\b"
    r"|\bwho (is|reads|looks|asks|gives|would|watches|has)\b",
    re.IGNORECASE,
)

RELATIVE = re.compile(r"(What|Who|Whoever|Where|Whatever|Whichever|Of)\b")


def prose_lines(path: Path) -> list[str]:
    """The lines of a file's docstrings and comments."""
    source = path.read_text(encoding="utf-8")
    lines: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and (
            text := ast.get_docstring(node)
        ):
            lines += [line for line in text.splitlines() if line.strip()]
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            lines.append(token.string)
    return lines


# A line that begins a new item in a docstring: a section, an argument or a point of a list.
_SECTION = re.compile(r"(Args|Attributes|Example|Raises|Returns|Yields):$")
_ITEM = re.compile(r" {4,}[\w*, ]+: |\s*[-*] ")


def long_sentences(path: Path, most_words: int = 25) -> list[str]:
    """The sentences of a file's docstrings that have more words than this."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            items: list[list[str]] = [[]]
            for line in (ast.get_docstring(node) or "").splitlines():
                if not line.strip() or _SECTION.match(line) or _ITEM.match(line):
                    items.append([])
                if not _SECTION.match(line):
                    items[-1] += line.split()
            for words in items:
                sentences = re.split(r"(?<=[.!?;])\s+(?=[A-Z`\"(])", " ".join(words))
                found += [text for text in sentences if len(text.split()) > most_words]
    return found


def starts(path: Path) -> list[str]:
    """The first lines of docstrings that begin with a relative clause."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            first = (ast.get_docstring(node) or "").partition("\n")[0]
            if RELATIVE.match(first):
                found.append(first)
    return found


def page_lines(path: Path) -> list[str]:
    """The lines of a page, without its code."""
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    return [line for line in text.splitlines() if line.strip()]


def hits(lines: list[str]) -> float:
    """Telltale words per 100 lines."""
    return 100 * sum(len(TELLTALES.findall(line)) for line in lines) / max(1, len(lines))


if __name__ == "__main__":
    packages: dict[str, list[str]] = {}
    for path in sorted((REPOSITORY / "chatsdk").rglob("*.py")):
        unit = path.relative_to(REPOSITORY / "chatsdk").parts[0]
        packages.setdefault(unit, []).extend(prose_lines(path))
    for unit, lines in sorted(packages.items(), key=lambda item: -hits(item[1]) * len(item[1])):
        print(f"{unit:20} {hits(lines):6.1f}  {len(lines)} lines")
    everything = [line for lines in packages.values() for line in lines]
    print(f"{'all':20} {hits(everything):6.1f}  {len(everything)} lines")
    pages = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
    for page in pages:
        print(f"{page.name:20} {hits(page_lines(page)):6.1f}  {len(page_lines(page))} lines")
    print(f"{'pages':20} {hits([line for page in pages for line in page_lines(page)]):6.1f}")
