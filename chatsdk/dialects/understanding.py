"""What to make of a stream in which nothing of an answer was read."""

from __future__ import annotations

from collections.abc import Sequence

from chatsdk.dialects.contract import Dialect
from chatsdk.dialects.signatures import DONE, UNKNOWN, WAIT, is_of, recognise
from chatsdk.sse import ServerSentEvent

__all__ = ["misread"]

# Characters of an event that an error shows.
SHOWN_CHARS = 200

# Dialects that send the events of other families, under names or with options of their own.
FAMILIES = {
    "deepseek": ("openai",),
    "fastgpt": ("fastgpt", "openai"),
    "ragflow_openai": ("openai",),
    "ragflow_agent": ("ragflow",),
    "ragflow_legacy": ("ragflow",),
}


def misread(
    events: Sequence[ServerSentEvent], dialect: Dialect | None, *, ndjson: bool = False
) -> str | None:
    """Return why a stream is not of `dialect`, and the remedy; ``None`` if it may be.

    Args:
        events: some of those in which nothing was read, the first ones.
        dialect: which read them, ``None`` where ``auto`` did not decide.
        ndjson: each was a line.
    """
    for event in events:
        if event.data.strip() in DONE or (dialect is not None and _is_of(event, dialect)):
            continue
        name = recognise(event, ndjson=ndjson)
        if name == WAIT:
            continue
        shown = event.data if len(event.data) <= SHOWN_CHARS else event.data[:SHOWN_CHARS] + "…"
        label = "" if event.event == "message" else f" (event: {event.event})"
        return f"the first is {shown!r}{label}; {_remedy(name)}"
    return None


def _is_of(event: ServerSentEvent, dialect: Dialect) -> bool:
    return any(is_of(event, name) for name in FAMILIES.get(dialect.name, (dialect.name,)))


def _remedy(name: str) -> str:
    if name in ("raw", UNKNOWN):
        return "no dialect sends such events: pass dialect='raw' to get each event as text"
    return f"it looks like {name!r}: pass dialect={name!r}"
