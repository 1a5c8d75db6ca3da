"""Detects the backend from a URL, and completes base URLs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit, urlunsplit

from chatsdk import dialects
from chatsdk.dialects.dialect import Dialect

__all__ = [
    "MODEL",
    "Service",
    "ask_dialect",
    "completed",
    "guess",
    "host_and_path",
    "path_below_base",
    "services_at",
    "with_model",
]

# Placeholder in a URL for the model that each request names, as in Gemini's.
MODEL = "{model}"

# Base paths that are completed for every dialect with a fixed path; "" means "/".
STUBS = ("", "/v1", "/api")

# Dialects that share another dialect's base URLs.
FAMILY = {"deepseek": "openai", "openai_responses": "openai"}


class Service(NamedTuple):
    """One API of a provider.

    Attributes:
        dialect: the name of its dialect.
        base: the path of its base URL, as a pattern if it differs between users.
    """

    dialect: str
    base: str


def _one(dialect: str, base: str) -> tuple[Service, ...]:
    return (Service(dialect, base),)


# Hosts of known providers, or ports of known servers (used only if the host is unknown), and the
# APIs that they document. The first API is the default for a URL without a path.
_PROVIDERS: tuple[tuple[str, tuple[Service, ...]], ...] = (
    (r"(.+\.)?api\.openai\.com", _one("openai", "/v1")),
    (r"api\.anthropic\.com", _one("anthropic", "/v1")),
    (
        r"api\.deepseek\.com",
        (Service("deepseek", ""), Service("anthropic", "/anthropic/v1")),
    ),
    (r"openrouter\.ai", (Service("openai", "/api/v1"), Service("anthropic", "/api/v1"))),
    (r"api\.groq\.com", _one("openai", "/openai/v1")),
    (r"api\.x\.ai", _one("openai", "/v1")),
    (r"api\.mistral\.ai", _one("openai", "/v1")),
    (r"api\.cohere\.(com|ai)", _one("cohere", "/v2")),
    # Its thinking models need their reasoning back, as DeepSeek's do.
    (
        r"api\.moonshot\.(ai|cn)",
        (Service("deepseek", "/v1"), Service("anthropic", "/anthropic/v1")),
    ),
    (r"api\.together\.(xyz|ai)", _one("openai", "/v1")),
    (r"api\.perplexity\.ai", _one("openai", "")),
    (r"api\.fireworks\.ai", _one("openai", "/inference/v1")),
    (r"api\.cerebras\.ai", _one("openai", "/v1")),
    (r"api\.siliconflow\.(cn|com)", _one("openai", "/v1")),
    (r"integrate\.api\.nvidia\.com", _one("openai", "/v1")),
    (r"router\.huggingface\.co", _one("openai", "/v1")),
    (r".+\.endpoints\.huggingface\.cloud", _one("openai", "/v1")),
    (r"open\.bigmodel\.cn|api\.z\.ai", _one("openai", "/api/paas/v4")),
    (r"ark\..+\.volces\.com", _one("openai", "/api/v3")),
    (r".+\.(openai|services\.ai|cognitiveservices)\.azure\.com", _one("openai", "/openai/v1")),
    (
        r"generativelanguage\.googleapis\.com",
        (Service("gemini", "/v1beta"), Service("openai", "/v1beta/openai")),
    ),
    (
        r"(.+-)?aiplatform\.googleapis\.com",
        _one("openai", r"/v1(beta1)?/projects/[^/]+/locations/[^/]+/endpoints/[^/]+"),
    ),
    (
        r"dashscope(-.+)?\.aliyuncs\.com",
        (Service("dashscope", "/api/v1"), Service("openai", "/compatible-mode/v1")),
    ),
    (r"api\.dify\.ai", _one("dify", "/v1")),
    (r"api\.coze\.(cn|com)", _one("coze", "/v3")),
    # Ollama, LM Studio, and LangGraph's development server.
    (r".+:11434", (Service("ollama", "/api"), Service("openai", "/v1"))),
    (r".+:1234", _one("openai", "/v1")),
    (r".+:2024", _one("langgraph", "")),
)

# Host (with port), path, dialect; the first line that matches both counts. `None` means that
# several backends share the path, so later lines must not match it.
_SHAPES: tuple[tuple[str, str, str | None], ...] = (
    # RAGFlow; its paths end like OpenAI's.
    ("", r"/api/v1/(openai|chats_openai|agents_openai)/[^/]+/chat/completions", "ragflow_openai"),
    ("", r"/api/v1/agents/chat/completions", "ragflow_agent"),
    ("", r"/api/v1/(agents|agentbots)/[^/]+/completions", "ragflow_agent"),
    ("", r"/api/v1/(chats|chatbots)/[^/]+/completions", "ragflow"),
    ("", r"/v1/conversation/completion", "ragflow_legacy"),
    ("", r"/api/v2/chat/completions", "fastgpt"),
    (r"(.+\.)?fastgpt\.(io|in|cn)|(.+\.)?tryfastgpt\.ai", r".*/v1/chat/completions", "fastgpt"),
    (r"openrouter\.ai", r"/api/v1/chat/completions", "openai"),
    # Both RAGFlow and FastGPT, self-hosted.
    ("", r"/api/v1/chat/completions", None),
    (r"(.+\.)?deepseek\.com|api\.moonshot\.(ai|cn)", r".*/chat/completions", "deepseek"),
    ("", r".*/chat/api/chat_message/[^/]+", "maxkb"),
    ("", r".*/services/aigc/[^/]+/generation", "dashscope"),
    ("", r".*/chat/completions", "openai"),
    ("", r".*(/v1|/openai)/responses", "openai_responses"),
    ("", r".*/v1/messages", "anthropic"),
    ("", r".*/models/[^/]+:streamGenerateContent", "gemini"),
    # Vercel has this path too; only Ollama's port decides.
    (r".+:11434", r"/api/chat", "ollama"),
    ("", r".*/(chat-messages|completion-messages|workflows/run)", "dify"),
    ("", r".*/api/agents/[^/]+/stream", "mastra"),
    ("", r".*/run_sse", "adk"),
    ("", r".*/message:stream", "a2a"),
    (r"api\.cohere\.(com|ai)", r"/v2/chat", "cohere"),
    ("", r".*/cohere/v2/chat", "cohere"),
    ("", r".*/model/[^/]+/converse-stream", "bedrock"),
    ("", r".*/webhook(-test)?/[^/]+/chat", "n8n"),
    ("", r".*/(agents|teams|workflows)/[^/]+/runs", "agno"),
    (r"api\.mistral\.ai", r"/v1/conversations(/[^/]+)?", "mistral_conversations"),
    ("", r".*/generate_stream", "tgi"),
    ("", r".*/mcp", "mcp"),
    ("", r"/completion", "llama_cpp"),
    ("", r".*/api/v1/prediction/[^/]+", "flowise"),
    ("", r".*/api/v1/run/(advanced/)?[^/]+", "langflow"),
    (r"api\.coze\.(cn|com)", r"/v3/chat", "coze"),
    ("", r".*/runs/stream", "langgraph"),
)

# The start of an endpoint that names the API and its version.
_VERSION = re.compile(r"(?:/api)?(?:/v\d\w*)?(?=/)")


def ask_dialect(dialect: Dialect, url: str) -> Dialect:
    """Return the dialect for requests to `url`: `dialect`, or for ``auto`` the one the URL shows.

    It remains ``auto`` if the URL does not show it.
    """
    if dialect.name == "auto" and (name := guess(url)) is not None:
        dialect = dialects.get(name)
    return dialect.at(url)


def guess(url: str) -> str | None:
    """Return the dialect of a URL that only one backend has, else ``None``.

    Only the host and the path count. ``/api/chat`` belongs to Ollama and Vercel, and
    ``/api/v1/chat/completions`` to RAGFlow and FastGPT, so these give ``None``.
    """
    host, path = host_and_path(url)
    for hosts, paths, dialect in _SHAPES:
        if (not hosts or _is_host(hosts, host)) and re.fullmatch(paths, path):
            return dialect
    return None


def completed(url: str, dialect: Dialect) -> str:
    """Return the complete URL for a base URL; any other URL is returned unchanged.

    A base URL has an empty path, or ``/v1`` or ``/api``, or the base path that a known provider
    documents, such as ``/openai/v1``. The path to append comes from the dialect, or for ``auto``
    from the host or port. The query is kept.

    Args:
        url: a checked URL.
        dialect: the chosen dialect, or ``auto``.
    """
    host, path = host_and_path(url)
    found = None
    if services := services_at(host):
        found = _at_provider(path, services, dialect)
    if found is None and path in STUBS and dialect.name != "auto":
        found = _anywhere(path, dialect)
    if found is None:
        return url
    parts = urlsplit(url)
    path, _, query = found.partition("?")
    query = "&".join(filter(None, (parts.query, query)))
    return urlunsplit((parts.scheme, parts.netloc, path, query, ""))


def with_model(url: str, options: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the URL with the model inserted, and the options without it.

    Raises:
        ValueError: the URL needs a model, and the options do not contain one.
    """
    rest = dict(options)
    if MODEL not in url:
        return url, rest
    model = rest.pop("model", None)
    if not isinstance(model, str) or not model:
        # The query may hold a secret, and tracebacks can show local variables.
        url = ""
        raise ValueError("this backend has the model in its URL: give model='...'")
    return url.replace(MODEL, quote(model.removeprefix("models/"), safe="")), rest


def services_at(host: str) -> tuple[Service, ...]:
    """Return the APIs of a known provider at this host (with its port), empty if there are none."""
    for hosts, services in _PROVIDERS:
        if _is_host(hosts, host):
            return services
    return ()


def host_and_path(url: str) -> tuple[str, str]:
    """Return the host, with its port if the URL has one, and the path without a trailing slash.

    Both are empty if `url` is not a URL.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "", ""
    return (parts.hostname or "") + (f":{port}" if port else ""), parts.path.rstrip("/")


def _is_host(pattern: str, host: str) -> bool:
    # The port is irrelevant unless the pattern names one.
    name = host if ":" in pattern else host.partition(":")[0]
    return re.fullmatch(pattern, name) is not None


def _at_provider(path: str, services: tuple[Service, ...], dialect: Dialect) -> str | None:
    named = None if dialect.name == "auto" else dialect
    if named is not None:
        services = tuple(item for item in services if _family(item.dialect) == _family(named.name))
    for name, base in services:
        if re.fullmatch(base, path):
            return path + path_below_base(named or dialects.get(name))
    for name, base in services:
        if "[" not in base and path in _beginnings(base):
            # Some providers also accept an undocumented /v1 before their path.
            base = path if path == "/v1" and not base else base
            return base + path_below_base(named or dialects.get(name))
    return None


def _beginnings(base: str) -> list[str]:
    """Return the stubs and all prefixes of a base URL's path."""
    parts = base.split("/")
    return [*STUBS, *("/".join(parts[:count]) for count in range(2, len(parts)))]


def _family(name: str) -> str:
    return FAMILY.get(name, name)


def _anywhere(stub: str, dialect: Dialect) -> str | None:
    """Return the path of a dialect below a stub, ``None`` if the dialect has no fixed path."""
    endpoint = dialect.path
    if endpoint is not None and MODEL in endpoint:
        # Many servers with Gemini's protocol have other paths.
        return None
    if endpoint is None or not stub or endpoint.startswith(f"{stub}/"):
        return endpoint
    if dialect.name == "anthropic":
        # Its base URLs end before the version.
        return stub + endpoint
    version = _VERSION.match(endpoint)
    # A path such as /v3/chat or /api/chat belongs to only one backend.
    return stub + path_below_base(dialect) if version and version[0] in ("", "/v1") else endpoint


def path_below_base(dialect: Dialect) -> str:
    """Return the path that follows a dialect's base URL."""
    return _VERSION.sub("", dialect.path or "", count=1)
