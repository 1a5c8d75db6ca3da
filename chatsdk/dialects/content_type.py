"""Decides from the ``Content-Type`` how a response's body is framed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

__all__ = [
    "AMAZON",
    "is_json_object",
    "is_ndjson",
    "is_vercel_v1",
    "media_type",
    "shows_lines",
]

# There is no standard name; these are in use for one JSON value per line.
NDJSON_TYPES = frozenset(
    {
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
        "application/x-jsonlines",
        "application/json-lines",
        "application/jsonlines",
        "application/stream+json",
    }
)

# A line of Vercel's data stream v1: a code of one character, a colon, and JSON.
VERCEL_V1_LINE = rb'\s*[0-9a-k]:["{\[]'

AMAZON = "application/vnd.amazon.eventstream"


def media_type(content_type: str) -> str:
    """Return the media type of a header without parameters, in lower case.

    A header that was sent twice arrives joined by a comma (RAGFlow does that); the first counts.
    """
    return content_type.split(";", 1)[0].split(",", 1)[0].strip().lower()


def is_ndjson(content_type: str) -> bool:
    """Return whether the body has one JSON value per line."""
    return media_type(content_type) in NDJSON_TYPES


def is_vercel_v1(content_type: str, headers: Mapping[str, str], head: bytes) -> bool:
    """Return whether a response is in Vercel's data stream v1, by its header field or first line.

    Args:
        content_type: the header's value.
        headers: the fields, names in lower case.
        head: the first bytes of the body; empty before anything was read.
    """
    if headers.get("x-vercel-ai-data-stream") == "v1":
        return True
    # Servers that copied the format omit the field.
    plain = media_type(content_type) in ("text/plain", "")
    return plain and re.match(VERCEL_V1_LINE, head) is not None


def is_json_object(line: bytes) -> bool:
    """Return whether these bytes are one complete JSON object."""
    line = line.strip()
    if not line.startswith(b"{") or not line.endswith(b"}"):
        return False
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def shows_lines(head: bytes) -> bool:
    """Return whether a body that starts with `head` has JSON lines, not one document.

    Its first line is a complete object, and more follows. n8n streams this as ``application/json``,
    as does Ollama behind some proxies.
    """
    line, end, rest = head.removeprefix(b"\xef\xbb\xbf").lstrip().partition(b"\n")
    return bool(end) and bool(rest.strip()) and is_json_object(line)
