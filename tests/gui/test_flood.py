"""The benchmarks of Tk and Textual under a flood of events, without their limits."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from applications import WAIT

FLOOD = Path(__file__).parents[2] / "benchmarks" / "tk_flood.py"


def test_tk_flood(display) -> None:
    """After 20,000 events at full speed the window shows the answer to the letter."""
    done = subprocess.run(
        [sys.executable, str(FLOOD), "--events", "20000", "--quick", "--limit", "60000"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WAIT * 3,
    )
    assert (done.returncode, done.stderr) == (0, "")
    print(done.stdout)
    updates = re.search(
        r"20000 events of paragraphs in .* (\d+) updates; longest pause [\d.]+ ms.* "
        r"the window's text equals",
        done.stdout,
    )
    assert "2000 events of markdown in" in done.stdout
    assert "500 turns opened in" in done.stdout
    # Many events make one update, and yet more than the first and the last are shown.
    assert 2 < int(updates[1]) < 2_000


def test_qt_flood() -> None:
    """After 20,000 events at full speed the rows of the window have the answer to the letter."""
    done = subprocess.run(
        [
            *(sys.executable, str(FLOOD.with_name("qt_flood.py")), "--quick"),
            *("--events", "20000", "--limit", "60000"),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WAIT * 5,
    )
    # Qt's offscreen platform complains when a window is shown.
    assert done.stderr.replace("This plugin does not support propagateSizeHints()\n", "") == ""
    assert done.returncode == 0
    assert "20000 events of paragraphs, " in done.stdout
    assert "2000 events of markdown, " in done.stdout
    assert "500 turns opened and scrolled" in done.stdout


def test_textual_flood() -> None:
    """After 20,000 events at full speed the app shows the end of the answer, with few widgets."""
    done = subprocess.run(
        [
            *(sys.executable, str(FLOOD.with_name("textual_flood.py")), "--quick"),
            *("--events", "20000", "--limit", "60000"),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WAIT * 5,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "20000 events of paragraphs in" in done.stdout
    assert "2000 events of markdown in" in done.stdout
    assert "500 turns opened in" in done.stdout
