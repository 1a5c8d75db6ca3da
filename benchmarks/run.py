"""Runs all programs and writes ``docs/performance.md`` with its plots: ``tox -e bench``.

A client that cannot be measured, and a program that fails or takes too long, spoil nothing: the
page has what there is, and names them.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import json
import math
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import events
import importing
import measuring
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
    "tk_flood",
    "qt_flood",
    "textual_flood",
    "instructions",
)

# Twice what the longest takes on a busy machine.
PROGRAM_SECONDS = 900.0

PACKAGES = (
    *("chatsdk", "requests", "urllib3", "sseclient-py", "attrs", "requests-sse", "httpx"),
    *("httpx-sse", "openai", "anthropic", "launchdarkly-eventsource", "ragflow-sdk"),
)

PAGE = HERE.parent / "docs" / "performance.md"
PICTURE = PAGE.with_suffix(".svg")

TEXT = """# Performance

This page compares the speed and memory of chatsdk with those of other clients. `tox -e bench`
measures them and writes the page. Each ratio compares two figures of one run, in which the
contestants take turns, and is the median of several rounds. CPU is that of the client's process
alone. The floor is a raw socket with `bytes.split` and `json.loads`, dechunked by hand and without
any checks. Figures over their limit are in bold.

Machine: {machine}. {python}. {packages}.{missing}

| what | must | aim | measured |
|---|---|---|---|
{rows}

![CPU an event, delay and import of each client](performance.svg)

## Each client's own figure

| what | unit | |
|---|---|---|
{details}

`benchmarks/peers.py` has the code for each client, and `benchmarks/wire.py` the streams. All of
it takes about a quarter of an hour, and no program more than {minutes} minutes. One program runs
alone, such as `python benchmarks/run.py events`, and without most peers with `--quick`;
`instructions` counts them with valgrind, and noise does not affect these figures.

## What is loaded, and when

`from chatsdk import ChatClient; ChatClient(url)` loads everything that a successful request needs,
including the named dialect; `tests/test_importing.py` verifies it. Loaded later are

- with `dialect="auto"`, the files of the dialect that the first events belong to;
- Python's own codec for host names, `encodings.idna`, by the first request of any program;
- `chatsdk.session` on first access, and with it attrs, which builds its values. Answers are built
  without attrs, because importing it with two dozen classes takes two fifths of the time that
  requests takes.

## Frames that are alike

Successive frames of a model's text usually differ only in the text. chatsdk learns the rest and
then parses only the text of such a frame (`chatsdk/dialects/frame_template.py`), which saves two
fifths of the instructions of an event. One more string may differ, such as OpenAI's own padding
("padded frames"). Frames that differ elsewhere, such as in a number, are parsed completely.

With the extra `speed`, orjson parses short objects for which both parsers give the same values.
Checking that they have no long number takes almost as long as orjson saves, so it makes no
difference here.
"""


@dataclass
class Found:
    """The results: figures, clients that are not in some of them, programs that failed."""

    rows: list[Row] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


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


def page(found: Found) -> str:
    """The text of ``docs/performance.md``."""
    rows = found.rows
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
        missing="".join(
            f"\n\n{title}: {'; '.join(names)}."
            for title, names in (("Left out", found.left_out), ("Not measured", found.failed))
            if names
        ),
        minutes=f"{PROGRAM_SECONDS / 60:g}",
        rows="\n".join(lines),
        details="\n".join(details),
    )


def plot(rows: list[Row], path: Path) -> None:
    """Each client's own figures: one group of bars for each way in which events come."""
    import matplotlib

    matplotlib.use("svg")
    # The same figures give the same file.
    matplotlib.rcParams["svg.hashsalt"] = "chatsdk"
    from matplotlib import pyplot

    plots = [
        (title, found)
        for title in ("openai frames", "anthropic frames", "delay at 5 ms", "import and a client")
        if (found := [row for row in rows if row.what.startswith(title) and row.detail])
    ]
    height = 4 * max(1, len(plots))
    figure, axes = pyplot.subplots(
        len(plots), 1, figsize=(9, height), layout="constrained", squeeze=False
    )
    for axis, (title, found) in zip(axes[:, 0], plots, strict=True):
        names = list(dict.fromkeys(name for row in found for name in row.detail))
        width = 0.85 / len(names)
        for place, name in enumerate(names):
            values = [row.detail.get(name, 0.0) for row in found]
            axis.bar([at + place * width for at in range(len(found))], values, width, label=name)
        if len(found) > 1:
            labels = [row.what.partition(", ")[2].partition(":")[0] for row in found]
            labels = [label.replace(", ", "\n") for label in labels]
            axis.set_xticks([at + 0.4 for at in range(len(found))], labels)
            axis.legend(fontsize="small", ncols=4, loc="upper center")
        else:
            axis.set_xticks([place * width for place in range(len(names))], names)
        values = [value for row in found for value in row.detail.values() if value > 0]
        axis.set_yscale("log")
        # From a power of ten, and with room for the legend.
        axis.set_ylim(10 ** math.floor(math.log10(min(values))), max(values) * 5)
        unit = found[0].detail_unit
        axis.set_ylabel(unit if unit.startswith("µs of") else f"CPU, {unit}")
        axis.set_title(title)
    figure.savefig(path, metadata={"Date": None})


def measured(program: str, *, quick: bool, found: Found) -> None:
    """Run one program in a separate process, which is ended if it takes too long."""
    print(f"== {program}", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "rows.json"
        command = [sys.executable, str(HERE / "run.py"), program, "--into", str(out)]
        try:
            subprocess.run(
                [*command, *(["--quick"] if quick else [])], check=True, timeout=PROGRAM_SECONDS
            )
            said = json.loads(out.read_text(encoding="utf-8"))
        except (subprocess.SubprocessError, OSError, ValueError) as error:
            found.failed.append(f"{program}: {type(error).__name__}")
            print(f"   FAILED: {found.failed[-1]}", flush=True)
            return
    rows = [Row(**row) for row in said["rows"]]
    show(rows)
    print(f"   {time.monotonic() - began:.0f} s", flush=True)
    found.rows += rows
    found.left_out += [each for each in said["left_out"] if each not in found.left_out]


def measure_here(program: str, *, quick: bool, into: Path) -> None:
    """Measure in this process, and leave the figures in a file."""
    if program == "instructions":
        rows = [*events.measure_instructions(), *importing.measure_instructions()]
    else:
        rows = importlib.import_module(program).measure(quick=quick)
    said = {"rows": [asdict(row) for row in rows], "left_out": measuring.left_out}
    into.write_text(json.dumps(said), encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="without most peers; writes nothing")
    parser.add_argument("--into", type=Path, help="measure one program here; where to write")
    parser.add_argument("programs", nargs="*", help=f"of {', '.join(PROGRAMS)}; writes nothing")
    options = parser.parse_args()
    if options.into is not None:
        measure_here(options.programs[0], quick=options.quick, into=options.into)
        return 0
    found = Found()
    for program in options.programs or PROGRAMS:
        if program == "instructions" and shutil.which("valgrind") is None:
            found.left_out.append("instructions: valgrind is not installed")
        else:
            measured(program, quick=options.quick, found=found)
    for line in (*found.left_out, *found.failed):
        print(f"without {line}")
    if found.rows and not options.quick and not options.programs:
        PAGE.write_text(page(found), encoding="utf-8")
        plot([row for row in found.rows if "instructions" not in row.what], PICTURE)
    return 1 if found.failed else 0


if __name__ == "__main__":
    sys.exit(main())
