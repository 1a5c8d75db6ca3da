"""`show`: displays a streaming answer in a notebook's cell."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from html import escape
from typing import Any

from chatsdk.answer import Answer, ToolCall
from chatsdk.answer.markdown import folded, markdown_of, plain
from chatsdk.messages import Message
from chatsdk.outcome import Outcome

__all__ = ["show"]

# Shortest time between two updates, in seconds: the browser renders all the text for each.
UPDATE_SECONDS = 0.1

MISSING = "stream.display() needs IPython: pip install ipython"


def show(stream: Generator[Answer, None, None]) -> None:
    """Read a stream to its end, and show the answer in one output of the cell.

    Raises:
        ImportError: IPython is not installed; nothing was read.
        ChatError: the answer failed. The text received before stays visible.
    """
    try:
        from IPython import get_ipython  # type: ignore[import-not-found, unused-ignore]
        from IPython.display import display  # type: ignore[import-not-found, unused-ignore]
    except ImportError as error:
        raise ImportError(MISSING) from error
    # Only a kernel's output can be updated; a terminal would print every state below the last.
    in_notebook = getattr(get_ipython(), "kernel", None) is not None
    # Close the stream after a keyboard interrupt, too, because nothing reads it afterwards.
    with closing(stream):
        if in_notebook:
            _show_in_place(stream, display)
        else:
            _print(stream)


def _show_in_place(stream: Generator[Answer, None, None], display: Callable[..., Any]) -> None:
    output = Output(display, lambda: getattr(stream, "_rounds", ()))
    outcome = Outcome("stopped")
    try:
        for answer in stream:
            output.put(answer)
        outcome = getattr(stream, "outcome", outcome)
    except Exception:
        outcome = getattr(stream, "outcome", outcome)
        raise
    finally:
        output.end(outcome)


def _print(stream: Generator[Answer, None, None]) -> None:
    try:
        for answer in stream:
            print(f"\n{answer.text}" if answer.rewritten else answer.delta, end="", flush=True)
    finally:
        print()


class Output:
    """One output of a cell, which shows the latest answer.

    A timer's thread shows a suppressed update at most `UPDATE_SECONDS` later, because the reading
    thread may be waiting for the backend by then.
    """

    def __init__(
        self, display: Callable[..., Any], rounds: Callable[[], Sequence[Message]] = tuple
    ) -> None:
        """`rounds` returns the messages of the completed tool rounds."""
        self._display = display
        self._rounds = rounds
        self._outcome: Outcome | None = None
        # Guards all below. Held while displaying, so that states are shown in order.
        self._lock = threading.Lock()
        self._newest = Answer()
        self._shown: str | None = None
        self._handle: Any = None
        self._due = 0.0
        # While set, it will show the latest answer.
        self._timer: threading.Timer | None = None
        self._ended = False

    def put(self, answer: Answer) -> None:
        """Show `answer`, at once or when the interval has passed."""
        with self._lock:
            self._newest = answer
            if self._timer is not None:
                return
            delay = self._due - time.monotonic()
            if delay <= 0:
                self._update()
                return
            # A kernel stores in the context which cell an output belongs to.
            context = contextvars.copy_context()
            self._timer = threading.Timer(delay, context.run, (self._catch_up,))
            self._timer.name = "chatsdk-display"
            self._timer.daemon = True
            self._timer.start()

    def end(self, outcome: Outcome | None = None) -> None:
        """Show the last state and how the answer ended, and end the timer."""
        with self._lock:
            self._ended = True
            self._outcome = outcome
            timer = self._timer
            self._update()
        if timer is not None:
            timer.cancel()
            timer.join()

    def _catch_up(self) -> None:
        with self._lock:
            self._timer = None
            if not self._ended:
                self._update()

    def _update(self) -> None:
        answer = self._newest
        rounds = self._rounds()
        markdown = markdown_of(
            answer,
            calls=_calls(rounds, answer.tool_calls),
            notice=_notice(self._outcome, answer, bool(rounds)),
        )
        if markdown == self._shown:
            return
        data = {"text/plain": answer.text, "text/markdown": markdown}
        if self._handle is None:
            self._handle = self._display(data, raw=True, display_id=True)
        else:
            self._handle.update(data, raw=True)
        self._shown = markdown
        self._due = time.monotonic() + UPDATE_SECONDS


def _calls(rounds: Sequence[Message], latest: Sequence[ToolCall]) -> list[str]:
    """The calls of a turn in Markdown, each with its result if there is one."""
    results = {message.tool_call_id: message for message in rounds if message.role == "tool"}
    calls = [call for message in rounds for call in message.tool_calls]
    calls += [call for call in latest if call not in calls]
    return [_call(call, results.get(call.id)) for call in calls]


def _call(call: ToolCall, result: Message | None) -> str:
    state = "" if result is None else " (failed)" if result.status == "error" else " (done)"
    content = escape(call.arguments)
    if result is not None:
        content = f"{content}\n→ {escape(result.content)}"
    return folded(f"Tool call: <code>{escape(call.name or '')}</code>{state}", content)


def _notice(outcome: Outcome | None, answer: Answer, called: bool) -> str:
    if outcome is None:
        return ""
    if outcome.reason == "error":
        return f"**Error:** {plain(str(outcome.error))}"
    if outcome.reason in ("stopped", "pending"):
        return "*You stopped this answer.*"
    if answer.text.strip() or answer.tool_calls or called:
        return ""
    return "*The answer was empty.*"
