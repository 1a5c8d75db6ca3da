"""Frames inside frames: ``data: data: {...}``."""

from __future__ import annotations

__all__ = ["unwrapped"]


def unwrapped(data: str) -> str:
    """Return an event's data without the prefixes of frames that a gateway wrapped once more.

    RAGFlow's own web page strips them too.
    """
    data = data.strip()
    while data.startswith("data:"):
        data = data[len("data:") :].lstrip()
    return data
