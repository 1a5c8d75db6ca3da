"""The longest pauses of Qt's event loop: 50,000 events at full speed, 1 MB at once, 500 turns.

``python qt_flood.py [--events N] [--rounds N] [--limit MS] [--binding PyQt6]``

The window is `chatsdk.windows.qt.ChatView` on Qt's offscreen platform; the events come over the
loopback from a process of their own. A timer that fires every millisecond notes how long it had to
wait: for the window's own work, and for the interpreter, which the thread that reads also wants.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import importlib.util
import os
import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

from measuring import Row, left_out, server, show

EVENTS = 50_000
ROUNDS = 3

# Milliseconds. A longer pause can be felt while scrolling.
LIMIT_MS = 50.0

# Turns of the long conversation, and one of its answers.
TURNS = 500
ANSWER = """## An answer

Use `sorted` for a **new** list, or *`list.sort`* in place:

1. `key=` takes a function
2. `reverse=True` turns it round

```python
def by_length(words: list[str]) -> list[str]:
    return sorted(words, key=len)
```

| method | returns |
|---|---|
| `sorted(x)` | a new list |
| `x.sort()` | `None` |

流式回答会一段一段地到达。 [The docs](https://docs.python.org/3/howto/sorting.html) have more.
"""

# Seconds that any scenario may take.
PATIENCE = 120.0


class Heart:
    """A timer of 1 ms that notes the longest time between two beats."""

    def __init__(self) -> None:
        from chatsdk.windows.qt.binding import QtCore

        self._timer = QtCore.QTimer()
        self._timer.setTimerType(QtCore.Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)
        self._before = self._worked = 0.0
        self.pauses: list[tuple[float, float]] = []

    def _beat(self) -> None:
        now, work = time.perf_counter(), time.thread_time()
        self.pauses.append((now - self._before, work - self._worked))
        self._before, self._worked = now, work

    def __enter__(self) -> Heart:
        self._before, self._worked = time.perf_counter(), time.thread_time()
        self._timer.start(1)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._beat()
        self._timer.stop()

    def longest(self) -> str:
        pause, work = max(self.pauses)
        return (
            f"longest pause {pause * 1000:.1f} ms, {work * 1000:.1f} ms of it at work; "
            f"most work in one {max(work for _, work in self.pauses) * 1000:.1f} ms"
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

    def look() -> None:
        if fact() or time.monotonic() > deadline:
            loop.quit()

    timer.timeout.connect(look)
    timer.start(5)
    loop.exec()
    timer.stop()
    if not fact():
        raise TimeoutError("the window has not come to an end")


def quiet() -> None:
    """Run the event loop for a moment, in which what is due is drawn."""
    looks = iter(range(3))
    until(lambda: next(looks, None) is None)


def opened(session: Any) -> Any:
    from chatsdk.windows import qt

    view = qt.ChatView(session)
    view.resize(760, 640)
    view.show()
    quiet()
    return view


def shown_text(view: Any) -> str:
    """The text of the last answer that the rows have, in view or not."""
    return str(view.turns[-1].shown.text)


def flood(url: str) -> Heart:
    """Ask in a window until the answer has ended and is shown.

    Raises:
        ValueError: the window shows something else than the answer.
    """
    from chatsdk import use_chat

    with use_chat(url) as session:
        view = opened(session)
        with Heart() as heart:
            begun = time.perf_counter()
            view.entry.setPlainText("Write a very long answer.")
            view.submit()
            until(lambda: session.done and not view.busy)
            seconds = time.perf_counter() - begun
        if session.error is not None:
            raise session.error
        if shown_text(view) != session.answer.text:
            raise ValueError("the window does not show the answer")
        size = len(session.answer.text)
        close(view)
    print(f"{size} characters in {seconds:.2f} s; {heart.longest()}", flush=True)
    return heart


def conversation() -> Heart:
    """Open a conversation of 500 turns, and scroll through it from the end to the beginning."""
    from chatsdk import Message, use_chat

    messages = []
    for number in range(TURNS):
        messages.append(Message("user", f"Question {number}: how do I sort a list?"))
        messages.append(Message("assistant", ANSWER, status="finished"))
    with use_chat("http://127.0.0.1:9/v1/chat/completions", messages=messages) as session:
        view = opened(use_chat("http://127.0.0.1:9/v1/chat/completions"))
        close(view)
        with Heart() as heart:
            view = opened(session)
            until(lambda: not view.busy)
            bar = view.scroller.verticalScrollBar()
            while bar.value():
                view.scroller.page(-1)
                quiet()
            bar.setValue(bar.maximum() // 2)
            quiet()
            view.resize(500, 640)
            quiet()
        close(view)
    print(f"{TURNS} turns; {heart.longest()}", flush=True)
    return heart


def memory() -> float:
    """Bytes that a view keeps for each character of a conversation that is out of view."""
    from chatsdk import Message, use_chat

    messages = []
    for number in range(TURNS):
        messages.append(Message("user", f"Question {number}"))
        messages.append(Message("assistant", f"{number}\n\n{ANSWER}", status="finished"))
    session = use_chat("http://127.0.0.1:9/v1/chat/completions", messages=messages)
    gc.collect()
    tracemalloc.start()
    view = opened(session)
    until(lambda: not view.busy)
    bar = view.scroller.verticalScrollBar()
    while bar.value():
        view.scroller.page(-1)
        quiet()
    gc.collect()
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    text = sum(len(message.content) for message in messages)
    close(view)
    session.close()
    print(f"{text} characters, {kept} bytes kept by the view", flush=True)
    return kept / text


def close(view: Any) -> None:
    from chatsdk.windows.qt.binding import QtCore

    view.close()
    view.deleteLater()
    event = QtCore.QEvent.Type.DeferredDelete
    QtCore.QCoreApplication.sendPostedEvents(None, getattr(event, "value", event))
    quiet()


def measure(*, quick: bool = False, events: int = EVENTS, rounds: int = ROUNDS) -> list[Row]:
    """The rows: the longest pauses of all rounds, in milliseconds; none without a Qt binding."""
    if not any(importlib.util.find_spec(name) for name in ("PySide6", "PyQt6")):
        left_out.append("qt_flood: neither PySide6 nor PyQt6 is installed")
        return []
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from chatsdk.windows.qt.binding import QtWidgets

    application = QtWidgets.QApplication.instance() or QtWidgets.QApplication([])
    pauses: dict[str, dict[str, float]] = {"flood": {}, "turns": {}}
    with server() as url:
        for number in range(1, 2 if quick else rounds + 1):
            heart = flood(f"{url}/coalesced/paragraphs/{events}/v1/chat/completions")
            pauses["flood"][f"round {number}"] = max(heart.pauses)[0] * 1000
            heart = conversation()
            pauses["turns"][f"round {number}"] = max(heart.pauses)[0] * 1000
    kept = memory()
    del application
    what = {
        "flood": f"Qt's longest pause while {events} events come at full speed",
        "turns": f"Qt's longest pause: a conversation of {TURNS} turns is opened and scrolled",
    }
    rows = [
        Row(what[name], max(found.values()), LIMIT_MS, unit="ms", detail=found, detail_unit="ms")
        for name, found in pauses.items()
    ]
    what_kept = "bytes that a Qt window keeps for each character that is out of view"
    return [*rows, Row(what_kept, kept, 4.0, unit="bytes")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--limit", type=float, default=LIMIT_MS, help="milliseconds; fails above")
    parser.add_argument("--binding", choices=("PySide6", "PyQt6"), default="PySide6")
    options = parser.parse_args()
    importlib.import_module(f"{options.binding}.QtCore")
    rows = measure(events=options.events, rounds=options.rounds)
    if not rows:
        sys.exit(left_out[-1])
    for row in rows[:2]:
        row.must = options.limit
    show(rows)
    if any(row.value >= options.limit for row in rows[:2]):
        sys.exit(f"the longest pause must stay below {options.limit:g} ms")


if __name__ == "__main__":
    main()
