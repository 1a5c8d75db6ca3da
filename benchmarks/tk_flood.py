"""The longest pause of Tk's event loop while 50,000 events come at full speed.

``python tk_flood.py [--events N] [--rounds N] [--limit MS]``

The window is that of ``examples/tk_chat.py``; the events come from the loopback, out of a process
of their own. A function that asks to be called again after 1 ms notes how long it had to wait: for
the window's own work, for the interpreter, which the thread that reads also wants, and for Tk,
which draws. In the end the transcript must be the answer, to the letter.

The text has paragraphs, of some 400 characters, as what a model writes. Tk lays out a paragraph as
a whole: one of 10,000 characters takes it tens of milliseconds whoever writes it, and one of
250,000 takes it seconds.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from measuring import HERE, Row, left_out, server, show

EVENTS = 50_000
ROUNDS = 5

# What a hand on a scroll bar would feel.
LIMIT_MS = 50.0

# Roots of windows that are closed. A Tk must not be collected as garbage by another thread.
CLOSED: list[Any] = []


def missing() -> str:
    """Return what this machine lacks for a window of Tk, or nothing."""
    if importlib.util.find_spec("_tkinter") is None:
        return "this Python has no tkinter"
    if os.environ.get("DISPLAY") or sys.platform in ("win32", "darwin") or shutil.which("Xvfb"):
        return ""
    return "there is no display, and no Xvfb to make one"


@contextmanager
def screen() -> Iterator[None]:
    """A display: the user's, else one of Xvfb."""
    if os.environ.get("DISPLAY") or sys.platform in ("win32", "darwin"):
        yield
        return
    readable, writable = os.pipe()
    command = ["Xvfb", "-displayfd", str(writable), "-screen", "0", "1000x700x24"]
    process = subprocess.Popen(
        [*command, "-nolisten", "tcp"], pass_fds=[writable], stderr=subprocess.DEVNULL
    )
    os.close(writable)
    try:
        with os.fdopen(readable) as number:
            os.environ["DISPLAY"] = f":{number.readline().strip()}"
        yield
    finally:
        os.environ.pop("DISPLAY", None)
        process.terminate()
        process.wait()


def flood(url: str) -> dict[str, Any]:
    """Ask in a window until the answer has ended and is shown.

    Returns:
        ``pause`` and ``seconds``, the longest pause and the whole; ``work``, the processor time of
        this process in that pause, which tells a pause of ours from one of a busy machine;
        ``updates`` of the transcript; ``text``, what the window shows of the answer, and
        ``answer``, what it should; ``error``, if there was one.
    """
    import tkinter

    import tk_chat

    root = tkinter.Tk()
    CLOSED.append(root)
    chat = tk_chat.Chat(root, url)
    updates = 0
    write = chat.write

    def counted(pieces: list[Any], anew: bool = False) -> None:
        nonlocal updates
        updates += 1
        write(pieces, anew)

    chat.write = counted
    root.update()
    chat.entry.insert(0, "Write a very long answer.")
    begun = before = time.perf_counter()
    worked = time.process_time()
    pauses = []
    chat.send.invoke()

    def note() -> None:
        nonlocal before, worked
        now, work = time.perf_counter(), time.process_time()
        pauses.append((now - before, work - worked))
        before, worked = now, work

    def beat() -> None:
        note()
        # It is enabled by the last call that the session makes.
        if chat.session.done and chat.send.instate(["!disabled"]):
            root.quit()
        else:
            root.tk.call("after", 1, again)

    # Not by `root.after`, which makes a command each time and so would be part of what it measures.
    again = root.register(beat)
    with chat.session as session:
        root.tk.call("after", 1, again)
        root.mainloop()
        # What is left to be drawn counts, too.
        root.update()
        note()
        answer = session.answer.text
        said = chat.text.get("1.0", "end-1c").partition("\nAssistant\n")[2]
        root.destroy()
    pause, work = max(pauses)
    return {
        "pause": pause,
        "work": work,
        "seconds": before - begun,
        "updates": updates,
        "text": said,
        "answer": answer,
        "error": session.error,
    }


def measure(*, quick: bool = False, events: int = EVENTS, rounds: int = ROUNDS) -> list[Row]:
    """The row: the longest pause of all rounds, in milliseconds; no row where no window can be.

    Raises:
        ValueError: what the window showed is not the answer.
    """
    if lacking := missing():
        left_out.append(f"tk_flood: {lacking}")
        return []
    sys.path.insert(0, str(HERE.parent / "examples"))
    pauses = {}
    with screen(), server() as url:
        for number in range(1, 2 if quick else rounds + 1):
            found = flood(f"{url}/coalesced/paragraphs/{events}/v1/chat/completions")
            if found["error"] is not None:
                raise found["error"]
            text, answer = found["text"], found["answer"]
            if text != answer or not answer:
                raise ValueError(
                    f"the window shows {len(text)} characters that are not the answer's "
                    f"{len(answer)}"
                )
            pauses[f"round {number}"] = found["pause"] * 1000
            print(
                f"{events} events in {found['seconds']:.2f} s, {found['updates']} updates; longest "
                f"pause {found['pause'] * 1000:.1f} ms, {found['work'] * 1000:.1f} ms of it at "
                f"work; the window's text equals the answer's "
                f"{len(answer)} characters",
                flush=True,
            )
    what = f"Tk's longest pause while {events} events come at full speed"
    return [Row(what, max(pauses.values()), LIMIT_MS, unit="ms", detail=pauses, detail_unit="ms")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--limit", type=float, default=LIMIT_MS, help="milliseconds; fails above")
    options = parser.parse_args()
    rows = measure(events=options.events, rounds=options.rounds)
    if not rows:
        sys.exit(left_out[-1])
    rows[0].must = options.limit
    show(rows)
    if rows[0].value >= options.limit:
        sys.exit(f"the longest pause must stay below {options.limit:g} ms")


if __name__ == "__main__":
    main()
