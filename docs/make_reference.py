"""Writes a page of the reference for each public module, and checks the site that is built of them.

A name that several modules export stands on the page of the first, and is a link on the others.
``python docs/make_reference.py --check SITE`` fails if a public name has no entry.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

from sphinx.util.inventory import InventoryFile

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
    "chatsdk.ui": "Dispatchers for GUI toolkits",
    "chatsdk.web": "From a view to the browser",
    "chatsdk.web.flask": "Flask",
    "chatsdk.web.django": "Django",
    "chatsdk.web.starlette": "Starlette and FastAPI",
    "chatsdk.web.wsgi": "Any WSGI server",
    "chatsdk.doctor": "Why a stream does not stream",
    "chatsdk.recording": "Recordings",
    "chatsdk.testing": "A test server",
}


def public_names() -> Iterator[tuple[str, str, str | None]]:
    """Yield module, name and, if an earlier module has exported it, its full name there."""
    homes: dict[int, str] = {}
    for module_name in MODULES:
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
        head = f"# `{module_name}`\n\n" + _directive("automodule", module_name, ":no-index:")
        _write(folder / f"{module_name}.md", "\n".join([head, *entries]))
    rows = [f"| [`{name}`]({name}.md) | {MODULES[name]} |" for name in pages]
    tree = ["```{toctree}", ":hidden:", *pages, "```", ""]
    table = ["| module | what it is for |", "|---|---|", *rows, ""]
    _write(folder / "index.md", "\n".join(["# Reference", "", *table, *tree]))


def _entry(module_name: str, name: str, home: str | None) -> str:
    if home is not None:
        return f"`{name}`\n: is {{py:obj}}`{home}`\n"
    value = getattr(importlib.import_module(module_name), name)
    full = f"{module_name}.{name}"
    if not inspect.isclass(value):
        return _directive("autofunction" if inspect.isroutine(value) else "autodata", full)
    # A dialect is documented under the name by which it is called, not as an alias.
    value.__name__ = name
    options = [":members:", ":inherited-members:"]
    if issubclass(value, BaseException):
        return _directive("autoexception", full, *options, ":show-inheritance:")
    return _directive("autoclass", full, *options)


def _directive(kind: str, name: str, *options: str) -> str:
    lines = [f".. {kind}:: {name}", *(f"   {option}" for option in options)]
    return "\n".join(["```{eval-rst}", *lines, "```", ""])


def _write(path: Path, text: str) -> None:
    if not path.exists() or path.read_text("utf-8") != text:
        path.write_text(text, "utf-8")


def missing(site: Path) -> list[str]:
    """Return the public names that have no entry in the inventory of a built site."""
    with (site / "objects.inv").open("rb") as file:
        entries = InventoryFile.load(file, "", lambda base, name: name)
    known = {name for kind, names in entries.items() if kind.startswith("py:") for name in names}
    return [
        f"{module}.{name}"
        for module, name, home in public_names()
        if home is None and f"{module}.{name}" not in known
    ]


if __name__ == "__main__":
    if sys.argv[1:2] != ["--check"] or len(sys.argv) != 3:
        sys.exit("usage: python docs/make_reference.py --check SITE")
    if absent := missing(Path(sys.argv[2])):
        sys.exit("no entry in the reference: " + ", ".join(absent))
