"""The Python of the README, docs/ and the notebook, to be run and type-checked as it is printed.

A page's blocks of Python follow each other in one file; one under a comment ``<!-- name -->`` is a
file by itself. A block of text right below one is what it prints.

``python tests/documents.py FOLDER`` writes these files, each line under its number in the page.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import logging
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

from chatsdk.testing import Authority, EmbeddedServer

__all__ = ["PROGRAMS", "Block", "Program", "World", "program"]

REPOSITORY = Path(__file__).parent.parent
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]

_BLOCK = re.compile(
    r"(?:^<!-- (?P<name>[\w-]+) -->\n)?^```python\n(?P<source>.*?)^```\n"
    r"(?:\n?```text\n(?P<output>.*?)^```\n)?",
    re.M | re.S,
)

# The URL of `chatsdk serve`.
SERVE_PORT = 8765

# Ports of this machine at which pages ask a model server, and what is spoken there.
LOCAL = {1234: "openai", 8000: "openai", 8080: "openai", 11434: "ollama"}

LOOPBACK = ("127.0.0.1", "::1", "localhost")

# Hosts that pages ask over https, and what is spoken there.
PROVIDERS = {
    "api.anthropic.com": "anthropic",
    "api.deepseek.com": "deepseek",
    "api.example.com": "openai",
    "api.groq.com": "openai",
    "api.mistral.ai": "openai",
    "api.openai.com": "openai",
    "api.x.ai": "openai",
    "dashscope-intl.aliyuncs.com": "dashscope",
    "generativelanguage.googleapis.com": "gemini",
    "openrouter.ai": "openai",
}

# The reader's environment variables.
KEYS = (
    *(
        "API_KEY",
        "ANTHROPIC_API_KEY",
        "DASHSCOPE_API_KEY",
        "DEEPSEEK_API_KEY",
        "GEMINI_API_KEY",
        "GROQ_API_KEY",
    ),
    *("MISTRAL_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY", "XAI_API_KEY"),
)


class Block(NamedTuple):
    """A block of Python on a page.

    Attributes:
        line: of the page, on which it begins, counted from 1.
        source: the Python.
        output: what it prints, ``None`` if the page does not show it.
    """

    line: int
    source: str
    output: str | None


class Program(NamedTuple):
    """Join the blocks that a reader would put into one file.

    Attributes:
        page: such as ``docs/session.md``.
        name: from the comment above its block, ``""`` for the rest of the page.
        blocks: in the page's order.
    """

    page: str
    name: str
    blocks: tuple[Block, ...]

    def __str__(self) -> str:
        return f"{self.page}, {self.name}" if self.name else self.page

    @property
    def source(self) -> str:
        """The file, in which each line has the number that it has in the page."""
        lines: list[str] = []
        for block in self.blocks:
            lines += [""] * (block.line - 1 - len(lines))
            lines += block.source.splitlines()
        return "\n".join(lines) + "\n"

    def run(self) -> tuple[dict[str, Any], list[str]]:
        """Run the blocks in their order; return what they define, and what each printed."""
        module: dict[str, Any] = {"__name__": f"{Path(self.page).stem}_{self.name}"}
        printed = []
        for block in self.blocks:
            source = "\n" * (block.line - 1) + block.source
            with contextlib.redirect_stdout(io.StringIO()) as output:
                exec(compile(source, self.page, "exec", dont_inherit=True), module)
            printed.append(output.getvalue())
        return module, printed


def _programs() -> Iterator[Program]:
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        page = path.relative_to(REPOSITORY).as_posix()
        rest: list[Block] = []
        for match in _BLOCK.finditer(text):
            line = text.count("\n", 0, match.start("source")) + 1
            block = Block(line, match["source"], match["output"])
            if match["name"]:
                yield Program(page, match["name"], (block,))
            else:
                rest.append(block)
        if rest:
            yield Program(page, "", tuple(rest))
    yield _notebook("examples/notebook.ipynb")


def _notebook(page: str) -> Program:
    """The cells of a notebook, one below the other."""
    cells = json.loads((REPOSITORY / page).read_text(encoding="utf-8"))["cells"]
    blocks: list[Block] = []
    line = 1
    for cell in cells:
        if cell["cell_type"] == "code":
            source = "".join(cell["source"]) + "\n"
            blocks.append(Block(line, source, None))
            line += source.count("\n")
    return Program(page, "", tuple(blocks))


PROGRAMS = tuple(_programs())


def program(page: str, name: str = "") -> Program:
    """Return a program by its page and name."""
    (found,) = (item for item in PROGRAMS if (item.page, item.name) == (page, name))
    return found


class World:
    """Map the URLs of a page to a server: a context manager.

    ``127.0.0.1:8765`` is a server that speaks OpenAI's dialect, as `chatsdk serve` does. A host of
    a provider is one that speaks the provider's, and so are the ports of local model servers. No
    other host has an address.

    Attributes:
        server: what answers at 127.0.0.1:8765; a test may script it.
    """

    def __init__(self, *, pace: float = 0.0) -> None:
        self.server = EmbeddedServer(pace=pace)
        self._pace = pace
        self._close = contextlib.ExitStack()
        self._close.callback(self.server.close)
        self._authority: Authority | None = None
        self._providers: dict[str, EmbeddedServer] = {}
        self._local: dict[int, EmbeddedServer] = {}
        self._find = socket.getaddrinfo

    def provider(self, host: str) -> EmbeddedServer:
        """The server that answers at https://`host`."""
        assert self._authority is not None, "a provider's host needs trustme"
        if host not in self._providers:
            context = self._authority.server_context(host)
            server = EmbeddedServer(PROVIDERS[host], pace=self._pace, tls=context)
            self._providers[host] = self._close.enter_context(server)
        return self._providers[host]

    def local(self, port: int) -> EmbeddedServer:
        """The server that answers at this port of the machine."""
        if port == SERVE_PORT:
            return self.server
        if port not in self._local:
            server = EmbeddedServer(LOCAL[port], pace=self._pace)
            self._local[port] = self._close.enter_context(server)
        return self._local[port]

    def __enter__(self) -> World:
        find = mock.patch.object(socket, "getaddrinfo", self._getaddrinfo)
        self._close.enter_context(find)
        environment = dict.fromkeys(KEYS, "sk-1")
        if importlib.util.find_spec("trustme"):
            self._authority = Authority()
            self._close.callback(self._authority.close)
            environment["REQUESTS_CA_BUNDLE"] = self._authority.path
        self._close.enter_context(mock.patch.dict("os.environ", environment))
        # A page may turn logging on.
        logger = logging.getLogger("chatsdk")
        self._close.callback(logger.setLevel, logger.level)
        self._close.enter_context(mock.patch.object(logging.root, "handlers", []))
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._close.close()

    def _getaddrinfo(self, host: Any, port: Any, *args: Any, **options: Any) -> Any:
        if host in LOOPBACK and (port == SERVE_PORT or port in LOCAL):
            host, port = "127.0.0.1", self.local(port).port
        elif host in PROVIDERS:
            host, port = "127.0.0.1", self.provider(host).port
        elif host not in (*LOOPBACK, None):
            raise socket.gaierror(f"a page may not ask {host}")
        return self._find(host, port, *args, **options)


def _write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.py"):
        old.unlink()
    for item in PROGRAMS:
        stem = re.sub(r"\W", "_", item.page.rpartition(".")[0].lower())
        name = f"{stem}__{item.name.replace('-', '_')}" if item.name else stem
        (folder / f"{name}.py").write_text(item.source, encoding="utf-8")
    print(f"{len(PROGRAMS)} programs of the pages are in {folder}")


if __name__ == "__main__":
    _write(Path(sys.argv[1]))
