"""Findings about the frames of a stream: fields, blank lines, characters, JSON."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator

from chatsdk.doctor.findings import Finding
from chatsdk.doctor.probe import Probe

__all__ = ["frame_findings", "lines_of_json"]

BOM = b"\xef\xbb\xbf"
FIELDS = (b"data", b"event", b"id", b"retry")

# Framings whose bytes are checked.
READ = ("sse", "ndjson", "lines", "text")

# Characters of a payload in a finding.
SHOWN = 80

END_OF_EVENT = "End each event with an empty line: `data: ` + JSON + two line ends"

# The end marker that is not JSON.
DONE = "[DONE]"


def frame_findings(probe: Probe) -> Iterator[Finding]:
    """Yield the faults of the frames."""
    if probe.framing not in READ:
        if probe.count:
            yield Finding(
                "aws-event-stream",
                "info",
                "The stream is binary frames, not server-sent events. chatsdk reads them; the "
                "EventStream panel of a browser stays empty.",
                evidence={"content_type": probe.content_type},
            )
        return
    body = probe.body
    if body.startswith(BOM):
        yield Finding(
            "byte-order-mark",
            "warning",
            "The body begins with a byte order mark. Event streams allow one; readers of lines of "
            "JSON stumble over it.",
            "Encode the text as plain UTF-8 (in Python 'utf-8', not 'utf-8-sig')",
            None,
            {"bytes": body[:3].hex()},
        )
    yield from _charset(probe)
    yield from _utf8(probe)
    if probe.framing == "sse" and (count := lines_of_json(body)):
        yield Finding(
            "no-data-field",
            "error",
            f"The body is {count} lines of JSON without `data:` in front. An event stream ignores "
            "such lines, so the EventStream panel of a browser stays empty.",
            "Write each event as `data: ` + JSON + an empty line; or send the content type "
            "application/x-ndjson, which chatsdk reads as lines",
            None,
            {"lines": count, "content_type": probe.content_type},
        )
        return
    if probe.framing in ("ndjson", "lines") and probe.count:
        yield Finding(
            "no-data-field",
            "info",
            "The stream is lines of JSON, not events. chatsdk reads them; the EventStream panel of "
            "a browser stays empty.",
            who="backend",
            evidence={"content_type": probe.content_type},
        )
    if probe.framing == "sse":
        yield from _blank_lines(probe)
    yield from _json(probe)


def lines_of_json(body: bytes) -> int:
    """Return the number of lines of JSON; 0 if any other line is among them."""
    lines = [line for line in body.removeprefix(BOM).splitlines() if line.strip()]
    if len(lines) > 1:
        # The last line may be truncated.
        lines.pop()
    objects = [line for line in lines if line.lstrip()[:1] in (b"{", b"[")]
    if not lines or len(objects) < len(lines):
        return 0
    return len(objects) if all(_is_json(line) for line in objects) else 0


def _charset(probe: Probe) -> Iterator[Finding]:
    named = probe.wire.fields.get("content-type", "").lower().partition("charset=")[2]
    charset = named.split(";")[0].strip(" \"'")
    if charset and charset not in ("utf-8", "utf8", "us-ascii"):
        yield Finding(
            "charset",
            "warning",
            f"The content type names the charset {charset!r}. Event streams and JSON are always "
            "UTF-8: every reader ignores the name.",
            "Send UTF-8, and `Content-Type: text/event-stream` without another charset",
            None,
            {"content_type": probe.wire.fields["content-type"]},
        )


def _utf8(probe: Probe) -> Iterator[Finding]:
    body = probe.body
    try:
        body.decode("utf-8")
        return
    except UnicodeDecodeError as error:
        if error.end == len(body) and error.reason == "unexpected end of data":
            return
        start = error.start
    number = _number_at(body, start)
    yield Finding(
        "bad-utf8",
        "error",
        f"Event {number} has bytes that are not UTF-8; readers show them as �.",
        "Encode the text as UTF-8, and cut it between characters, not between bytes",
        None,
        {"event": number, "bytes": body[start : start + 8].hex(" "), "at": start},
    )


def _number_at(body: bytes, at: int) -> int:
    """Return the number of the event at a position in the body."""
    before = body[:at].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return sum(1 for block in before.split(b"\n\n")[:-1] if block.strip()) + 1


def _blank_lines(probe: Probe) -> Iterator[Finding]:
    for number, found in enumerate(probe.events, 1):
        lines = found.event.data.split("\n")
        if len(lines) > 1 and all(line[:1] in ("{", "[") for line in lines):
            if all(_is_json(line.encode()) or line == DONE for line in lines):
                yield _run_together(number, len(lines))
                return
    if not probe.events and probe.pending:
        body = probe.body.removeprefix(BOM)
        fields = [line for line in body.splitlines() if line.startswith(b"data")]
        if len(fields) > 1 and b"\n\n" not in body.replace(b"\r\n", b"\n"):
            yield _run_together(1, len(fields))
            return
        if fields and probe.went_on:
            yield Finding(
                "no-blank-line",
                "error",
                f"The first event has no end: {len(body)} bytes or more came without the empty "
                "line that ends it.",
                END_OF_EVENT,
                None,
                {"event": 1, "bytes": len(body)},
            )
            return
    yield from _cut_by_blank(probe)


def _run_together(number: int, count: int) -> Finding:
    return Finding(
        "no-blank-line",
        "error",
        f"Event {number} has {count} payloads: the empty line that ends an event is missing, so "
        "frames run together.",
        END_OF_EVENT,
        None,
        {"event": number, "payloads": count},
    )


def _cut_by_blank(probe: Probe) -> Iterator[Finding]:
    blocks = probe.body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n\n")
    number = 0
    for block, after in itertools.pairwise(blocks):
        data = b"\n".join(
            line[5:].strip() for line in block.split(b"\n") if line.startswith(b"data:")
        )
        number += bool(data)
        stray = after.split(b"\n")[0]
        is_field = stray.partition(b":")[0] in FIELDS or stray.startswith(b":")
        if data[:1] in (b"{", b"[") and not _is_json(data) and stray.strip() and not is_field:
            yield Finding(
                "blank-line-inside",
                "error",
                f"Event {number} is cut by an empty line inside its payload: the rest is not part "
                "of any event.",
                "Write the JSON on one line (no indent, line ends escaped), or put `data: ` in "
                "front of each of its lines",
                None,
                {
                    "event": number,
                    "rest": probe.mask.text(stray[:SHOWN].decode("utf-8", "replace")),
                },
            )
            return


def _json(probe: Probe) -> Iterator[Finding]:
    for number, found in enumerate(probe.events, 1):
        data = found.event.data.strip()
        if data[:1] not in ("{", "[") or data == DONE or _is_json(data.encode("utf-8", "replace")):
            continue
        if all(_is_json(line.encode()) for line in data.split("\n")):
            return
        try:
            json.loads(data)
        except json.JSONDecodeError as error:
            place, why = error.pos, error.msg
        except RecursionError:
            place, why = 0, "it is nested too deeply"
        else:
            continue
        shown = probe.mask.text(data)[max(place - SHOWN // 2, 0) : place + SHOWN // 2]
        yield Finding(
            "bad-json",
            "error",
            f"The payload of event {number} is not JSON: {why} at character {place}.",
            "Write the payload with a JSON library (Python's json.dumps, not str or repr), and "
            "without NaN",
            None,
            {"event": number, "text": shown},
        )
        return


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
