"""Token counts in the shapes in which more than one backend sends them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from chatsdk.dialects.payload import as_object, as_whole
from chatsdk.parts import UsageUpdate

__all__ = ["counted", "sum_of"]


def counted(usage: dict[str, Any]) -> UsageUpdate:
    """Read OpenAI's ``prompt_tokens`` and ``completion_tokens``, which many have taken over."""
    out = as_object(usage.get("completion_tokens_details"), "completion_tokens_details")
    into = as_object(usage.get("prompt_tokens_details"), "prompt_tokens_details")
    cached = as_whole(into.get("cached_tokens"))
    if cached is None:
        # DeepSeek's name for it, then Moonshot's.
        cached = as_whole(usage.get("prompt_cache_hit_tokens", usage.get("cached_tokens")))
    return UsageUpdate(
        input=as_whole(usage.get("prompt_tokens")),
        output=as_whole(usage.get("completion_tokens")),
        total=as_whole(usage.get("total_tokens")),
        reasoning=as_whole(out.get("reasoning_tokens")),
        cached=cached,
    )


def sum_of(values: Iterable[object]) -> int | None:
    """Return the sum of the counts among `values`, ``None`` if there is none."""
    counts = [count for value in values if (count := as_whole(value)) is not None]
    return sum(counts) if counts else None
