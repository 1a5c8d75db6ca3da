"""Runs contestants side by side: each in a separate process, one round after the other."""

from __future__ import annotations

import gc
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent

# Rounds of which the median is taken; the contestants take turns in each.
ROUNDS = 7

# Seconds after which a contestant counts as hanging: the longest run takes a few, even on a busy
# machine.
RUN_SECONDS = 120.0

# The measurements that failed, each once: a client, and the reason.
left_out: list[str] = []


def leave_out(name: str, why: str) -> None:
    """Note that `name` is not among the figures, or not among some of them."""
    said = f"{name}: {why}"
    if said not in left_out:
        left_out.append(said)
        print(f"  left out: {said}", file=sys.stderr, flush=True)


@dataclass
class Row:
    """One measured figure, and what it should be.

    Attributes:
        what: what was measured.
        value: the figure; a ratio where `unit` is ``"×"``.
        must, aim: what it may be at most; ``None`` where nothing is asked.
        detail: each contestant's own figure, in `detail_unit`.
    """

    what: str
    value: float
    must: float | None = None
    aim: float | None = None
    unit: str = "×"
    detail: dict[str, float] = field(default_factory=dict)
    detail_unit: str = "µs an event"


@contextmanager
def server() -> Iterator[str]:
    """The server's address, until the block ends."""
    process = subprocess.Popen(
        [sys.executable, str(HERE / "wire.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.stdin.close()
        process.terminate()
        process.wait()
        process.stdout.close()


class Contestant:
    """A process that runs one contestant on demand."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "contestants.py"), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, url: str, kind: str) -> dict[str, Any]:
        """Run it once; ``{"missing": why}`` if it is not installed, ``{"failed": why}``."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        if self._process.poll() is not None:
            return {"failed": "its process had ended before"}
        self._process.stdin.write(json.dumps({"url": url, "kind": kind}) + "\n")
        self._process.stdin.flush()
        patience = threading.Timer(RUN_SECONDS, self._process.kill)
        patience.start()
        try:
            line = self._process.stdout.readline()
        finally:
            patience.cancel()
        if not line:
            self._process.wait()
            return {"failed": f"its process ended, after {RUN_SECONDS:g} s at most"}
        said: dict[str, Any] = json.loads(line)
        return said

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(RUN_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


@contextmanager
def started(names: Iterable[str]) -> Iterator[list[Contestant]]:
    """Processes for these contestants, until the block ends."""
    with ExitStack() as stack:
        found = []
        for name in names:
            contestant = Contestant(name)
            stack.callback(contestant.close)
            found.append(contestant)
        yield found


def present(contestants: Sequence[Contestant], url: str, kind: str) -> list[Contestant]:
    """Those that are installed. Each has run once then: its modules are loaded."""
    found = []
    for contestant in contestants:
        said = contestant.run(url, kind)
        if "cpu" in said:
            found.append(contestant)
        else:
            leave_out(contestant.name, said.get("missing") or said["failed"])
    return found


def costs(
    contestants: Sequence[Contestant], url: str, kind: str, *, rounds: int = ROUNDS
) -> dict[str, float]:
    """Median CPU of the client process, in µs an event, of each."""
    found: dict[str, list[float]] = {}
    for turn in range(rounds):
        for contestant in contestants:
            if turn and contestant.name not in found:
                continue
            said = contestant.run(url, kind)
            if "cpu" in said:
                used = said["cpu"] / said["events"] * 1e6
                found.setdefault(contestant.name, []).append(used)
            else:
                leave_out(contestant.name, said.get("missing") or said["failed"])
    return {name: statistics.median(values) for name, values in found.items()}


def counted(
    command: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    job: str = "",
) -> int:
    """Instructions of a process, counted by valgrind; `job` is what it reads."""
    with tempfile.NamedTemporaryFile() as out:
        valgrind = ["valgrind", "--tool=cachegrind", "--cache-sim=no"]
        done = subprocess.run(
            [*valgrind, f"--cachegrind-out-file={out.name}", *command],
            env=env,
            cwd=cwd,
            input=job,
            capture_output=True,
            text=True,
            check=True,
            timeout=RUN_SECONDS,
        )
    found = re.search(r"I\s+refs:\s+([\d,]+)", done.stderr)
    if found is None:
        raise RuntimeError(f"valgrind counted nothing: {done.stderr[-500:]}")
    return int(found[1].replace(",", ""))


def instructions(name: str, url: str, kind: str, *, few: int, many: int) -> float:
    """Instructions an event: the difference of two streams' counts."""
    command = [sys.executable, str(HERE / "contestants.py"), name]
    less, more = (
        counted(command, job=json.dumps({"url": f"{url}/{events}", "kind": kind}) + "\n")
        for events in (few, many)
    )
    return (more - less) / (many - few)


def resident_mb() -> float:
    """The resident memory of this process, in MB, after a garbage collection."""
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def widget_memories(program: str) -> dict[str, float]:
    """The MB of a view and of a plain text widget, each measured by a run of `program`."""
    found = {}
    for kind in ("text", "view"):
        done = subprocess.run(
            [sys.executable, program, "--memory", kind],
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
        )
        found[kind] = float(done.stdout)
    print(f"1 MB of Markdown: {found['view']:.1f} MB in a view, {found['text']:.1f} MB plain")
    return found


def show(rows: Iterable[Row]) -> None:
    """Print what was measured."""
    for row in rows:
        goal = f"  (must {row.must:g}, aim {row.aim:g})" if row.must and row.aim else ""
        over = "  ABOVE" if row.must is not None and row.value > row.must else ""
        print(f"{row.what}: {row.value:.2f} {row.unit}{goal}{over}")
        if row.detail:
            said = ", ".join(f"{name} {value:.2f}" for name, value in row.detail.items())
            print(f"    {row.detail_unit}: {said}")
