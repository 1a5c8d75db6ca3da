"""`Screen`: an answer on a terminal or in a pipe, as it streams, in plain text."""

from __future__ import annotations

import os
from typing import TextIO

from chatsdk.answer import Answer
from chatsdk.outcome import Outcome

__all__ = ["Screen", "printable"]

# What a terminal would obey instead of showing it: a backend's text must not move the cursor, set
# the title or write to the clipboard. Line feed and tabulator stay, a carriage return is left out.
_CONTROLS = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)), "\ufffd")
_CONTROLS |= {ord("\n"): "\n", ord("\t"): "\t", ord("\r"): ""}

DIM, NORMAL = "\x1b[2m", "\x1b[0m"

# Finish reasons after which the answer is not all that the model had to say.
CUT_SHORT = {
    "length": "the model reached its limit of tokens: the answer is not whole",
    "content_filter": "the backend's content filter ended the answer",
}


def printable(text: str) -> str:
    """Return `text` without anything that a terminal would obey."""
    return text.translate(_CONTROLS)


class Screen:
    """Writes answers as they come, and notes about them.

    A pipe gets the text of the answers and nothing else, exactly as it came; a terminal gets
    reasoning, citations and timings too, and no control characters.

    Args:
        out: where answers go.
        notes: where notes go: what happened to an answer, errors.
        rewrites: the backend sends its whole text anew each time, and may change what it has said.
            What is in a pipe cannot be changed any more, so a pipe gets such answers at their end.
    """

    # Seconds between two updates that it wants; 0 takes each as it comes.
    throttle = 0.0

    def __init__(self, out: TextIO, notes: TextIO, *, rewrites: bool = False) -> None:
        self._out = out
        self._notes = notes
        self._terminal = out.isatty()
        self._holds_back = rewrites and not self._terminal
        self._dims = self._terminal and _has_colours()
        self._begin()

    def step(self, answer: Answer) -> None:
        """Show what one more step of the answer adds."""
        if self._holds_back:
            return
        if answer.reasoning_delta and self._terminal:
            self._think(answer.reasoning_delta)
        if answer.rewritten:
            self._break_line()
            self._say_rewritten()
            self._part("answer", answer.text)
        elif answer.delta:
            self._part("answer", answer.delta)

    def end(self, outcome: Outcome) -> None:
        """Complete an answer: its citations and tool calls, then how it ended."""
        answer = outcome.answer
        if self._holds_back:
            self._part("answer", answer.text)
        self._break_line()
        if self._terminal:
            for line in facts(answer):
                self._write(f"{printable(line)}\n")
        for line in remarks(outcome, timings=self._terminal):
            self.note(line)
        self._begin()

    def close(self) -> None:
        """Leave the terminal as it was, in mid-answer too. Twice is harmless."""
        self._break_line()
        self._begin()

    def note(self, text: str) -> None:
        """Say something that is no part of an answer, in one line."""
        self._say(self._dimmed(printable(f"[{text}]".replace("\n", " "))))

    def error(self, text: str) -> None:
        """Say what went wrong, in one line."""
        self._say(f"error: {printable(text)}")

    def _say(self, line: str) -> None:
        self._out.flush()
        print(_encodable(line, self._notes), file=self._notes, flush=True)

    def _begin(self) -> None:
        # Which part is being written, and the last of it.
        self._current = ""
        self._shown = ""

    def _think(self, text: str) -> None:
        self._part("reasoning", text, dim=True)

    def _say_rewritten(self) -> None:
        self.note("the backend has rewritten its answer; here it is again")

    def _part(self, name: str, text: str, *, dim: bool = False) -> None:
        if self._current != name:
            if self._current or name == "reasoning":
                self._break_line()
                self._write(self._dimmed(f"[{name}]") + "\n")
            self._current = name
        if self._terminal:
            text = printable(text)
        self._write(self._dimmed(text) if dim else text)
        self._shown = text or self._shown

    def _break_line(self) -> None:
        if self._shown and not self._shown.endswith("\n"):
            self._write("\n")
        self._shown = ""

    def _dimmed(self, text: str) -> str:
        return f"{DIM}{text}{NORMAL}" if self._dims else text

    def _write(self, text: str) -> None:
        self._out.write(_encodable(text, self._out))
        # Whoever watches wants each word when it comes.
        self._out.flush()


def facts(answer: Answer) -> list[str]:
    """Return what there is in an answer besides its text, a line each."""
    lines = [f"[calls {call.name}({call.arguments})]" for call in answer.tool_calls]
    for number, citation in enumerate(answer.citations, 1):
        words = (citation.title or citation.document, citation.url)
        shown = citation.position if citation.position is not None else number
        lines.append(f"[{shown}] {' '.join(word for word in words if word)}")
    return lines


def remarks(outcome: Outcome, *, timings: bool) -> list[str]:
    """Return what is to be said about how an answer ended, a line each."""
    if outcome.reason == "stopped":
        return ["stopped; the text so far is kept" if outcome.answer.text else "stopped"]
    if outcome.reason == "error":
        return []
    lines = []
    answer = outcome.answer
    if answer.finish_reason in CUT_SHORT:
        lines.append(CUT_SHORT[answer.finish_reason])
    if outcome.end == "unproven":
        lines.append("the connection's end is the only sign that this is the whole answer")
    if timings:
        lines.append(timed(outcome))
    return lines


def timed(outcome: Outcome) -> str:
    """Return when the answer came, in words."""
    timings = outcome.timings
    first = "no text" if timings.first_text is None else f"first text {timings.first_text:.3f} s"
    events = "1 event" if timings.events == 1 else f"{timings.events} events"
    return f"{first}, {events}, {timings.duration:.3f} s"


def _encodable(text: str, stream: TextIO) -> str:
    """Return `text` with what the stream's encoding lacks, or half a surrogate pair, as ``?``."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)


def _has_colours() -> bool:
    # https://no-color.org
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"
