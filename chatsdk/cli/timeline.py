"""`page_of`: one self-contained page with the timeline of a stream, drawn as SVG."""

from __future__ import annotations

import html
from collections.abc import Sequence

from chatsdk.cli.answer_notes import printable
from chatsdk.cli.event_text import in_words, one_line
from chatsdk.cli.event_watch import Row, Watch
from chatsdk.cli.remedies import in_one_line
from chatsdk.errors import ChatError

__all__ = ["page_of"]

# Pixels of the drawing.
WIDTH, LEFT, RIGHT = 1000, 70, 20
READS_TOP, EVENTS_TOP, LANE, AXIS_TOP, HEIGHT = 16, 76, 44, 130, 160

# Steps of the axis in seconds: the first that makes at most ten.
STEPS = tuple(n * 10.0**power for power in range(-4, 5) for n in (1, 2, 5))
MOST_STEPS = 10

# A gap of at least this share of the total time is shaded.
LARGE_GAP = 0.05

# Rows of the table; a browser is slow with more.
MOST_ROWS = 5000

STYLE = """
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:66rem;padding:0 1rem;
 color:#1b1f24;background:#fff}
h1{font-size:1.3rem}table{border-collapse:collapse;width:100%;font-size:13px}
td,th{text-align:left;padding:.2rem .6rem;border-bottom:1px solid #d8dee4;vertical-align:top}
td.n{text-align:right;font-variant-numeric:tabular-nums}
td.d{font-family:ui-monospace,monospace;overflow-wrap:anywhere;white-space:pre-wrap}
svg{width:100%;height:auto}.lane{fill:#f3f5f7}.gap{fill:#ffd9a8}.read{stroke:#2f6fdd}
.event{stroke:#1a7f4b}.head{stroke:#8a5cd1;stroke-dasharray:4 3}.axis{stroke:#57606a}
text{font:12px system-ui,sans-serif;fill:#57606a}.bad{color:#b3261e}
@media (prefers-color-scheme:dark){body{color:#e6e9ed;background:#14171b}td,th{border-color:#343a41}
 .lane{fill:#20252b}.gap{fill:#6b4a1b}.read{stroke:#7ab0ff}.event{stroke:#5fd39a}
 .axis{stroke:#9aa4af}text{fill:#9aa4af}.bad{color:#ff8a80}}
"""


def page_of(watch: Watch, rows: Sequence[Row], failure: BaseException | None) -> str:
    """Return the page. Everything received is text in it, secrets masked.

    Args:
        watch: of the response.
        rows: the events to show.
        failure: the exception that ended the stream early, if there was one.
    """
    head = watch.head
    mask = watch.mask
    title, facts = "No response", ""
    if head is not None:
        title = f"{head.method} {mask.url(head.url)}"
        fields = "".join(
            f"<tr><td>{_text(name)}</td><td class=d>{_text(value)}</td></tr>"
            for name, value in mask.headers(head.headers)
        )
        facts = (
            f"<p>HTTP {head.status}, version {_text(head.http_version or 'unknown')}, framing "
            f"{head.framing}</p><details><summary>Header fields</summary><table>{fields}</table>"
            "</details>"
        )
    lines = in_words(watch.totals()) if head is not None else []
    said = "".join(f"<p>{_text(line)}</p>" for line in lines)
    if failure is not None:
        why = in_one_line(failure) if isinstance(failure, ChatError) else "stopped by Ctrl-C"
        said += f"<p class=bad>{_text(mask.text(why))}</p>"
    body = "".join(map(_row, rows[:MOST_ROWS]))
    more = len(rows) - MOST_ROWS
    rest = f"<p>{more} more events are not shown.</p>" if more > 0 else ""
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; "
        "style-src 'unsafe-inline'\">"
        "<meta name=viewport content='width=device-width'>"
        f"<title>{_text(title)}</title><style>{STYLE}</style></head><body>"
        f"<h1>{_text(title)}</h1>{facts}{said}{drawing(watch, rows)}"
        "<table><thead><tr><th>#<th>time s<th>gap s<th>bytes<th>read<th>event<th>id<th>data</tr>"
        f"</thead><tbody>{body}</tbody></table>{rest}"
        "<p>Drawn by chatsdk inspect.</p></body></html>\n"
    )


def drawing(watch: Watch, rows: Sequence[Row]) -> str:
    """Return the timeline: reads and events on an axis of seconds, large gaps shaded."""
    last = watch.reads[-1][0] if watch.reads else 0.0
    seconds = max(watch.end_at, last, 0.001)
    scale = (WIDTH - LEFT - RIGHT) / seconds

    def x(at: float) -> float:
        return round(LEFT + max(at, 0.0) * scale, 1)

    shapes = [
        f"<rect class=lane x={LEFT} y={top} width={WIDTH - LEFT - RIGHT} height={LANE} />"
        for top in (READS_TOP, EVENTS_TOP)
    ]
    before = 0.0
    for at in [*(row.at for row in rows), seconds]:
        if at - before > LARGE_GAP * seconds:
            width = round((at - before) * scale, 1)
            shapes.append(
                f"<rect class=gap x={x(before)} y={EVENTS_TOP} width={width} height={LANE}>"
                f"<title>{at - before:.3f} s without an event</title></rect>"
            )
        before = at
    if watch.head is not None:
        begun = x(watch.head.at - watch.head.started)
        shapes.append(_line("head", begun, READS_TOP - 8, EVENTS_TOP + LANE, "the headers"))
    largest = max((size for _, size in watch.reads), default=1)
    # One line a pixel: a stream may have 200,000 reads.
    tallest: dict[int, tuple[float, int]] = {}
    for at, size in watch.reads:
        pixel = round(x(at))
        if size > tallest.get(pixel, (0.0, 0))[1]:
            tallest[pixel] = (at, size)
    for place, (at, size) in tallest.items():
        height = max(4.0, LANE * size / largest)
        bottom = READS_TOP + LANE
        words = f"{size} bytes at {at:.3f} s"
        shapes.append(_line("read", place, round(bottom - height, 1), bottom, words))
    counts: dict[int, list[Row]] = {}
    for row in rows:
        counts.setdefault(round(x(row.at)), []).append(row)
    for place, found in counts.items():
        first = found[0]
        many = f", and {len(found) - 1} more here" if len(found) > 1 else ""
        words = f"event {first.number} at {first.at:.3f} s{many}"
        shapes.append(_line("event", place, EVENTS_TOP, EVENTS_TOP + LANE, words))
    shapes.append(_axis(seconds, x))
    labels = (
        f"<text x=4 y={READS_TOP + LANE / 2 + 4}>reads</text>"
        f"<text x=4 y={EVENTS_TOP + LANE / 2 + 4}>events</text>"
    )
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role=img aria-label="Reads and events over time">'
        f"{''.join(shapes)}{labels}</svg>"
    )


def _axis(seconds: float, x: object) -> str:
    assert callable(x)
    step = next((one for one in STEPS if seconds / one <= MOST_STEPS), STEPS[-1])
    right = WIDTH - RIGHT
    parts = [f"<line class=axis x1={LEFT} x2={right} y1={AXIS_TOP} y2={AXIS_TOP} />"]
    for number in range(int(seconds / step) + 1):
        at = x(number * step)
        parts.append(f"<line class=axis x1={at} x2={at} y1={AXIS_TOP} y2={AXIS_TOP + 5} />")
        label = f"{number * step:g} s"
        parts.append(f"<text x={at} y={AXIS_TOP + 20} text-anchor=middle>{label}</text>")
    return "".join(parts)


def _line(kind: str, x: float, top: float, bottom: float, words: str) -> str:
    return (
        f"<line class={kind} x1={x} x2={x} y1={top} y2={bottom} stroke-width=1.5>"
        f"<title>{words}</title></line>"
    )


def _row(row: Row) -> str:
    gap = f"{row.gap:.3f}" if row.number > 1 else ""
    return (
        f"<tr><td class=n>{row.number}<td class=n>{row.at:.3f}<td class=n>{gap}"
        f"<td class=n>{row.bytes}<td class=n>{row.read}<td>{_text(row.event)}"
        f"<td>{_text(row.id or '')}<td class=d>{_text(one_line(row.data))}</tr>"
    )


def _text(text: str) -> str:
    shown = printable(text).encode("utf-8", "replace").decode()
    return html.escape(shown, quote=True)
