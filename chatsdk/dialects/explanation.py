"""Explains a stream that did not contain an answer."""

from __future__ import annotations

from collections.abc import Sequence

from chatsdk.dialects.dialect import Dialect
from chatsdk.dialects.misframed import ends
from chatsdk.dialects.payload import load
from chatsdk.dialects.signatures import UNKNOWN, WAIT, is_of, recognise
from chatsdk.errors import ProtocolError
from chatsdk.sse import ServerSentEvent

__all__ = ["misread"]

# Characters of an event to show in an error.
SHOWN_CHARS = 200

# Field names that hand-written services use for text, the most common first.
WORDS = (
    *("text", "content", "delta", "token", "chunk", "message", "response", "answer", "output"),
    *("data", "say", "result", "completion", "generated_text"),
)

# Dialects that send other families' events, with different names or options.
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
    """Return why a stream is not in `dialect`, and the remedy; ``None`` if it may be.

    Args:
        events: the first events without parts.
        dialect: the dialect that decoded them, ``None`` if ``auto`` did not decide.
        ndjson: whether each event was a line.
    """
    for event in events:
        if ends(event.data) or (dialect is not None and _is_of(event, dialect)):
            continue
        name = recognise(event, ndjson=ndjson)
        if name == WAIT:
            continue
        shown = event.data if len(event.data) <= SHOWN_CHARS else event.data[:SHOWN_CHARS] + "…"
        label = "" if event.event == "message" else f" (event: {event.event})"
        return f"the first is {shown!r}{label}; {_remedy(name, event)}"
    return None


def _is_of(event: ServerSentEvent, dialect: Dialect) -> bool:
    return any(is_of(event, name) for name in FAMILIES.get(dialect.name, (dialect.name,)))


def _remedy(name: str, event: ServerSentEvent) -> str:
    if name not in ("raw", UNKNOWN):
        return f"it looks like {name!r}: pass dialect={name!r}"
    found = _words_at(event.data)
    if found is not None:
        return (
            f"if the words are in {found!r}, pass dialect=chatsdk.dialects.json(text={found!r}); "
            "dialect='raw' gives each event as text"
        )
    return "no dialect sends such events: pass dialect='raw' to get each event as text"


def _words_at(data: str) -> str | None:
    """Return the path of the field in a hand-written event that probably contains text."""
    try:
        value = load(data)
    except ProtocolError:
        return None
    if not isinstance(value, dict):
        return None
    for name in WORDS:
        if isinstance(value.get(name), str):
            return name
    for outer in WORDS:
        inner = value.get(outer)
        for name in WORDS:
            if isinstance(inner, dict) and isinstance(inner.get(name), str):
                return f"{outer}.{name}"
    return None
