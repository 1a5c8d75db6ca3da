"""Frames inside frames: ``data: data: {...}``."""

from __future__ import annotations

import re

__all__ = ["unwrapped"]

# Several prefixes a step, and not all, because the expression remembers each that it repeats.
PREFIXES = re.compile(r"\s*(?:data:\s*){0,1000}")


def unwrapped(data: str) -> str:
    """Return an event's data without the prefixes of frames that a gateway wrapped once more.

    RAGFlow's own web page strips them too.
    """
    # An index and not a shorter copy for each prefix: an event may be made of nothing else.
    start = 0
    while (found := PREFIXES.match(data, start)) and found.end() > start:
        start = found.end()
    return data[start:].rstrip()
