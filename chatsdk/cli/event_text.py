"""Writes the events and totals of `chatsdk inspect` as lines of text."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from chatsdk.cli.notes import printable
from chatsdk.cli.wrap import width_of

__all__ = ["in_words", "one_line"]


def in_words(totals: dict[str, Any]) -> list[str]:
    """Return the totals as lines of text."""
    events, reads = totals["events"], totals["reads"]
    lines = [
        f"{events} event{'s' * (events != 1)} in {reads} read{'s' * (reads != 1)}, "
        f"{totals['bytes']} bytes; the body ended: {totals['end'] or 'not yet'}"
    ]
    times = [f"headers {totals['headers_s']:.3f} s"]
    if totals["first_event_s"] is not None:
        times.append(f"first event {totals['first_event_s']:.3f} s")
    times.append(f"end {totals['end_s']:.3f} s")
    lines.append(", ".join(times))
    gaps = totals["gaps_s"]
    if gaps["max"] is not None:
        found = ", ".join(f"{name} {value:.3f} s" for name, value in gaps.items())
        lines.append(f"gaps between events: {found}")
    return lines


def one_line(text: str, columns: int | None = None) -> str:
    """Return `text` on one line without controls, in at most so many columns.

    JSON that was written with line ends is written compactly.
    """
    if "\n" in text and text[:1] in "{[":
        with contextlib.suppress(ValueError, RecursionError):
            text = json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))
    head = text if columns is None else text[:columns]
    if head.isascii() and head.isprintable():
        return head if len(head) == len(text) else head[:-1] + "…"
    # No character takes less than a column, but for a few marks.
    shown = text if columns is None else text[: 2 * columns + 1]
    if not (shown.isascii() and shown.isprintable()):
        shown = printable(shown).replace("\n", " ").replace("\t", " ")
    if columns is None or (width_of(shown) <= columns and len(shown) == len(text)):
        return shown
    if width_of(shown) <= columns:
        return shown[: columns - 1] + "…"
    shown = shown[:columns]
    while width_of(shown) >= columns:
        shown = shown[:-1]
    return shown + "…"
