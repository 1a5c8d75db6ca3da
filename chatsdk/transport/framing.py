"""What a head says of the body behind it, where ``http.client`` reads it as something else."""

from __future__ import annotations

import email.errors
from collections.abc import Mapping
from typing import Any

__all__ = ["unreadable_head"]


def unreadable_head(headers: Mapping[str, str], original: Any) -> str | None:
    """Return why a body cannot be told from its framing, ``None`` if it can (RFC 9112, section 6).

    Where the framing is not understood, a part of it would be taken for text, or a cut for the end.

    Args:
        headers: the fields, names in lower case, those sent twice joined by a comma.
        original: what ``http.client`` made of the response; of a mock it is anything.
    """
    defects = getattr(getattr(original, "msg", None), "defects", ())
    if any(isinstance(item, email.errors.MissingHeaderBodySeparatorDefect) for item in defects):
        # The lines behind it were not taken for header fields any more.
        return "a line among its headers is none"
    codings = _items(headers.get("transfer-encoding", "").lower()) - {"identity"}
    if codings - {"chunked"} or (codings and not getattr(original, "chunked", True)):
        return f"it is transferred as {headers['transfer-encoding']!r}"
    if not codings:
        for length in _items(headers.get("content-length", "")):
            # Python's int reads signs and underscores, too.
            if not (length.isascii() and length.isdigit()):
                return f"its length of {length[:20]!r} is no number"
    return None


def _items(value: str) -> set[str]:
    return {item.strip() for item in value.split(",")} - {""}
