"""Suggests the URL that was probably meant, for error messages."""

from __future__ import annotations

import re
from urllib.parse import urljoin

from chatsdk import dialects
from chatsdk.dialects.dialect import Dialect
from chatsdk.dialects.urls import MODEL, host_and_path, path_below_base, services_at

__all__ = ["meant", "unknown_backend"]

# A version at the end of a path marks the path of a base URL.
VERSION_AT_END = re.compile(r"/v\d\w*$")
VERSION_INSIDE = re.compile(r"/v\d\w*(/|$)")

# The model in a Gemini URL.
NAMED_MODEL = re.compile(r"/models/([^/:]+)")

# Paths that two backends share.
SHARED = {
    "/api/chat": "Ollama ('ollama') and Vercel's AI SDK ('vercel')",
    "/api/v1/chat/completions": "RAGFlow ('ragflow') and FastGPT ('fastgpt')",
}


def unknown_backend(shown: str) -> str:
    """Return the message for a URL that does not show its backend, up to "name ..." the dialect.

    Args:
        shown: the URL without user, password and query.
    """
    head = f"{shown} does not show which backend this is"
    host, path = host_and_path(shown)
    if path in SHARED:
        return f"{head}, because both {SHARED[path]} have this path: name"
    whole = _of_provider(shown, host, path)
    if whole is not None:
        return f"{head}: did you mean {whole} ? Otherwise name"
    openai = dialects.get("openai")
    whole = meant(shown, openai) or urljoin(shown, openai.path or "")
    return f"{head}: if it is compatible with OpenAI, did you mean {whole} ? Otherwise name"


def meant(shown: str, dialect: Dialect) -> str | None:
    """Return the URL that was probably meant, after a request to `shown` did not find the backend.

    Args:
        shown: the URL without user, password and query.
        dialect: the dialect of the request.

    Returns:
        ``None`` if the URL has the dialect's path already, or does not look like a base URL.
    """
    whole, tail = dialect.path, path_below_base(dialect)
    if whole is None or MODEL in whole:
        return None
    _, path = host_and_path(shown)
    if path.endswith(tail):
        return None
    if VERSION_AT_END.search(path):
        return shown.rstrip("/") + tail
    return None if VERSION_INSIDE.search(path) else shown.rstrip("/") + whole


def _of_provider(shown: str, host: str, path: str) -> str | None:
    for service in services_at(host)[:1]:
        # Brackets mark a pattern, whose base URL differs between users.
        if "[" not in service.base:
            whole = service.base + path_below_base(dialects.get(service.dialect))
            named = NAMED_MODEL.search(path)
            return urljoin(shown, whole.replace(MODEL, named[1]) if named else whole)
    return None
