"""The imports inside chatsdk, read from the sources without importing them."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent

VALUES = {"attributes", "errors", "frozen_values", "keywords", "parts", "answer", "messages"}
VALUES |= {"options", "outcome"}
PURE = {"sse", "ndjson", "json_values", "amazon_frames", "framing", "dialects"}
PURE |= {"output"}
BELOW_CLIENT = VALUES | PURE | {"transport"}
BELOW_SESSION = BELOW_CLIENT | {"client"}
BELOW_EDGES = BELOW_SESSION | {"session"}
EDGES = {"ui", "windows", "web", "doctor", "recording", "testing", "cli", "telemetry"}

# The front door: `import chatsdk` itself, chatsdk/__init__.py.
ROOT = "chatsdk"

# The modules of chatsdk that each module or package may import. There are no others.
ARROWS: dict[str, set[str]] = {
    "frozen_values": set(),
    "attributes": set(),
    "keywords": {"attributes"},
    "parts": {"keywords", "frozen_values"},
    "options": {"keywords", "frozen_values"},
    "answer": {"attributes", "frozen_values", "parts"},
    # An error carries the partial answer.
    "errors": {"frozen_values", "parts", "answer"},
    "messages": {"frozen_values", "errors", "parts", "answer"},
    "outcome": {"frozen_values", "errors", "parts", "answer"},
    "tools": set(),
    # Schemas come from the annotations, as those of tools do.
    "output": {"frozen_values", "parts", "answer", "errors", "tools"},
    "sse": VALUES,
    # Their pieces are returned as events.
    "ndjson": VALUES | {"sse"},
    "json_values": VALUES | {"sse"},
    "amazon_frames": VALUES | {"sse"},
    "framing": VALUES | {"sse", "ndjson", "json_values", "amazon_frames"},
    # A dialect can write its own wire format, in the frames of its neighbours; never back.
    "dialects": VALUES | {"sse", "ndjson", "amazon_frames", "framing", "output"},
    "transport": VALUES | PURE,
    "client": BELOW_CLIENT,
    "session": BELOW_SESSION | {"tools"},
    # An edge is like a user's program, so it may also come through the front door.
    **dict.fromkeys(EDGES - {"cli", "testing"}, BELOW_EDGES | {ROOT}),
    # A view runs on its toolkit's thread.
    "windows": BELOW_EDGES | {"ui", ROOT},
    "cli": BELOW_EDGES | EDGES | {ROOT},
    "testing": BELOW_EDGES | EDGES | {ROOT},
    "__main__": {"cli"},
    # Late, when an attribute is asked for: tests/test_importing.py counts what is loaded.
    ROOT: BELOW_EDGES | {"tools"} | (EDGES - {"cli"}),
}

# Third-party modules that have one home each.
HOMES = {"requests": "transport", "urllib3": "transport", "sseclient": "sse", "orjson": "dialects"}
# Packages of extras, imported in the functions that need them: `stream.display()` shows an answer
# in a notebook, `client.map()` draws a bar, and the types of `output=` are the user's own.
IN_FUNCTIONS = {
    "IPython": "client",
    "tqdm": "client",
    **dict.fromkeys(("cattrs", "jiter", "pydantic"), "output"),
}
# Other packages that the modules below the edges may rely on.
EVERYWHERE = {"attrs", "attr"}

# Sockets, threads, clocks, files and processes: not for what only computes.
IMPURE = {
    *("socket", "ssl", "select", "selectors", "socketserver", "http", "ftplib", "smtplib"),
    *("threading", "_thread", "queue", "concurrent", "multiprocessing", "signal", "sched"),
    *("time", "os", "io", "pathlib", "tempfile", "shutil", "glob", "fileinput", "mmap"),
    *("subprocess", "fcntl", "asyncio"),
}

FORBIDDEN_NAMES = {"utils", "util", "base", "core", "common", "helpers", "helper"}


def unit_of(path: Path, package: Path) -> str:
    """The module or package directly under chatsdk that a file belongs to."""
    first = path.relative_to(package).parts[0]
    return ROOT if first == "__init__.py" else first.removesuffix(".py")


def is_type_checking(test: ast.expr) -> bool:
    if isinstance(test, ast.Attribute):
        return test.attr == "TYPE_CHECKING"
    return isinstance(test, ast.Name) and test.id == "TYPE_CHECKING"


def nodes_at_run_time(node: ast.AST) -> Iterator[ast.AST]:
    """Every node below, except those under `if TYPE_CHECKING:`."""
    yield node
    children: list[ast.AST] = list(ast.iter_child_nodes(node))
    if isinstance(node, ast.If) and is_type_checking(node.test):
        children = list(node.orelse)
    for child in children:
        yield from nodes_at_run_time(child)


def imported(node: ast.AST, path: Path, package: Path) -> list[str]:
    """The absolute names that an import statement loads: one for each name after `import`."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    source = node.module or ""
    if node.level:
        folder = path.parent
        for _ in range(node.level - 1):
            folder = folder.parent
        here = ".".join(folder.relative_to(package.parent).parts)
        source = f"{here}.{source}" if source else here
    return [f"{source}.{alias.name}" for alias in node.names]


def our_unit(name: str, package: Path) -> str:
    """Which unit of chatsdk a name is in; one that is no module is in the front door."""
    unit = name.split(".")[1] if "." in name else ROOT
    exists = (package / unit).is_dir() or (package / f"{unit}.py").is_file()
    return unit if exists or unit in ARROWS else ROOT


def complaints(package: Path) -> list[str]:
    """Every arrow in the sources that the table does not have, as `file:line: what`."""
    found = []
    for path in sorted(package.rglob("*.py")):
        unit = unit_of(path, package)
        where = path.relative_to(package.parent).as_posix()
        if unit not in ARROWS:
            found.append(f"{where}:1: {unit} has no layer: name it in ARROWS, or rename it")
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"), filename=where)
        within = {
            id(node)
            for function in ast.walk(tree)
            if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
            for node in ast.walk(function)
        }
        for node in nodes_at_run_time(tree):
            if id(node) in within and is_of_an_extra(node, unit):
                continue
            for complaint in complaints_about(node, unit, path, package):
                found.append(f"{where}:{complaint}")
    return found


def is_of_an_extra(node: ast.AST, unit: str) -> bool:
    """Whether an import in a function loads what this unit may do without."""
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    if isinstance(node, ast.ImportFrom) and not node.level:
        names = [node.module or ""]
    return bool(names) and all(IN_FUNCTIONS.get(name.split(".")[0]) == unit for name in names)


def reads_a_named_file(unit: str) -> bool:
    """Whether a unit may open files: `Image.from_file` reads the one that its caller names."""
    return unit == "messages"


def complaints_about(node: ast.AST, unit: str, path: Path, package: Path) -> Iterator[str]:
    pure = unit in VALUES | PURE
    line = getattr(node, "lineno", 1)
    if pure and isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id == "open" and not reads_a_named_file(unit):
            yield f"{line}: {unit} opens a file"
        return
    for name in imported(node, path, package):
        top = name.split(".")[0]
        if top == package.name:
            target = our_unit(name, package)
            if target != unit and target not in ARROWS[unit]:
                yield f"{line}: {unit} imports {target}"
        elif HOMES.get(top, unit) != unit:
            yield f"{line}: {unit} imports {top}, which only {HOMES[top]} may"
        elif pure and top in IMPURE:
            yield f"{line}: {unit} imports {top}, but it only computes"
        elif unit not in EDGES and top == "asyncio":
            yield f"{line}: {unit} imports asyncio, which only an edge may"
        elif unit not in EDGES and top not in sys.stdlib_module_names | HOMES.keys() | EVERYWHERE:
            yield f"{line}: {unit} imports {top}, which is not a run-time dependency"


def names_that_say_nothing(folder: Path) -> list[str]:
    """Modules and packages whose name would fit any content."""
    paths = [path for path in folder.rglob("*.py") if path.name != "__init__.py"]
    paths += [path.parent for path in folder.rglob("__init__.py")]
    return [str(path) for path in sorted(paths) if path.stem.strip("_") in FORBIDDEN_NAMES]


def test_arrows():
    """No module of chatsdk imports what its layer may not."""
    assert (REPOSITORY / "chatsdk" / "__init__.py").is_file(), "nothing was read"
    assert complaints(REPOSITORY / "chatsdk") == []


@pytest.mark.parametrize("folder", ["chatsdk", "tests", "examples", "benchmarks"])
def test_names(folder):
    """No module has a name that would fit any content."""
    assert names_that_say_nothing(REPOSITORY / folder) == []


def plant(tmp_path: Path, file: str, source: str) -> Path:
    """A small package named chatsdk with one file that matters, and an innocent neighbour."""
    package = tmp_path / "chatsdk"
    path = package / file
    path.parent.mkdir(parents=True, exist_ok=True)
    for name in ("__init__.py", "errors.py"):
        (package / name).write_text("", encoding="utf-8")
    path.write_text(source, encoding="utf-8")
    return package


@pytest.mark.parametrize(
    ("file", "source", "complaint"),
    [
        ("answer.py", "from chatsdk import errors", "1: answer imports errors"),
        ("options.py", "import chatsdk.parts", "1: options imports parts"),
        ("parts.py", "from .answer import Answer", "1: parts imports answer"),
        ("sse.py", "from chatsdk.transport import post", "1: sse imports transport"),
        ("sse.py", "from . import dialects", "1: sse imports dialects"),
        ("dialects/openai.py", "from ..client import send", "1: dialects imports client"),
        ("dialects/openai.py", "from .. import __version__", "1: dialects imports chatsdk"),
        ("transport/wire.py", "import chatsdk.client", "1: transport imports client"),
        ("client.py", "def f():\n    import chatsdk.session", "2: client imports session"),
        ("client.py", "from chatsdk import __version__", "1: client imports chatsdk"),
        ("session.py", "from chatsdk.ui import tk", "1: session imports ui"),
        ("ui.py", "from chatsdk import recording", "1: ui imports recording"),
        ("web/flask.py", "from chatsdk.testing import server", "1: web imports testing"),
        ("ui.py", "from chatsdk.windows import tk", "1: ui imports windows"),
        ("windows/tk.py", "from chatsdk import web", "1: windows imports web"),
        ("__init__.py", "from chatsdk.cli import main", "1: chatsdk imports cli"),
        ("client.py", "import requests", "1: client imports requests, which only transport may"),
        ("cli/chat.py", "import urllib3.util", "1: cli imports urllib3, which only transport may"),
        (
            "transport/x.py",
            "import sseclient",
            "1: transport imports sseclient, which only sse may",
        ),
        ("sse.py", "import threading", "1: sse imports threading, but it only computes"),
        ("answer/x.py", "from os import path", "1: answer imports os, but it only computes"),
        ("errors.py", "def f():\n    import time", "2: errors imports time, but it only computes"),
        ("ndjson.py", "x = open('x')", "1: ndjson opens a file"),
        ("client.py", "import asyncio", "1: client imports asyncio, which only an edge may"),
        (
            "client.py",
            "import httpx",
            "1: client imports httpx, which is not a run-time dependency",
        ),
        (
            "client.py",
            "import IPython",
            "1: client imports IPython, which is not a run-time dependency",
        ),
        (
            "session.py",
            "def f():\n    import IPython",
            "2: session imports IPython, which is not a run-time dependency",
        ),
        ("extra.py", "", "1: extra has no layer: name it in ARROWS, or rename it"),
        (
            "client.py",
            "if TYPE_CHECKING:\n    import x\nelse:\n    import chatsdk.session",
            "4: client imports session",
        ),
    ],
)
def test_a_wrong_arrow_is_found(tmp_path, file, source, complaint):
    """An arrow that the table does not have is named with its file and line."""
    package = plant(tmp_path, file, source)
    assert complaints(package) == [f"chatsdk/{file}:{complaint}"]


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("answer.py", "import json\nimport attrs\nfrom chatsdk.parts import Text"),
        ("errors.py", "if TYPE_CHECKING:\n    from chatsdk.answer import Answer"),
        ("errors.py", "if typing.TYPE_CHECKING:\n    import threading"),
        ("dialects/openai.py", "from . import registry\nfrom chatsdk.sse import encode"),
        ("transport/wire.py", "import socket, requests\nfrom ..errors import ChatError"),
        ("sse.py", "from sseclient import SSEClient"),
        ("client.py", "def f():\n    from IPython.display import display"),
        ("web/flask.py", "import flask\nfrom chatsdk import ChatClient\nfrom . import relay"),
        ("cli/chat.py", "from chatsdk.testing import server\nimport rich, asyncio"),
        ("windows/tk.py", "import tkinter\nfrom chatsdk import ui"),
        ("__init__.py", "from chatsdk.client import ChatClient"),
    ],
)
def test_a_right_arrow_is_left_alone(tmp_path, file, source):
    """An import that the layers allow is not reported."""
    assert complaints(plant(tmp_path, file, source)) == []


@pytest.mark.parametrize("file", ["utils.py", "dialects/_helpers.py", "core/wire.py"])
def test_a_name_that_says_nothing_is_found(tmp_path, file):
    """A module or package called utils, helpers or the like is found at any depth."""
    package = plant(tmp_path, file, "")
    (package / file).with_name("__init__.py").touch()
    assert len(names_that_say_nothing(package)) == 1
