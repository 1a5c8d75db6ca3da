"""Runs contestants side by side: each in a process of its own, one round after the other."""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent

# Rounds of which the median is taken; the contestants take turns in each.
ROUNDS = 7


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
        """Run it once; ``{"missing": ...}`` if it is not installed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"url": url, "kind": kind}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} died; see above")
        said: dict[str, Any] = json.loads(line)
        return said

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
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
        if "missing" in said:
            print(f"  {contestant.name} is left out: {said['missing']}", file=sys.stderr)
        else:
            found.append(contestant)
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
                print(f"  {contestant.name} is left out: {said}", file=sys.stderr)
    return {name: statistics.median(values) for name, values in found.items()}


def instructions(name: str, url: str, kind: str, *, few: int, many: int) -> float:
    """Instructions an event, counted by valgrind: the difference of two streams' counts."""
    counts = []
    for events in (few, many):
        job = json.dumps({"url": f"{url}/{events}", "kind": kind}) + "\n"
        with tempfile.NamedTemporaryFile() as out:
            done = subprocess.run(
                [
                    "valgrind",
                    "--tool=cachegrind",
                    "--cache-sim=no",
                    f"--cachegrind-out-file={out.name}",
                    sys.executable,
                    str(HERE / "contestants.py"),
                    name,
                ],
                input=job,
                capture_output=True,
                text=True,
                check=True,
            )
        found = re.search(r"I\s+refs:\s+([\d,]+)", done.stderr)
        if found is None:
            raise RuntimeError(f"valgrind counted nothing: {done.stderr[-500:]}")
        counts.append(int(found[1].replace(",", "")))
    return (counts[1] - counts[0]) / (many - few)


def show(rows: Iterable[Row]) -> None:
    """Print what was measured."""
    for row in rows:
        goal = f"  (must {row.must:g}, aim {row.aim:g})" if row.must and row.aim else ""
        over = "  ABOVE" if row.must is not None and row.value > row.must else ""
        print(f"{row.what}: {row.value:.2f} {row.unit}{goal}{over}")
        if row.detail:
            said = ", ".join(f"{name} {value:.2f}" for name, value in row.detail.items())
            print(f"    {row.detail_unit}: {said}")
