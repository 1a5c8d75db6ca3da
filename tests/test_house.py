"""The house in figures: prose, names of modules, circles between files, and where the tests are."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from prose import hits, long_sentences, page_lines, prose_lines, starts

REPOSITORY = Path(__file__).parent.parent
PACKAGE = REPOSITORY / "chatsdk"
FILES = sorted(PACKAGE.rglob("*.py"))


# The folders with Python files.
FOLDERS = ("chatsdk", "tests", "benchmarks", "examples", "docs")


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_prose_of_the_code_is_plain(folder: str) -> None:
    """Docstrings and comments have at most one telltale word in 100 lines."""
    files = sorted((REPOSITORY / folder).rglob("*.py"))
    assert hits([line for path in files for line in prose_lines(path)]) <= 1


def test_the_prose_of_the_pages_is_plain() -> None:
    """README and docs have at most one telltale word in 100 lines."""
    pages = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
    assert hits([line for page in pages for line in page_lines(page)]) <= 1


@pytest.mark.parametrize("folder", FOLDERS)
def test_docstrings_do_not_begin_with_a_clause(folder: str) -> None:
    """A docstring begins with its noun or verb, not with a relative clause ("What ...")."""
    files = sorted((REPOSITORY / folder).rglob("*.py"))
    assert [(path.name, start) for path in files for start in starts(path)] == []


def test_sentences_of_docstrings_are_short() -> None:
    """At most 25 sentences of docstrings have more than 25 words."""
    long = [sentence for path in FILES for sentence in long_sentences(path)]
    assert len(long) <= 25, long


def test_modules_are_named_by_nouns() -> None:
    """At most six modules have a name that ends in -ing."""
    assert len([path for path in FILES if path.stem.endswith("ing")]) <= 6


def test_tests_are_sorted_into_folders() -> None:
    """At most twelve test files, those about the whole, are directly in tests/."""
    assert len(list((REPOSITORY / "tests").glob("test_*.py"))) <= 12


def test_test_files_have_names_of_their_own() -> None:
    """pytest cannot collect two test files of one name, because the folders are not packages."""
    names = [path.name for path in (REPOSITORY / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))


def module_of(path: Path) -> str:
    parts = path.relative_to(REPOSITORY).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in FILES}


def imported(path: Path) -> Iterator[str]:
    """The modules of chatsdk that a file imports, also in its functions."""

    def walk(node: ast.AST) -> Iterator[ast.AST]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            yield child
            yield from walk(child)

    for node in walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("chatsdk"):
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if name in MODULES else str(node.module)


def test_no_circle_between_files() -> None:
    """No file imports itself by way of others, not even in a function."""
    arrows = {
        name: {target for target in imported(path) if target in MODULES and target != name}
        for name, path in MODULES.items()
    }
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join((*way[way.index(name) :], name))
        if name not in done:
            for target in sorted(arrows[name]):
                visit(target, (*way, name))
            done.add(name)

    for name in sorted(arrows):
        visit(name, ())


def test_few_files_are_tiny() -> None:
    """At most 12 modules have fewer than 50 lines; most are one command or one small type."""
    tiny = [path for path in FILES if path.name != "__init__.py" and lines_of(path) < 50]
    assert len(tiny) <= 12, [str(path.relative_to(PACKAGE)) for path in tiny]


def test_no_file_is_long() -> None:
    """A module has at most 420 lines, the length that one public class may need, but for two."""
    long = [path.relative_to(PACKAGE).as_posix() for path in FILES if lines_of(path) > 420]
    assert set(long) <= {"client/client.py", "web/redis.py"}


# The same name for the same role: a file of a backend, and a file of a chat window's toolkit.
BACKENDS = PACKAGE / "dialects" / "backends"
TOOLKITS = [PACKAGE / "windows" / name for name in ("tk", "qt", "textual", "notebook")]


def test_few_base_names_are_shared() -> None:
    """At most four file names are used in more than one package, so a name leads to one file."""
    places: dict[str, set[Path]] = {}
    for path in FILES:
        if path.name != "__init__.py" and BACKENDS not in path.parents:
            folder = PACKAGE / "windows" if path.parent in TOOLKITS else path.parent
            places.setdefault(path.stem, set()).add(folder)
    shared = {name for name, folders in places.items() if len(folders) > 1}
    # `chatsdk.cli.gateway` is the command that runs `chatsdk.web.gateway`.
    assert shared <= {"connection", "gateway", "request", "stream"}


def lines_of(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())
