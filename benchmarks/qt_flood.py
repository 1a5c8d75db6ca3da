"""The longest pauses of a Qt window: 50,000 events at full speed, 1 MB of Markdown, 500 turns.

``python qt_flood.py [--events N] [--rounds N] [--limit MS] [--binding PyQt6] [--quick]``

The window is that of `chatsdk.windows.qt`, on Qt's offscreen platform; the events come from the
loopback, out of a process of their own. A timer of 1 ms notes how long it had to wait: for the
window's own work, and for the interpreter, which the thread that reads also wants. In the end the
rows of the window must have the answer, to the letter. A conversation of 500 turns is opened and
scrolled through; the memory of a window with 1 MB of Markdown is compared with that of a plain
text widget.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from measuring import Row, left_out, resident_mb, server, show, widget_memories

EVENTS = 50_000
ROUNDS = 3
TURNS = 500

# Milliseconds of a pause that a hand on a scroll bar would feel.
LIMIT_MS = 50.0

# The memory of a view is that of a plain text widget at most this many times.
LIMIT_MEMORY = 2.0

# Seconds that any scenario may take.
PATIENCE = 120.0

NOBODY = "http://127.0.0.1:9/v1/chat/completions"


class Heart:
    """A timer of 1 ms that notes the longest time between two beats.

    Attributes:
        pauses: the seconds between two beats, and the processor time of the window's thread in
            them, which distinguishes a pause of the window from a busy machine.
    """

    def __init__(self) -> None:
        from chatsdk.windows.qt.binding import QtCore

        self.pauses: list[tuple[float, float]] = []
        self._timer = QtCore.QTimer()
        self._timer.setTimerType(QtCore.Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)
        self._before = self._worked = 0.0

    def _beat(self) -> None:
        now, worked = time.perf_counter(), time.thread_time()
        self.pauses.append((now - self._before, worked - self._worked))
        self._before, self._worked = now, worked

    def __enter__(self) -> Heart:
        self._before, self._worked = time.perf_counter(), time.thread_time()
        self._timer.start(1)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._beat()
        self._timer.stop()

    @property
    def longest(self) -> float:
        """The longest pause, in milliseconds."""
        return max(self.pauses)[0] * 1000

    def __str__(self) -> str:
        pause, work = max(self.pauses)
        most = max(work for _, work in self.pauses)
        return (
            f"longest pause {pause * 1000:.1f} ms, {work * 1000:.1f} ms of it at work; the most "
            f"work between two beats {most * 1000:.1f} ms"
        )


def until(fact: Callable[[], Any]) -> None:
    """Run the event loop until `fact()`.

    Raises:
        TimeoutError: it does not come true.
    """
    from chatsdk.windows.qt.binding import QtCore

    deadline = time.monotonic() + PATIENCE
    loop = QtCore.QEventLoop()
    timer = QtCore.QTimer()
    true = []

    def look() -> None:
        if fact():
            true.append(True)
        if true or time.monotonic() > deadline:
            loop.quit()

    timer.timeout.connect(look)
    timer.start(5)
    loop.exec()
    timer.stop()
    if not true:
        raise TimeoutError("the window has not come to an end")


def drawn() -> None:
    """Run the event loop for a moment, in which what is due is drawn."""
    looks = iter(range(3))
    until(lambda: next(looks, None) is None)


class Window:
    """A view of a session, in a window."""

    def __init__(self, url: str) -> None:
        from chatsdk import use_chat
        from chatsdk.windows import qt

        self.session = use_chat(url)
        self.view = qt.ChatView(self.session)
        self.view.resize(780, 820)
        self.view.show()
        drawn()

    def idle(self) -> bool:
        """Whether the turn has ended and everything is drawn."""
        shown = self.view.presenter.transcript.messages is self.session.messages
        return self.session.done and shown and not self.view.busy

    def rows_text(self) -> str:
        """The text of the rows of the last answer, in view or not."""
        rows = [row for row in self.view.turns[-1].rows if hasattr(row, "lead")]
        text = rows[-1].text
        closed = "".join(text.text[row.start : row.end] for row in rows)
        return closed + text.open.text[len(text.open.lead) :]

    def close(self) -> None:
        from chatsdk.windows.qt.binding import QtCore

        self.session.close()
        self.view.close()
        self.view.deleteLater()
        deletion = QtCore.QEvent.Type.DeferredDelete.value
        QtCore.QCoreApplication.sendPostedEvents(None, deletion)


def flood(url: str) -> tuple[Heart, int, float]:
    """Ask in a window until the answer has ended and is shown.

    Returns:
        the pauses, the number of characters, the seconds.

    Raises:
        ChatError: the answer failed.
        ValueError: the window does not show the answer.
    """
    window = Window(url)
    try:
        with Heart() as heart:
            begun = time.perf_counter()
            window.view.entry.setPlainText("Write a very long answer.")
            window.view.submit()
            until(window.idle)
            seconds = time.perf_counter() - begun
        if window.session.error is not None:
            raise window.session.error
        answer = window.session.answer.text
        # Blank lines between two rows belong to neither.
        if window.rows_text().split() != answer.split() or not answer:
            raise ValueError("the window does not show the answer")
        return heart, len(answer), seconds
    finally:
        window.close()


def messages_of(turns: int) -> list[Any]:
    from wire import MARKDOWN

    from chatsdk import Message

    messages = []
    for number in range(turns):
        said = MARKDOWN.replace("{number}", str(number))
        messages += [Message("user", f"Question {number}"), Message("assistant", said)]
    return messages


def conversation(pages: int) -> Heart:
    """Open a conversation of 500 turns, and scroll so many pages up from its end."""
    window = Window(NOBODY)
    messages = messages_of(TURNS)
    try:
        with Heart() as heart:
            window.session.set_messages(messages)
            until(window.idle)
            bar = window.view.scroller.verticalScrollBar()
            for _ in range(pages):
                window.view.scroller.page(-1)
                drawn()
            bar.setValue(bar.maximum() // 2)
            drawn()
            window.view.resize(500, 640)
            drawn()
        if len(window.view.turns) != TURNS:
            raise ValueError(f"the window shows {len(window.view.turns)} of {TURNS} turns")
        return heart
    finally:
        window.close()


def memory(kind: str) -> None:
    """Print how many MB a window with 1 MB of Markdown takes: ``view`` or ``text``."""
    from wire import MARKDOWN

    from chatsdk import Message
    from chatsdk.windows.qt.binding import QtWidgets

    application = QtWidgets.QApplication([])
    said = "".join(MARKDOWN.replace("{number}", str(number)) for number in range(1500))

    if kind == "text":
        text = QtWidgets.QTextEdit()
        text.show()
        drawn()
        before = resident_mb()
        text.setPlainText(said)
        drawn()
    else:
        window = Window(NOBODY)
        window.session.set_messages([Message("assistant", said[:2000])])
        until(window.idle)
        before = resident_mb()
        window.session.set_messages([Message("assistant", said)])
        until(window.idle)
        bar = window.view.scroller.verticalScrollBar()
        while bar.value():
            window.view.scroller.page(-1)
            drawn()
    print(resident_mb() - before, flush=True)
    del application
    # Leave without Qt's own clean-up, which is not measured.
    os._exit(0)


def measure(*, quick: bool = False, events: int = EVENTS, rounds: int = ROUNDS) -> list[Row]:
    """The rows: the longest pauses of all rounds, in milliseconds; none without a Qt binding.

    Raises:
        ValueError: the window did not show the answer.
    """
    if not any(importlib.util.find_spec(name) for name in ("PySide6", "PyQt6")):
        left_out.append("qt_flood: neither PySide6 nor PyQt6 is installed")
        return []
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from chatsdk.windows.qt.binding import QtWidgets

    application = QtWidgets.QApplication.instance() or QtWidgets.QApplication([])
    flooded, written, shown = {}, {}, {}
    with server() as url:
        # The first answer loads modules, and makes Qt's enumerations.
        flood(f"{url}/coalesced/markdown/500/v1/chat/completions")
        for number in range(1, 2 if quick else rounds + 1):
            for name, count, pauses in (
                ("paragraphs", events, flooded),
                ("markdown", events // 10 if quick else events, written),
            ):
                heart, size, seconds = flood(f"{url}/coalesced/{name}/{count}/v1/chat/completions")
                pauses[f"round {number}"] = heart.longest
                print(
                    f"{count} events of {name}, {size} characters, in {seconds:.2f} s; {heart}",
                    flush=True,
                )
            heart = conversation(10 if quick else 300)
            shown[f"round {number}"] = heart.longest
            print(f"{TURNS} turns opened and scrolled; {heart}", flush=True)
    ratios = {} if quick or not Path("/proc/self/statm").exists() else widget_memories(__file__)
    del application
    rows = [
        Row(what, max(pauses.values()), LIMIT_MS, unit="ms", detail=pauses, detail_unit="ms")
        for what, pauses in (
            (f"Qt's longest pause while {events} events come at full speed", flooded),
            (f"Qt's longest pause while {events} events of Markdown come", written),
            (f"Qt's longest pause while {TURNS} turns are opened and scrolled", shown),
        )
    ]
    if ratios:
        what = "memory of a Qt view with 1 MB of Markdown, of that of a plain text widget"
        ratio = ratios["view"] / ratios["text"]
        rows.append(Row(what, ratio, LIMIT_MEMORY, detail=ratios, detail_unit="MB"))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--limit", type=float, default=LIMIT_MS, help="milliseconds; fails above")
    parser.add_argument("--binding", choices=("PySide6", "PyQt6"), default="PySide6")
    parser.add_argument("--quick", action="store_true", help="one round, less Markdown, no memory")
    parser.add_argument("--memory", choices=("view", "text"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    importlib.import_module(f"{options.binding}.QtCore")
    if options.memory:
        memory(options.memory)
        return
    rows = measure(quick=options.quick, events=options.events, rounds=options.rounds)
    if not rows:
        sys.exit(left_out[-1])
    for row in rows:
        if row.unit == "ms":
            row.must = options.limit
    show(rows)
    if any(row.value >= row.must for row in rows if row.must is not None):
        sys.exit(f"the longest pause must stay below {options.limit:g} ms")


if __name__ == "__main__":
    main()
