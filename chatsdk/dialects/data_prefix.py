"""Removes ``data:`` prefixes that a gateway added again."""

from __future__ import annotations

import re

__all__ = ["unwrapped"]

# A limited number of prefixes per match, because the regular expression engine stores each
# repetition.
PREFIXES = re.compile(r"\s*(?:data:\s*){0,1000}")


def unwrapped(data: str) -> str:
    """Return an event's data without the prefixes that a gateway added.

    RAGFlow's web page removes them too.
    """
    # An index instead of a copy for each prefix, because an event may consist of prefixes only.
    start = 0
    while (found := PREFIXES.match(data, start)) and found.end() > start:
        start = found.end()
    return data[start:].rstrip()
