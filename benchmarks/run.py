"""Runs all programs and writes ``docs/performance.md`` with its plot: ``tox -e bench``."""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import os
import platform
import shutil
import sys
from pathlib import Path

import events
from measuring import HERE, Row, show

PROGRAMS = (
    "events",
    "session",
    "delay",
    "importing",
    "long_answers",
    "ragflow",
    "many_streams",
    "stopping",
)

PACKAGES = (
    *("chatsdk", "requests", "urllib3", "sseclient-py", "attrs", "requests-sse", "httpx"),
    *("httpx-sse", "openai", "anthropic", "launchdarkly-eventsource", "ragflow-sdk"),
)

DOCS = HERE.parent / "docs"

TEXT = """# Performance

`tox -e bench` measured this and wrote this page. Each ratio is of two figures that were measured in
one run, the contestants taking turns: the median of several rounds. CPU is that of the client's
process alone. The floor is a raw socket, dechunked by hand, `bytes.split` and `json.loads`,
without a check of anything. Figures above what they must not pass are in bold.

Machine: {machine}. {python}. {packages}.

| what | must | aim | measured |
|---|---|---|---|
{rows}

![CPU an event of each client, by how the events come](performance.svg)

## Each client's own figure

| what | unit | |
|---|---|---|
{details}

How each client was used is in `benchmarks/contestants.py`, what it read in `benchmarks/wire.py`.
One program runs alone with, say, `python benchmarks/events.py --quick`; with `--instructions` it
counts instructions, which needs valgrind and which noise does not touch.
"""


def machine() -> str:
    name = platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
                break
    return f"{name}, {os.cpu_count()} cores, {platform.system()}"


def versions() -> str:
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            found.append(f"{name} not installed")
    return ", ".join(found)


def page(rows: list[Row]) -> str:
    lines = []
    details = []
    for row in rows:
        value = f"{row.value:.2f} {row.unit}"
        if row.must is not None and row.value > row.must:
            value = f"**{value}**"
        must, aim = (f"{goal:g}" if goal is not None else "" for goal in (row.must, row.aim))
        lines.append(f"| {row.what} | {must} | {aim} | {value} |")
        if row.detail:
            said = ", ".join(f"{name} {value:.4g}" for name, value in row.detail.items())
            details.append(f"| {row.what.partition(': ')[0]} | {row.detail_unit} | {said} |")
    return TEXT.format(
        machine=machine(),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        packages=versions(),
        rows="\n".join(lines),
        details="\n".join(details),
    )


def plot(rows: list[Row], path: Path) -> None:
    """CPU an event of each client; one group of bars for each way in which events come."""
    import matplotlib

    matplotlib.use("svg")
    # The same figures give the same file.
    matplotlib.rcParams["svg.hashsalt"] = "chatsdk"
    from matplotlib import pyplot

    shown = {
        kind: [row for row in rows if row.what.startswith(f"{kind} frames") and row.detail]
        for kind in ("openai", "anthropic")
    }
    figure, axes = pyplot.subplots(2, 1, figsize=(9, 8), layout="constrained")
    for axis, (kind, found) in zip(axes, shown.items(), strict=True):
        names = list(found[0].detail)
        width = 0.85 / len(names)
        for place, name in enumerate(names):
            values = [row.detail.get(name, 0.0) for row in found]
            axis.bar([at + place * width for at in range(len(found))], values, width, label=name)
        labels = [row.what.partition(", ")[2].partition(":")[0] for row in found]
        axis.set_xticks([at + 0.4 for at in range(len(found))], labels)
        axis.set_yscale("log")
        axis.set_ylabel("µs of CPU an event")
        axis.set_title(f"{kind} frames")
        axis.legend(fontsize="small", ncols=4)
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="without most peers; writes nothing")
    parser.add_argument("programs", nargs="*", help=f"of {', '.join(PROGRAMS)}; writes nothing")
    options = parser.parse_args()
    rows: list[Row] = []
    for name in options.programs or PROGRAMS:
        print(f"== {name}", flush=True)
        found = importlib.import_module(name).measure(quick=options.quick)
        show(found)
        rows += found
    if options.quick or options.programs:
        return
    if shutil.which("valgrind"):
        print("== instructions", flush=True)
        found = events.measure_instructions()
        show(found)
        rows += found
    plot([row for row in rows if "instructions" not in row.what], DOCS / "performance.svg")
    (DOCS / "performance.md").write_text(page(rows), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
