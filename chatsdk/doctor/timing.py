"""Classifies the times of a probe's events: one by one, late, or all at once."""

from __future__ import annotations

import itertools
from statistics import median
from typing import NamedTuple

from chatsdk.doctor.probe import Probe

__all__ = ["Grouping", "class_of", "delayed", "grouped", "held", "one_behind", "together"]

# Longest time between two reads in immediate succession, in seconds; for large reads, which take
# longer.
NEXT_SECONDS = 0.003
NEXT_LARGE_SECONDS = 0.03

# Longest time between two events that a proxy sent in one segment, in seconds. Events that a
# backend writes 5 ms apart are further apart than that, even if the machine stalls between them.
SAME_SEGMENT_SECONDS = 0.001

# Smallest number of events in a large read.
LARGE_READ_EVENTS = 4

# Seconds within which a complete response is harmless if its events were written one by one.
AT_ONCE_SECONDS = 0.1

# Shortest and longest time between two groups that haproxy delays, in seconds.
DELAY_SECONDS = (0.15, 0.55)

# Buffer sizes are multiples of this number of bytes.
SIZE_UNIT = 512

GZIP_HEAD_BYTES = 18


class Grouping(NamedTuple):
    """Events that arrived together: their number, and the seconds between two groups."""

    events: int
    seconds: float


def together(probe: Probe) -> bool:
    """Whether all events arrived at once, although they cannot have been written at once.

    Events in a chunk each that arrive within a moment were written one by one.
    """
    events = probe.events
    if len(events) < 2:
        return False
    reads = sorted({event.read for event in events})
    times = [probe.wire.reads[read][0] for read in reads]
    each = len(events) / len(reads)
    widest = max((b - a for a, b in itertools.pairwise(times)), default=0.0)
    waited = events[0].at
    if each >= 2:
        near = NEXT_LARGE_SECONDS if each >= LARGE_READ_EVENTS else NEXT_SECONDS
        if widest > near:
            return False
    else:
        # Large events: each takes several reads, which follow at the speed of the network.
        span = times[-1] - times[0]
        if widest > NEXT_SECONDS or waited < AT_ONCE_SECONDS or span * 10 > waited:
            return False
    return waited >= AT_ONCE_SECONDS or not _written_apart(probe)


def _written_apart(probe: Probe) -> bool:
    """Whether the backend may have written the events one by one, within a moment."""
    if probe.wire.framing == "chunked":
        return len({event.chunk for event in probe.events}) * 2 > len(probe.events)
    # With a length, the body was complete before the first event was sent.
    return probe.wire.framing == "close"


def grouped(probe: Probe) -> Grouping | None:
    """Return the regular groups of complete events that were written together, or ``None``."""
    if probe.wire.coding is not None or len(probe.events) < 4:
        return None
    by: dict[int, list[float]] = {}
    chunked = probe.wire.framing == "chunked"
    for event in probe.events:
        by.setdefault(event.chunk if chunked else event.read, []).append(event.at)
    sizes = [len(times) for times in by.values()]
    if len(sizes) < 2 or sizes[0] < 2 or len(set(sizes[:-1])) != 1 or sizes[-1] > sizes[0]:
        return None
    if chunked and not all(probe.chunk_ends):
        return None
    starts = [times[0] for times in by.values()]
    gaps = [b - a for a, b in itertools.pairwise(starts)]
    if median(gaps) < NEXT_SECONDS or (not chunked and len(sizes) < 3):
        return None
    return Grouping(sizes[0], median(gaps))


def delayed(probe: Probe) -> Grouping | None:
    """Return the groups of events, a chunk each, that arrive every 200 to 250 ms, or ``None``."""
    events = probe.events
    if probe.wire.framing != "chunked" or len(events) < 3:
        return None
    if len({event.chunk for event in events}) < 0.9 * len(events):
        return None
    groups: list[list[float]] = []
    for event in events:
        if groups and event.at - groups[-1][-1] <= SAME_SEGMENT_SECONDS:
            groups[-1].append(event.at)
        else:
            groups.append([event.at])
    gaps = [b[0] - a[0] for a, b in itertools.pairwise(groups)]
    if not gaps:
        return None
    # The first one is not delayed.
    sizes = [len(group) for group in groups[1:]]
    several = sum(size >= 2 for size in sizes)
    low, high = DELAY_SECONDS
    steady = sum(low <= gap <= high for gap in gaps)
    if several < 0.6 * len(sizes) or steady < 0.6 * len(gaps):
        return None
    if len(gaps) == 1 and not 0.19 <= gaps[0] <= 0.23:
        return None
    return Grouping(round(median(sizes)), median(gaps))


def held(probe: Probe) -> int | None:
    """Return the size of pieces that split events and arrived separately, or ``None``."""
    if probe.wire.coding is not None or not probe.events:
        return None
    if probe.wire.framing == "chunked":
        sizes = [chunk.size for chunk in probe.wire.chunks]
        inside = sum(not ends for ends in probe.chunk_ends)
    else:
        sizes = [size for _, size in probe.wire.reads]
        inside = len(sizes)
    # The first piece is shorter by the head, and the last one is the rest.
    middle = sizes[1:-1]
    if len(middle) < 2 or inside * 2 < len(sizes):
        return None
    size = max(set(middle), key=middle.count)
    if size % SIZE_UNIT or middle.count(size) < 0.7 * len(middle):
        return None
    times = [at for at, _ in probe.wire.reads]
    gaps = [b - a for a, b in itertools.pairwise(times)]
    return size if gaps and max(gaps) > NEXT_SECONDS * 2 else None


def one_behind(probe: Probe) -> bool:
    """Whether each event of a compressed body can be read only with the next."""
    if probe.wire.coding is None or probe.count < 2:
        return False
    pairs = zip(probe.wire.reads, probe.per_read(), strict=True)
    counts = [events for (_, size), events in pairs if size > GZIP_HEAD_BYTES or events]
    # There is a read for each event, but the first read completes none.
    if len(counts) < probe.count or counts[0] != 0:
        return False
    # A block may end at any bit of a byte, so it may be complete by chance.
    behind = sum(done < number for number, done in enumerate(itertools.accumulate(counts), 1))
    return behind * 2 >= len(counts)


def class_of(probe: Probe) -> str | None:
    """Return ``"streamed"``, ``"late"`` or ``"burst"``; ``None`` without an event."""
    if not probe.count:
        return None
    if together(probe):
        return "burst"
    if delayed(probe) or grouped(probe) or held(probe) or one_behind(probe):
        return "late"
    return "streamed"
