"""What a response's ``Content-Type`` says about how its body is framed."""

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

# No one name won; these are the ones in use for one JSON value a line.
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
VERCEL_V1_LINE = re.compile(rb'\s*[0-9a-k]:["{\[]')

AMAZON = "application/vnd.amazon.eventstream"


def media_type(content_type: str) -> str:
    """Return the bare media type of a header, in lower case.

    A header that was sent twice arrives joined by a comma (RAGFlow does that); the first counts.
    """
    return content_type.split(";", 1)[0].split(",", 1)[0].strip().lower()


def is_ndjson(content_type: str) -> bool:
    """Return whether the body is one JSON value a line."""
    return media_type(content_type) in NDJSON_TYPES


def is_vercel_v1(content_type: str, headers: Mapping[str, str], head: bytes) -> bool:
    """Return whether a response is in Vercel's data stream v1, by its header field or first line.

    Args:
        content_type: as the header has it.
        headers: the fields, names in lower case.
        head: the first bytes of the body; empty if nothing was read yet.
    """
    if headers.get("x-vercel-ai-data-stream") == "v1":
        return True
    # Back ends that copied the format leave the field out.
    plain = media_type(content_type) in ("text/plain", "")
    return plain and VERCEL_V1_LINE.match(head) is not None


def is_json_object(line: bytes) -> bool:
    """Return whether these bytes are one whole JSON object."""
    line = line.strip()
    if not line.startswith(b"{") or not line.endswith(b"}"):
        return False
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def shows_lines(head: bytes) -> bool:
    """Return whether a body that begins so is lines of JSON, not one document.

    Its first line is a whole object, and more follows. n8n streams so as ``application/json``, and
    Ollama behind some proxies.
    """
    line, end, rest = head.removeprefix(b"\xef\xbb\xbf").lstrip().partition(b"\n")
    return bool(end) and bool(rest.strip()) and is_json_object(line)
