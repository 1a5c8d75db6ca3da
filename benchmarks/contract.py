"""The input and the result of every contestant.

A contestant is a function ``(url, kind, out)``: it posts to the address, reads a stream of frames
of that kind (`wire`), and appends the text of each event to ``out``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class Out(Protocol):
    def append(self, text: str, /) -> None: ...


Contestant = Callable[[str, str, Out], None]


def text_of(payload: Any, kind: str) -> str | None:
    """The text of one parsed event, ``None`` for an event without."""
    if kind == "anthropic":
        return payload["delta"]["text"] if payload["type"] == "content_block_delta" else None
    if kind == "ragflow":
        return payload["data"]["answer"] if payload["data"] is not True else None
    return payload["choices"][0]["delta"].get("content")
