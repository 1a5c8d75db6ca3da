"""Sphinx: the pages of this folder, the README, and a reference made from the docstrings.

``tox -e docs`` builds it; a warning is an error.
"""

from __future__ import annotations

import doctest
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

from sphinx.application import Sphinx

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import make_reference  # noqa: E402

import chatsdk  # noqa: E402

project = "chatsdk"
author = "the chatsdk developers"
project_copyright = f"2026, {author}"
version = release = chatsdk.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.doctest",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
root_doc = "index"
exclude_patterns = ["README.md"]
html_theme = "furo"
html_title = "chatsdk"
html_show_sphinx = False

myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]
# A short name in a docstring may fit several attributes.
suppress_warnings = ["myst.header", "ref.python"]

autodoc_typehints = "signature"
toc_object_entries_show_parents = "hide"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
# For the examples of the reference: a server that answers, a port that refuses, a file.
doctest_global_setup = """
import tempfile
from pprint import pprint

from chatsdk import *
from chatsdk.answer import AnswerBuilder
from chatsdk.parts import Failure, Text
from chatsdk.recording import Recorder, Recording, load
from chatsdk.sse import ServerSentEvent
from chatsdk.testing import ChatServer, RefusingPort, answer_frames
from chatsdk.web import ChatService, Gateway, wsgi

server = ChatServer()
server.answer("openai", ["Hello", " there."], repeat=True)
url = server.url + "/v1/chat/completions"
port = RefusingPort()
refused = port.url
folder = tempfile.TemporaryDirectory()
path = folder.name + "/answer.jsonl"


def built(*parts):
    builder = AnswerBuilder()
    for part in parts:
        builder.apply(part)
    return builder.answer
"""
doctest_global_cleanup = """
server.close()
port.close()
folder.cleanup()
"""
doctest_default_flags = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL
# `name` in a docstring is a link if there is such a name, and code if not.
default_role = "py:obj"
napoleon_google_docstring = True
napoleon_use_ivar = True
napoleon_use_rtype = False

# Pages of the repository that the site shows, and which page of the site that is.
SHOWN = {
    "README.md": "site/start.md",
    "CONTRIBUTING.md": "site/contributing.md",
    "CHANGELOG.md": "site/changelog.md",
    "SECURITY.md": "site/security.md",
    "docs/README.md": "index.md",
}

_SHOW = re.compile(r"^<!-- the page (\S+) -->$", re.M)
_LINK = re.compile(r"\[([^\]]+)\]\((?!https?://|#)([^)#\s]+)(#[^)\s]*)?\)")


def show_pages(app: Sphinx, name: str, source: list[str]) -> None:
    """Put in the pages of the repository, and make all links fit this folder."""
    page = HERE / f"{name}.md"
    if shown := _SHOW.search(source[0]):
        origin = (HERE / shown[1]).resolve()
        text = origin.read_text("utf-8")
        source[0] = source[0].replace(shown[0], _LINK.sub(_fitted(origin, page), text))
    elif page.parent == HERE:
        source[0] = _LINK.sub(_fitted(page, page), source[0])


def _fitted(origin: Path, page: Path) -> Callable[[re.Match[str]], str]:
    def fit(link: re.Match[str]) -> str:
        words, path, fragment = link.groups()
        target = (origin.parent / path).resolve()
        name = target.relative_to(HERE.parent).as_posix()
        if name in SHOWN:
            target = HERE / SHOWN[name]
        elif not target.is_relative_to(HERE):
            # The site does not hold the files of the repository.
            return words
        return f"[{words}]({os.path.relpath(target, page.parent)}{fragment or ''})"

    return fit


def write_reference(app: Sphinx) -> None:
    """Write a page for each public module."""
    make_reference.write(HERE / "site" / "reference")


def mark_code(
    app: Sphinx, what: str, name: str, value: object, options: object, lines: list[str]
) -> None:
    """Mark an indented paragraph below ordinary text as code."""
    marked: list[str] = []
    text = ""
    for number, line in enumerate(lines):
        blank_before = number > 0 and not lines[number - 1].strip()
        if line.startswith("    ") and blank_before and text and text[0] != " ":
            if not line.lstrip().startswith(">>>") and not text.endswith("::"):
                marked += ["::", ""]
        if line.strip():
            text = line
        marked.append(line)
    if what in ("property", "attribute"):
        # Or the words before a colon are taken for its type.
        marked.insert(0, "")
    lines[:] = marked


def skip_foreign(
    app: Sphinx, what: str, name: str, value: object, skip: bool, options: object
) -> bool | None:
    """Skip what a class has from Python, and the fields that the docstring describes."""
    if type(value).__name__ in ("_tuplegetter", "method_descriptor", "classmethod_descriptor"):
        return True
    function = getattr(value, "fget", None) or getattr(value, "__func__", value)
    module = getattr(function, "__module__", None)
    return True if isinstance(module, str) and not module.startswith("chatsdk") else None


def setup(app: Sphinx) -> None:
    """Connect the functions above."""
    app.connect("autodoc-process-docstring", mark_code, priority=100)
    app.connect("autodoc-skip-member", skip_foreign)
    app.connect("builder-inited", write_reference)
    app.connect("source-read", show_pages)
