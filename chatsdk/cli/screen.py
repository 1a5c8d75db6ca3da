"""`Screen`: shows an answer as plain text while it streams, on a terminal or in a pipe."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TextIO

from chatsdk.answer import Answer
from chatsdk.cli.answer_notes import encodable, facts, printable, remarks
from chatsdk.cli.word_wrap import WordWrap, columns_of, wrapped
from chatsdk.outcome import Outcome

__all__ = ["LiveRegion", "Screen", "has_256_colours"]


RED, BOLD, NORMAL = "\x1b[31m", "\x1b[1m", "\x1b[0m"

# A grey that is readable on white and on black. On terminals without it, the attribute "faint"
# leaves black text unchanged.
GREY, FAINT = "\x1b[38;5;244m", "\x1b[2m"

# Minimum columns for a readable second column of a table.
MEANING_COLUMNS = 24

# Values of TERM of terminals with 16 colours or fewer.
FEW_COLOURS = ("dumb", "linux", "ansi", "vt100", "vt102", "vt220", "xterm-16color", "cons25")

# Seconds before the spinner appears: a quick answer does not need one.
PATIENCE_SECONDS = 0.4

SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"

ASCII_SPINNER = "|/-\\"

SPINS_PER_SECOND = 10


class Screen:
    """Shows answers while they stream, and notes about them.

    A pipe gets only the text of the answers, exactly as received. A terminal also gets reasoning,
    citations and timings, and no control characters.

    Args:
        out: the stream of the answers.
        notes: the stream of everything else: how an answer ended, errors.
        rewrites: the backend sends its complete text each time and may change earlier words. A pipe
            cannot change text that was written, so it gets such an answer when it is complete.
    """

    # Seconds between two updates; 0 shows each step.
    throttle = 0.0

    def __init__(self, out: TextIO, notes: TextIO, *, rewrites: bool = False) -> None:
        self._out = out
        self._notes = notes
        self.terminal = out.isatty()
        self._holds_back = rewrites and not self.terminal
        self._moves = self.terminal and os.environ.get("TERM", "dumb") != "dumb"
        self._coloured = self._moves and _colours()
        self._notes_coloured = notes.isatty() and _colours()
        self._dim = _dim()
        self._live = LiveRegion(out)
        self._wrap = WordWrap(lambda: columns_of(out), moves=self._moves)
        self._restart()

    def ask(self, prompt: str) -> None:
        """Show a prompt that was not typed here, as if it had been."""
        if self.terminal:
            for number, line in enumerate(prompt.split("\n")):
                # Indented after the first line, as in the editor.
                mark = "  " if number else "> "
                self._write(self._styled(BOLD, f"{mark}{printable(line)}") + "\n")

    def begin(self) -> None:
        """Separate the answer from its question."""
        self.space()

    def wait(self, seconds: float) -> None:
        """Show that the backend has been silent for `seconds`; the first text replaces this."""
        if not self._moves or self._current or seconds < PATIENCE_SECONDS:
            return
        frames = SPINNER if encodable(SPINNER, self._out) == SPINNER else ASCII_SPINNER
        frame = frames[int(seconds * SPINS_PER_SECOND) % len(frames)]
        self._live.draw(
            [self._styled(self._dim, f"{frame} waiting for the backend, {seconds:.0f} s")]
        )

    def step(self, answer: Answer) -> None:
        """Show what this step adds to the answer."""
        if self._holds_back:
            return
        if answer.reasoning_delta and self.terminal:
            self._live.clear()
            self._part("reasoning", answer.reasoning_delta)
        if answer.rewritten:
            self._live.clear()
            self._break_line()
            self._say_rewritten()
            self._part("answer", answer.text)
        elif answer.delta:
            self._live.clear()
            self._part("answer", answer.delta)

    def end(self, outcome: Outcome) -> None:
        """Complete an answer: its citations and tool calls, then how it ended."""
        self._live.clear()
        answer = outcome.answer
        if self._holds_back:
            self._part("answer", answer.text)
        self._break_line()
        if self.terminal:
            for line in facts(answer):
                self._write(self._wrapped(printable(line)) + "\n")
        for line in remarks(outcome, timings=self.terminal):
            self.note(line)
        self._restart()

    def close(self) -> None:
        """Restore the terminal, even in the middle of an answer. Calling it twice is harmless."""
        self._live.clear()
        self._break_line()
        self._restart()

    def note(self, text: str) -> None:
        """Print a remark that is not part of an answer, as one paragraph."""
        self._say(self._dim, f"[{' '.join(text.split())}]")

    def error(self, text: str) -> None:
        """Print an error message, as one paragraph."""
        self._say(RED, f"error: {text}")

    def table(self, rows: Mapping[str, str]) -> None:
        """Print names and meanings in two columns; on a narrow terminal, one below the other."""
        self._out.flush()
        columns = columns_of(self._notes)
        indent = max(map(len, rows)) + 4
        for name, meaning in rows.items():
            if columns >= indent + MEANING_COLUMNS:
                begin, *rest = wrapped(meaning, columns - indent).split("\n")
                lines = [f"  {name:{indent - 2}}{begin}", *(" " * indent + line for line in rest)]
            else:
                rest = wrapped(meaning, max(columns - 4, MEANING_COLUMNS)).split("\n")
                lines = [f"  {name}", *(f"    {line}" for line in rest)]
            print(encodable("\n".join(lines), self._notes), file=self._notes, flush=True)

    def space(self) -> None:
        """Print a blank line between questions and answers; a pipe gets none."""
        if self.terminal:
            self._write("\n")

    def _say(self, style: str, text: str) -> None:
        self._out.flush()
        text = printable(text)
        if self._notes.isatty():
            text = wrapped(text, columns_of(self._notes))
        if self._notes_coloured:
            text = f"{style}{text}{NORMAL}"
        print(encodable(text, self._notes), file=self._notes, flush=True)

    def _restart(self) -> None:
        # The part being written, and its last piece.
        self._current = ""
        self._shown = ""
        self._wrap.restart()

    def _say_rewritten(self) -> None:
        self.note("the backend has changed its answer; here is the new one")

    def _part(self, name: str, text: str) -> None:
        if self._current != name:
            self._head(name)
            self._current = name
        dim = name == "reasoning"
        if self.terminal:
            text = self._wrap.feed(printable(text))
        self._write(self._styled(self._dim, text) if dim else text)
        self._shown = text or self._shown

    def _head(self, name: str) -> None:
        """Separate one part of an answer from the part before."""
        if not self._current and name == "answer":
            return
        self._break_line()
        if name == "reasoning" or not self._coloured:
            self._write(self._styled(self._dim, f"[{name}]") + "\n")
        else:
            # The reasoning above is grey: a blank line is enough.
            self.space()

    def _break_line(self) -> None:
        if self._shown and not self._shown.endswith("\n"):
            self._write("\n")
        self._shown = ""
        self._wrap.restart()

    def _wrapped(self, text: str) -> str:
        return wrapped(text, columns_of(self._out))

    def _styled(self, style: str, text: str) -> str:
        return f"{style}{text}{NORMAL}" if self._coloured else text

    def _write(self, text: str) -> None:
        self._out.write(encodable(text, self._out))
        # Show each word as soon as it arrives.
        self._out.flush()


def _dim() -> str:
    return GREY if has_256_colours() else FAINT


def has_256_colours() -> bool:
    """Return whether the terminal has 256 colours; many named ``xterm`` do."""
    return os.environ.get("TERM", "dumb") not in FEW_COLOURS


def _colours() -> bool:
    # https://no-color.org
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"


# Synchronized output: a terminal that supports it shows the complete update at once.
_BEGIN, _END = "\x1b[?2026h", "\x1b[?2026l"

# Without automatic wrapping a line takes exactly one row, however wide the terminal draws its
# emoji, so the number of rows to go back is known.
_NO_WRAP, _WRAP = "\x1b[?7l", "\x1b[?7h"

_ERASE_LINE, _ERASE_BELOW = "\x1b[2K", "\x1b[J"


class LiveRegion:
    """Lines at the cursor that each drawing replaces. No other output may come in between."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._rows = 0

    def draw(self, lines: Sequence[str], *, above: str = "") -> None:
        """Show these lines instead of the last ones, below `above`, which is printed permanently.

        Args:
            lines: without line ends; the terminal truncates those that are too long.
            above: complete lines, each with its line end.
        """
        shown = "\n".join(_ERASE_LINE + line for line in lines)
        kept = f"{_ERASE_BELOW}{above}" if above else ""
        self._write(f"{self._back()}{kept}{_NO_WRAP}{shown}{_WRAP}{_ERASE_BELOW}")
        self._rows = len(lines)

    def clear(self) -> None:
        """Erase the lines. Does nothing if there are none."""
        if self._rows:
            self._write(f"{self._back()}{_ERASE_BELOW}")
            self._rows = 0

    def _back(self) -> str:
        return "\r" + (f"\x1b[{self._rows - 1}A" if self._rows > 1 else "")

    def _write(self, update: str) -> None:
        self._out.write(f"{_BEGIN}{update}{_END}")
        self._out.flush()
