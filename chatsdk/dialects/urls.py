"""Which backend an address belongs to, where its shape is unmistakable."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from chatsdk import dialects
from chatsdk.dialects.contract import Dialect

__all__ = ["ask_dialect", "guess"]

# Host (with port), path, dialect; the first line that fits both counts. `None` stands for: known to
# be more than one backend's, so that no later line may claim it.
_SHAPES: tuple[tuple[str, str, str | None], ...] = (
    # RAGFlow, whose own paths end like OpenAI's.
    ("", r"/api/v1/(openai|chats_openai|agents_openai)/[^/]+/chat/completions", "ragflow_openai"),
    ("", r"/api/v1/agents/chat/completions", "ragflow_agent"),
    ("", r"/api/v1/(agents|agentbots)/[^/]+/completions", "ragflow_agent"),
    ("", r"/api/v1/(chats|chatbots)/[^/]+/completions", "ragflow"),
    ("", r"/v1/conversation/completion", "ragflow_legacy"),
    ("", r"/api/v2/chat/completions", "fastgpt"),
    (r"(.+\.)?fastgpt\.(io|in|cn)|(.+\.)?tryfastgpt\.ai", r".*/v1/chat/completions", "fastgpt"),
    (r"openrouter\.ai", r"/api/v1/chat/completions", "openai"),
    # RAGFlow and FastGPT both, on hosts of their users.
    ("", r"/api/v1/chat/completions", None),
    (r"(.+\.)?deepseek\.com", r".*/chat/completions", "deepseek"),
    ("", r".*/chat/api/chat_message/[^/]+", "maxkb"),
    ("", r".*/services/aigc/[^/]+/generation", "dashscope"),
    ("", r".*/chat/completions", "openai"),
    ("", r".*(/v1|/openai)/responses", "openai_responses"),
    ("", r".*/v1/messages", "anthropic"),
    ("", r".*/models/[^/]+:streamGenerateContent", "gemini"),
    # The path is Vercel's too; only Ollama's own port tells.
    (r".+:11434", r"/api/chat", "ollama"),
    ("", r".*/(chat-messages|completion-messages|workflows/run)", "dify"),
    (r"api\.coze\.(cn|com)", r"/v3/chat", "coze"),
    ("", r".*/runs/stream", "langgraph"),
)


def ask_dialect(dialect: Dialect, url: str) -> Dialect:
    """Return what is asked at `url` where `dialect` was named: with ``auto``, what the URL shows.

    It stays ``auto`` where the URL does not show it.
    """
    if dialect.name == "auto" and (name := guess(url)) is not None:
        dialect = dialects.get(name)
    return dialect.at(url)


def guess(url: str) -> str | None:
    """Return the dialect of a URL that only one backend has, else ``None``.

    Only the host and the path are looked at. ``/api/chat`` is Ollama's and Vercel's, and
    ``/api/v1/chat/completions`` RAGFlow's and FastGPT's: those are ``None``.
    """
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "") + (f":{parts.port}" if parts.port else "")
    except ValueError:
        return None
    path = parts.path.rstrip("/")
    for hosts, paths, dialect in _SHAPES:
        # A port says nothing unless the line names one.
        name = host if ":" in hosts else host.partition(":")[0]
        if (not hosts or re.fullmatch(hosts, name)) and re.fullmatch(paths, path):
            return dialect
    return None
