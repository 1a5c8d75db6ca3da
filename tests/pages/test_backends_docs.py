"""Each script and command of docs/backends.md works, against a server of that backend's dialect.

The page's text is run unchanged. Its hosts are resolved to the test's server, which has a
certificate for them if the address begins with https://.
"""

from __future__ import annotations

import re
import shlex
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from chatsdk.cli import main
from chatsdk.cli.provider_tokens import provider_variables
from chatsdk.dialects import get
from chatsdk.testing import ChatServer, EmbeddedServer
from chatsdk.testing.tls import Authority

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "backends.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S))
ROWS = re.findall(r"^\| \[(.+?)\]\(#(.+?)\) \| `(.+?)` \|", PAGE, re.M)

# Which dialect a backend of the page speaks, if not OpenAI's.
DIALECTS = {
    "DeepSeek": "deepseek",
    "Moonshot (Kimi)": "deepseek",
    "Ollama": "ollama",
    "Anthropic": "anthropic",
    "Gemini": "gemini",
    "DashScope (Qwen)": "dashscope",
    "RAGFlow": "ragflow",
    "Dify": "dify",
    "Coze": "coze",
    "FastGPT": "fastgpt",
    "MaxKB": "maxkb",
    "LangGraph": "langgraph",
    "LangServe": "langserve",
    "AG-UI": "agui",
    "Vercel AI SDK": "vercel",
    "n8n": "n8n",
    "Flowise": "flowise",
    "Langflow": "langflow",
    "agno AgentOS": "agno",
    "Genkit": "genkit",
    "Mistral conversations": "mistral_conversations",
    "MCP": "mcp",
}

# Dialects that chatsdk only reads are answered with a transcript.
TRANSCRIPTS = {
    "maxkb": "maxkb/answer.txt",
    "langserve": "langserve/words.txt",
    "agno": "agno/agno_short.txt",
    "genkit": "genkit/genkit_words.txt",
    "mistral_conversations": "mistral_conversations/sdk_types.txt",
    "mcp": "mcp/mcp_progress.txt",
}

# The header that carries the key, and the prefix of its value.
KEYS = {
    "anthropic": ("x-api-key", ""),
    "gemini": ("x-goog-api-key", ""),
    "langflow": ("x-api-key", ""),
}

BACKENDS = (
    *("OpenAI", "Azure OpenAI", "OpenRouter", "Groq", "xAI", "Mistral", "DeepSeek"),
    *("Moonshot (Kimi)", "Together", "Perplexity", "Ollama", "vLLM", "LM Studio", "llama.cpp"),
    *("LiteLLM", "Hugging Face TGI", "Anthropic", "Gemini", "Vertex AI, OpenAI-compatible"),
    *("DashScope (Qwen)", "RAGFlow", "Dify", "Coze", "FastGPT", "MaxKB", "LangGraph"),
    *("LangServe", "AG-UI", "Vercel AI SDK", "n8n", "Flowise", "Langflow", "agno AgentOS"),
    *("Genkit", "Mistral conversations", "MCP"),
)


class Section(NamedTuple):
    """The parts of a backend's section."""

    script: str
    command: str
    url: str

    @classmethod
    def of(cls, name: str) -> Section:
        text = SECTIONS[name]
        (script,) = re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)
        (command,) = re.findall(r"^```sh\n(.*?)\n```", text, re.M | re.S)
        (url,) = set(re.findall(r'"(https?://[^"]+)"', script))
        return cls(script, command, url)

    @property
    def variable(self) -> str | None:
        """The environment variable that the script reads."""
        found = re.search(r'os\.environ\["(\w+)"\]', self.script)
        return found[1] if found else None


@pytest.fixture(scope="module")
def authority() -> Iterator[Authority]:
    pytest.importorskip("trustme")
    authority = Authority()
    yield authority
    authority.close()


@pytest.fixture
def backend(request, authority, monkeypatch) -> Iterator[ChatServer]:
    """A server of the backend's dialect, to which the host of its section is resolved."""
    name = request.param
    section = Section.of(name)
    host = urlsplit(section.url).hostname
    tls = authority.server_context(host) if section.url.startswith("https://") else False
    dialect = DIALECTS.get(name, "openai")
    server = _server(dialect, tls)
    find = socket.getaddrinfo

    def resolve(asked: str, port: Any, *args: Any, **options: Any) -> Any:
        if asked != host:
            return find(asked, port, *args, **options)
        return find("127.0.0.1", server.port, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    for proxy in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(proxy, raising=False)
        monkeypatch.delenv(proxy.upper(), raising=False)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", authority.path)
    monkeypatch.delenv("CHATSDK_TOKEN", raising=False)
    if section.variable is not None:
        monkeypatch.setenv(section.variable, "key-1")
    with server:
        yield server


def _server(dialect: str, tls: Any) -> ChatServer:
    if _is_written(dialect):
        return EmbeddedServer(dialect, pace=0.0, tls=tls)
    server = ChatServer(tls=tls)
    server.stream([(TESTS / "transcripts" / TRANSCRIPTS[dialect]).read_bytes()])
    return server


def _is_written(dialect: str) -> bool:
    try:
        get(dialect).encode(())
    except ValueError:
        return False
    return True


def assert_asked(server: ChatServer, name: str) -> None:
    """One request has come: at a path of the dialect, with the key where it belongs."""
    (request,) = server.requests
    dialect = DIALECTS.get(name, "openai")
    assert request.method == "POST"
    assert request.path not in ("/", "/chat")
    variable = Section.of(name).variable
    header, before = KEYS.get(dialect, ("authorization", "Bearer "))
    if name == "Azure OpenAI":
        header, before = "api-key", ""
    assert request.headers.get(header) == (None if variable is None else f"{before}key-1")
    # One of them takes a form.
    assert b"Hello!" in request.body or b"Hello%21" in request.body


@pytest.mark.parametrize(("backend", "name"), [(n, n) for n in BACKENDS], indirect=["backend"])
def test_script(backend, name, capsys):
    """The script prints the answer, and its key is in the place where the backend expects it."""
    section = Section.of(name)
    exec(compile(section.script, f"docs/backends.md, {name}", "exec"), {"__name__": "script"})
    said = capsys.readouterr().out
    assert said
    if isinstance(backend, EmbeddedServer):
        assert "Hello!" in said
    assert_asked(backend, name)


@pytest.mark.parametrize(("backend", "name"), [(n, n) for n in BACKENDS], indirect=["backend"])
def test_command(backend, name, capsys):
    """The command prints the answer and ends, with the same key."""
    program, *arguments = shlex.split(Section.of(name).command)
    assert (program, arguments[0], arguments[2]) == ("chatsdk", "chat", "Hello!")
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert said
    if isinstance(backend, EmbeddedServer):
        assert "Hello!" in said
    assert_asked(backend, name)


def test_all_backends_are_there():
    """The table at the top has every backend, with the address and the anchor of its section."""
    assert tuple(row[0] for row in ROWS) == BACKENDS
    assert [row[2] for row in ROWS] == [Section.of(name).url for name in BACKENDS]
    for name, anchor, _ in ROWS:
        assert anchor == re.sub(r"[^a-z0-9 -]", "", name.lower()).replace(" ", "-")


@pytest.mark.parametrize("name", BACKENDS)
def test_a_script_has_six_lines_at_most(name):
    """A script is short enough to be copied at sight, and its command asks the same address."""
    section = Section.of(name)
    assert len([line for line in section.script.splitlines() if line.strip()]) <= 6
    assert section.url in section.command
    for variable in provider_variables(section.url)[:1]:
        assert section.variable == variable


def test_where_requests_go(capsys):
    """The first block prints what the page shows."""
    (block,) = re.findall(
        r"^```python\n(.*?)^```\n```text\n(.*?)^```", SECTIONS["The address"], re.M | re.S
    )
    exec(compile(block[0], "docs/backends.md", "exec"), {})
    assert capsys.readouterr().out == block[1]


def test_the_page_names_the_variables():
    """Every provider's first variable is on the page."""
    from chatsdk.cli.provider_tokens import _VARIABLES

    text = SECTIONS["The key"]
    assert [names for names in _VARIABLES.values() if f"`{names[0]}`" not in text] == []


@pytest.mark.parametrize(("backend", "name"), [("vLLM", "vLLM")], indirect=["backend"])
def test_the_prompt_may_come_last(backend, name, capsys):
    """A prompt behind the options is the prompt, in every version of Python."""
    _, chat, url, prompt, *options = shlex.split(Section.of(name).command)
    assert main([chat, url, *options, prompt]) == 0
    assert "Hello!" in capsys.readouterr().out
    assert main([chat, url, *options, prompt, "two"]) == 2
    assert "too many; put a prompt" in capsys.readouterr().err
