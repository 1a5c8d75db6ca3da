"""Writes a page of the reference for each public module, and checks the site that is built of them.

A name that several modules export is on the page of the first, and a link on the others.
``python docs/make_reference.py --check SITE`` fails if a public name has no entry or no example.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from pprint import pformat

from sphinx.ext.napoleon import Config, GoogleDocstring
from sphinx.util.inventory import InventoryFile

import chatsdk
from chatsdk import Message, dialects

__all__ = ["MODULES", "public_names", "write"]

# In the order in which a reader meets them; each has an ``__all__``.
MODULES = {
    "chatsdk": "The package",
    "chatsdk.client": "One answer",
    "chatsdk.session": "Conversations",
    "chatsdk.answer": "Answers and how they are built",
    "chatsdk.messages": "Messages",
    "chatsdk.tools": "Schemas of functions",
    "chatsdk.dialects": "Dialects",
    "chatsdk.parts": "What a dialect decodes to",
    "chatsdk.sse": "Event streams",
    "chatsdk.ndjson": "Lines of JSON",
    "chatsdk.windows.tk": "A chat in Tk",
    "chatsdk.windows.qt": "A chat in Qt",
    "chatsdk.windows.textual": "A chat in a terminal",
    "chatsdk.ui": "Dispatchers for GUI toolkits",
    "chatsdk.web": "From a view to the browser",
    "chatsdk.web.flask": "Flask",
    "chatsdk.web.django": "Django",
    "chatsdk.web.starlette": "Starlette and FastAPI",
    "chatsdk.web.wsgi": "Any WSGI server",
    "chatsdk.telemetry": "Numbers for operators",
    "chatsdk.doctor": "Why a stream does not stream",
    "chatsdk.recording": "Recordings",
    "chatsdk.testing": "A test server",
}


# Modules whose source is read, because importing them takes a toolkit.
WINDOWS = "chatsdk.windows."

# Ids that are new in each request.
_UUID = re.compile(r"(?<=')[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}(?=')")


def public_names() -> Iterator[tuple[str, str, str | None]]:
    """Yield module, name and, if an earlier module has exported it, its full name there."""
    homes: dict[int, str] = {}
    for module_name in MODULES:
        if module_name.startswith(WINDOWS):
            for name in _sources(module_name):
                yield module_name, name, None
            continue
        module = importlib.import_module(module_name)
        for name in module.__all__:
            value = getattr(module, name)
            full = f"{module_name}.{name}"
            if not (inspect.isclass(value) or inspect.isroutine(value)):
                yield module_name, name, None
                continue
            home = homes.setdefault(id(value), full)
            yield module_name, name, None if home == full else home


def write(folder: Path) -> None:
    """Write the pages and their index. Pages that have not changed keep their time."""
    folder.mkdir(parents=True, exist_ok=True)
    pages: dict[str, list[str]] = {}
    for module_name, name, home in public_names():
        pages.setdefault(module_name, []).append(_entry(module_name, name, home))
    for module_name, entries in pages.items():
        head = f"# `{module_name}`\n\n"
        if not module_name.startswith(WINDOWS):
            head += _directive("automodule", module_name, ":no-index:")
            head += _directive("testsetup", "*", "", f"from {module_name} import *")
        _write(folder / f"{module_name}.md", "\n".join([head, *entries]))
    rows = [f"| [`{name}`]({name}.md) | {MODULES[name]} |" for name in pages]
    tree = ["```{toctree}", ":hidden:", *pages, "```", ""]
    table = ["| module | what it is for |", "|---|---|", *rows, ""]
    _write(folder / "index.md", "\n".join(["# Reference", "", *table, *tree]))


def _entry(module_name: str, name: str, home: str | None) -> str:
    if home is not None:
        return f"`{name}`\n: is {{py:obj}}`{home}`\n"
    full = f"{module_name}.{name}"
    if module_name.startswith(WINDOWS):
        return _described(full, _sources(module_name)[name])
    value = getattr(importlib.import_module(module_name), name)
    if not inspect.isclass(value):
        return _directive("autofunction" if inspect.isroutine(value) else "autodata", full)
    # A dialect is documented under the name by which it is called, not as an alias.
    value.__name__ = name
    options = [":members:", ":inherited-members:"]
    if issubclass(value, BaseException):
        return _directive("autoexception", full, *options, ":show-inheritance:")
    return _directive("autoclass", full, *options)


def _sources(package: str) -> dict[str, ast.ClassDef | ast.FunctionDef]:
    """Return the definitions of the names that a package of windows imports from its modules."""
    folder = Path(chatsdk.__file__).parent.joinpath(*package.split(".")[1:])
    found: dict[str, ast.ClassDef | ast.FunctionDef] = {}
    for line in ast.parse((folder / "__init__.py").read_text("utf-8")).body:
        if isinstance(line, ast.ImportFrom) and (line.module or "").startswith(package):
            path = folder / f"{str(line.module).removeprefix(package + '.')}.py"
            names = {alias.name for alias in line.names}
            for node in ast.parse(path.read_text("utf-8")).body:
                if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name in names:
                    found[node.name] = node
    return found


def _described(full: str, node: ast.ClassDef | ast.FunctionDef) -> str:
    """Return the entry of a class or function that is not imported."""
    begin = node
    if isinstance(node, ast.ClassDef):
        begin = next(n for n in node.body if getattr(n, "name", "") == "__init__")  # type: ignore[assignment]
    assert isinstance(begin, ast.FunctionDef)
    if isinstance(node, ast.ClassDef):
        del begin.args.args[0]
    config = Config(napoleon_use_rtype=False, napoleon_use_ivar=True)
    words = str(GoogleDocstring(ast.get_docstring(node) or "", config, what="class"))
    kind = "class" if isinstance(node, ast.ClassDef) else "function"
    lines = [f".. py:{kind}:: {full}({ast.unparse(begin.args)})", ""]
    lines += [f"   {line}".rstrip() for line in words.splitlines()]
    lines += ["", "   .. rubric:: Example", "", "   .. code-block:: python", ""]
    lines += [f"      {line}".rstrip() for line in _EXAMPLES[full].splitlines()]
    return "\n".join(["```{eval-rst}", *lines, "```", ""])


def _directive(kind: str, name: str, *options: str) -> str:
    lines = [f".. {kind}:: {name}", *(f"   {option}" for option in options)]
    if name in _EXAMPLES:
        lines += ["", "   .. rubric:: Example", ""]
        lines += [f"   {line}".rstrip() for line in _EXAMPLES[name].splitlines()]
    return "\n".join(["```{eval-rst}", *lines, "```", ""])


def _examples() -> dict[str, str]:
    """The examples by full name; those of a dialect show what it asks."""
    text = (Path(__file__).parent / "site" / "examples.txt").read_text("utf-8")
    sections = re.split(r"^\[(chatsdk[\w.]*)\]$", text, flags=re.M)[1:]
    found = dict(zip(sections[::2], map(str.strip, sections[1::2]), strict=True))
    for name in dialects.names():
        found.setdefault(f"chatsdk.dialects.{name}", _request(name))
    return found


def _request(name: str) -> str:
    asked = f'{name}().body([Message("user", "Hello!")], model="large")'
    try:
        body = dialects.get(name).body([Message("user", "Hello!")], model="large")
    except ValueError:
        # It only reads; the caller writes the body.
        return f">>> {name}().name\n{name!r}"
    return f">>> pprint({asked})\n{_UUID.sub('...', pformat(body))}"


def _write(path: Path, text: str) -> None:
    if not path.exists() or path.read_text("utf-8") != text:
        path.write_text(text, "utf-8")


def missing(site: Path) -> list[str]:
    """Return the public names without an entry in a built site, or without an example."""
    with (site / "objects.inv").open("rb") as file:
        entries = InventoryFile.load(file, "", lambda base, name: name)
    known = {name for kind, names in entries.items() if kind.startswith("py:") for name in names}
    return [
        f"{module}.{name}"
        for module, name, home in public_names()
        if home is None and not {f"{module}.{name}"} <= known & set(_EXAMPLES)
    ]


_EXAMPLES = _examples()

if __name__ == "__main__":
    if sys.argv[1:2] != ["--check"] or len(sys.argv) != 3:
        sys.exit("usage: python docs/make_reference.py --check SITE")
    if absent := missing(Path(sys.argv[2])):
        sys.exit("no entry or no example in the reference: " + ", ".join(absent))
