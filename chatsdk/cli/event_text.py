"""Writes the events and totals of `chatsdk inspect` as lines of text."""

from __future__ import annotations

import contextlib
import json
from json.encoder import encode_basestring_ascii as quoted
from typing import Any

from chatsdk.cli.answer_notes import printable
from chatsdk.cli.event_watch import Row, rounded
from chatsdk.cli.word_wrap import width_of

__all__ = ["in_json", "in_table", "in_words", "one_line"]

EVENT_COLUMNS = 12

# The gap of an event that came in the same read as the one before, and of the first event.
NO_GAP, NO_PREVIOUS = f"{0.0:8.3f}", " " * 8

MESSAGE = f"{'message':<{EVENT_COLUMNS}}"


def in_table(rows: list[Row], width: int) -> list[str]:
    """Return a line for each row of one read, its data in `width` columns."""
    lines = []
    at, read = f"{rows[0].at:9.3f}", f"{rows[0].read:5}"
    before, event = "message", MESSAGE
    for number, name, id, data, _, gap, size, _ in rows:
        since = f"{gap:8.3f}" if gap else NO_GAP
        if number == 1:
            since = NO_PREVIOUS
        if name != before:
            before, event = name, f"{one_line(name, EVENT_COLUMNS):<{EVENT_COLUMNS}}"
        # The rest of such data is not read, unless one_line() may write it without line ends.
        head = data[:width]
        if head.isascii() and head.isprintable() and "\n" not in data:
            shown = head if len(data) <= width else head[:-1] + "…"
        else:
            shown = one_line(data, width)
        if id is not None:
            shown = one_line(f"[{id}] {shown}", width)
        lines.append(f"{number:5} {at} {since} {size:7} {read}  {event}  {shown}")
    return lines


def in_json(rows: list[Row]) -> list[str]:
    """Return an object for each row of one read."""
    # Written by hand: json.dumps would take longer than the client for the event.
    lines = []
    at, read = rounded(rows[0].at), rows[0].read
    before, event = "message", '"message"'
    for number, name, id, data, _, gap, size, _ in rows:
        since = round(gap, 6) if number > 1 else "null"
        if name != before:
            before, event = name, quoted(name)
        known = "null" if id is None else quoted(id)
        lines.append(
            f'{{"number": {number}, "event": {event}, "id": {known}, "data": {quoted(data)}, '
            f'"at_s": {at}, "gap_s": {since}, "bytes": {size}, "read": {read}}}'
        )
    return lines


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
    """Return `text` on one line without controls, in at most this number of columns.

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
