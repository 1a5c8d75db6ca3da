"""Findings about the times of events: buffering, compression, delays, silence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chatsdk.doctor import timing
from chatsdk.doctor.culprits import compressor, gateway, has_haproxy_style, path_of
from chatsdk.doctor.findings import Finding, Severity
from chatsdk.doctor.probe import Probe

__all__ = ["delivery_findings", "holds_back"]

# Shortest silence to report, in seconds.
SILENT_SECONDS = 5.0

UNAFFECTED = (
    " chatsdk asks for identity, so your script is not affected; a browser, and any client that "
    "asks for gzip, is."
)
ALIKE = (
    " A backend that answers all at once looks the same from here: ask the backend directly, "
    "without the proxy, to tell the two apart."
)


def delivery_findings(plain: Probe, packed: Probe | None, url: str) -> Iterator[Finding]:
    """Yield the findings that follow from the times.

    Args:
        plain: the probe that asked for identity.
        packed: the probe that asked for gzip, ``None`` if it was not sent.
        url: the URL of the requests.
    """
    burst = timing.together(plain)
    if burst and plain.wire.coding is not None:
        yield _unflushed(plain, url, "error")
    elif burst:
        yield _kept(plain, url)
    elif timing.one_behind(plain):
        yield _one_behind(plain, "error")
    else:
        yield from _late(plain, url)
    if packed is not None and packed.count > 1 and packed.wire.coding is not None and not burst:
        if timing.one_behind(packed):
            yield _one_behind(packed, "warning")
        elif holds_back(packed, plain):
            yield _unflushed(packed, url, "warning")
    yield from _silences(plain)


def holds_back(packed: Probe, plain: Probe) -> bool:
    """Whether compression delays events that arrive one by one without it."""
    reads = len({event.read for event in packed.events})
    without = len({event.read for event in plain.events})
    flushed = packed.wire.flushes * 2 >= packed.count
    return not flushed and reads * 2 <= without and without >= 2


def _kept(probe: Probe, url: str) -> Finding:
    code, culprit = gateway(probe, url)
    head = probe.headers_s or 0.0
    first = probe.events[0].at
    with_head = first - head < timing.NEXT_SECONDS
    words = "together with the head of the response" if with_head else "at once, after the head"
    return Finding(
        code,
        "error",
        f"All {probe.count} events came {words}, {first:.3f} s after the request: "
        f"{culprit.name or 'something in between'} keeps the body until it is complete."
        f"{culprit.more}{ALIKE}",
        culprit.remedy,
        culprit.name,
        _evidence(probe) | {"headers_s": round(head, 3), "first_event_s": round(first, 3)},
        culprit.who,
    )


def _unflushed(probe: Probe, url: str, severity: Severity) -> Finding:
    culprit = compressor(probe, url)
    reads = len({event.read for event in probe.events})
    times = "at once" if reads == 1 else f"in {reads} pieces"
    asked = UNAFFECTED if severity == "warning" else ""
    return Finding(
        "compression-not-flushed",
        severity,
        f"Compressed with {probe.wire.coding}, the {probe.count} events come {times}: the "
        f"compressor is not flushed after each event.{culprit.more}{asked}",
        culprit.remedy,
        culprit.name,
        _evidence(probe) | {"flushes": probe.wire.flushes},
        culprit.who,
    )


def _one_behind(probe: Probe, severity: Severity) -> Finding:
    haproxy = has_haproxy_style(probe)
    return Finding(
        "compression-one-behind",
        severity,
        f"Compressed with {probe.wire.coding}, each event can be read only when the next one "
        "arrives: the compressor keeps the end of each piece."
        + (UNAFFECTED if severity == "warning" else ""),
        "haproxy: take text/event-stream out of `compression type`. Others: flush after each event",
        "haproxy" if haproxy else None,
        _evidence(probe),
        "proxy",
    )


def _late(probe: Probe, url: str) -> Iterator[Finding]:
    if (found := timing.delayed(probe)) is not None:
        haproxy = has_haproxy_style(probe)
        yield Finding(
            "delayed-pairs",
            "error",
            f"Events that were written one by one arrive together, {found.events} at a time, every "
            f"{found.seconds * 1000:.0f} ms: a proxy waits for more before it sends.",
            "haproxy: put `option http-no-delay` into the defaults, frontend or listen section",
            "haproxy" if haproxy else None,
            _evidence(probe)
            | {"events_at_a_time": found.events, "every_s": round(found.seconds, 3)},
            "proxy",
        )
    elif (group := timing.grouped(probe)) is not None:
        yield Finding(
            "grouped-writes",
            "error",
            f"Events come {group.events} at a time, each group written as one, every "
            f"{group.seconds:.3f} s: the backend collects them before it writes.",
            "Let the backend write and flush after each event",
            None,
            _evidence(probe)
            | {"events_at_a_time": group.events, "every_s": round(group.seconds, 3)},
            "backend",
        )
    elif (size := timing.held(probe)) is not None:
        nginx = "nginx" in probe.wire.fields.get("server", "").lower()
        yield Finding(
            "held-by-size",
            "error",
            f"The body comes in pieces of {size} bytes that cut events anywhere: a buffer of that "
            "size is sent only when it is full.",
            f"nginx, in the location of {path_of(url)}: proxy_buffering off;, or let the backend "
            "send X-Accel-Buffering: no. Others: turn the buffering of responses off",
            "nginx" if nginx else None,
            _evidence(probe) | {"piece_bytes": size},
            "proxy",
        )


def _silences(probe: Probe) -> Iterator[Finding]:
    times = probe.times
    if times and times[0] >= SILENT_SECONDS and not timing.together(probe):
        yield Finding(
            "slow-first-event",
            "warning",
            f"The first event came {times[0]:.1f} s after the request. Proxies give up a silent "
            "backend, nginx after 60 s.",
            "Let the backend send a comment line (`: ping`) every 10 s until it has an event. "
            f"chatsdk waits Timeout(first_event=300) s; keep that above {times[0]:.0f}",
            None,
            {"first_event_s": round(times[0], 3)},
            "backend",
        )
    longest = max(probe.gaps, default=0.0)
    if longest >= SILENT_SECONDS:
        yield Finding(
            "silent-gaps",
            "warning",
            f"The longest silence between two events was {longest:.1f} s. Proxies give up a silent "
            "connection, nginx after 60 s.",
            "Let the backend send a comment line (`: ping`) every 10 s. chatsdk waits "
            f"Timeout(idle=120) s; keep that above {longest:.0f}",
            None,
            {"longest_gap_s": round(longest, 3)},
            "backend",
        )


def _evidence(probe: Probe) -> dict[str, Any]:
    wire = probe.wire
    found: dict[str, Any] = {
        "accept_encoding": probe.accept_encoding,
        "events": probe.count,
        "reads_with_events": len({event.read for event in probe.events}),
    }
    if wire.coding is not None:
        found["content_encoding"] = wire.coding
    for name in ("server", "via", "x-powered-by"):
        if name in wire.fields:
            found[name] = probe.mask.text(wire.fields[name])
    return found
