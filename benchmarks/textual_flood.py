"""The longest pauses of a Textual app: 50,000 events at full speed, 1 MB of Markdown, 500 turns.

``python textual_flood.py [--events N] [--rounds N] [--limit MS]``

The app is one with a `chatsdk.windows.textual.ChatView`, on Textual's headless driver: everything
is laid out and rendered, and nothing is written to a terminal. The events come from a process of
their own, over the loopback. A function that asks to be called again after 1 ms notes how long it
had to wait. In the end the transcript must show the end of the answer.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from measuring import Row, left_out, server, show

EVENTS = 50_000
ROUNDS = 5

# Turns of the conversation that is opened and scrolled through.
TURNS = 500

# Pages that are scrolled up.
PAGES = 30

# Keys are noticed later than this if the app pauses longer.
LIMIT_MS = 100.0

# Most widgets that a view may have, however long its conversation is.
MOST_WIDGETS = 600


class Beat:
    """Notes the pauses of an event loop, and how much of each this process worked."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._pauses: list[tuple[float, float]] = []
        self._begin()
        self._again = self._loop.call_later(0.001, self._note)

    def _begin(self) -> None:
        self._before, self._worked = time.perf_counter(), time.process_time()

    def _note(self) -> None:
        now, work = time.perf_counter(), time.process_time()
        self._pauses.append((now - self._before, work - self._worked))
        self._begin()
        self._again = self._loop.call_later(0.001, self._note)

    def longest(self) -> dict[str, float]:
        """Return the longest pause since the last call, in seconds, and the work in it."""
        pause, work = max(self._pauses, default=(0.0, 0.0))
        self._pauses.clear()
        return {"pause": pause, "work": work}

    def stop(self) -> None:
        """Stop noting."""
        self._again.cancel()


@asynccontextmanager
async def opened(session: Any) -> AsyncIterator[tuple[Any, Beat]]:
    """An app with a view of a session, once it is drawn."""
    from chatsdk.windows.textual.application import ChatApp

    app = ChatApp(session, title="Chat", options=None)
    async with app.run_test(size=(100, 40)):
        await drawn(app.view)
        beat = Beat()
        try:
            yield app.view, beat
        finally:
            beat.stop()


async def drawn(view: Any) -> None:
    """Wait until the turn has ended and all of the session is drawn."""
    while True:
        transcript = view.presenter.transcript
        if (
            transcript.messages is view.session.messages
            and view.session.done
            and not transcript.in_flight
            and view._history.idle.is_set()
        ):
            return
        await asyncio.sleep(0.01)


def check(view: Any, last: str) -> None:
    """Check that a view shows the end of a text, with few widgets."""
    rows = [slot.row.text for slot in view._history.slots if slot.row.kind == "text"]
    end = last.rstrip()[-4:]
    if not rows or not rows[-1].endswith(end):
        raise ValueError(f"the end of the answer is not shown: {end!r} is not in {rows[-1:]}")
    if (count := len(view.query("*"))) > MOST_WIDGETS:
        raise ValueError(f"there are {count} widgets")


async def flood(url: str) -> dict[str, Any]:
    """Ask in an app until the answer has ended and is shown.

    Raises:
        ChatError: the answer failed.
        ValueError: the app does not show the answer.
    """
    from chatsdk import use_chat

    with use_chat(url, dialect="openai") as session:
        async with opened(session) as (view, beat):
            begun = time.perf_counter()
            beat.longest()
            view.entry.text = "Write a very long answer."
            view.action_send()
            await drawn(view)
            found: dict[str, Any] = beat.longest()
            found["seconds"] = time.perf_counter() - begun
            if session.error is not None:
                raise session.error
            found["answer"] = len(session.answer.text)
            check(view, session.answer.text)
            return found


async def turns(count: int) -> dict[str, Any]:
    """Open a conversation of so many turns, and scroll up through it."""
    from wire import MARKDOWN

    from chatsdk import Message, use_chat

    messages = []
    for number in range(count):
        said = MARKDOWN.replace("{number}", str(number))
        messages += [Message("user", f"Question {number}"), Message("assistant", said)]
    with use_chat("http://127.0.0.1:9/v1/chat/completions", dialect="openai") as session:
        async with opened(session) as (view, beat):
            begun = time.perf_counter()
            beat.longest()
            session.set_messages(messages)
            await drawn(view)
            found: dict[str, Any] = beat.longest()
            found["seconds"] = time.perf_counter() - begun
            check(view, messages[-1].content)
            for _ in range(PAGES):
                view._history.scroll_page_up(animate=False)
                await asyncio.sleep(0.05)
            await drawn(view)
            found["scrolling"] = beat.longest()
            return found


def measure(*, quick: bool = False, events: int = EVENTS, rounds: int = ROUNDS) -> list[Row]:
    """The rows: the longest pauses of all rounds, in milliseconds; none without Textual.

    Raises:
        ValueError: the app did not show the answer.
    """
    if importlib.util.find_spec("textual") is None:
        left_out.append("textual_flood: textual is not installed")
        return []
    flooded, written, shown, scrolled = {}, {}, {}, {}
    with server() as url:
        for number in range(1, 2 if quick else rounds + 1):
            name = f"round {number}"
            for kind, count, pauses in (
                ("paragraphs", events, flooded),
                ("markdown", events // 10 if quick else events, written),
            ):
                found = asyncio.run(flood(f"{url}/coalesced/{kind}/{count}/v1/chat/completions"))
                pauses[name] = found["pause"] * 1000
                print(
                    f"{count} events of {kind} in {found['seconds']:.2f} s; longest pause "
                    f"{found['pause'] * 1000:.1f} ms, {found['work'] * 1000:.1f} ms of it at work; "
                    f"{found['answer']} characters",
                    flush=True,
                )
            found = asyncio.run(turns(TURNS))
            shown[name] = found["pause"] * 1000
            scrolled[name] = found["scrolling"]["pause"] * 1000
            print(
                f"{TURNS} turns opened in {found['seconds']:.2f} s; longest pause "
                f"{found['pause'] * 1000:.1f} ms, {found['work'] * 1000:.1f} ms of it at work; "
                f"while scrolling {scrolled[name]:.1f} ms, "
                f"{found['scrolling']['work'] * 1000:.1f} ms of it at work",
                flush=True,
            )
    return [
        Row(what, max(pauses.values()), LIMIT_MS, unit="ms", detail=pauses, detail_unit="ms")
        for what, pauses in (
            (f"Textual's longest pause while {events} events come at full speed", flooded),
            (f"Textual's longest pause while {events} events of Markdown come", written),
            (f"Textual's longest pause while a conversation of {TURNS} turns is opened", shown),
            (f"Textual's longest pause while {PAGES} pages are scrolled", scrolled),
        )
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--limit", type=float, default=LIMIT_MS, help="milliseconds; fails above")
    parser.add_argument("--quick", action="store_true", help="one round, and less Markdown")
    options = parser.parse_args()
    rows = measure(quick=options.quick, events=options.events, rounds=options.rounds)
    if not rows:
        sys.exit(left_out[-1])
    show(rows)
    sys.exit(1 if max(row.value for row in rows) > options.limit else 0)


if __name__ == "__main__":
    main()
