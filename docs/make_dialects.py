"""Write docs/dialects.md, and the exports of chatsdk.dialects, from the registry of dialects.

With ``--check`` nothing is written, and the exit status is 1 if either is out of date. chatsdk must
be installed, for example by ``pip install -e .``.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections import defaultdict
from pathlib import Path

from chatsdk import dialects
from chatsdk.dialects import Dialect
from chatsdk.parts import Text

DOCS = Path(__file__).resolve().parent
PAGE = DOCS / "dialects.md"
REGISTRY = DOCS.parent / "chatsdk" / "dialects" / "registry.py"
EXPORTS = DOCS.parent / "chatsdk" / "dialects" / "__init__.py"
TRANSCRIPTS = DOCS.parent / "tests" / "transcripts"

# Whose own client is given the same bytes by the tests under tests/fidelity, and which version.
CLIENTS = {
    "agui": "ag-ui-protocol 1.0.0",
    "anthropic": "anthropic 2.12.0",
    "bedrock": "botocore 1.44.8",
    "cohere": "cohere 7.3.1",
    "coze": "cozepy 0.20.0",
    "dashscope": "dashscope 2.0.2",
    "deepseek": "openai 3.54.0",
    "flowise": "flowise 1.0.4",
    "gemini": "google-genai 3.4.0",
    "langgraph": "langgraph-sdk 0.4.14",
    "mcp": "mcp 2.3.0",
    "mistral_conversations": "mistralai 3.7.0",
    "ollama": "ollama 0.6.3",
    "openai": "openai 3.54.0",
    "openai_responses": "openai 3.54.0",
    "ragflow": "ragflow-sdk 0.26.0",
    "ragflow_agent": "ragflow-sdk 0.26.0",
    "ragflow_legacy": "ragflow-sdk 0.26.0",
    "ragflow_openai": "openai 3.54.0",
    "raw": "eventsource-parser 3.1.1",
    "tgi": "huggingface_hub 2.4.0",
    "vercel": "ai 6.0.326",
}

# Clients whose types wrote transcripts; Vercel's package is the server's side too.
SDKS = {client.split()[0] for client in CLIENTS.values()} - {"ai"}
SDKS |= {"dify-client-python", "@smithy/eventstream-codec"}

WRITTEN_BY = re.compile(r"written by (?:the types of )?([@\w./-]+ \d[\w.]*)")
# The server's own source, where no package of it is to be had: repository and commit.
COMPOSED_AFTER = re.compile(r"composed after ([\w.-]+/[\w.-]+ [0-9a-f]{7})")

HEAD = """\
# Dialects

A dialect encodes the requests and decodes the answers of one backend.
`chatsdk.dialects.get(name)` returns it, and `ChatClient(url, dialect=name)` uses it. This page is
generated from the dialects by `python docs/make_dialects.py`; see also
[adding a dialect](adding-a-dialect.md).

- **text mode**: whether each event adds to the text (`delta`), or has the complete text up to now
  (`snapshot`).
- **end marker**: the dialect's end marker. In a dialect without it, a finish reason and a clean end
  of the body show that an answer is complete; without a finish reason, only the clean end does.
- **stop**: the endpoint that `stop()` calls in addition to closing the connection.
- **ask**: what `client.ask` sends: all *messages*, or the new ones with the id of a *conversation*
  that the server keeps.
- **encode**: whether chatsdk can encode the dialect, for test servers and relays;
  `chatsdk serve --dialect NAME`.
- **output**: how `ask(..., output=...)` asks for an object, the default first, with the field of
  the body. *schema*: the backend holds the model to the schema. *json*: to any JSON, with the
  schema in the prompt. *tool*: the object is the arguments of a tool that has to be called.
  *words*: only the prompt asks. See [an object instead of text](output.md).
- **auto**: the dialect that `dialect="auto"` detects for such a stream.
- **proven against**: *Run*: the backend's own software wrote transcripts for the tests.
  *Client*: the backend's own client decodes the same bytes as chatsdk, or its types encoded them.
  *Source*: the transcripts were composed from the server's source, at the given commit, because
  no package index has its software. All other transcripts were composed from the documentation.
"""

COLUMNS = (
    *("dialect", "endpoint", "text mode", "end marker", "reasoning", "tools", "citations", "usage"),
    *("stop", "ask", "output", "encode", "auto", "proven against"),
)


def page() -> str:
    """Return the whole page."""
    known = [dialects.get(name) for name in dialects.names()]
    facts = _facts()
    rows = [_row(dialect, facts[dialect.name]) for dialect in known]
    follows = [
        (f"`{item.name}`", item.about.backend, item.about.version, _link(item.about.page))
        for item in known
    ]
    return "\n".join(
        [
            HEAD,
            *_table(COLUMNS, rows),
            "\n## What each follows\n",
            *_table(("dialect", "backend", "version", "source"), follows),
        ]
    )


def exports() -> str:
    """Return ``chatsdk/dialects/__init__.py`` with each dialect of the registry exported.

    Type checkers do not see what the registry imports in its functions, so the file also has an
    import for each dialect, under ``TYPE_CHECKING``, and its name in ``__all__``. `auto`, which is
    not in the registry, is imported at run time.
    """
    found = []
    for function in ast.parse(REGISTRY.read_text(encoding="utf-8")).body:
        if isinstance(function, ast.FunctionDef) and isinstance(function.body[0], ast.ImportFrom):
            line = function.body[0]
            found.append((str(line.module), line.names[0].name, function.name))
    imports = "".join(_import(*each) for each in sorted(found))
    names = "".join(f'    "{name}",\n' for name in sorted(["auto", *(each[2] for each in found)]))
    text = EXPORTS.read_text(encoding="utf-8")
    text = _between(
        text,
        "    from chatsdk.dialects.asked import AskedFor, CallDecision\n",
        "\n__all__",
        imports,
    )
    return _between(text, "    # The dialects.\n", "]\n", names)


def _import(module: str, name: str, as_name: str) -> str:
    line = f"    from {module} import {name} as {as_name}\n"
    if len(line) <= 101:
        return line
    return f"    from {module} import (\n        {name} as {as_name},\n    )\n"


def _between(text: str, above: str, below: str, new: str) -> str:
    """Return the text with the lines between two others replaced."""
    head, _, rest = text.partition(above)
    return head + above + new + below + rest.partition(below)[2]


def _facts() -> dict[str, list[dict[str, str]]]:
    """The JSON of all transcripts, by dialect."""
    found: dict[str, list[dict[str, str]]] = defaultdict(list)
    for path in sorted(TRANSCRIPTS.glob("*/*.json")):
        facts = json.loads(path.read_text(encoding="utf-8"))
        found[facts["dialect"]].append(facts)
    return found


def _row(dialect: Dialect, facts: list[dict[str, str]]) -> tuple[str, ...]:
    about = dialect.about
    return (
        f"`{dialect.name}`",
        _code(about.endpoint),
        about.text,
        _end(dialect),
        *map(_yes, (about.reasoning, about.tools, about.citations, about.usage)),
        _code(about.stop),
        _ask(dialect),
        _output(dialect),
        _yes(_writes(dialect)),
        _auto(dialect, facts),
        _proven(dialect.name, facts),
    )


def _end(dialect: Dialect) -> str:
    about = dialect.about
    if dialect.name == "auto":
        return "as recognised"
    marker = _code(about.end_marker)
    if marker and about.clean_end:
        return f"{marker}, or a clean end"
    if marker:
        return marker
    return "finish reason" if about.finish_reason else "clean end"


def _ask(dialect: Dialect) -> str:
    if dialect.name == "auto":
        return "guessed from the URL, where it is unmistakable"
    if type(dialect).body is Dialect.body:
        return ""
    return {"client": "messages", "server": "conversation"}[dialect.about.history]


def _output(dialect: Dialect) -> str:
    if dialect.name == "auto":
        return "as the dialect of the URL"
    if type(dialect).body is Dialect.body:
        return ""
    field = dialect.output_field
    return ", ".join(
        f"{way} (`{field}`)" if field and not place else way
        for place, way in enumerate(dialect.output_ways)
    )


def _writes(dialect: Dialect) -> bool:
    try:
        next(iter(dialect.encode([Text("Hi")])))
    except ValueError:
        return False
    return True


def _auto(dialect: Dialect, facts: list[dict[str, str]]) -> str:
    if dialect.name in ("json", "text"):
        # Only the caller knows.
        return ""
    names = {item.get("auto", dialect.name) or "" for item in facts} - {""}
    return ", ".join(f"`{name}`" for name in sorted(names))


def _proven(name: str, facts: list[dict[str, str]]) -> str:
    run, read = set[str](), set[str]()
    for item in facts:
        if (match := WRITTEN_BY.match(item["source"])) is not None:
            (read if match[1].split()[0] in SDKS else run).add(match[1])
    if name in CLIENTS:
        read.add(CLIENTS[name])
    after = (COMPOSED_AFTER.match(item["source"]) for item in facts)
    source = {match[1] for match in after if match} if not run | read else set[str]()
    kinds = (("Run", run), ("Client", read - run), ("Source", source))
    return "; ".join(f"{kind}: {', '.join(sorted(found))}" for kind, found in kinds if found)


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    lines = [head, ("---",) * len(head), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in lines]


def _yes(value: bool) -> str:
    return "yes" if value else ""


def _code(text: str | None) -> str:
    return f"`{text}`" if text else ""


def _link(page: str) -> str:
    address = re.match(r"https?://([^/\s]+)\S*", page)
    return f"[{address[1]}]({address[0]})" if address else page


def main(arguments: list[str]) -> int:
    for path, text in ((EXPORTS, exports()), (PAGE, page())):
        if "--check" not in arguments:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            where = path.relative_to(DOCS.parent).as_posix()
            print(f"{where} is out of date: run python docs/make_dialects.py")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
