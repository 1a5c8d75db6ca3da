"""The longest pauses of a Tk window: 50,000 events at full speed, 1 MB of Markdown, 500 turns.

``python tk_flood.py [--events N] [--rounds N] [--limit MS]``

The window is `chatsdk.windows.tk.ChatView`. The events come from a process of their own, over the
loopback. A function that asks to be called again after 1 ms notes how long it had to wait: for the
window's own work, for the interpreter, which the reading thread needs as well, and for Tk, which
draws. In the end the transcript must show the answer.

The memory is that of a process with a view of 1 MB of Markdown, and of one with the same characters
in a plain `tkinter.Text`.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from measuring import Row, left_out, resident_mb, server, show, widget_memories

EVENTS = 50_000
ROUNDS = 5

# Turns of the conversation that is opened.
TURNS = 500

# Milliseconds of a pause that a hand on a scroll bar would feel.
LIMIT_MS = 50.0

# How many times the memory of a plain text widget a view may take: Tk needs a record for each piece
# of text in another font or colour.
LIMIT_MEMORY = 4.0

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


class Window:
    """A window with a view, and the pauses of its main loop."""

    def __init__(self, url: str) -> None:
        import tkinter

        from chatsdk import ChatClient, ChatSession
        from chatsdk.windows.tk import ChatView

        self.root = tkinter.Tk()
        CLOSED.append(self.root)
        self.root.geometry("780x820")
        self.client = ChatClient(url, dialect="openai")
        self.session = ChatSession(self.client)
        self.view = ChatView(self.root, self.session, theme="light")
        self.view.pack(fill="both", expand=True)
        self.root.update()
        self.updates = 0
        show = self.view.transcript.show

        def counted(transcript: Any) -> None:
            self.updates += 1
            show(transcript)

        self.view.transcript.show = counted

    def idle(self) -> bool:
        """Whether the turn has ended and everything is drawn."""
        shown = self.view.presenter.transcript
        messages = self.session.messages
        return (
            self.session.done
            and shown.messages is messages
            and not shown.in_flight
            and not self.view.transcript.busy
        )

    def run(self, begin: Callable[[], object]) -> dict[str, Any]:
        """Run the main loop from `begin` until all is drawn.

        Returns:
            ``pause`` and ``seconds``, the longest pause and the whole; ``work``, the processor time
            of this process in that pause, which distinguishes it from a busy machine;
            ``updates`` of the transcript.
        """
        begun = before = time.perf_counter()
        worked = time.process_time()
        pauses = []
        begin()

        def note() -> None:
            nonlocal before, worked
            now, work = time.perf_counter(), time.process_time()
            pauses.append((now - before, work - worked))
            before, worked = now, work

        def beat() -> None:
            note()
            if self.idle():
                self.root.quit()
            else:
                self.root.tk.call("after", 1, again)

        # Not by `root.after`, which makes a command each time and so would be measured, too.
        again = self.root.register(beat)
        self.root.tk.call("after", 1, again)
        self.root.mainloop()
        # Drawing what is left counts, too.
        self.root.update()
        note()
        pause, work = max(pauses)
        return {
            "pause": pause,
            "work": work,
            "seconds": before - begun,
            "updates": self.updates,
        }

    def lines(self) -> list[str]:
        """The lines of the transcript that are not blank."""
        text = self.view.transcript.text.get("1.0", "end")
        return [line.strip() for line in text.split("\n") if line.strip()]

    def close(self) -> None:
        self.session.close()
        self.client.close()
        self.root.destroy()


def flood(url: str) -> dict[str, Any]:
    """Ask in a window until the answer has ended and is shown.

    Raises:
        ChatError: the answer failed.
        ValueError: the window does not show the answer.
    """
    window = Window(url)
    try:
        window.view.entry.value = "Write a very long answer."
        found = window.run(window.view.send_button.invoke)
        if window.session.error is not None:
            raise window.session.error
        answer = window.session.answer.text
        found["answer"] = len(answer)
        if "##" in answer:
            # Markdown: each part of it has a heading.
            wanted = re.findall(r"^## (Part \d+)$", answer, re.MULTILINE)
            shown = [line for line in window.lines() if re.fullmatch(r"Part \d+", line)]
        else:
            wanted = [line.strip() for line in answer.split("\n") if line.strip()]
            # Without the question and the actions below it and the answer.
            shown = [line for line in window.lines() if len(line) > 40]
            wanted = [line for line in wanted if len(line) > 40]
        if shown != wanted or not answer:
            raise ValueError(f"the window shows {len(shown)} lines, not the answer's {len(wanted)}")
        return found
    finally:
        window.close()


def opened(turns: int) -> dict[str, Any]:
    """Show a conversation of so many turns in a window, from its last turn on."""
    from wire import MARKDOWN

    from chatsdk import Message

    window = Window("http://127.0.0.1:9/v1/chat/completions")
    messages = []
    for number in range(turns):
        said = MARKDOWN.replace("{number}", str(number))
        messages += [Message("user", f"Question {number}"), Message("assistant", said)]
    try:
        found = window.run(lambda: window.session.set_messages(messages))
        shown = [line for line in window.lines() if line.startswith("Question ")]
        if len(shown) != turns:
            raise ValueError(f"the window shows {len(shown)} of {turns} turns")
        return found
    finally:
        window.close()


def memory(kind: str) -> None:
    """Print how many MB a window with 1 MB of Markdown takes: ``view`` or ``text``."""
    import tkinter

    from wire import MARKDOWN

    from chatsdk import Message

    said = "".join(MARKDOWN.replace("{number}", str(number)) for number in range(1500))
    if kind == "text":
        root = tkinter.Tk()
        text = tkinter.Text(root)
        text.pack()
        root.update()
        before = resident_mb()
        text.insert("1.0", said)
        root.update()
    else:
        window = Window("http://127.0.0.1:9/v1/chat/completions")
        before = resident_mb()
        window.run(lambda: window.session.set_messages([Message("assistant", said)]))
    print(resident_mb() - before)


def measure(*, quick: bool = False, events: int = EVENTS, rounds: int = ROUNDS) -> list[Row]:
    """The rows: the longest pauses of all rounds, in milliseconds; none where no window can be.

    Raises:
        ValueError: the window did not show the answer.
    """
    if lacking := missing():
        left_out.append(f"tk_flood: {lacking}")
        return []
    flooded, written, shown = {}, {}, {}
    with screen(), server() as url:
        for number in range(1, 2 if quick else rounds + 1):
            for name, count, pauses in (
                ("paragraphs", events, flooded),
                ("markdown", events // 10 if quick else events, written),
            ):
                found = flood(f"{url}/coalesced/{name}/{count}/v1/chat/completions")
                pauses[f"round {number}"] = found["pause"] * 1000
                print(
                    f"{count} events of {name} in {found['seconds']:.2f} s, {found['updates']} "
                    f"updates; longest pause {found['pause'] * 1000:.1f} ms, "
                    f"{found['work'] * 1000:.1f} ms of it at work; the window's text equals the "
                    f"answer's {found['answer']} characters",
                    flush=True,
                )
            found = opened(TURNS)
            shown[f"round {number}"] = found["pause"] * 1000
            print(
                f"{TURNS} turns opened in {found['seconds']:.2f} s; longest pause "
                f"{found['pause'] * 1000:.1f} ms, {found['work'] * 1000:.1f} ms of it at work",
                flush=True,
            )
        ratios = {} if quick or not Path("/proc/self/statm").exists() else widget_memories(__file__)
    rows = [
        Row(what, max(pauses.values()), LIMIT_MS, unit="ms", detail=pauses, detail_unit="ms")
        for what, pauses in (
            (f"Tk's longest pause while {events} events come at full speed", flooded),
            (f"Tk's longest pause while {events} events of Markdown come", written),
            (f"Tk's longest pause while a conversation of {TURNS} turns is opened", shown),
        )
    ]
    if ratios:
        what = "memory of a Tk view with 1 MB of Markdown, of that of a plain text widget"
        rows.append(
            Row(
                what, ratios["view"] / ratios["text"], LIMIT_MEMORY, detail=ratios, detail_unit="MB"
            )
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--limit", type=float, default=LIMIT_MS, help="milliseconds; fails above")
    parser.add_argument("--quick", action="store_true", help="one round, less Markdown, no memory")
    parser.add_argument("--memory", choices=("view", "text"), help=argparse.SUPPRESS)
    options = parser.parse_args()
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
    if any(row.unit == "ms" and row.value >= options.limit for row in rows):
        sys.exit(f"the longest pause must stay below {options.limit:g} ms")


if __name__ == "__main__":
    main()
