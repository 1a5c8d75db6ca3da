"""Decodes token counts in the shapes that several backends share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from chatsdk.dialects.payload import as_whole
from chatsdk.parts import UsageUpdate

__all__ = ["counted", "sum_of"]


def counted(usage: dict[str, Any]) -> UsageUpdate:
    """Decode OpenAI's ``prompt_tokens`` and ``completion_tokens``, which many backends use.

    The names of its newer API and of Anthropic, ``input_tokens`` and ``output_tokens``, are read as
    well, because gateways mix them. Details of another type are ignored.
    """
    out = _details(usage, "completion_tokens_details", "output_tokens_details")
    into = _details(usage, "prompt_tokens_details", "input_tokens_details")
    cached = as_whole(into.get("cached_tokens"))
    if cached is None:
        # DeepSeek's name for it, then Moonshot's.
        cached = as_whole(usage.get("prompt_cache_hit_tokens", usage.get("cached_tokens")))
    given = as_whole(usage.get("prompt_tokens", usage.get("input_tokens")))
    said = as_whole(usage.get("completion_tokens", usage.get("output_tokens")))
    total = as_whole(usage.get("total_tokens"))
    reasoning = as_whole(out.get("reasoning_tokens"))
    if reasoning is None:
        # Perplexity and SGLang have it here.
        reasoning = as_whole(usage.get("reasoning_tokens"))
    if given is not None and said is not None:
        if reasoning and (total == given + said + reasoning or (not total and reasoning > said)):
            # xAI counts reasoning separately from the text, OpenAI as part of it.
            said += reasoning
        elif total is not None and total > given + said:
            # Databricks counts as Anthropic does: the prompt does not include cached tokens.
            names = ("cache_read_input_tokens", "cache_creation_input_tokens")
            kept = sum_of(map(usage.get, names))
            if kept and total == given + said + kept:
                given += kept
    if cached is None:
        cached = as_whole(usage.get("cache_read_input_tokens"))
    return UsageUpdate(input=given, output=said, total=total, reasoning=reasoning, cached=cached)


def _details(usage: dict[str, Any], *names: str) -> dict[str, Any]:
    found: object = next(filter(None, map(usage.get, names)), None)
    return found if isinstance(found, dict) else {}


def sum_of(values: Iterable[object]) -> int | None:
    """Return the sum of the counts in `values`, ``None`` if there are none."""
    counts = [count for value in values if (count := as_whole(value)) is not None]
    return sum(counts) if counts else None
